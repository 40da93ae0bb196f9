"""Joining requests by rows and giving each its part of the result."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_mldeploy.schema import (
    BatchError,
    NumpyParameterType,
    PandasParameterType,
    StandardPythonParameterType,
    batchable,
    input_schema,
    read_contract,
    split,
    stack,
)

FRAME = pd.DataFrame({"a": [1.5], "b": ["x"]})
MATRIX = NumpyParameterType(np.array([[1.0, 2.0]]))


def contract_of(kind: Any, **settings: Any) -> Any:
    @input_schema("data", kind, **settings)
    def run(data):
        return data

    return read_contract(run)


@pytest.mark.parametrize(
    "kind", [MATRIX, NumpyParameterType(np.array([1])), PandasParameterType(FRAME), NumpyParameterType(np.array(["x"]))]
)
def test_arrays_and_frames_can_be_joined(kind):
    info = batchable(contract_of(kind))
    assert (info.possible, info.reason, info.parameters) == (True, "", ("data",))


def with_headers(data, request_headers):
    return data


def with_default(data=None):
    return data


def with_more(data, limit):
    return data


@pytest.mark.parametrize(
    ("contract", "reason"),
    [
        (read_contract(lambda data: data), "no input schema"),
        (read_contract(input_schema("data", MATRIX)(with_headers)), "request_headers"),
        (read_contract(input_schema("data", MATRIX)(with_default)), "'data' may be left out"),
        (read_contract(input_schema("data", MATRIX)(with_more)), "'limit' is not converted"),
        (contract_of(MATRIX, optional=True), "'data' may be left out"),
        (contract_of(MATRIX, convert_to_provided_type=False), "'data' is not converted"),
        (contract_of(StandardPythonParameterType([1])), "neither an array nor a frame"),
        (contract_of(NumpyParameterType(np.ones((1, 2)), enforce_shape=False)), "any dtype or shape"),
        (contract_of(NumpyParameterType(np.ones((1, 2)), enforce_column_type=False)), "any dtype or shape"),
        (contract_of(PandasParameterType(FRAME, enforce_shape=False)), "any columns"),
        (contract_of(PandasParameterType(FRAME, orient="index")), "row labels"),
    ],
)
def test_what_cannot_be_joined_says_why(contract, reason):
    info = batchable(contract)
    assert not info.possible
    assert reason in info.reason
    assert info.reason.endswith(".")


def test_joining_and_splitting():
    contract = contract_of(MATRIX)
    decoded = [contract.decode(json.dumps({"data": rows}).encode()) for rows in ([[1, 2]], [[3, 4], [5, 6]], [])]
    joined, sizes = stack(decoded)
    assert joined["data"].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert sizes == [1, 2, 0]
    assert split((joined["data"] * 2).tolist(), sizes) == [[[2, 4]], [[6, 8], [10, 12]], []]


def test_joining_several_parameters():
    requests = [{"x": np.ones((n, 2)), "y": FRAME.loc[[0] * n].reset_index(drop=True)} for n in (1, 3)]
    joined, sizes = stack(requests)
    assert sizes == [1, 3]
    assert joined["x"].shape == (4, 2)
    pd.testing.assert_frame_equal(joined["y"], pd.concat([FRAME] * 4, ignore_index=True))


def test_a_single_request_costs_nothing():
    array = np.ones((2, 2))
    joined, sizes = stack([{"data": array}])
    assert joined["data"] is array
    result = {"anything": "goes"}
    assert split(result, sizes)[0] is result


@pytest.mark.parametrize(
    ("requests", "text"),
    [
        ([], "no request to join"),
        ([{"a": np.ones(1)}, {"b": np.ones(1)}], "different arguments"),
        ([{"a": np.ones(1), "b": np.ones(2)}], "different numbers of rows"),
        ([{"a": None}], "different numbers of rows"),
        ([{"a": np.ones((1, 2))}, {"a": np.ones((1, 3))}], "differ in shape"),
        ([{"a": np.ones((1, 2))}, {"a": FRAME}], "differ in shape"),
        ([{"a": FRAME}, {"a": FRAME.rename(columns={"a": "z"})}], "differ in columns"),
        ([{"a": [1]}, {"a": [2]}], "type list cannot be joined"),
    ],
)
def test_requests_that_do_not_fit_each_other(requests, text):
    with pytest.raises(BatchError, match=text):
        stack(requests)


@pytest.mark.parametrize(
    ("result", "first", "second"),
    [
        ([1, 2, 3], [1], [2, 3]),
        ((1, 2, 3), (1,), (2, 3)),
        ({"scores": [1, 2, 3], "labels": ["a", "b", "c"]}, {"scores": [1], "labels": ["a"]}, None),
    ],
)
def test_results_of_plain_python(result, first, second):
    parts = split(result, [1, 2])
    assert parts[0] == first
    assert parts[1] == (second or {"scores": [2, 3], "labels": ["b", "c"]})


def test_results_of_arrays_and_frames():
    assert [part.tolist() for part in split(np.arange(3), [1, 2])] == [[0], [1, 2]]
    frame = pd.DataFrame({"a": [1, 2, 3]})
    alone = [pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2, 3]})]
    for part, expected in zip(split(frame, [1, 2]), alone, strict=True):
        pd.testing.assert_frame_equal(part, expected)
    assert split(frame["a"], [1, 2])[1].index.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("result", "text"),
    [
        ([1, 2], "has 2 rows, but 3 were passed"),
        (np.ones((4, 3)), "has 4 rows, but 3 were passed"),
        ("abc", "is a str, which has no rows"),
        (b"abc", "is a bytes, which has no rows"),
        (5, "is a int, which has no rows"),
        (None, "is a NoneType, which has no rows"),
        (np.array(3.0), "is a ndarray, which has no rows"),
        ({}, "empty dictionary"),
        ({"scores": [1, 2, 3], "model": "v1"}, "is a str, which has no rows"),
        ({"scores": [1, 2]}, "has 2 rows, but 3 were passed"),
    ],
)
def test_results_that_are_not_by_row_are_never_shared_out(result, text):
    with pytest.raises(BatchError, match=text):
        split(result, [1, 2])


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=6))
def test_everyone_gets_what_they_would_have_got_alone(sizes):
    start = 0
    requests = []
    for size in sizes:
        requests.append({"data": np.arange(start, start + size * 2.0).reshape(size, 2)})
        start += size * 2
    joined, rows = stack(requests)
    for part, request in zip(split(joined["data"].sum(axis=1), rows), requests, strict=True):
        assert part.tolist() == request["data"].sum(axis=1).tolist()


ARRAYS = st.one_of(
    *(
        st.tuples(
            st.integers(0, 3), st.sampled_from([(), (2,), (3,), (2, 2)]), st.sampled_from(["f8", "f4", "i8", "O"])
        ).map(lambda item: np.ones((item[0], *item[1]), item[2]))
        for _ in range(3)
    ),
    st.just(np.float64(1.0)),
    st.just(np.array(1.0)),
    st.just(np.ma.ones((1, 2))),
    st.just(FRAME),
    st.just([1.0]),
)


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(st.fixed_dictionaries({"a": ARRAYS}), st.sampled_from([{"b": np.ones(1)}, {}])), max_size=4))
def test_the_short_way_for_single_arrays_joins_or_refuses_like_the_long_one(requests):
    def outcome():
        try:
            joined, sizes = stack(requests)
        except (BatchError, ValueError) as error:
            return type(error), str(error)
        return {name: (type(value), getattr(value, "dtype", None), str(value)) for name, value in joined.items()}, sizes

    short = outcome()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jupyter_mldeploy.schema.batching._single_arrays", lambda decoded: None)
        assert short == outcome()
