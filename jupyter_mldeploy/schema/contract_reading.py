"""Reading the contract from any callable: ours, the original package's decorators, or none."""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .contract import Mode, OpaqueSchemas, Parameter, RunContract
from .decorated import InputSpec, SchemaRecord, record_of, records_within
from .errors import ContractError
from .parameter_types.abstract_parameter_type import AbstractParameterType
from .swagger_schemas import ABSENT

if TYPE_CHECKING:
    from .foreign import ForeignSchemas

RAWHTTP_ATTRIBUTE = "__mldeploy_rawhttp__"
REQUEST_HEADERS = "request_headers"


def read_contract(function: Callable[..., Any]) -> RunContract:
    """Read the contract of ``run()`` from its signature and decorators; the function is not called.

    Args:
        function: a function, method, partial or any other callable, with or without decorators: ours or those of the
            original ``inference_schema`` when that package is loaded.

    Raises:
        ContractError: no request could ever be passed to it.
    """
    rawhttp = bool(getattr(function, RAWHTTP_ATTRIBUTE, False))
    signature = _signature(function)
    names = [name for name in signature if name != REQUEST_HEADERS]
    target, outer = _without_schema_decorators(function)
    described = list(records_within(function))
    foreign = None if described else _foreign(function)
    specs = _specs(described)
    output = next((record.output for record in described if record.output is not None), None)
    decodes = frozenset(spec.name for spec in outer.inputs) if outer is not None else frozenset()
    opaque = None
    if foreign is not None:
        target, specs, output, opaque = foreign.function, foreign.specs(), foreign.output, _opaque(foreign)
        decodes = frozenset(specs)
    has_schema = bool(described) or foreign is not None
    if rawhttp and has_schema:
        raise ContractError("run() cannot be decorated with both @rawhttp and @input_schema")
    mode: Mode = "rawhttp" if rawhttp else "json" if has_schema else "text"
    _check_names(names, signature, mode)
    return RunContract(
        function=target,
        mode=mode,
        parameters=tuple(_parameter(name, signature[name], specs.get(name), name in decodes) for name in names),
        output=output,
        takes_request_headers=REQUEST_HEADERS in signature,
        opaque=opaque,
    )


def _signature(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError) as error:
        raise ContractError(f"run() cannot be called or its signature cannot be read: {error}") from error
    forbidden = (
        inspect.Parameter.POSITIONAL_ONLY,
        inspect.Parameter.VAR_POSITIONAL,
        inspect.Parameter.VAR_KEYWORD,
    )
    if any(parameter.kind in forbidden for parameter in parameters.values()):
        raise ContractError("run() cannot accept positional-only arguments, *args, or **kwargs.")
    if not parameters:
        raise ContractError("run() needs to accept an argument for input data.")
    if list(parameters) == [REQUEST_HEADERS]:
        raise ContractError('run() needs to accept an argument other than "request_headers".')
    return dict(parameters)


def _check_names(names: Sequence[str], signature: dict[str, inspect.Parameter], mode: Mode) -> None:
    if mode == "json":
        return
    unfilled = [name for name in names[1:] if signature[name].default is inspect.Parameter.empty]
    if unfilled:
        listed = ", ".join(repr(name) for name in unfilled)
        raise ContractError(
            f"run() requires {listed} besides {names[0]!r}, but without @input_schema only the first parameter gets a "
            f"value. Give {listed} a default, or describe every parameter with @input_schema."
        )


def _without_schema_decorators(function: Callable[..., Any]) -> tuple[Callable[..., Any], SchemaRecord | None]:
    """Return what to call with converted values, and the record of the schema decorators outermost on it, if any."""
    plain = getattr(function, "__func__", function)
    record = record_of(plain)
    if record is None:
        return function, None
    if inspect.ismethod(function):
        return types.MethodType(record.function, function.__self__), record
    return record.function, record


def _specs(records: Sequence[SchemaRecord]) -> dict[str, InputSpec]:
    specs: dict[str, InputSpec] = {}
    for record in records:
        for spec in record.inputs:
            specs.setdefault(spec.name, spec)
    return specs


def _parameter(name: str, declared: inspect.Parameter, spec: InputSpec | None, decodes: bool) -> Parameter:
    default = ABSENT if declared.default is inspect.Parameter.empty else declared.default
    if spec is None:
        return Parameter(name, default=default)
    kind: AbstractParameterType = spec.type
    return Parameter(name, kind, convert=spec.convert and decodes, optional=spec.optional, default=default)


def _foreign(function: Callable[..., Any]) -> ForeignSchemas | None:
    if "inference_schema.schema_util" not in sys.modules:
        return None
    from .foreign import read_foreign

    return read_foreign(function)


def _opaque(foreign: ForeignSchemas) -> OpaqueSchemas | None:
    if foreign.readable:
        return None
    return OpaqueSchemas(foreign.input_swagger, foreign.output_swagger, tuple(foreign.versions))
