"""What is installed beside an interpreter: which distributions a script's imports come from, and what those need.

This interpreter is looked at from inside, another one runs :mod:`.installed_probe`. No imported module is run.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import InvalidInputError
from . import installed_probe
from .runtime_requirements import PROVIDED, PROVIDED_MODULES

_PROBE_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class ImportReport:
    """Where imports come from.

    Attributes:
        python: the interpreter's full version.
        pins: a requirement for each distribution that is used directly: ``numpy==2.1.0``, or ``name @ git+https://…``.
        lock: version of everything that those need, themselves included.
        local: import → path of modules that belong to no distribution that could be installed elsewhere.
        missing: imports that the interpreter does not find.
    """

    python: str
    pins: tuple[str, ...]
    lock: Mapping[str, str]
    local: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


def look_up_imports(imports: Iterable[str], python: str | Path = sys.executable) -> ImportReport:
    """Find the distributions that ``imports`` (dotted modules) come from.

    Raises:
        InvalidInputError: ``python`` cannot be run, or is no Python that can tell.
    """
    wanted = sorted({item for item in imports if item.partition(".")[0] not in sys.stdlib_module_names})
    facts = _ask(str(python), wanted)
    distributions: dict[str, Any] = facts["distributions"]
    pins: dict[str, str] = {}
    local: dict[str, str] = {}
    missing: list[str] = []
    for item in wanted:
        found = facts["imports"][item]
        if found["stdlib"]:
            continue
        names = [name for name in found["distributions"] if name not in PROVIDED]
        if not found["distributions"] and not _is_provided(item):
            if found["path"]:
                local[item] = found["path"]
            elif not found["namespace"]:
                missing.append(item)
        for name in names:
            facts_of = distributions[name]
            if facts_of["editable"]:
                local[item] = facts_of["editable"]
            else:
                pins[name] = _pin(name, facts_of)
    lock = _closure(list(pins), distributions, facts["markers"])
    return ImportReport(facts["python"], tuple(pins[name] for name in sorted(pins)), lock, local, tuple(missing))


def _is_provided(item: str) -> bool:
    return any(item == module or item.startswith(f"{module}.") for module in PROVIDED_MODULES)


def _pin(name: str, facts: Mapping[str, Any]) -> str:
    if facts["url"]:
        return f"{name} @ {facts['url']}"
    # A local version (2.1.0+cu121) is found only on its own index; 2.1.0 matches it there and the public one elsewhere.
    return f"{name}=={facts['version'].partition('+')[0]}"


def _closure(names: list[str], distributions: Mapping[str, Any], markers: Mapping[str, str]) -> dict[str, str]:
    """Return the versions of ``names`` and of everything that they require, by the markers of that interpreter."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    lock: dict[str, str] = {}
    pending: list[tuple[str, str]] = [(name, "") for name in names]
    seen: set[tuple[str, str]] = set()
    while pending:
        name, extra = pending.pop()
        if (name, extra) in seen or name not in distributions:
            continue
        seen.add((name, extra))
        if not distributions[name]["editable"]:
            lock[name] = distributions[name]["version"]
        for text in distributions[name]["requires"]:
            try:
                requirement = Requirement(text)
            except InvalidRequirement:
                continue
            if requirement.marker is None or requirement.marker.evaluate({**markers, "extra": extra}):
                other = canonicalize_name(requirement.name)
                pending += [(other, item) for item in ("", *requirement.extras)]
    return dict(sorted(lock.items()))


def _ask(python: str, imports: list[str]) -> dict[str, Any]:
    if _same_interpreter(python):
        return installed_probe.probe(imports)
    source = Path(installed_probe.__file__).read_text(encoding="utf-8")
    try:
        done = subprocess.run(
            [python, "-", *imports], input=source, capture_output=True, text=True, check=False, timeout=_PROBE_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = getattr(error, "strerror", None) or f"it did not answer within {_PROBE_TIMEOUT_S:.0f} s"
        raise InvalidInputError(
            f"The interpreter {python!r} cannot be run: {reason}.", field="python", hint="Give the path of a Python."
        ) from None
    try:
        facts: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        raise InvalidInputError(
            f"{python!r} cannot say what is installed: {last}", field="python", hint="Give the path of a Python >= 3.8."
        ) from None
    return facts


def _same_interpreter(python: str) -> bool:
    # Not by resolving links: the interpreter of a virtual environment is a link to its base.
    return not python or Path(python).absolute() == Path(sys.executable).absolute()
