"""The contract read from functions of every form, and what it makes of requests."""

from __future__ import annotations

import functools
import inspect
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jupyter_mldeploy.schema import (
    ContractError,
    NumpyParameterType,
    PandasParameterType,
    RequestError,
    StandardPythonParameterType,
    input_schema,
    output_schema,
    read_contract,
)

MATRIX = NumpyParameterType(np.array([[1.0, 2.0]]))
TEXT = StandardPythonParameterType("x")
NUMBER = StandardPythonParameterType(1)


@input_schema("a", NUMBER)
@input_schema("b", TEXT)
@output_schema(StandardPythonParameterType([1.0]))
def run(a, b="dflt", c=None, request_headers=None):
    return {"a": a, "b": b, "c": c}


def body(**members: Any) -> bytes:
    return json.dumps(members).encode()


def refusal(function: Any, request: bytes) -> str:
    with pytest.raises(RequestError) as caught:
        read_contract(function).decode(request)
    return str(caught.value)


# --- reading


def test_a_contract():
    contract = read_contract(run)
    assert contract.mode == "json"
    assert [(item.name, item.convert, item.required) for item in contract.parameters] == [
        ("a", True, True),
        ("b", True, False),
        ("c", False, False),
    ]
    assert contract.takes_request_headers
    assert contract.output is not None
    assert contract.function is inspect.unwrap(run)


def test_without_decorators_the_body_is_text():
    def function(raw_data, method="predict", request_headers=None):
        return raw_data

    contract = read_contract(function)
    assert contract.mode == "text"
    assert contract.function is function
    assert contract.decode("ä {".encode()) == {"raw_data": "ä {"}
    assert contract.decode(b"") == {"raw_data": ""}
    message = "Input cannot be decoded as UTF-8: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"
    assert refusal(function, b"\xff") == message


def test_rawhttp_takes_the_request_itself():
    def function(request):
        return request

    function.__mldeploy_rawhttp__ = True
    contract = read_contract(function)
    assert contract.rawhttp
    for decode in (contract.decode, contract.decode_reference):
        with pytest.raises(ContractError, match="takes the request itself"):
            decode(b"{}")
    with pytest.raises(ContractError, match="takes the request itself"):
        contract.decode_query([])


@pytest.mark.parametrize("schema_outside", [True, False])
def test_rawhttp_and_schema_exclude_each_other(schema_outside):
    def function(data):
        return data

    if schema_outside:
        function.__mldeploy_rawhttp__ = True
    function = input_schema("data", MATRIX)(function)
    if not schema_outside:
        function.__mldeploy_rawhttp__ = True
    with pytest.raises(ContractError, match=r"^run\(\) cannot be decorated with both @rawhttp and @input_schema$"):
        read_contract(function)


def no_parameter():
    return 1


def only_headers(request_headers):
    return request_headers


def positional_only(data, /):
    return data


def star(*data):
    return data


def double_star(**data):
    return data


def two_required(data, model_name):
    return data, model_name


@pytest.mark.parametrize(
    ("function", "text"),
    [
        (no_parameter, r"^run\(\) needs to accept an argument for input data.$"),
        (only_headers, r'^run\(\) needs to accept an argument other than "request_headers".$'),
        (positional_only, r"^run\(\) cannot accept positional-only arguments, \*args, or \*\*kwargs.$"),
        (star, r"^run\(\) cannot accept positional-only arguments"),
        (double_star, r"^run\(\) cannot accept positional-only arguments"),
        (two_required, "requires 'model_name' besides 'data', but without @input_schema"),
        (5, "cannot be called or its signature cannot be read"),
    ],
)
def test_functions_that_no_request_reaches(function, text):
    with pytest.raises(ContractError, match=text):
        read_contract(function)


class Scorer:
    @input_schema("data", MATRIX)
    def run(self, data):
        return self, data

    def __call__(self, data):
        return data


