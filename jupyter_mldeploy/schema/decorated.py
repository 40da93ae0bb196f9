"""What the decorators leave on a function, and how to find it again."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .parameter_types.abstract_parameter_type import AbstractParameterType

SCHEMA_ATTRIBUTE = "__mldeploy_schema__"
_DEEPEST_CHAIN = 64


#: The newest record under each ``module.name``, for ``get_schemas_dict``; nothing else depends on names.
REGISTRY: dict[str, SchemaRecord] = {}


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One ``@input_schema``.

    Attributes:
        name: parameter of ``run()``.
        type: its parameter type.
        convert: whether the decorator converts the value.
        optional: whether a value that is absent, null or empty passes unconverted.
    """

    name: str
    type: AbstractParameterType
    convert: bool = True
    optional: bool = False

    def converted(self, value: Any, path: str, *, quick: bool = False) -> Any:
        """Return the value as the function gets it; raise `RequestError` when it does not fit."""
        if not self.convert or (self.optional and _is_empty(value)):
            return value
        return self.type.convert(value, path, quick=quick)


@dataclass(frozen=True, slots=True, eq=False)
class SchemaRecord:
    """What a stack of schema decorators says about the function beneath it.

    Attributes:
        function: the function beneath the stack: called with values already converted.
        inputs: one spec for each parameter named, the outermost decorator first.
        output: the output type, or None.
        wrapper: the decorated function that carries this record. ``functools.wraps`` of other decorators copies the
            attribute, so a record counts only for the function that it names.
    """

    function: Callable[..., Any]
    inputs: tuple[InputSpec, ...]
    output: AbstractParameterType | None
    wrapper: Callable[..., Any] | None


def record_of(function: Any) -> SchemaRecord | None:
    """Return the record of a function that a schema decorator made; None for anything around or beneath it."""
    record = getattr(function, SCHEMA_ATTRIBUTE, None)
    return record if isinstance(record, SchemaRecord) and record.wrapper is function else None


def records_within(function: Any) -> Iterator[SchemaRecord]:
    """Yield the records of a function and of all that other decorators hide beneath it, the outermost first."""
    for layer in layers(function):
        record = record_of(layer)
        if record is not None:
            yield record


def layers(function: Any) -> Iterator[Any]:
    """Yield a callable and those that it wraps, outside in.

    ``__wrapped__`` is followed where it exists, functions in the closure otherwise: decorators without
    ``functools.wraps`` leave no other trace.
    """
    current, seen = function, set[int]()
    while current is not None and id(current) not in seen and len(seen) < _DEEPEST_CHAIN:
        current = getattr(current, "__func__", current)  # the function of a bound method
        seen.add(id(current))
        yield current
        record = record_of(current)
        current = record.function if record is not None else _beneath(current)


def _beneath(function: Any) -> Any:
    if isinstance(function, functools.partial):
        return function.func
    wrapped = getattr(function, "__wrapped__", None)
    if wrapped is not None:
        return wrapped
    for cell in getattr(function, "__closure__", None) or ():
        try:
            content = cell.cell_contents
        except ValueError:  # a cell that is still empty
            continue
        if callable(content) and hasattr(content, "__code__"):
            return content
    return None


def full_name(function: Any) -> str:
    """Return ``module.name`` of the function beneath all decorators."""
    innermost = list(layers(function))[-1]
    return f"{getattr(innermost, '__module__', '<unknown>')}.{getattr(innermost, '__name__', '<unknown>')}"


def parameters_of(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the parameters of a function; behind ``*args`` of a decorator, those of the function that it hides."""
    parameters: list[inspect.Parameter] = []
    for layer in layers(function):
        try:
            parameters = list(inspect.signature(layer, follow_wrapped=False).parameters.values())
        except (TypeError, ValueError):
            continue
        if not any(item.kind in (item.VAR_POSITIONAL, item.VAR_KEYWORD) for item in parameters):
            break
    return parameters


def _is_empty(value: Any) -> bool:
    # Arrays and frames given by a direct caller have no truth value, and are not empty JSON either. Zero and false are
    # values: unconverted they would be neither what the function takes nor the nothing that it is prepared for.
    return value is None or (isinstance(value, (str, list, tuple, dict)) and not value)
