"""Conversion by type beyond the recorded outputs: what is accepted, what is fixed, where errors point."""

from __future__ import annotations

import datetime as dt
import json
from collections import OrderedDict
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jupyter_mldeploy.schema import (
    AbstractParameterType,
    NumpyParameterType,
    PandasParameterType,
    RequestError,
    SchemaDefinitionError,
    StandardPythonParameterType,
)


def numpy_type(sample: Any, dtype: Any = None, **settings: Any) -> NumpyParameterType:
    return NumpyParameterType(np.array(sample, dtype), **settings)


def refusal(kind: AbstractParameterType, value: Any) -> RequestError:
    with pytest.raises(RequestError) as caught:
        kind.convert(value, "$.data")
    return caught.value


# --- NumPy


@pytest.mark.parametrize(
    ("sample", "value", "expected"),
    [
        ([[1.0, 2.0]], [["1", True], [None, 4]], [[1.0, 1.0], [np.nan, 4.0]]),
        ([1], [1.7, "2", True], [1, 2, 1]),
        (["ab"], ["longer than the sample", 5], ["longer than the sample", "5"]),
        ([b"ab"], ["longer"], [b"longer"]),
        ([True], [0, 1, "x"], [False, True, True]),
        ([[1.0, 2.0]], [], np.empty((0, 2)).tolist()),
        ([], [[1, 2], [3, 4]], [[1, 2], [3, 4]]),
    ],
)
def test_numpy_values(sample, value, expected):
    converted = numpy_type(sample).convert(value)
    np.testing.assert_array_equal(converted, np.array(expected, converted.dtype).reshape(converted.shape))


def test_numpy_empty_request_has_no_rows_but_all_columns():
    assert numpy_type([[1.0, 2.0]]).convert([]).shape == (0, 2)
    assert numpy_type(np.ones((1, 2, 3))).convert([]).shape == (0, 2, 3)


def test_numpy_empty_sample_with_columns_still_counts_them():
    kind = NumpyParameterType(np.empty((0, 3)))
    assert kind.convert([[1, 2, 3]]).shape == (1, 3)
    assert "size 2 on dimension #1, while expected value is 3" in str(refusal(kind, [[1, 2]]))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2020-01-05", "2020-01-05"),
        ("2020-01-05 01:02:03,500000", "2020-01-05T01:02:03.500"),  # the form of the generated example
        ("2020-01-05T01:00:00Z", "2020-01-05T01:00:00"),
        ("2020-01-05T01:00:00+02:00", "2020-01-04T23:00:00"),
        (None, "NaT"),
    ],
)
def test_numpy_instants(value, expected):
    kind = numpy_type(["2020-01-01"], "datetime64[us]")
    np.testing.assert_array_equal(kind.convert([value]), np.array([expected], "datetime64[us]"))
    matrix = numpy_type([["2020-01-01"]], "datetime64[us]")
    np.testing.assert_array_equal(matrix.convert([[value]]), np.array([[expected]], "datetime64[us]"))


@pytest.mark.parametrize(
    ("value", "expected"), [("5 days", 432000), ("1 hour", 3600), ("P1DT1H0.5S", 90000), (7, 7), ("-2 minutes", -120)]
)
def test_numpy_durations(value, expected):
    kind = numpy_type([1], "timedelta64[s]")
    assert kind.convert([value]).astype(int).tolist() == [expected]


@pytest.mark.parametrize("value", ["5", "five days", "5 moons", 1.5, {"days": 1}, True])
def test_numpy_durations_refused(value):
    assert refusal(numpy_type([1], "timedelta64[s]"), [value]).json_path == "$.data[0]"


def test_numpy_records():
    kind = NumpyParameterType(np.array([(1, "x")], [("a", "i4"), ("b", "U9")]))
    converted = kind.convert([{"a": 1, "b": "one", "more": 0}, [2, "two"]])
    assert converted.tolist() == [(1, "one"), (2, "two")]
    error = refusal(kind, [{"a": 1, "b": "x"}, {"a": 1}])
    assert (error.json_path, error.got) == ("$.data[1]", "an object with the keys 'a'")
    assert "'b' is missing" in str(error)


