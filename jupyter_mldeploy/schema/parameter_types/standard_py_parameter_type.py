"""A parameter that is a standard Python value, or lists and dictionaries of other parameter types."""

from __future__ import annotations

import binascii
import copy
import datetime as dt
import json
from typing import Any

from ..errors import RequestError, child_path, describe
from .abstract_parameter_type import CONVERSION_ERRORS, AbstractParameterType
from .instants import parse_date, parse_datetime, parse_time
from .standard_schema import merged, sample_schema

_JSON_NAMES: dict[type[Any], str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    bytes: "a base64 string",
    bytearray: "a base64 string",
    dt.date: "a date such as 2020-01-31",
    dt.datetime: "a date-time such as 2020-01-31T12:30:00Z",
    dt.time: "a time such as 12:30:00",
    list: "an array",
    tuple: "an array",
    range: "an array",
    dict: "an object",
}
#: Sample classes whose subclasses are treated alike: JSON could never give an instance of the subclass.
_BASES = (bool, int, float, str, bytes, bytearray, dict, list, tuple, range)


class StandardPythonParameterType(AbstractParameterType):
    """A value like the sample: int, float, str, bool, bytes, date, datetime, time, list, tuple, range or dict.

    Members of a dict, or the first item of a list, that are parameter types themselves convert what stands in their
    place; other members pass unchecked. An integer is accepted where the sample is a float.

    Attributes:
        sample_data_type_map: the members of a dict sample that are parameter types.
        sample_data_type_list: the items of a list or tuple sample that are parameter types.
    """

    def __init__(self, sample_input: Any) -> None:
        super().__init__(sample_input)
        self.sample_data_type = next((base for base in _BASES if isinstance(sample_input, base)), type(sample_input))
        self.sample_data_type_map: dict[str, AbstractParameterType] = {}
        self.sample_data_type_list: list[AbstractParameterType] = []
        if isinstance(sample_input, dict):
            members = sample_input.items()
            self.sample_data_type_map = {key: item for key, item in members if isinstance(item, AbstractParameterType)}
        elif isinstance(sample_input, (list, tuple)):
            self.sample_data_type_list = [item for item in sample_input if isinstance(item, AbstractParameterType)]
        self._swagger: dict[str, Any] | None = None

    def input_to_swagger(self) -> dict[str, Any]:
        """Return the schema with ``example``; raise for None and for samples that JSON cannot hold."""
        if self.sample_input is None:
            raise ValueError("Sample input cannot be None")
        if self._swagger is None:
            schema = sample_schema(self.sample_input)
            try:
                json.dumps(schema)
            except TypeError as error:
                raise TypeError(
                    "Invalid python data sample provided: ensure that the data is fully JSON serializable to be able "
                    f"to generate swagger schema from it. Actual error: {error}"
                ) from error
            self._swagger = schema
        return copy.deepcopy(self._swagger)

    def json_schema(self) -> dict[str, Any]:
        """Return the schema with the exact schemas of nested parameter types."""
        return _exact(self.sample_input)

    def expectation(self) -> str:
        """Say in words what a request must hold, for example ``a number``."""
        return _JSON_NAMES.get(self.sample_data_type, f"a {self.sample_data_type.__name__}")

    def deserialize_input(self, input_data: Any) -> Any:
        """Convert a decoded JSON value to the sample's type; raise ``ValueError`` when it does not fit."""
        return self._deserialize(input_data)

    _own_deserialize = deserialize_input

    def _convert(self, value: Any, path: str) -> Any:
        return self._converted(value, path, quick=False)

    def _convert_quickly(self, value: Any, path: str) -> Any:
        return self._converted(value, path, quick=True)

    def _converted(self, value: Any, path: str, *, quick: bool) -> Any:
        kind = self.sample_data_type
        if kind is dict:
            return self._dict(value, path, quick)
        if kind in (list, tuple, range):
            return self._list(value, path, quick)
        if isinstance(value, kind) or (kind is float and type(value) is int):
            return value
        if isinstance(value, str) and kind in (dt.date, dt.datetime, dt.time, bytes, bytearray):
            try:
                return self._from_text(value)
            except CONVERSION_ERRORS as error:
                raise RequestError.at(path, str(error), expected=self.expectation(), got=describe(value)) from error
        raise self._mismatch(value, path)

    def _from_text(self, text: str) -> Any:
        kind = self.sample_data_type
        if kind is dt.date:
            return parse_date(text)
        if kind is dt.datetime:
            return parse_datetime(text)
        if kind is dt.time:
            return parse_time(text)
        decoded = binascii.a2b_base64(text.encode("utf-8"))
        return bytearray(decoded) if kind is bytearray else decoded

    def _dict(self, value: Any, path: str, quick: bool) -> Any:
        if not isinstance(value, dict):
            raise self._mismatch(value, path)
        converted = dict(value)
        for key, nested in self.sample_data_type_map.items():
            if key in converted:
                converted[key] = nested.convert(converted[key], child_path(path, key), quick=quick)
        return converted

    def _list(self, value: Any, path: str, quick: bool) -> Any:
        if not isinstance(value, (list, tuple, range)):
            raise self._mismatch(value, path)
        if not self.sample_data_type_list:
            return value
        nested = self.sample_data_type_list[0]
        return [nested.convert(item, child_path(path, index), quick=quick) for index, item in enumerate(value)]

    def _mismatch(self, value: Any, path: str) -> RequestError:
        reason = f"Invalid input data type to parse. Expected: {self.sample_data_type} but got {type(value)}"
        return RequestError.at(path, reason, expected=self.expectation(), got=describe(value))


def _exact(sample: Any) -> dict[str, Any]:
    if isinstance(sample, AbstractParameterType):
        return sample.json_schema()
    if isinstance(sample, dict):
        schema: dict[str, Any] = {"type": "object"}
        if sample:
            schema["required"] = [str(key) for key in sample]
        return schema | {"properties": {str(key): _exact(item) for key, item in sample.items()}}
    if isinstance(sample, (list, tuple, range)):
        items = merged([_exact(item) for item in sample]) if sample else {}
        return {"type": "array", "items": items}
    if sample is None:
        return {}
    schema = sample_schema(sample)
    del schema["example"]
    return schema
