"""``@input_schema`` and ``@output_schema``: what a script says about the parameters and the result of ``run()``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from .decorated import REGISTRY, SCHEMA_ATTRIBUTE, InputSpec, SchemaRecord, full_name, parameters_of, record_of
from .errors import RequestError, SchemaDefinitionError, child_path
from .parameter_types.abstract_parameter_type import AbstractParameterType

_Function = TypeVar("_Function", bound=Callable[..., Any])


def input_schema(
    param_name: str,
    param_type: AbstractParameterType,
    convert_to_provided_type: bool = True,
    optional: bool = False,
) -> Callable[[_Function], _Function]:
    """Describe one parameter of a function by a sample; stackable, one decorator for each parameter.

    Args:
        param_name: the parameter; it must exist, unless it is optional or not converted.
        param_type: its type, an instance such as ``NumpyParameterType(sample)``.
        convert_to_provided_type: convert JSON values to the sample's type before the call.
        optional: let an absent, null or empty value pass unconverted.

    Raises:
        SchemaDefinitionError: ``param_type`` is no parameter type, or the function has no such parameter.
        ValueError, TypeError: the sample has no schema.
    """
    if not isinstance(param_type, AbstractParameterType):
        raise SchemaDefinitionError("Error, provided param_type must be a subclassof the AbstractParameterType.")
    param_type.supported_versions()  # a sample that has no schema fails here, where the script is imported
    spec = InputSpec(param_name, param_type, convert_to_provided_type, optional)

    def decorate(function: _Function) -> _Function:
        return _decorated(function, spec=spec)

    return decorate


def output_schema(output_type: AbstractParameterType) -> Callable[[_Function], _Function]:
    """Describe the result of a function by a sample. The result itself is neither checked nor changed.

    Raises:
        SchemaDefinitionError: ``output_type`` is no parameter type, or the function has an output schema already.
        ValueError, TypeError: the sample has no schema.
    """
    if not isinstance(output_type, AbstractParameterType):
        raise SchemaDefinitionError("Error, provided param_type must be a subclass of the AbstractParameterType.")
    output_type.supported_versions()

    def decorate(function: _Function) -> _Function:
        return _decorated(function, output=output_type)

    return decorate


def _decorated(
    function: _Function, spec: InputSpec | None = None, output: AbstractParameterType | None = None
) -> _Function:
    stacked = record_of(function)
    inner: Callable[..., Any] = stacked.function if stacked is not None else function
    inputs = stacked.inputs if stacked is not None else ()
    if spec is not None:
        inputs = _with_input(inputs, spec, inner)
    if stacked is not None and stacked.output is not None:
        if output is not None:
            raise SchemaDefinitionError(f"Error, output schema already defined for function: {full_name(inner)}.")
        output = stacked.output
    positions = {name: index for index, name in enumerate(_positional_names(inner))}
    converting = tuple((item, positions.get(item.name)) for item in inputs if item.convert)

    def arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        changed = list(args)
        for item, position in converting:
            path = child_path("$", item.name)
            try:
                if item.name in kwargs:
                    kwargs[item.name] = item.converted(kwargs[item.name], path)
                elif position is not None and position < len(changed):
                    changed[position] = item.converted(changed[position], path)
            except RequestError as error:
                # Direct callers of the original get plain ValueErrors with these texts.
                error.parameter = item.name
                raise ValueError(error.reason) from error
        return tuple(changed)

    if inspect.iscoroutinefunction(inner):

        @functools.wraps(inner)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            return await inner(*arguments(args, kwargs), **kwargs)

    else:

        @functools.wraps(inner)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return inner(*arguments(args, kwargs), **kwargs)

    record = SchemaRecord(inner, inputs, output, wrapper)
    setattr(wrapper, SCHEMA_ATTRIBUTE, record)
    REGISTRY[full_name(inner)] = record
    return wrapper  # type: ignore[return-value]


def _with_input(inputs: tuple[InputSpec, ...], spec: InputSpec, function: Callable[..., Any]) -> tuple[InputSpec, ...]:
    if spec.convert and not spec.optional and not _has_parameter(function, spec.name):
        raise SchemaDefinitionError(f'Error, provided param_name "{spec.name}" is not in the decorated function.')
    same = [item for item in inputs if item.name == spec.name]
    if same and same[0].type.sample_data_type is not spec.type.sample_data_type:
        raise SchemaDefinitionError(
            f"Error, input schema for parameter '{spec.name}' already defined for function: {full_name(function)}."
        )
    return (spec, *(item for item in inputs if item.name != spec.name))


def _positional_names(function: Callable[..., Any]) -> list[str]:
    return [
        item.name for item in parameters_of(function) if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)
    ]


def _has_parameter(function: Callable[..., Any], name: str) -> bool:
    parameters = parameters_of(function)
    return any(item.name == name or item.kind is item.VAR_KEYWORD for item in parameters)