@pytest.mark.parametrize(
    ("sample", "value", "path", "expected", "got"),
    [
        ([[1.0, 2.0]], [[1, 2], [3, "x"]], "$.data[1][1]", "a number", 'the string "x"'),
        ([[1.0, 2.0]], [[1, 2], [3, {"a": 1}]], "$.data[1][1]", "a number", "an object with the keys 'a'"),
        ([[1.0, 2.0]], [[1, 2], [3]], "$.data[1]", "an array of 2 items as at $.data[0]", "an array of 1 item"),
        ([[1.0, 2.0]], [[1, 2], 3], "$.data[1]", "an array of 2 items as at $.data[0]", "the number 3"),
        ([[1.0, 2.0]], [[1, 2, 3]], "$.data[0]", "2 items", "3 items"),
        ([[1.0, 2.0]], [1, 2], "$.data", "an array of shape (n, 2) of numbers", "one of shape (2,)"),
        ([[1.0, 2.0]], None, "$.data", "an array of shape (n, 2) of numbers", "null"),
        ([1], [1, None], "$.data[1]", "an integer", "null"),
        ([1], [1, 10**400], "$.data[1]", "an integer", "a number of 1329 bits"),
        ([1], 5, "$.data", "an array of shape (n,) of integers", "the number 5"),
    ],
)
def test_numpy_errors_name_the_place(sample, value, path, expected, got):
    error = refusal(numpy_type(sample), value)
    assert (error.json_path, error.expected, error.got) == (path, expected, got)
    assert str(error).endswith(f" At {path}: expected {expected}, got {got}.")


@pytest.mark.parametrize(("dtype", "value"), [("int8", 128), ("uint16", -1), ("uint64", -1), ("int64", 2**63)])
def test_numpy_integers_beyond_the_dtype_are_refused_not_wrapped(dtype, value):
    error = refusal(numpy_type([[1]], dtype), [[1], [value]])
    assert (error.json_path, error.got) == ("$.data[1][0]", f"the number {value}")
    assert numpy_type([[1]], dtype).convert([[5]]).dtype == dtype


def test_numpy_settings():
    assert numpy_type([[1, 2]], enforce_shape=False).convert([1.9]).tolist() == [1]
    assert numpy_type([[1, 2]], enforce_column_type=False).convert([[1.5, 2]]).dtype == float
    assert refusal(numpy_type([[1, 2]], enforce_column_type=False), [[1], [2, 3]]).json_path == "$.data[1]"


@pytest.mark.parametrize("sample", [[1], "x", pd.DataFrame({"a": [1]}), None, 5])
def test_numpy_sample_must_be_an_array(sample):
    with pytest.raises(SchemaDefinitionError, match="must provide a sample Numpy array"):
        NumpyParameterType(sample)


def test_numpy_sample_without_dimension():
    with pytest.raises(TypeError, match=r"len\(\) of unsized object"):
        NumpyParameterType(np.array({"a": 1}))


@pytest.mark.parametrize(
    "sample",
    [
        np.array([1.5, np.nan, np.inf]),
        np.array(["2020-01-01", "NaT"], "datetime64[ns]"),
        np.array([[True, False]]),
        np.array([((1, [2.0, 3.0]),)], [("outer", [("a", "i4"), ("b", "f8", (2,))])]),
        np.array([b"ab"]),
        np.empty((0, 2)),
    ],
)
def test_numpy_examples_are_json_and_are_accepted(sample):
    kind = NumpyParameterType(sample)
    example = kind.input_to_swagger()["example"]
    again = json.loads(json.dumps(example, allow_nan=False))
    assert kind.convert(again).shape == sample.shape


# --- pandas


FRAME = pd.DataFrame({"i": [1], "f": [1.5], "s": ["x"]})


def test_frame_columns_come_in_the_order_of_the_sample():
    rows = [{"s": "a", "f": 1, "i": 2}]
    for quick in (False, True):
        frame = PandasParameterType(FRAME).convert(rows, quick=quick)
        assert list(frame.columns) == ["i", "f", "s"]
        assert frame.dtypes.tolist() == FRAME.dtypes.tolist()


@pytest.mark.parametrize("labels", [[0, 1], ["0", "1"]])
def test_frame_labels_are_those_of_the_sample(labels):
    sample = pd.DataFrame([[1.5, 2]], columns=labels)
    for quick in (False, True):
        frame = PandasParameterType(sample).convert([{"1": 4, "0": 3}], quick=quick)
        assert list(frame.columns) == labels
        assert frame.iloc[0].tolist() == [3, 4]


@pytest.mark.parametrize("orient", ["records", "split", "index", "columns", "values", "table"])
def test_frame_samples_are_accepted_in_every_orient(orient):
    sample = pd.DataFrame(
        {"f": [1.5, 2], "s": ["x", "y"], "d": pd.to_datetime(["2020-01-01", "2020-01-02"]), "b": [True, False]}
    )
    kind = PandasParameterType(sample, orient=orient)
    frame = kind.convert(kind.input_to_swagger()["example"])
    if orient == "values":
        frame.columns = sample.columns
    pd.testing.assert_frame_equal(frame, sample, check_index_type=False, check_names=False)