def test_other_callables():
    assert read_contract(lambda data: data).mode == "text"
    assert read_contract(functools.partial(two_required, model_name="m")).decode(b"x") == {"data": "x"}
    assert read_contract(Scorer()).parameters[0].name == "data"


def test_a_decorated_method_is_called_on_its_instance():
    scorer = Scorer()
    contract = read_contract(scorer.run)
    assert [item.name for item in contract.parameters] == ["data"]
    this, data = contract.function(**contract.decode(b'{"data": [[1, 2]]}'))
    assert this is scorer
    assert data.tolist() == [[1.0, 2.0]]


def test_keyword_only_parameters():
    @input_schema("data", MATRIX)
    @input_schema("label", TEXT)
    def function(*, data, label="y"):
        return data, label

    assert read_contract(function).decode(b'{"data": [[1, 2]]}')["label"] == "y"
    assert function(data=[[1, 2]])[0].tolist() == [[1.0, 2.0]]


def seen_by(log: list[Any]) -> Any:
    def decorator(function):
        @functools.wraps(function)
        def around(**arguments):
            log.append(arguments)
            return function(**arguments)

        return around

    return decorator


def test_decorators_around_the_schema_see_what_the_request_holds():
    log: list[Any] = []

    @seen_by(log)
    @input_schema("data", MATRIX)
    def function(data):
        return data

    contract = read_contract(function)
    assert contract.mode == "json"
    assert contract.function is function
    assert contract.function(**contract.decode(b'{"data": [[1, 2]]}')).tolist() == [[1.0, 2.0]]
    assert log == [{"data": [[1, 2]]}]
    assert contract.input_schema()["example"] == {"data": [[1.0, 2.0]]}


def test_decorators_between_schemas_see_what_the_outer_ones_converted():
    log: list[Any] = []

    @input_schema("data", MATRIX)
    @seen_by(log)
    @input_schema("when", StandardPythonParameterType(b"x"))
    def function(data, when):
        return data, when

    contract = read_contract(function)
    data, when = contract.function(**contract.decode(b'{"data": [[1, 2]], "when": "YWI="}'))
    assert (data.tolist(), when) == ([[1.0, 2.0]], b"ab")
    assert isinstance(log[0]["data"], np.ndarray)
    assert log[0]["when"] == "YWI="


def test_a_decorator_without_wraps_hides_the_signature():
    def hiding(function):
        def around(*args, **kwargs):
            return function(*args, **kwargs)

        return around

    with pytest.raises(ContractError, match="cannot accept positional-only"):
        read_contract(hiding(run))


def test_only_an_output_schema_makes_the_body_json():
    @output_schema(NUMBER)
    def function(data):
        return data

    contract = read_contract(function)
    assert contract.decode(b'{"data": [1, "x"]}') == {"data": [1, "x"]}
    assert contract.input_schema() == {"type": "object"}


# --- decoding


@pytest.mark.parametrize(
    ("request_body", "text"),
    [
        (b"", "POST body is empty. Expecting a JSON dictionary."),
        (b"[1, 2]", "POST body should be a JSON dictionary."),
        (b"null", "POST body should be a JSON dictionary."),
        (b'"x"', "POST body should be a JSON dictionary."),
        (
            b'{"data": [[1,2',
            "POST body could not be decoded as JSON: Expecting ',' delimiter: line 1 column 15 (char 14)",
        ),
        (b" ", "POST body could not be decoded as JSON: Expecting value: line 1 column 2 (char 1)"),
        (b'{"a": 1} x', "POST body could not be decoded as JSON: Extra data: line 1 column 10 (char 9)"),
        (
            b'{"a": "\xff"}',
            "POST body could not be decoded as JSON: 'utf-8' codec can't decode byte 0xff in position 7: invalid start "
            "byte",
        ),
        (b'{"x": 1}', "A value is not provided for the 'a' parameter."),
        (
            b'{"a": "s"}',
            "Invalid input data type to parse. Expected: <class 'int'> but got <class 'str'>. "
            'At $.a: expected an integer, got the string "s".',
        ),
    ],
)
def test_refused_bodies(request_body, text):
    assert refusal(run, request_body) == text


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_bodies_of_any_depth_are_answered(depth):
    deep = b'{"a": ' + b"[" * depth + b"]" * depth + b"}"
    assert refusal(run, deep).startswith(
        ("POST body could not be decoded as JSON: too many", "Invalid input data type")
    )


