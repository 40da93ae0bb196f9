"""What every parameter type shares; users' own types derive from it as they do from the original package's."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

from ..errors import RequestError, describe

#: What a conversion raises when a value does not fit; anything else is a fault of the type and must be seen as one.
CONVERSION_ERRORS = (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, RecursionError)


class AbstractParameterType(ABC):
    """A parameter described by a sample.

    A type of your own overrides ``deserialize_input`` and ``input_to_swagger``.

    Attributes:
        sample_input: the sample given.
        sample_data_type: its class; a value that already is one is passed on as it is.
    """

    sample_input: Any
    sample_data_type: type[Any]

    # The deserialize_input that belongs to _convert: a subclass that overrides the former must not be bypassed.
    _own_deserialize: ClassVar[Callable[..., Any] | None] = None

    def __init__(self, sample_input: Any) -> None:
        self.sample_input = sample_input
        self.sample_data_type = type(sample_input)

    @abstractmethod
    def deserialize_input(self, input_data: Any) -> Any:
        """Convert a decoded JSON value into the concrete object; raise ``ValueError`` when it does not fit."""

    @abstractmethod
    def input_to_swagger(self) -> dict[str, Any]:
        """Return the Swagger schema of the sample, with the sample itself under ``example``."""

    def supported_versions(self) -> list[str]:
        """Return the document versions that can describe the sample: ``2.0`` is absent for arrays of mixed types."""
        schema = self.input_to_swagger()
        fits = _holds_one_type(schema["example"]) and not has_alternatives(schema)
        return ["2.0", "3.0", "3.1"] if fits else ["3.0", "3.1"]

    def json_schema(self) -> dict[str, Any]:
        """Return the schema for OpenAPI 3 and forms: no ``example``, and as exact as the type knows to be."""
        schema = copy.deepcopy(self.input_to_swagger())
        schema.pop("example", None)
        return schema

    def expectation(self) -> str:
        """Say in words what a request must hold for this type."""
        return f"a value for {type(self).__name__}"

    def convert(self, value: Any, path: str = "$", *, quick: bool = False) -> Any:
        """Convert a decoded JSON value found at ``path``.

        Args:
            value: what the JSON decoder gave; never changed.
            path: its JSON path, for the error.
            quick: take shortcuts that give the same result (the reference path does not).

        Raises:
            RequestError: the value does not fit.
        """
        kind = type(self)
        if kind.deserialize_input is kind._own_deserialize:
            return self._convert_quickly(value, path) if quick else self._convert(value, path)
        if isinstance(value, self.sample_data_type):
            return value
        try:
            return self.deserialize_input(value)
        except RequestError:
            raise
        except CONVERSION_ERRORS as error:
            reason = str(error) or type(error).__name__
            raise RequestError.at(path, reason, expected=self.expectation(), got=describe(value)) from error

    def _convert(self, value: Any, path: str) -> Any:
        """Convert on the reference path; the types of this package have it behind ``deserialize_input``."""
        raise TypeError(f"{type(self).__name__} has no conversion for {describe(value)} at {path}.")

    def _convert_quickly(self, value: Any, path: str) -> Any:
        return self._convert(value, path)

    def _deserialize(self, input_data: Any) -> Any:
        # Callers of the original API expect its texts in a plain ValueError; the location stays in the cause.
        try:
            return self._convert(input_data, "$")
        except RequestError as error:
            raise ValueError(error.reason) from error


def has_alternatives(schema: object) -> bool:
    """Tell whether ``anyOf`` occurs in a schema: Swagger 2.0 does not know it."""
    if isinstance(schema, dict):
        return "anyOf" in schema or any(
            has_alternatives(member)
            for key, item in schema.items()
            if key != "example"
            for member in (item.values() if key == "properties" else (item,))
        )
    return False


def _holds_one_type(example: object) -> bool:
    """Tell whether every array in an example holds one JSON type, which is all that Swagger 2.0 can say."""
    if isinstance(example, list):
        # Integers are numbers, and null says nothing about the other items.
        kinds = {float if type(item) is int else type(item) for item in example if item is not None}
        return len(kinds) <= 1 and all(_holds_one_type(item) for item in example)
    if isinstance(example, dict):
        return all(_holds_one_type(item) for item in example.values())
    return True
