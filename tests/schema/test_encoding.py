"""Results as JSON: the same with and without orjson, and clear words for what JSON cannot hold."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import math
import uuid
from collections import OrderedDict, UserDict, namedtuple
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_mldeploy.schema import ResponseError, encode, encoding

Point = namedtuple("Point", "x y")


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Score:
    label: str
    value: Any


class Tensor:
    def tolist(self):
        return [[1.0, 2.0]]


ZONE = dt.timezone(dt.timedelta(hours=2))

CASES: list[tuple[Any, Any]] = [
    ({"a": 1, "é": "ü", "nan": math.nan}, {"a": 1, "é": "ü", "nan": None}),
    ([math.inf, -math.inf, 1.5, -0.0], [None, None, 1.5, -0.0]),
    ((1, (2, 3)), [1, [2, 3]]),
    (Point(1, 2), [1, 2]),
    ([Point(1, np.int64(2))], [[1, 2]]),
    (OrderedDict(a=1), {"a": 1}),
    (UserDict(a=1), {"a": 1}),
    ({1: "a", 2.5: "b", False: "c", None: "d"}, {"1": "a", "2.5": "b", "false": "c", "null": "d"}),
    ({Level.HIGH: 1}, {"3": 1}),
    ({np.int64(7): 1, dt.date(2020, 1, 2): 2}, {"7": 1, "2020-01-02": 2}),
    (2**70, 2**70),
    ([2**63, -(2**63)], [2**63, -(2**63)]),
    ("lone \ud800", "lone \ud800"),
    ([Colour.RED, Level.HIGH], ["red", 3]),
    (Score("x", np.float64(1.5)), {"label": "x", "value": 1.5}),
    (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    (dt.datetime(2020, 1, 2, 3, 4, 5, 600), "2020-01-02T03:04:05.000600"),
    (dt.datetime(2020, 1, 2, tzinfo=ZONE), "2020-01-02T00:00:00+02:00"),
    ([dt.date(2020, 1, 2), dt.time(3, 4)], ["2020-01-02", "03:04:00"]),
    (dt.timedelta(days=1, hours=2, microseconds=500000), "P1DT2H0M0.5S"),
    (np.array([[1.5, np.nan], [2, np.inf]]), [[1.5, None], [2.0, None]]),
    (np.arange(6)[::2], [0, 2, 4]),
    (np.asfortranarray([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    (np.array([1, 2], ">i4"), [1, 2]),
    (np.array(5.0), 5.0),
    (np.array([True, False]), [True, False]),
    (np.array(["a", "b"]), ["a", "b"]),
    (np.array([1, "x", None], object), [1, "x", None]),
    (np.array([0.1], "float32"), [0.1]),
    (np.array([0.1], "float16"), [0.099975586]),
    (np.array([0.25], "longdouble"), [0.25]),
    (np.float32(0.1), 0.1),
    ([np.float64(1.5), np.float64("nan"), np.int8(1), np.bool_(True), np.str_("x")], [1.5, None, 1, True, "x"]),
    (np.array([(1, "x")], [("a", "i4"), ("b", "U1")]), [{"a": 1, "b": "x"}]),
    (np.array(["2020-01-01", "NaT"], "datetime64[D]"), ["2020-01-01T00:00:00", None]),
    (np.array(["1970-01-01"], "datetime64[D]"), ["1970-01-01T00:00:00"]),
    ({"a": [np.datetime64("NaT", "s")], "b": np.timedelta64(90, "s")}, {"a": [None], "b": "P0DT0H1M30S"}),
    (Tensor(), [[1.0, 2.0]]),
    (pd.Series([1.5, None]), [1.5, None]),
    (pd.Series(["x", None], dtype=object), ["x", None]),
    (pd.Index([1, 2]), [1, 2]),
    (pd.array([1, None], dtype="Int64"), [1, None]),
    ([pd.Timestamp("2020-01-01", tz="UTC"), pd.NaT, pd.NA], ["2020-01-01T00:00:00+00:00", None, None]),
    (pd.Timedelta("1 days"), "P1DT0H0M0S"),
    (pd.Period("2020-01"), "2020-01"),
    (
        pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.to_datetime(["2020-01-01", None])}),
        [{"a": 1, "b": "x", "c": "2020-01-01T00:00:00"}, {"a": 2, "b": None, "c": None}],
    ),
    ({"frame": pd.DataFrame({"a": [1]}), "n": 1}, {"frame": [{"a": 1}], "n": 1}),
]


@pytest.fixture(params=["with orjson", "without orjson"])
def engine(request, monkeypatch):
    if request.param == "without orjson":
        monkeypatch.setattr(encoding, "_orjson", lambda: None)


def strict(text: Any) -> Any:
    def refuse(name: str) -> Any:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize(("value", "expected"), CASES, ids=[str(index) for index in range(len(CASES))])
@pytest.mark.usefixtures("engine")
def test_values(value, expected):
    assert repr(strict(encode(value))) == repr(expected)


@pytest.mark.parametrize(
    ("value", "type_name", "path", "text"),
    [
        (b"x", "bytes", "$", "encode them with base64"),
        ({"a": [1, {2}]}, "set", "$.a[1]", "return a list"),
        ({"a b": (item for item in [1])}, "generator", "$.['a b']".replace(".[", "["), "return a list"),
        ([1j], "complex", "$[0]", "real and imaginary"),
        (np.array([1j]), "complex128", "$[0]", "not JSON serializable"),
        ([object()], "object", "$[0]", "Object of type object is not JSON serializable"),
        ({"f": print}, "builtin_function_or_method", "$.f", "not JSON serializable"),
        ({(1, 2): 3}, "tuple", "$", "keys must be str, int, float, bool or None, not tuple"),
        (Score("x", b"y"), "bytes", "$.value", "not JSON serializable"),
        (np.array([b"x"]), "bytes_", "$[0]", "not JSON serializable"),
        (pd.DataFrame({"a": [{1}]}), "set", "$[0].a", "not JSON serializable"),
    ],
)
@pytest.mark.usefixtures("engine")
def test_what_json_cannot_hold(value, type_name, path, text):
    with pytest.raises(ResponseError) as caught:
        encode(value)
    assert (caught.value.type_name, caught.value.json_path) == (type_name, path)
    assert text in str(caught.value)
    assert isinstance(caught.value, TypeError)


@pytest.mark.usefixtures("engine")
def test_results_that_contain_themselves_or_have_no_end():
    circle: list[Any] = []
    circle.append({"inner": circle})
    with pytest.raises(
        ResponseError, match=r"Circular reference detected: the result contains itself at \$\[0\]\.inner"
    ):
        encode(circle)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ResponseError, match="too many arrays or objects inside each other"):
        encode(deep)
    shared = [1]
    assert strict(encode([shared, shared])) == [[1], [1]]


@pytest.mark.usefixtures("engine")
def test_moderate_depth_is_written():
    deep: list[Any] = [np.float64(1)]
    for _ in range(300):
        deep = [deep]
    encoded = encode(deep)
    assert encoded == b"[" * 301 + b"1.0" + b"]" * 301


@pytest.mark.parametrize(
    ("orient", "expected"),
    [
        ("records", [{"a": 1, "b": "x"}]),
        ("split", {"index": ["r"], "columns": ["a", "b"], "data": [[1, "x"]]}),
        ("index", {"r": {"a": 1, "b": "x"}}),
        ("columns", {"a": {"r": 1}, "b": {"r": "x"}}),
        ("values", [[1, "x"]]),
    ],
)
def test_orients_of_frames(orient, expected):
    assert strict(encode(pd.DataFrame({"a": [1], "b": ["x"]}, index=["r"]), orient=orient)) == expected


def test_frames_as_tables_can_be_read_back():
    frame = pd.DataFrame({"a": [1.5], "b": ["x"]})
    table = strict(encode(frame, orient="table"))
    assert [field["name"] for field in table["schema"]["fields"]] == ["index", "a", "b"]
    assert table["data"] == [{"index": 0, "a": 1.5, "b": "x"}]


keys = st.one_of(st.text(max_size=3), st.integers(-9, 9), st.booleans(), st.none())
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.datetimes(),
    st.timedeltas(),
    st.floats(width=32).map(np.float32),
    st.integers(-9, 9).map(np.int16),
    st.lists(st.floats(), max_size=3).map(np.array),
    st.binary(max_size=2),
)
results = st.recursive(
    leaves, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)), max_leaves=8
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(results)
def test_both_ways_give_the_same_json_or_the_same_refusal(value):
    def outcome(write: Any) -> Any:
        try:
            return repr(strict(write()))
        except ResponseError as error:
            return str(error)

    assert outcome(lambda: encode(value)) == outcome(lambda: encoding._encode_by_hand(value, "records"))
