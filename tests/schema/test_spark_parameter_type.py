"""Spark frames as parameters; needs pyspark and a Java runtime."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from decimal import Decimal

import pytest

pytest.importorskip("pyspark", reason="pyspark is not installed")

from pyspark.sql import SparkSession
from pyspark.sql import types as spark

from jupyter_mldeploy.schema import (
    RequestError,
    SchemaDefinitionError,
    SparkParameterType,
    input_schema,
    read_contract,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("java") is None, reason="there is no Java runtime"),
    # What Spark itself warns of is not ours to judge.
    pytest.mark.filterwarnings("default"),
]

FIELDS = {
    "name": (spark.StringType(), "x", {"type": "string"}),
    "small": (spark.ByteType(), 1, {"type": "integer", "format": "int8"}),
    "large": (spark.LongType(), 2, {"type": "integer", "format": "int64"}),
    "real": (spark.DoubleType(), 1.5, {"type": "number", "format": "double"}),
    "flag": (spark.BooleanType(), True, {"type": "boolean"}),
    "price": (spark.DecimalType(10, 2), Decimal("1.50"), {"type": "number", "format": "decimal"}),
    "day": (spark.DateType(), dt.date(2020, 1, 2), {"type": "string", "format": "date"}),
    "moment": (spark.TimestampType(), dt.datetime(2020, 1, 2, 3, 4, 5), {"type": "string", "format": "date-time"}),
    "data": (spark.BinaryType(), bytearray(b"ab"), {"type": "string", "format": "binary"}),
    "list": (
        spark.ArrayType(spark.IntegerType()),
        [1, 2],
        {"type": "array", "items": {"type": "integer", "format": "int32"}},
    ),
    "map": (
        spark.MapType(spark.StringType(), spark.FloatType()),
        {"k": 0.5},
        {"type": "object", "additionalProperties": {"type": "number", "format": "float"}},
    ),
    "row": (
        spark.StructType([spark.StructField("inner", spark.ShortType())]),
        (7,),
        {"type": "object", "properties": {"inner": {"type": "integer", "format": "int16"}}},
    ),
}


@pytest.fixture(scope="module")
def sample():
    session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    schema = spark.StructType([spark.StructField(name, kind) for name, (kind, _, _) in FIELDS.items()])
    yield session.createDataFrame([tuple(value for _, value, _ in FIELDS.values())], schema)
    session.stop()


def test_schema_and_example(sample):
    swagger = SparkParameterType(sample).input_to_swagger()
    assert swagger["type"] == "array"
    assert swagger["items"] == {"type": "object", "properties": {name: item for name, (_, _, item) in FIELDS.items()}}
    assert json.loads(json.dumps(swagger["example"])) == [
        {
            "name": "x",
            "small": 1,
            "large": 2,
            "real": 1.5,
            "flag": True,
            "price": 1.5,
            "day": "2020-01-02",
            "moment": "2020-01-02 03:04:05,000000",
            "data": "YWI=",
            "list": [1, 2],
            "map": {"k": 0.5},
            "row": {"inner": 7},
        }
    ]


def test_the_example_is_accepted(sample):
    def run(frame):
        return frame

    contract = read_contract(input_schema("frame", SparkParameterType(sample))(run))
    frame = contract.decode(json.dumps(contract.sample_request()).encode())["frame"]
    assert frame.schema == sample.schema
    assert frame.collect() == sample.collect()
    assert contract.parameters[0].converted(sample, quick=True) is sample


def test_errors_name_the_place(sample):
    kind = SparkParameterType(sample)
    row = kind.input_to_swagger()["example"][0]
    for change, path in (
        ({"day": "some day"}, "$.frame[1].day"),
        ({"price": "cheap"}, "$.frame[1].price"),
        ({"row": {}}, "$.frame[1].row"),
        ({"data": 5}, "$.frame[1].data"),
    ):
        with pytest.raises(RequestError) as caught:
            kind.convert([row, {**row, **change}], "$.frame")
        assert caught.value.json_path == path
    with pytest.raises(RequestError, match="unable to convert input of type"):
        kind.convert({"a": 1}, "$.frame")
    with pytest.raises(RequestError, match=r"At \$\.frame: expected an array of objects"):
        kind.convert([{**row, "small": "x"}], "$.frame")


def test_without_the_schema_of_the_sample(sample):
    frame = SparkParameterType(sample, apply_sample_schema=False).convert([{"a": 1}])
    assert frame.columns == ["a"]


def test_the_sample_must_be_a_spark_frame():
    with pytest.raises(SchemaDefinitionError, match="must provide a sample Spark DataFrame"):
        SparkParameterType([{"a": 1}])
