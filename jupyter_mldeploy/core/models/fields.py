"""The words and numbers that describe a model, checked by the rules of the v1 SDK."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...errors import InvalidInputError
from ..names import did_you_mean
from ..storage.canonical import canonical_json

FRAMEWORKS = ("Custom", "TensorFlow", "ScikitLearn", "Onnx", "TfKeras", "PyTorch", "Multi")
RESOURCES = ("cpu", "memory_in_gb", "gpu")
_NICKNAMES = {
    "sklearn": "ScikitLearn",
    "scikit-learn": "ScikitLearn",
    "torch": "PyTorch",
    "tf": "TensorFlow",
    "keras": "TfKeras",
}

Filter = str | Sequence[str]
"""``"key"`` for models that have the tag at all, ``["key", "value"]`` for those where it has that value."""


def check_labels(value: Mapping[str, Any] | None, field: str) -> dict[str, Any]:
    """Return tags or properties as a dictionary; keys are text, values anything that JSON can carry."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidInputError(
            f"{field} must be a dictionary, not {type(value).__name__}.", field=field, hint="Write {'key': 'value'}."
        )
    labels = dict(value)
    canonical_json(labels, what=field)
    if any(not key for key in labels):
        raise InvalidInputError(f"{field} has an empty key.", field=field)
    return labels


def check_framework(framework: str | None, version: str | None) -> None:
    """Refuse a framework that v1 did not know, and a version without a framework."""
    if framework is None:
        if version is not None:
            raise InvalidInputError(
                f"framework_version {version!r} was given without framework.",
                field="framework",
                hint=f"Name one of {', '.join(FRAMEWORKS)}.",
            )
        return
    if framework not in FRAMEWORKS:
        meant = _NICKNAMES.get(str(framework).lower())
        hint = f"Did you mean {meant!r}?" if meant else did_you_mean(str(framework), FRAMEWORKS)
        raise InvalidInputError(
            f"The framework {framework!r} is not known; there are {', '.join(FRAMEWORKS)}.",
            field="framework",
            hint=hint or "Use 'Custom' for any other.",
        )
    if version is not None and (not isinstance(version, str) or not version):
        raise InvalidInputError(f"framework_version must be text, not {version!r}.", field="framework_version")


def check_resources(value: Mapping[str, float] | None) -> dict[str, float] | None:
    """Return ``{"cpu": cores, "memory_in_gb": GB, "gpu": number}`` (any of them), or None."""
    if value is None:
        return None
    field = "resource_configuration"
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"{field} must be a dictionary, not {type(value).__name__}.", field=field)
    checked: dict[str, float] = {}
    for key, number in value.items():
        if key not in RESOURCES:
            raise InvalidInputError(
                f"{field} has the unknown key {key!r}; there are {', '.join(RESOURCES)}.",
                field=f"{field}.{key}",
                hint=did_you_mean(str(key), RESOURCES),
            )
        if number is None:
            continue
        least = 0 if key == "gpu" else 1e-9
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not least <= number < float("inf"):
            raise InvalidInputError(f"{field}.{key} must be a positive number, not {number!r}.", field=f"{field}.{key}")
        if key == "gpu" and number != int(number):
            raise InvalidInputError(f"{field}.gpu must be a whole number, not {number!r}.", field=f"{field}.gpu")
        checked[key] = number
    return checked or None


def check_description(value: str | None) -> str | None:
    """Return a description; it is text or None."""
    if value is not None and not isinstance(value, str):
        raise InvalidInputError(f"description must be text, not {type(value).__name__}.", field="description")
    return value


def read_filters(filters: Iterable[Filter] | Mapping[str, Any] | None, field: str) -> list[tuple[str, Any | None]]:
    """Return filters as ``(key, value or None)``; a dictionary is taken as pairs."""
    if filters is None:
        return []
    if isinstance(filters, str):
        return [(filters, None)]
    items: Iterable[Any] = filters.items() if isinstance(filters, Mapping) else filters
    pairs: list[tuple[str, Any | None]] = []
    for item in items:
        if isinstance(item, str):
            pairs.append((item, None))
        elif isinstance(item, Sequence) and len(item) in (1, 2) and isinstance(item[0], str):
            pairs.append((item[0], item[1] if len(item) == 2 else None))
        else:
            raise InvalidInputError(
                f"{item!r} is not a filter for {field}.", field=field, hint="Use 'key' or ['key', 'value']."
            )
    return pairs


def matches(labels: Mapping[str, Any], filters: Iterable[tuple[str, Any | None]]) -> bool:
    """Return whether all filters fit; values are compared as they are, and as text."""
    return all(
        key in labels and (value is None or labels[key] == value or str(labels[key]) == str(value))
        for key, value in filters
    )