@pytest.mark.parametrize("orient", ["records", "values", "index", "split"])
def test_frame_without_rows(orient):
    value = {"index": {}, "split": {"columns": ["i", "f", "s"], "data": []}}.get(orient, [])
    frame = PandasParameterType(FRAME, orient=orient).convert(value)
    assert frame.shape == (0, 3)
    assert frame.dtypes.tolist() == FRAME.dtypes.tolist()


def test_frame_sample_without_columns_accepts_any():
    assert PandasParameterType(pd.DataFrame()).convert([{"a": 1}]).shape == (1, 1)


def test_numbers_in_columns_that_look_like_dates_stay_numbers():
    sample = pd.DataFrame({"created_at": [1], "timestamp": ["x"]})
    frame = PandasParameterType(sample).convert([{"created_at": 1577836800, "timestamp": "2020-01-01"}])
    assert frame.iloc[0].tolist() == [1577836800, "2020-01-01"]


@pytest.mark.parametrize("number", [1577836800, 1577836800000, 1577836800000000, 1577836800000000000])
def test_instants_as_numbers_in_any_unit(number):
    for zone in ("", "+00:00"):
        sample = pd.DataFrame({"when": pd.to_datetime([f"2020-01-01T00:00:00{zone}"])})
        frame = PandasParameterType(sample).convert([{"when": number}])
        assert frame["when"][0].isoformat() == f"2020-01-01T00:00:00{zone}"


def test_instants_with_a_zone_are_their_utc_in_columns_without():
    sample = pd.DataFrame({"when": pd.to_datetime(["2020-01-01"])})
    rows = [{"when": "2020-01-01T00:00:00Z"}, {"when": "2020-01-01T00:00:00+02:00"}]
    frame = PandasParameterType(sample).convert(rows)
    assert [item.isoformat() for item in frame["when"]] == ["2020-01-01T00:00:00", "2019-12-31T22:00:00"]
    assert refusal(PandasParameterType(sample), [{"when": "some day"}]).json_path == "$.data[0].when"


def test_floats_are_exact():
    frame = PandasParameterType(FRAME).convert([{"i": 1, "f": 0.1234567890123456789, "s": ""}, {"i": 1, "f": 1e-320}])
    assert frame["f"].tolist() == [0.1234567890123456789, 1e-320]


@pytest.mark.parametrize(
    ("value", "path", "text"),
    [
        ([{"i": 1, "f": 1, "s": ""}, {"i": "abc", "f": 1, "s": ""}], "$.data[1].i", "literal for int() with base 10"),
        ([{"i": None, "f": 1, "s": ""}], "$.data[0].i", "Error while type casting for column 'i'"),
        ([{"i": 1, "f": {}, "s": ""}], "$.data[0].f", "Error while type casting for column 'f'"),
        ([{"i": 1, "s": ""}], "$.data", "size 2 on dimension #1, while expected value is 3: missing 'f'"),
        ([{"i": 1, "f": 1, "t": 1, "u": 2}], "$.data", "missing 's' and unexpected 't', 'u'"),
        ("x", "$.data", "unable to convert input of type <class 'str'> into Pandas Dataframe"),
        ([[1, 2], [3]], "$.data", "rows differ in length"),
        ([{"i": 1, "f": 1, "s": ""}, 5], "$.data", "expected records with the columns 'i', 'f', 's'"),
    ],
)
def test_frame_errors_name_the_place(value, path, text):
    error = refusal(PandasParameterType(FRAME), value)
    assert error.json_path == path
    assert text in str(error)


@pytest.mark.parametrize("value", [300, -129, 1e300])
def test_integers_beyond_the_column_are_refused_not_wrapped(value):
    sample = pd.DataFrame({"a": np.array([1], "int8")})
    assert "outside the range of int8" in str(refusal(PandasParameterType(sample), [{"a": value}]))


def test_frame_settings():
    names = PandasParameterType(FRAME, enforce_shape=False).convert([{"i": 1, "more": "x"}])
    assert list(names.columns) == ["i", "more"]
    assert PandasParameterType(FRAME, enforce_column_type=False).convert([{"i": 1.5, "f": 1, "s": 1}])["i"][0] == 1.5
    with pytest.warns(DeprecationWarning, match="apply_column_names is a deprecated parameter"):
        kind = PandasParameterType(FRAME, apply_column_names=True)
    assert list(kind.convert([{"x": 1, "y": 2, "z": "3"}]).columns) == ["i", "f", "s"]
    with pytest.raises(SchemaDefinitionError, match="Invalid orient provided, must be one of"):
        PandasParameterType(FRAME, orient="rows")
    with pytest.raises(SchemaDefinitionError, match="must provide a sample Pandas Dataframe"):
        PandasParameterType(np.ones(3))