def test_integers_of_thousands_of_digits_are_refused():
    assert "POST body could not be decoded as JSON" in refusal(run, b'{"a": ' + b"9" * 5000 + b"}")


def test_what_the_refusal_says_to_programs():
    with pytest.raises(RequestError) as caught:
        read_contract(run).decode(b'{"b": "y"}')
    assert caught.value.to_dict() == {
        "message": "A value is not provided for the 'a' parameter.",
        "json_path": "$.a",
        "expected": "an integer",
        "got": "nothing",
        "parameter": "a",
    }


@pytest.mark.parametrize(
    ("request_body", "expected"),
    [
        (body(a=1, b="y", c=[1]), {"a": 1, "b": "y", "c": [1]}),
        (body(a=1), {"a": 1, "b": "dflt", "c": None}),
        (body(a=1, more=2, request_headers={"x": 1}), {"a": 1, "b": "dflt", "c": None}),
        (b'{"a": 1, "a": 2}', {"a": 2, "b": "dflt", "c": None}),
        (b"\xef\xbb\xbf" + body(a=1), {"a": 1, "b": "dflt", "c": None}),
        ('{"a": 1, "b": "ä"}'.encode("utf-16"), {"a": 1, "b": "ä", "c": None}),
        (body(a=1, b="ä")[:-1] + b"}\n", {"a": 1, "b": "ä", "c": None}),
    ],
)
def test_accepted_bodies(request_body, expected):
    contract = read_contract(run)
    assert contract.decode(request_body) == contract.decode_reference(request_body) == expected


def test_nan_and_infinity_are_accepted_as_python_writes_them():
    @input_schema("data", MATRIX)
    def function(data):
        return data

    values = read_contract(function).decode(b'{"data": [[NaN, Infinity]]}')
    np.testing.assert_array_equal(values["data"], [[np.nan, np.inf]])


def test_defaults_are_converted_when_they_can_be_and_are_fresh_each_time():
    @input_schema("data", MATRIX)
    @input_schema("label", TEXT)
    @input_schema("tags", StandardPythonParameterType(["x"]))
    def function(data=[[5, 6]], label=None, tags=[]):  # noqa: B006
        return data, label, tags

    contract = read_contract(function)
    first = contract.decode(b"{}")
    assert first["data"].tolist() == [[5.0, 6.0]]
    assert first["label"] is None
    first["data"][:] = 0
    first["tags"].append("changed")
    second = contract.decode(b"{}")
    assert second["data"].tolist() == [[5.0, 6.0]]
    assert second["tags"] == []


def test_optional_parameters():
    @input_schema("data", MATRIX, optional=True)
    @input_schema("limit", NUMBER, optional=True)
    def function(data, limit=None):
        return data, limit

    contract = read_contract(function)
    for decode in (contract.decode, contract.decode_reference):
        assert decode(b'{"data": null}') == {"data": None, "limit": None}
        assert decode(b'{"data": [], "limit": 0}') == {"data": [], "limit": 0}
        assert decode(b'{"data": [[1, 2]]}')["data"].tolist() == [[1.0, 2.0]]
    assert refusal(function, b"{}") == "A value is not provided for the 'data' parameter."
    assert refusal(function, b'{"data": [], "limit": "x"}').endswith(
        'At $.limit: expected an integer, got the string "x".'
    )


def test_the_path_leads_to_the_value_in_frames_and_nested_objects():
    frame = PandasParameterType(pd.DataFrame({"age": [1], "full name": ["x"]}))

    @input_schema("Inputs", StandardPythonParameterType({"data": frame}))
    def function(Inputs):
        return Inputs

    request = body(Inputs={"data": [{"age": 1, "full name": "a"}, {"age": "old", "full name": "b"}]})
    assert "At $.Inputs.data[1].age: expected int64 values in column 'age', got the string \"old\"." in refusal(
        function, request
    )


