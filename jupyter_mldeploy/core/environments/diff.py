"""What changed between two environments, item by item."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .pip_requirements import requirement_name

if TYPE_CHECKING:
    from ..environment import EnvironmentSpec


def differences(old: EnvironmentSpec, new: EnvironmentSpec) -> list[dict[str, Any]]:
    """Return ``{"field", "name", "old", "new"}`` for each item that differs; None is "not there".

    Items of ``pip``, ``conda`` and ``lock`` are compared by the name of the distribution.
    """
    found: list[dict[str, Any]] = []
    for name in ("python", "base_image", "base_dockerfile", "gpu", "runtime"):
        _note(found, name, name, getattr(old, name), getattr(new, name))
    for name in ("pip", "conda", "pip_options", "channels", "dockerfile_steps"):
        before, after = ({_key(name, item): item for item in getattr(spec, name)} for spec in (old, new))
        for key in dict.fromkeys([*before, *after]):
            _note(found, name, key, before.get(key), after.get(key))
    for name in ("lock", "variables", "registry", "hashes"):
        before, after = getattr(old, name), getattr(new, name)
        for key in sorted({*before, *after}):
            _note(found, name, key, before.get(key), after.get(key))
    return found


def _key(field: str, item: str) -> str:
    if field == "pip":
        return requirement_name(item)
    if field == "conda":
        return re.split(r"[=<>!~ \[]", item.rpartition("::")[2], maxsplit=1)[0]
    return item


def _note(found: list[dict[str, Any]], field: str, name: str, old: Any, new: Any) -> None:
    if old != new:
        found.append({"field": field, "name": name, "old": old, "new": new})