@pytest.mark.parametrize("orient", ["records", "index", "columns"])
@pytest.mark.parametrize("enforce_shape", [True, False])
def test_a_small_request_cannot_make_an_enormous_frame(orient, enforce_shape):
    objects: Any = [{f"key {index}": 1} for index in range(20_000)]
    if orient != "records":
        objects = {str(index): item for index, item in enumerate(objects)}
    error = refusal(PandasParameterType(FRAME, orient=orient, enforce_shape=enforce_shape), objects)
    assert "too few keys in common" in str(error)


def test_rows_may_have_gaps():
    sample = pd.DataFrame([[1.5] * 300], columns=[f"c{index}" for index in range(300)])
    frame = PandasParameterType(sample).convert([{"c0": 1}] * 5000 + [{f"c{index}": 2 for index in range(300)}])
    assert frame.shape == (5001, 300)
    assert frame["c1"].isna().sum() == 5000


def test_unknown_keys_of_split():
    error = refusal(PandasParameterType(FRAME, orient="split"), {"data": [], "name": 1})
    assert "unexpected key(s): name" in str(error)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (numpy_type([1.0]), ["x" * 10**6]),
        (numpy_type([1.0]), [{"k" * 10**6: 1}]),
        (PandasParameterType(FRAME), [{"i": "x" * 10**6, "f": 1, "s": ""}]),
        (PandasParameterType(FRAME), [{f"column {index}": index for index in range(300)}]),
        (PandasParameterType(pd.DataFrame([range(300)])), [{}]),
        (PandasParameterType(pd.DataFrame({"d": pd.to_datetime(["2020-01-01"])})), [{"d": "1T" * 10**6}]),
        (StandardPythonParameterType(dt.datetime(2020, 1, 1)), "1 " * 10**6),
        (StandardPythonParameterType(dt.date(2020, 1, 1)), "x" * 10**6),
    ],
)
def test_errors_stay_short_whatever_was_sent(kind, value):
    assert len(str(refusal(kind, value))) < 1500


@pytest.mark.parametrize("kind", [numpy_type([[1.0, 2.0, 3.0]]), PandasParameterType(pd.DataFrame({"a": [1.5]}))])
def test_the_last_of_many_rows_is_found(kind):
    width = 3 if isinstance(kind, NumpyParameterType) else 1
    good: Any = [1.0] * width if width == 3 else {"a": 1.5}
    bad: Any = [1.0, 2.0, "x"] if width == 3 else {"a": "x"}
    path = refusal(kind, [good] * 20_000 + [bad]).json_path
    assert path == ("$.data[20000][2]" if width == 3 else "$.data[20000].a")


# --- standard Python


@pytest.mark.parametrize(
    ("sample", "value", "expected"),
    [
        (1.5, 3, 3),
        (1, True, True),
        (np.float64(1.5), 2.5, 2.5),
        (dt.date(2020, 1, 1), "2020-02-29", dt.date(2020, 2, 29)),
        (dt.datetime(2020, 1, 1), "2020-01-05T01:02:03Z", dt.datetime(2020, 1, 5, 1, 2, 3, tzinfo=dt.UTC)),
        (dt.datetime(2020, 1, 1), "2020-01-02 03:04:05.000000 +0000", dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC)),
        (dt.time(1), "01:02:03.000000 +0000", dt.time(1, 2, 3, tzinfo=dt.UTC)),
        (bytearray(b"x"), "YWI=", bytearray(b"ab")),
        (range(3), [1, 2], [1, 2]),
        ((1,), [1, "x"], [1, "x"]),
        (OrderedDict(a=1), {"b": 2}, {"b": 2}),
        ({"a": 1}, {"anything": None}, {"anything": None}),
    ],
)
def test_standard_values(sample, value, expected):
    converted = StandardPythonParameterType(sample).convert(value)
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("sample", "value", "expected"),
    [
        (1, 1.5, "an integer"),
        (1.5, True, "a number"),
        ("x", 5, "a string"),
        (True, 1, "a boolean"),
        ([1], {"a": 1}, "an array"),
        ({"a": 1}, [1], "an object"),
        (b"x", "a", "a base64 string"),
        (b"x", 5, "a base64 string"),
        (dt.date(2020, 1, 1), "yesterday", "a date such as 2020-01-31"),
        (dt.date(2020, 1, 1), 5, "a date such as 2020-01-31"),
        (dt.datetime(2020, 1, 1), "no date at all", "a date-time such as 2020-01-31T12:30:00Z"),
        (dt.time(1), "25:00:00", "a time such as 12:30:00"),
    ],
)
def test_standard_errors(sample, value, expected):
    error = refusal(StandardPythonParameterType(sample), value)
    assert (error.json_path, error.expected) == ("$.data", expected)


