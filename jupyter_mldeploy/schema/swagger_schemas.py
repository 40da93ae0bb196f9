"""The schemas of a whole request and result, joined from the parameters' types."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .parameter_types.abstract_parameter_type import AbstractParameterType

ALL_VERSIONS: Final = ("2.0", "3.0", "3.1")

_LIMITS: Final = {"minItems", "maxItems", "minimum", "maximum"}


class Absent:
    """The default of a parameter that has none."""

    def __repr__(self) -> str:
        return "<no default>"


ABSENT: Final = Absent()


@dataclass(frozen=True, slots=True)
class Member:
    """One member of the request body: name, type (None: any JSON value), default, and whether it may be left out."""

    name: str
    type: AbstractParameterType | None
    default: Any = ABSENT
    required: bool = True


def input_swagger(members: Sequence[Member]) -> dict[str, Any]:
    """Return the request's schema as the original package has it: ``{type, properties, example}``, no ``required``."""
    properties: dict[str, Any] = {}
    example: dict[str, Any] = {}
    for member in members:
        schema = member.type.input_to_swagger() if member.type is not None else {"example": _example(member.default)}
        example[member.name] = schema.pop("example")
        properties[member.name] = schema
    return {"type": "object", "properties": properties, "example": example}


def input_json_schema(members: Sequence[Member]) -> dict[str, Any]:
    """Return the request's schema for OpenAPI 3 and forms: exact, with ``required`` and ``example``."""
    required = [member.name for member in members if member.required]
    schema: dict[str, Any] = {"type": "object"} | ({"required": required} if required else {})
    schema["properties"] = {
        member.name: member.type.json_schema() if member.type is not None else {} for member in members
    }
    schema["example"] = sample_request(members)
    return schema


def output_json_schema(output: AbstractParameterType) -> dict[str, Any]:
    """Return the result's schema for OpenAPI 3 with its ``example``; sizes and ranges of the sample bind nobody."""
    schema: dict[str, Any] = _loosened(output.json_schema())
    return schema | {"example": output.input_to_swagger()["example"]}


def sample_request(members: Sequence[Member]) -> dict[str, Any]:
    """Return a request body made of the samples."""
    return {
        member.name: member.type.input_to_swagger()["example"] if member.type is not None else _example(member.default)
        for member in members
    }


def common_versions(types: Iterable[AbstractParameterType]) -> list[str]:
    """Return the document versions that can describe all of ``types``."""
    versions = set(ALL_VERSIONS)
    for parameter_type in types:
        versions &= set(parameter_type.supported_versions())
    return sorted(versions)


def _loosened(schema: Any) -> Any:
    """Return a schema without the limits that hold for requests only: results are not checked."""
    if isinstance(schema, list):
        return [_loosened(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    loose = {key: item for key, item in schema.items() if key not in _LIMITS and item is not False}
    for key in ("items", "additionalProperties", "anyOf"):
        if key in loose:
            loose[key] = _loosened(loose[key])
    if "properties" in loose:
        loose["properties"] = {name: _loosened(item) for name, item in loose["properties"].items()}
    return loose


def _example(default: Any) -> Any:
    # Any JSON value will do for a parameter without a type; its default is the likeliest.
    if default is ABSENT:
        return ""
    try:
        json.dumps(default, allow_nan=False)
    except (TypeError, ValueError):
        return ""
    return copy.deepcopy(default)
