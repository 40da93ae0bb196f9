"""Standard Python samples as Swagger schemas; lists and dictionaries may hold other parameter types."""

from __future__ import annotations

import binascii
import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .abstract_parameter_type import AbstractParameterType, has_alternatives
from .instants import DATE_FORMAT, DATETIME_FORMAT, TIME_FORMAT

Schema = dict[str, Any]

#: How an array's items are described when they differ: the schemas of all items to one schema.
Merge = Callable[[Sequence[Schema]], Schema]


def sample_schema(sample: Any, merge: Merge | None = None) -> Schema:
    """Return the schema of a sample with the sample itself, as JSON, under ``example``."""
    if isinstance(sample, AbstractParameterType):
        return sample.input_to_swagger()
    if isinstance(sample, (list, tuple, range)):
        return list_schema(sample, merge)
    if isinstance(sample, dict):
        return dict_schema(sample, merge)
    return _scalar_schema(sample)


def list_schema(samples: Iterable[Any], merge: Merge | None = None) -> Schema:
    """Return ``{type: array, items, example}``."""
    schemas = [sample_schema(sample, merge) for sample in samples]
    examples = [schema.pop("example") for schema in schemas]
    items = (merge or merged)(schemas) if schemas else {"type": "object"}
    return {"type": "array", "items": items, "example": examples}


def dict_schema(samples: dict[Any, Any], merge: Merge | None = None) -> Schema:
    """Return ``{type: object, required, properties, example}``; keys are text, as in JSON."""
    members = {str(key): sample_schema(sample, merge) for key, sample in samples.items()}
    example = {key: schema.pop("example") for key, schema in members.items()}
    schema: Schema = {"type": "object"}
    if members:  # an empty "required" is not valid in Swagger 2.0
        schema["required"] = list(members)
    return schema | {"properties": members, "example": example}


def last(schemas: Sequence[Schema]) -> Schema:
    """Describe an array's items by the last one: what the original package always does."""
    return schemas[-1]


def merged_or_last(schemas: Sequence[Schema]) -> Schema:
    """Describe an array's items by all of them, or by the last one where that would take ``anyOf``.

    So the rows of frames are described as the original package does, without its error where one schema fits all.
    """
    schema = merged(schemas)
    return schemas[-1] if has_alternatives(schema) else schema


def merged(schemas: Sequence[Schema]) -> Schema:
    """Describe an array's items by all of them: one schema when one fits, ``anyOf`` otherwise.

    Integers among numbers are numbers; objects are joined member by member, and only what all have is required.
    """
    distinct: list[Schema] = []
    for schema in schemas:
        if schema not in distinct:
            distinct.append(schema)
    # None in a sample says nothing about the others.
    distinct = [schema for schema in distinct if schema not in ({}, {"type": "object"})] or distinct
    kinds = {schema.get("type") for schema in distinct}
    if len(distinct) == 1:
        return distinct[0]
    if kinds == {"integer", "number"}:
        numbers = [schema for schema in distinct if schema["type"] == "number"]
        return numbers[0] if len(numbers) == 1 else {"type": "number"}
    if kinds == {"array"}:
        return {"type": "array", "items": merged([schema["items"] for schema in distinct])}
    if kinds == {"object"} and all("properties" in schema for schema in distinct):
        return _merged_objects(distinct)
    return {"anyOf": distinct}


def _merged_objects(schemas: Sequence[Schema]) -> Schema:
    names = list(dict.fromkeys(name for schema in schemas for name in schema["properties"]))
    required = [name for name in names if all(name in schema.get("required", ()) for schema in schemas)]
    properties = {
        name: merged([schema["properties"][name] for schema in schemas if name in schema["properties"]])
        for name in names
    }
    joined: Schema = {"type": "object", "required": required} if required else {"type": "object"}
    return joined | {"properties": properties}


def _scalar_schema(sample: Any) -> Schema:
    if isinstance(sample, bool):
        return {"type": "boolean", "example": bool(sample)}
    if isinstance(sample, int):
        return {"type": "integer", "format": "int64", "example": int(sample)}
    if isinstance(sample, float):
        number = float(sample)
        return {"type": "number", "format": "double", "example": number if math.isfinite(number) else None}
    if isinstance(sample, str):
        return {"type": "string", "example": str(sample)}
    if isinstance(sample, (bytes, bytearray)):
        return {
            "type": "string",
            "format": "byte",
            "example": binascii.b2a_base64(sample, newline=False).decode("ascii"),
        }
    kind = type(sample)
    if kind is dt.date:
        return {"type": "string", "format": "date", "example": sample.strftime(DATE_FORMAT)}
    if kind is dt.datetime or kind is dt.time:
        # A sample without a zone is shown in UTC.
        zoned = sample if sample.tzinfo is not None else sample.replace(tzinfo=dt.UTC)
        form, pattern = ("date-time", DATETIME_FORMAT) if kind is dt.datetime else ("time", TIME_FORMAT)
        return {"type": "string", "format": form, "example": zoned.strftime(pattern)}
    return {"type": "object", "example": sample}
