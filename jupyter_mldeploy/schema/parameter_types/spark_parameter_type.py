"""A parameter that is a Spark DataFrame."""

from __future__ import annotations

import binascii
import copy
import datetime as dt
from typing import Any

from ..errors import RequestError, SchemaDefinitionError, child_path, describe
from .abstract_parameter_type import CONVERSION_ERRORS, AbstractParameterType
from .instants import parse_datetime
from .numpy_schema import example_of

_SCHEMAS: dict[str, dict[str, Any]] = {
    "byte": {"type": "integer", "format": "int8"},
    "short": {"type": "integer", "format": "int16"},
    "integer": {"type": "integer", "format": "int32"},
    "long": {"type": "integer", "format": "int64"},
    "boolean": {"type": "boolean"},
    "float": {"type": "number", "format": "float"},
    "double": {"type": "number", "format": "double"},
    "decimal": {"type": "number", "format": "decimal"},
    "string": {"type": "string"},
    "binary": {"type": "string", "format": "binary"},
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string", "format": "date-time"},
    "null": {"type": "object"},
    "void": {"type": "object"},  # what newer versions call the type of NULL
}


class SparkParameterType(AbstractParameterType):
    """A Spark DataFrame like the sample, sent as an array of row objects.

    Args:
        sample_input: ``pyspark.sql.DataFrame``.
        apply_sample_schema: create the frame with the sample's schema; otherwise Spark infers one.

    Raises:
        SchemaDefinitionError: the sample is no Spark DataFrame.
    """

    def __init__(self, sample_input: Any, apply_sample_schema: bool = True) -> None:
        from pyspark.sql import DataFrame

        if not isinstance(sample_input, DataFrame):
            raise SchemaDefinitionError("Invalid sample input provided, must provide a sample Spark DataFrame array.")
        super().__init__(sample_input)
        self.apply_sample_schema = apply_sample_schema
        self._swagger: dict[str, Any] | None = None

    def input_to_swagger(self) -> dict[str, Any]:
        """Return ``{type: array, items: {type: object, properties}, example}``."""
        if self._swagger is None:
            schema: dict[str, Any] = {"type": "array", "items": _spark_schema(self.sample_input.schema)}
            schema["example"] = [_example(row, schema["items"]) for row in self.sample_input.collect()]
            self._swagger = schema
        return copy.deepcopy(self._swagger)

    def expectation(self) -> str:
        """Say in words what a request must hold."""
        return f"an array of objects with the fields {', '.join(map(repr, self.sample_input.schema.names))}"

    def deserialize_input(self, input_data: Any) -> Any:
        """Convert a list of row objects to a Spark DataFrame. Raise ``ValueError`` when it does not fit."""
        return self._deserialize(input_data)

    _own_deserialize = deserialize_input

    def _convert(self, value: Any, path: str) -> Any:
        from pyspark.sql import DataFrame, SparkSession

        if isinstance(value, DataFrame):
            return value
        if not isinstance(value, list):
            reason = f'Error, unable to convert input of type "{type(value)}" to Spark DataFrame'
            raise RequestError.at(path, reason, expected=self.expectation(), got=describe(value))
        session = SparkSession.builder.getOrCreate()
        if not self.apply_sample_schema:
            rows, schema = value, None
        else:
            schema = self.sample_input.schema
            rows = [_row_value(row, schema, child_path(path, index)) for index, row in enumerate(value)]
        try:
            return session.createDataFrame(rows, schema)
        except CONVERSION_ERRORS as error:
            raise RequestError.at(path, str(error), expected=self.expectation(), got=describe(value)) from error


def _spark_schema(kind: Any) -> dict[str, Any]:
    from pyspark.sql.types import ArrayType, DataType, MapType, StructField, StructType, UserDefinedType

    if not isinstance(kind, DataType):
        raise TypeError("Invalid data type to convert: expected only valid pyspark.sql.types.DataType types")
    if isinstance(kind, UserDefinedType):
        raise TypeError(
            "Invalid data type to convert: instances of UserDefinedType (e.g. VectorUDT, MatrixUDT) are not supported "
            "at this time. Please use ArrayType or MapType if applicable."
        )
    if isinstance(kind, StructType):
        return {"type": "object", "properties": {name: _spark_schema(kind[name].dataType) for name in kind.names}}
    if isinstance(kind, StructField):
        return _spark_schema(kind.dataType)
    if isinstance(kind, ArrayType):
        return {"type": "array", "items": _spark_schema(kind.elementType)}
    if isinstance(kind, MapType):
        return {"type": "object", "additionalProperties": _spark_schema(kind.valueType)}
    schema = _SCHEMAS.get(kind.typeName())
    if schema is None:
        raise TypeError(f"We currently do not support extracting schema from data of type {kind}")
    return dict(schema)


def _example(item: Any, schema: dict[str, Any]) -> Any:
    if item is None:
        return None
    if schema["type"] == "object" and "properties" in schema:
        return {name: _example(item[name], member) for name, member in schema["properties"].items()}
    if schema["type"] == "object" and "additionalProperties" in schema:
        return {str(key): _example(member, schema["additionalProperties"]) for key, member in item.items()}
    if schema["type"] == "array":
        return [_example(member, schema["items"]) for member in item]
    if isinstance(item, dt.datetime):
        return item.strftime("%Y-%m-%d %H:%M:%S,%f")
    if isinstance(item, dt.date):
        return item.strftime("%Y-%m-%d")
    return example_of(item, schema)


def _row_value(value: Any, kind: Any, path: str) -> Any:
    """Turn JSON into what Spark takes for ``kind``: text to instants, decimals and bytes, in rows, arrays and maps."""
    from pyspark.sql.types import ArrayType, MapType, StructType

    if isinstance(kind, StructType):
        missing = [name for name in kind.names if not isinstance(value, dict) or name not in value]
        if missing:
            expected = f"an object with the fields {', '.join(map(repr, kind.names))}"
            raise RequestError.at(path, f"Field {missing[0]!r} is missing", expected=expected, got=describe(value))
        row = {name: _row_value(value[name], kind[name].dataType, child_path(path, name)) for name in kind.names}
        return {**value, **row}
    if value is None:
        return None
    if isinstance(kind, ArrayType) and isinstance(value, list):
        return [_row_value(item, kind.elementType, child_path(path, index)) for index, item in enumerate(value)]
    if isinstance(kind, MapType) and isinstance(value, dict):
        return {key: _row_value(item, kind.valueType, child_path(path, key)) for key, item in value.items()}
    try:
        return _scalar(value, kind.typeName())
    except CONVERSION_ERRORS as error:
        expected = f"a value for the Spark type {kind.simpleString()}"
        raise RequestError.at(path, str(error) or "Invalid value", expected=expected, got=describe(value)) from error


def _scalar(value: Any, name: str) -> Any:
    if name == "date":
        return parse_datetime(value).date()
    if name == "timestamp":
        # The generated examples write the fraction after a comma.
        return parse_datetime(value.replace(",", "."))
    if name == "decimal":
        from decimal import Decimal

        return Decimal(str(value))  # what it refuses is an ArithmeticError
    if name == "binary":
        return bytearray(binascii.a2b_base64(value.encode("utf-8")))
    return value