def test_unusual_dates_without_dateutil_say_what_to_send(monkeypatch):
    kind = StandardPythonParameterType(dt.datetime(2020, 1, 1))
    assert kind.convert("January 5, 2020") == dt.datetime(2020, 1, 5)
    for name in ("dateutil", "dateutil.parser"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    assert "use ISO 8601, such as 2020-01-31T12:30:00Z" in str(refusal(kind, "January 5, 2020"))


def test_nested_types_convert_what_stands_in_their_place():
    kind = StandardPythonParameterType(
        {
            "rows": [numpy_type([[1.0, 2.0]])],
            "wrapped": StandardPythonParameterType([numpy_type([1.0])]),
            "frame": PandasParameterType(FRAME),
            "plain": 1,
        }
    )
    value = {"wrapped": [[1], [2, 3]], "frame": [{"i": 1, "f": 2, "s": "x"}], "more": 5}
    converted = kind.convert(value, "$.data")
    assert [item.tolist() for item in converted["wrapped"]] == [[1.0], [2.0, 3.0]]
    assert isinstance(converted["frame"], pd.DataFrame)
    assert converted["more"] == 5
    assert refusal(kind, {"wrapped": [[1], ["x"]]}).json_path == "$.data.wrapped[1][0]"
    assert refusal(kind, {"frame": [{"i": "x", "f": 2, "s": "x"}]}).json_path == "$.data.frame[0].i"


@pytest.mark.parametrize(
    ("sample", "items", "versions"),
    [
        ([1, 2.5], {"type": "number", "format": "double"}, ["2.0", "3.0", "3.1"]),
        ([None, "x", None], {"type": "string"}, ["2.0", "3.0", "3.1"]),
        (
            [[1], ["a"]],
            {"type": "array", "items": {"anyOf": [{"type": "integer", "format": "int64"}, {"type": "string"}]}},
            ["3.0", "3.1"],
        ),
        (
            [{"a": 1, "b": 2}, {"a": 2.5, "c": True}],
            {
                "type": "object",
                "required": ["a"],
                "properties": {
                    "a": {"type": "number", "format": "double"},
                    "b": {"type": "integer", "format": "int64"},
                    "c": {"type": "boolean"},
                },
            },
            ["2.0", "3.0", "3.1"],
        ),
    ],
)
def test_lists_are_described_by_all_items(sample, items, versions):
    kind = StandardPythonParameterType(sample)
    assert kind.input_to_swagger()["items"] == items
    assert kind.supported_versions() == versions


def test_empty_objects_do_not_require_nothing():
    assert StandardPythonParameterType({}).input_to_swagger() == {"type": "object", "properties": {}, "example": {}}


def test_schemas_are_copies():
    kind = numpy_type([[1.0, 2.0]])
    kind.input_to_swagger()["items"].clear()
    assert kind.input_to_swagger()["items"]["type"] == "array"


# --- types of users' own


class Celsius(AbstractParameterType):
    def deserialize_input(self, input_data: Any) -> Any:
        return (float(input_data["fahrenheit"]) - 32) / 1.8

    def input_to_swagger(self) -> Any:
        return {"type": "object", "example": {"fahrenheit": 50}}


class Doubled(NumpyParameterType):
    def deserialize_input(self, input_data: Any) -> Any:
        return super().deserialize_input(input_data) * 2


def test_a_type_of_ones_own():
    kind = Celsius(10.0)
    assert kind.convert({"fahrenheit": 50}) == 10.0
    assert kind.convert(5.0) == 5.0
    assert kind.supported_versions() == ["2.0", "3.0", "3.1"]
    assert kind.json_schema() == {"type": "object"}
    error = refusal(kind, {"celsius": 10})
    assert "expected a value for Celsius, got an object with the keys 'celsius'" in str(error)


def test_a_derived_type_keeps_its_own_conversion():
    kind = Doubled(np.array([1.0]))
    assert kind.convert([1, 2], quick=True).tolist() == [2.0, 4.0]
    assert "could not convert string to float: 'x'" in str(refusal(kind, ["x"]))
