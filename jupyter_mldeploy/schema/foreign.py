"""Functions decorated by the original ``inference_schema`` package, when a script brings that along."""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .decorated import InputSpec, layers
from .parameter_types.abstract_parameter_type import AbstractParameterType
from .parameter_types.numpy_parameter_type import NumpyParameterType
from .parameter_types.pandas_parameter_type import PandasParameterType
from .parameter_types.spark_parameter_type import SparkParameterType
from .parameter_types.standard_py_parameter_type import StandardPythonParameterType

_PACKAGE = "inference_schema"
_INPUT_VARIABLES = {"param_name", "param_type", "convert_to_provided_type"}


@dataclass(frozen=True)
class ForeignSchemas:
    """What the original package knows of a function.

    Attributes:
        function: what to call: the function beneath the decorators when those could be read, else the decorated one.
        inputs: its input decorators as ours; empty when they could not be read.
        output: the type of its result as far as its schema goes, or None.
        readable: whether the decorators could be read; otherwise they convert by themselves when called.
        input_swagger, output_swagger, versions: what the package's own ``schema_util`` says.
    """

    function: Callable[..., Any]
    inputs: tuple[InputSpec, ...]
    output: AbstractParameterType | None
    readable: bool
    input_swagger: dict[str, Any]
    output_swagger: dict[str, Any]
    versions: list[str]

    def specs(self) -> dict[str, InputSpec]:
        """Return the input decorators by parameter, the outermost first."""
        specs: dict[str, InputSpec] = {}
        for spec in self.inputs:
            specs.setdefault(spec.name, spec)
        return specs


class AdaptedType(AbstractParameterType):
    """A parameter type of the original package that is none of its own: asked through its own methods."""

    def __init__(self, original: Any) -> None:
        super().__init__(original.sample_input)
        self.sample_data_type = original.sample_data_type
        self._original = original

    def deserialize_input(self, input_data: Any) -> Any:
        """Convert with the original's method, which may change what it is given."""
        return self._original.deserialize_input(copy.deepcopy(input_data))

    def input_to_swagger(self) -> dict[str, Any]:
        """Return the original's schema."""
        schema: dict[str, Any] = self._original.input_to_swagger()
        return schema


class DescribedType(AbstractParameterType):
    """A result of which only the schema is known."""

    def __init__(self, swagger: dict[str, Any], versions: list[str]) -> None:
        super().__init__(swagger.get("example"))
        self._swagger = swagger
        self._versions = versions

    def deserialize_input(self, input_data: Any) -> Any:
        """Return the value as it is."""
        return input_data

    def input_to_swagger(self) -> dict[str, Any]:
        """Return the schema."""
        return copy.deepcopy(self._swagger)

    def supported_versions(self) -> list[str]:
        """Return the versions that the original package gives."""
        return list(self._versions)


def read_foreign(function: Any) -> ForeignSchemas | None:
    """Return what the original package knows of ``function``, or None when it did not decorate it or is not loaded."""
    util = sys.modules.get(f"{_PACKAGE}.schema_util")
    if util is None:
        return None
    # The package's own is_schema_decorated() goes by names and mistakes namesakes for each other.
    decorated = next((layer for layer in layers(function) if _is_decorator_of_original(layer)), None)
    if decorated is None:
        return None
    beneath, inputs, readable = _unwrap(function)
    output_swagger = copy.deepcopy(util.get_output_schema(decorated))
    versions = list(util.get_supported_versions(decorated))
    output = DescribedType(output_swagger, versions) if "example" in output_swagger else None
    return ForeignSchemas(
        function=beneath if readable else function,
        inputs=inputs if readable else (),
        output=output,
        readable=readable,
        input_swagger=copy.deepcopy(util.get_input_schema(decorated)),
        output_swagger=output_swagger,
        versions=versions,
    )


def _unwrap(function: Any) -> tuple[Any, tuple[InputSpec, ...], bool]:
    """Take the original's decorators off as long as they are outermost; not readable when others hide more of them."""
    inputs: list[InputSpec] = []
    while _is_decorator_of_original(function):
        converter = function._self_wrapper  # wrapt's name for what it calls around the function
        if "input_schema" in converter.__qualname__:
            spec = _input_spec(converter)
            if spec is None:
                return function, (), False
            inputs.append(spec)
        function = function.__wrapped__
    hidden = any(_is_decorator_of_original(layer) for layer in layers(function))
    return function, tuple(inputs), not hidden


def _is_decorator_of_original(function: Any) -> bool:
    converter = getattr(function, "_self_wrapper", None)
    return getattr(converter, "__module__", "") == f"{_PACKAGE}.schema_decorators" and hasattr(function, "__wrapped__")


def _input_spec(converter: Any) -> InputSpec | None:
    cells = converter.__closure__ or ()
    variables = {name: cell.cell_contents for name, cell in zip(converter.__code__.co_freevars, cells, strict=True)}
    if not variables.keys() >= _INPUT_VARIABLES:
        return None
    return InputSpec(
        variables["param_name"],
        _translated(variables["param_type"]),
        bool(variables["convert_to_provided_type"]),
        bool(variables.get("optional", False)),
    )


def _translated(original: Any) -> AbstractParameterType:
    """Return our type for one of the original's: same sample, same settings."""
    kind = type(original)
    name = kind.__name__ if kind.__module__.startswith(f"{_PACKAGE}.parameter_types.") else ""
    if name == "NumpyParameterType":
        return NumpyParameterType(original.sample_input, original.enforce_column_type, original.enforce_shape)
    if name == "PandasParameterType":
        with warnings.catch_warnings():  # the script has had its warning already
            warnings.simplefilter("ignore", DeprecationWarning)
            return PandasParameterType(
                original.sample_input,
                original.enforce_column_type,
                original.enforce_shape,
                original.apply_column_names,
                original.orient,
            )
    if name == "StandardPythonParameterType":
        return StandardPythonParameterType(_translated_sample(original.sample_input))
    if name == "SparkParameterType":
        return SparkParameterType(original.sample_input, original.apply_sample_schema)
    return AdaptedType(original)


def _translated_sample(sample: Any) -> Any:
    if hasattr(sample, "deserialize_input") and hasattr(sample, "input_to_swagger"):
        return _translated(sample)
    if type(sample) is dict:
        return {key: _translated_sample(item) for key, item in sample.items()}
    if type(sample) in (list, tuple):
        return type(sample)(_translated_sample(item) for item in sample)
    return sample
