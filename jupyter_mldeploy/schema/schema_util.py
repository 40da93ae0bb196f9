"""The schemas of decorated functions, under the original package's function names."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from .decorated import REGISTRY, InputSpec, SchemaRecord, parameters_of, records_within
from .parameter_types.abstract_parameter_type import AbstractParameterType
from .swagger_schemas import ABSENT, Member, common_versions, input_swagger

INPUT_SCHEMA_ATTR = "input_schema"
OUTPUT_SCHEMA_ATTR = "output_schema"


def get_input_schema(func: Callable[..., Any]) -> dict[str, Any]:
    """Return ``{type, properties, example}`` for the inputs, or ``{"type": "object"}`` when none is described."""
    return _input_schema(func, list(records_within(func)))


def get_output_schema(func: Callable[..., Any]) -> dict[str, Any]:
    """Return the schema of the result with its ``example``, or ``{"type": "object"}`` when it is not described."""
    output = _output(list(records_within(func)))
    return {"type": "object"} if output is None else output.input_to_swagger()


def get_supported_versions(func: Callable[..., Any]) -> list[str]:
    """Return the document versions that can describe every decorator of the function."""
    records = list(records_within(func))
    types = [spec.type for spec in _specs(records).values()]
    output = _output(records)
    return common_versions(types if output is None else [*types, output])


def get_schemas_dict() -> dict[str, dict[str, Any]]:
    """Return ``{"module.name": {"input_schema": …, "output_schema": …}}`` for the functions decorated so far."""
    schemas: dict[str, dict[str, Any]] = {}
    for name, record in REGISTRY.items():
        entry = schemas.setdefault(name, {})
        if record.inputs:
            entry[INPUT_SCHEMA_ATTR] = _input_schema(record.function, [record])
        if record.output is not None:
            entry[OUTPUT_SCHEMA_ATTR] = record.output.input_to_swagger()
    return schemas


def is_schema_decorated(func: Callable[..., Any]) -> bool:
    """Tell whether a schema decorator stands on the function, also beneath other decorators."""
    return any(True for _ in records_within(func))


def _input_schema(func: Callable[..., Any], records: list[SchemaRecord]) -> dict[str, Any]:
    specs = _specs(records)
    if not specs:
        return {"type": "object"}
    named = {item.name: item for item in parameters_of(func) if item.name != "request_headers"}
    names = list(named) + [name for name in specs if name not in named]
    members = []
    for name in names:
        default = named[name].default if name in named else ABSENT
        spec = specs.get(name)
        members.append(
            Member(name, spec.type if spec else None, ABSENT if default is inspect.Parameter.empty else default)
        )
    return input_swagger(members)


def _specs(records: list[SchemaRecord]) -> dict[str, InputSpec]:
    specs: dict[str, InputSpec] = {}
    for record in records:
        for spec in record.inputs:
            specs.setdefault(spec.name, spec)
    return specs


def _output(records: list[SchemaRecord]) -> AbstractParameterType | None:
    return next((record.output for record in records if record.output is not None), None)
