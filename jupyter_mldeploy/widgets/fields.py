"""A target's configuration as fields of a form, read from its JSON schema.

>>> from jupyter_mldeploy.core.config import DeploymentConfig
>>> field = {item.key: item for item in fields_of(DeploymentConfig.model_json_schema())}["scoring_timeout_ms"]
>>> field.label, field.kind, field.unit, field.default, field.range
('Scoring timeout', 'integer', 'ms', 60000, '1 to 86400000')
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ..core.config_marks import CAPABILITY_KEY

Kind = Literal["boolean", "integer", "number", "text", "choice", "mapping", "list", "json"]

#: What the end of a key says about its unit; it is not repeated in the label.
_UNITS = {"ms": "ms", "s": "s", "mb": "MiB", "gb": "GiB", "cores": "cores"}
_WORDS = {
    "cors": "CORS",
    "cpu": "CPU",
    "gpu": "GPU",
    "ttl": "TTL",
    "url": "URL",
    "uri": "URI",
    "ssl": "SSL",
    "tls": "TLS",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a configuration.

    Attributes:
        optional: it may be left empty, which is None.
        choices: the values of a ``choice``; words that a number may be replaced by otherwise.
        range: the limits in words, empty without any.
        capability: what the target must be able to do for the field to have an effect, empty for nothing in particular.
    """

    key: str
    label: str
    help: str
    kind: Kind
    default: Any
    unit: str = ""
    optional: bool = False
    choices: tuple[Any, ...] = ()
    range: str = ""
    capability: str = ""

    def to_text(self, value: Any) -> str:
        """Return a value as a person would type it."""
        if value is None:
            return ""
        if self.kind == "mapping":
            return "\n".join(f"{key}={item}" for key, item in dict(value).items())
        if self.kind == "list":
            return "\n".join(str(item) for item in value)
        return json.dumps(value) if self.kind == "json" else str(value)

    def from_text(self, text: str) -> Any:
        """Return what was typed as a value; what it does not understand passes for the configuration to judge.

        Raises:
            ValueError: a line of a mapping has no ``=``, or it is no JSON where JSON is wanted.
        """
        stripped = text.strip()
        if not stripped and self.optional:
            return None
        if self.kind == "mapping":
            return _mapping(text)
        if self.kind == "list":
            return [line.strip() for line in text.splitlines() if line.strip()]
        if self.kind == "json":
            try:
                return json.loads(stripped or "null")
            except ValueError as error:
                raise ValueError(f"not valid JSON: {error}") from None
        if self.kind in {"integer", "number"} and stripped not in self.choices:
            for read in (int, float):
                try:
                    return read(stripped)
                except ValueError:
                    continue
        return stripped


def fields_of(schema: Mapping[str, Any]) -> list[Field]:
    """Return the fields of an object's JSON schema, in its order."""
    definitions = schema.get("$defs", {})
    return [_field(key, part, definitions) for key, part in schema.get("properties", {}).items()]


def _field(key: str, part: Mapping[str, Any], definitions: Mapping[str, Any]) -> Field:
    branches = [_resolved(branch, definitions) for branch in part.get("anyOf", [part])]
    optional = any(branch.get("type") == "null" for branch in branches)
    real = [branch for branch in branches if branch.get("type") != "null"] or [{}]
    first = real[0]
    words = tuple(branch["const"] for branch in real if "const" in branch)
    plain = [branch for branch in real if "const" not in branch]
    choices = tuple(first.get("enum", ())) or words
    default = part.get("default", {} if first.get("type") == "object" else [] if first.get("type") == "array" else None)
    return Field(
        key,
        _label(key),
        str(part.get("description", "")).replace("``", "").replace("\n", " "),
        _kind(first, plain),
        default,
        _unit(key),
        optional,
        choices,
        _range(plain[0] if plain else {}),
        str(part.get(CAPABILITY_KEY, "")),
    )


def _resolved(branch: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = branch.get("$ref")
    found = definitions.get(str(reference).rpartition("/")[2], {}) if reference else branch
    return found if isinstance(found, Mapping) else {}


def _kind(first: Mapping[str, Any], plain: list[Mapping[str, Any]]) -> Kind:
    if "enum" in first or not plain:
        return "choice"
    kind = plain[0].get("type")
    if len({branch.get("type") for branch in plain}) > 1 and {branch.get("type") for branch in plain} & {
        "object",
        "array",
    }:
        return "json"
    if kind == "object":
        values = plain[0].get("additionalProperties")
        return "mapping" if isinstance(values, Mapping) and values.get("type") == "string" else "json"
    if kind == "array":
        items = plain[0].get("items")
        return "list" if isinstance(items, Mapping) and items.get("type") == "string" else "json"
    names: dict[str, Kind] = {"boolean": "boolean", "integer": "integer", "number": "number", "string": "text"}
    return names.get(str(kind), "json")


def _label(key: str) -> str:
    words = key.split("_")
    if len(words) > 1 and words[-1] in _UNITS:
        words.pop()
    if words[-1] == "enabled" and len(words) > 1:
        words.pop()
    shown = [_WORDS.get(word, word) for word in words]
    return " ".join([shown[0][:1].upper() + shown[0][1:], *shown[1:]])


def _unit(key: str) -> str:
    if key == "max_request_wait_time":  # v1's name, without the unit that it has
        return "ms"
    _, _, end = key.rpartition("_")
    return _UNITS.get(end, "") if end != key else ""


def _range(branch: Mapping[str, Any]) -> str:
    low, high = branch.get("minimum"), branch.get("maximum")
    above, below = branch.get("exclusiveMinimum"), branch.get("exclusiveMaximum")
    begin = f"{low:g}" if low is not None else f"more than {above:g}" if above is not None else ""
    end = f"{high:d}" if isinstance(high, int) else f"{high:g}" if high is not None else ""
    end = f"less than {below:g}" if below is not None else end
    if begin and end:
        return f"{begin} to {end}"
    return f"at least {begin}".replace("at least more", "more") if begin else f"at most {end}" if end else ""


def _mapping(text: str) -> dict[str, str]:
    found = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        key, equals, value = line.partition("=")
        if not equals or not key.strip():
            raise ValueError(f"write KEY=VALUE on each line, not {line.strip()!r}")
        found[key.strip()] = value.strip()
    return found
