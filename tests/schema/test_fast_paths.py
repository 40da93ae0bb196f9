"""The shortcuts from bytes to arrays and frames against the reference path: same results, or the same refusal."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_mldeploy.schema import (
    NumpyParameterType,
    PandasParameterType,
    StandardPythonParameterType,
    input_schema,
    read_contract,
)
from jupyter_mldeploy.schema.errors import RequestError
from jupyter_mldeploy.schema.fast_decoding import fast_decoder

from .same_results import assert_same, outcome

MIXED = pd.DataFrame({"i": [1], "f": [1.5], "s": ["x"], "b": [True]})
NUMBERS = pd.DataFrame({"f": [1.5], "g": [2.5]})
NARROW = pd.DataFrame({"a": np.array([1], "int8"), "b": np.array([1], "float32"), "c": np.array([1], "uint16")})
OBJECTS = pd.DataFrame({"s": pd.Series(["x"], dtype=object), "d": pd.to_datetime(["2020-01-01"])})


def contract_of(*types: Any, **optional: Any) -> Any:
    names = ("data", "other", "third")[: len(types)]
    namespace: dict[str, Any] = {}
    exec(f"def run({', '.join(names)}): return None", namespace)
    function = namespace["run"]
    for name, kind in zip(names, types, strict=True):
        function = input_schema(name, kind, **optional)(function)
    return read_contract(function)


def short_way(contract: Any) -> Any:
    """The shortcut alone: it gives None where the reference path has to decide."""
    decode = fast_decoder(contract.parameters)
    assert decode is not None
    return decode


def array(*shape: int, dtype: Any = float, **keywords: Any) -> NumpyParameterType:
    return NumpyParameterType(np.ones(shape, dtype), **keywords)


CONTRACTS = {
    "float (n, 2)": contract_of(array(1, 2)),
    "float (n,)": contract_of(array(3)),
    "float (n, 2, 2)": contract_of(array(1, 2, 2)),
    "float32 (n, 2)": contract_of(array(1, 2, dtype="float32")),
    "float16 (n, 1)": contract_of(array(1, 1, dtype="float16")),
    "int (n, 2)": contract_of(array(1, 2, dtype="int64")),
    "int8 (n,)": contract_of(array(1, dtype="int8")),
    "uint64 (n,)": contract_of(array(1, dtype="uint64")),
    "uint16 (n, 2)": contract_of(array(1, 2, dtype="uint16")),
    "bool (n, 2)": contract_of(array(1, 2, dtype=bool)),
    "big-endian (n, 2)": contract_of(array(1, 2, dtype=">f8")),
    "any dtype": contract_of(array(1, 2, enforce_column_type=False)),
    "any shape": contract_of(array(1, 2, enforce_shape=False)),
    "optional": contract_of(array(1, 2), optional=True),
    "two arrays": contract_of(array(1, 2), array(2, dtype=int)),
    "array and text": contract_of(array(1, 2), StandardPythonParameterType("x")),
    "array and list": contract_of(array(1, 2), StandardPythonParameterType([1])),
    "frame of all kinds": contract_of(PandasParameterType(MIXED)),
    "frame of numbers": contract_of(PandasParameterType(NUMBERS)),
    "frame of narrow numbers": contract_of(PandasParameterType(NARROW)),
    "frame of objects": contract_of(PandasParameterType(OBJECTS)),
    "nested": contract_of(
        StandardPythonParameterType({"frame": PandasParameterType(NUMBERS), "array": array(1, 2), "plain": 1})
    ),
}

WILD_NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["1e400", "-0", "-0.0", "1E5", "9007199254740993", "18446744073709551615", "18446744073709551616"]),
    st.sampled_from(["1e-330", "0.1", "4.9e-324", "1.7976931348623157e308", "123456789012345678"]),
)
NUMBERS_LIKE = {
    "float": st.one_of(st.floats(-1e30, 1e30), st.integers(-5, 5), WILD_NUMBERS),
    "int": st.integers(-(2**63), 2**63 - 1),
    "small": st.integers(0, 127),
    "bool": st.booleans(),
}
oddities = st.sampled_from(["null", "true", "NaN", "-Infinity", '"1"', '"x"', '"["', '"\\u005b"', '"\\ud800"', "{}"])
space = st.sampled_from(["", "", "", " ", "\n\t"])


@dataclass(frozen=True)
class Like:
    """What bodies look like most of the time: the shape of an array and its numbers, or the columns of records."""

    shape: tuple[int, ...] = (2, 2)
    kind: str = "float"
    columns: str = ""


#: Text in the name of a contract → what its bodies look like.
LIKES = {
    "float (n,)": Like((3,)),
    "float (n, 2, 2)": Like((2, 2, 2)),
    "float16 (n, 1)": Like((2, 1)),
    "int (n, 2)": Like((2, 2), "int"),
    "int8 (n,)": Like((3,), "small"),
    "uint64 (n,)": Like((3,), "small"),
    "uint16 (n, 2)": Like((2, 2), "small"),
    "bool (n, 2)": Like((2, 2), "bool"),
    "frame of all kinds": Like(columns="ifsb"),
    "frame of numbers": Like(columns="fg"),
    "frame of narrow numbers": Like(columns="abc"),
    "frame of objects": Like(columns="sd"),
}


def spelled(item: Any) -> str:
    return item if isinstance(item, str) else json.dumps(item)


@st.composite
def texts(draw: Any, shape: tuple[int, ...], kind: str, odds: int) -> str:
    """JSON text of nested arrays of about ``shape``; one in ``odds`` members is something else."""
    strange = draw(st.integers(0, odds)) == 1
    if not shape:
        return draw(oddities) if strange else spelled(draw(NUMBERS_LIKE[kind]))
    if strange:
        return draw(st.one_of(oddities, texts(shape[1:], kind, 50), texts((1, *shape), kind, 50)))
    size = draw(st.integers(0, 3)) if draw(st.integers(0, odds)) == 1 else shape[0]
    gap = draw(space)
    return "[" + gap + f"{gap},{gap}".join(draw(texts(shape[1:], kind, odds)) for _ in range(size)) + gap + "]"


@st.composite
def records(draw: Any, names: str, odds: int) -> str:
    numbers = NUMBERS_LIKE["float"].map(spelled)
    plain = {
        "i": st.integers(-5, 5).map(str),
        "f": numbers,
        "g": st.sampled_from(["1.5", "2", "-0.0", "3e4"]),
        "s": st.text(max_size=3).map(json.dumps),
        "b": numbers if "a" in names else st.sampled_from(["true", "false"]),
        "a": st.integers(-128, 127).map(str),
        "c": st.integers(0, 65535).map(str),
        "d": st.sampled_from(['"2020-01-01"', '"2021-05-06T01:02:03"', "1577836800000", "1e300", "5"]),
    }
    rows = []
    for _ in range(draw(st.integers(0, 3))):
        odd = [draw(st.integers(0, odds)) == 1 for _ in names]
        members = [
            f"{json.dumps(name)}:{draw(st.one_of(oddities, WILD_NUMBERS.map(spelled)) if strange else plain[name])}"
            for name, strange in zip(names, odd, strict=True)
        ]
        if draw(st.integers(0, odds)) == 1:
            members = draw(st.sampled_from([members[1:], [*members, '"z":1'], [*members, members[0]], members[::-1]]))
        rows.append("{" + ",".join(members) + "}")
    return "[" + ",".join(rows) + "]"


@st.composite
def bodies(draw: Any, name: str) -> bytes:
    like = LIKES.get(name, Like())
    odds = draw(st.sampled_from([3, 30, 10**6]))
    frame, matrix = records(like.columns or "fg", odds), texts(like.shape, like.kind, odds)
    members = {"data": draw(frame if like.columns else matrix)}
    if name == "nested":
        members["data"] = f'{{"frame":{draw(frame)},"array":{draw(matrix)},"plain":1}}'
    elif name == "two arrays":
        members["other"] = draw(texts((2,), "int", odds))
    elif name.startswith("array and"):
        members["other"] = draw(st.sampled_from(['"x"', '"["', '"\\u005b"'] if "text" in name else ["[1]", "[[2],3]"]))
    if draw(st.integers(0, 3)) == 1:
        members["extra"] = draw(st.one_of(matrix, frame, oddities))
    parts = [f'"{key}"{draw(space)}:{text}' for key, text in members.items()]
    if draw(st.integers(0, 15)) == 1:
        parts.append(draw(st.sampled_from([f'"data":{draw(matrix)}', '"d\\u0061ta":[[1,2]]', '"[":1', '"other":"[["'])))
    encoded = ("{" + ",".join(parts) + "}").encode("utf-8", "surrogatepass")
    change = draw(st.integers(0, 40))
    if change == 1:
        encoded = b"\xef\xbb\xbf" + encoded
    elif change == 2:
        encoded = encoded.decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass")
    elif change == 3:
        position = draw(st.integers(0, len(encoded) - 1))
        encoded = encoded[:position] + draw(st.binary(max_size=2)) + encoded[position + 1 :]
    return encoded


def check(name: str, data: st.DataObject) -> None:
    assert_same_both_ways(CONTRACTS[name], data.draw(bodies(name)))


def assert_same_both_ways(contract: Any, body: bytes) -> None:
    assert_same(outcome(lambda: contract.decode(body)), outcome(lambda: contract.decode_reference(body)))


#: Bodies for each contract in the long comparison; other ones in each run. ``MLDEPLOY_FUZZ`` asks for the full length.
AT_LENGTH = 1000 if "MLDEPLOY_FUZZ" in os.environ else 250


@pytest.mark.parametrize("name", CONTRACTS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_same_result_or_same_refusal(name, data):
    check(name, data)


@pytest.mark.slow
@pytest.mark.parametrize("name", CONTRACTS)
@settings(max_examples=AT_LENGTH, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_same_result_or_same_refusal_at_length(name, data):
    check(name, data)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("float (n, 2)", b'{"data":[[1,2],[3,4.5]]}'),
        ("float (n, 2)", b'{"data":[[18446744073709551615,-0.0]]}'),
        ("float (n,)", b'{"data":[1,2,3]}'),
        ("float (n, 2, 2)", b'{"data":[[[1,2],[3,4]]]}'),
        ("float32 (n, 2)", b'{"data":[[1e300,0.1]]}'),
        ("int8 (n,)", b'{"data":[127,-128]}'),
        ("uint64 (n,)", b'{"data":[18446744073709551615]}'),
        ("two arrays", b'{"data":[[1,2]],"other":[3]}'),
        ("two arrays", b'{"other":[3],"ignored":["[",[1]],"data":[[1,2]]}'),
        ("array and text", b'{"data":[[1,2]],"other":"a [text]"}'),
        ("array and list", b'{"data":[[1,2]],"other":[5,[6]]}'),
    ],
)
def test_numeric_arrays_take_the_short_way(name, body):
    contract = CONTRACTS[name]
    values = short_way(contract)(body)
    assert values is not None
    assert_same(values, contract.decode_reference(body))


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("float (n, 2)", b'{"data":[[1,2],[[3],4]]}'),
        ("float (n, 2)", b'{"data":[[1,2],[3],[4,5,6]]}'),
        ("float (n, 2)", b'{"data":[[1,2]],"data":[[3,4]]}'),
        ("float (n,)", b'{"data":[[1],[2]]}'),
        ("float (n,)", b'{"data":[1,[2]]}'),
        ("float (n, 2, 2)", b'{"data":[[[1],[2,3,4]]]}'),
        ("int8 (n,)", b'{"data":[128]}'),
        ("array and text", b'{"data":[[[1],2]],"other":"\\u005b"}'),
        ("array and list", b'{"data":[[[1],2]],"other":["\\u005b"]}'),
    ],
)
def test_flattening_never_passes_for_the_right_shape(name, body):
    contract = CONTRACTS[name]
    assert short_way(contract)(body) is None
    assert_same(outcome(lambda: contract.decode(body)), outcome(lambda: contract.decode_reference(body)))


@pytest.mark.parametrize("key", ["\\u0000", "data\\u0000", "data\\u0000[", "\\u0000data", "a\\u0000b"])
def test_keys_with_a_zero_character_are_keys_like_others(key):
    for name in ("float (n, 2)", "two arrays", "array and list", "frame of numbers"):
        contract = CONTRACTS[name]
        data = '[{"f":1.0,"g":2.0}]' if name.startswith("frame") else "[[1,2]]"
        for value in ("1", "[[3,4]]", '{"\\u0000":[1]}'):
            body = f'{{"{key}":{value},"data":{data},"other":[1]}}'.encode()
            assert_same_both_ways(contract, body)


@pytest.mark.parametrize("name", ["frame of all kinds", "frame of objects", "array and text"])
@pytest.mark.parametrize("text", ["\\ud800", "x\\udfffy", "\\ud83d\\ude00", "\\ude00\\ud83d"])
def test_halves_of_surrogate_pairs(name, text):
    for number in ("1.5", "NaN"):  # with NaN not even simdjson helps
        record = f'[{{"i":1,"f":{number},"s":"{text}","b":true}}]'
        data = {"frame of all kinds": record, "frame of objects": f'[{{"s":"{text}","d":"2020-01-01"}}]'}
        body = f'{{"data":{data.get(name, "[[1,2]]")},"other":"{text}"}}'.encode()
        assert_same_both_ways(CONTRACTS[name], body)


def test_large_bodies_are_checked_for_depth_as_well():
    rows = np.arange(4000.0).reshape(-1, 2).tolist()
    contract = CONTRACTS["float (n, 2)"]
    good = json.dumps({"data": rows}).encode()
    assert_same(short_way(contract)(good), {"data": np.arange(4000.0).reshape(-1, 2)})
    rows[1000] = [[1.0], 2.0]
    bad = json.dumps({"data": rows}).encode()
    assert short_way(contract)(bad) is None
    with pytest.raises(RequestError, match=r"\$\.data\[1000\]"):
        contract.decode(bad)


def test_thousands_of_keys_are_not_looked_up_one_by_one():
    members = {f"key {index}": index for index in range(5000)} | {"data": [[1, 2]], "other": [3]}
    contract = CONTRACTS["two arrays"]
    assert short_way(contract)(json.dumps(members).encode()) is None
    assert contract.decode(json.dumps(members).encode())["data"].tolist() == [[1, 2]]


def test_arrays_own_their_memory_and_may_be_changed():
    contract = CONTRACTS["float (n, 2)"]
    first = contract.decode(b'{"data":[[1,2],[3,4]]}')["data"]
    for _ in range(50):
        contract.decode(b'{"data":[[9,9],[9,9]]}')["data"][:] = 7
    assert first.tolist() == [[1, 2], [3, 4]]
    first[0, 0] = 5
    assert first.tolist() == [[5, 2], [3, 4]]


def test_decoding_in_many_threads_at_once():
    contract = CONTRACTS["two arrays"]
    wrong: list[Any] = []

    def work(seed: int) -> None:
        for step in range(200):
            size = (seed * 7 + step) % 9 + 1
            rows = [[seed, index] for index in range(size)]
            values = contract.decode(json.dumps({"data": rows, "other": [step]}).encode())
            if values["data"].tolist() != rows or values["other"].tolist() != [step]:
                wrong.append(rows)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_without_simdjson_everything_goes_the_long_way(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "simdjson", None)
    contract = contract_of(array(1, 2))
    assert fast_decoder(contract.parameters) is None
    assert contract.decode(b'{"data":[[1,2]]}')["data"].tolist() == [[1, 2]]