# --- queries


def test_queries():
    contract = read_contract(run)
    assert contract.decode_query([("a", "5"), ("b", "z")]) == {"a": 5, "b": "z", "c": None}
    assert contract.decode_query([("a", "5"), ("b", "7")])["b"] == "7"
    assert contract.decode_query([("a", "1"), ("c", "1"), ("c", "x"), ("c", "[2]")])["c"] == [1, "x", [2]]
    with pytest.raises(RequestError, match=r"^A value is not provided for the 'a' parameter.$"):
        contract.decode_query([])
    with pytest.raises(RequestError, match="got an array of 2 items"):
        contract.decode_query([("a", "1"), ("b", "x"), ("b", "y")])


def test_queries_of_a_function_without_schema_become_json_text():
    pairs = [("mode", "x"), ("a", "1"), ("a", "b"), ("c", "[1,2]")]
    expected = {"data": '{"mode": "x", "a": [1, "b"], "c": [1, 2]}'}
    assert read_contract(lambda data: data).decode_query(pairs) == expected


def test_arrays_in_queries():
    @input_schema("data", MATRIX)
    def function(data):
        return data

    assert read_contract(function).decode_query([("data", "[[1,2]]")])["data"].tolist() == [[1.0, 2.0]]


# --- samples and results


def test_the_sample_request_is_accepted():
    frame = pd.DataFrame({"d": pd.to_datetime(["2020-01-01"]), "t": pd.to_timedelta(["1 days"]), "c": ["x"]})

    @input_schema("frame", PandasParameterType(frame))
    @input_schema("matrix", MATRIX)
    @input_schema("days", NumpyParameterType(np.array(["2020-01-01"], "datetime64[D]")))
    @input_schema("file", StandardPythonParameterType(b"ab"))
    def function(frame, matrix, days, file, limit=3):
        return frame

    contract = read_contract(function)
    sample = contract.sample_request()
    assert sample["limit"] == 3
    values = contract.decode(json.dumps(sample).encode())
    pd.testing.assert_frame_equal(values["frame"], frame)
    assert values["file"] == b"ab"
    assert values["days"].tolist() == np.array(["2020-01-01"], "datetime64[D]").tolist()
    assert read_contract(lambda data: data).sample_request() == {}


def test_json_schema_for_forms():
    @input_schema("data", MATRIX)
    @input_schema("frame", PandasParameterType(pd.DataFrame({"a": [1], "b": [1.5]})))
    def function(data, frame, limit=3):
        return data

    schema = read_contract(function).input_json_schema()
    assert schema["required"] == ["data", "frame"]
    assert schema["properties"]["data"]["items"] == {
        "type": "array",
        "items": {"type": "number", "format": "double"},
        "minItems": 2,
        "maxItems": 2,
    }
    assert schema["properties"]["frame"]["items"] == {
        "type": "object",
        "required": ["a", "b"],
        "properties": {
            "a": {"type": "integer", "format": "int64", "minimum": -(2**63), "maximum": 2**63 - 1},
            "b": {"type": "number", "format": "double"},
        },
        "additionalProperties": False,
    }
    assert schema["properties"]["limit"] == {}
    assert schema["example"]["limit"] == 3


def test_results():
    contract = read_contract(run)
    assert contract.encode(None) == b"{}"
    assert contract.encode([None]) == b"[null]"

    @output_schema(PandasParameterType(pd.DataFrame({"a": [1]}), orient="split"))
    def function(data):
        return data

    encoded = read_contract(function).encode(pd.DataFrame({"a": [1, 2]}))
    assert json.loads(encoded) == {"index": [0, 1], "columns": ["a"], "data": [[1], [2]]}


def test_contracts_are_frozen():
    contract = read_contract(run)
    with pytest.raises(AttributeError):
        contract.mode = "text"
