"""Functions decorated by the original package, where it is installed: read once, then decoded by us."""

from __future__ import annotations

import functools
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("inference_schema", reason="the original inference-schema package is not installed")

from inference_schema.parameter_types.abstract_parameter_type import AbstractParameterType
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema

from jupyter_mldeploy import schema
from jupyter_mldeploy.schema import RequestError, read_contract, swagger_document
from jupyter_mldeploy.schema.foreign import AdaptedType

FRAME = pd.DataFrame({"a": [1], "b": ["x"]})


def plain(data, frame, nested=None, request_headers=None):
    return data


def decorated() -> Any:
    nested = StandardPythonParameterType({"inner": NumpyParameterType(np.array([1.0])), "rest": [1]})
    function = input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))(plain)
    function = input_schema("frame", PandasParameterType(FRAME, orient="split"))(function)
    function = input_schema("nested", nested, optional=True)(function)
    return output_schema(NumpyParameterType(np.array([1.5])))(function)


def test_the_undecorated_function_is_called_with_what_we_decode():
    contract = read_contract(decorated())
    assert contract.function is plain
    assert contract.mode == "json"
    assert contract.takes_request_headers
    assert [type(item.type) for item in contract.parameters] == [
        schema.NumpyParameterType,
        schema.PandasParameterType,
        schema.StandardPythonParameterType,
    ]
    assert [item.optional for item in contract.parameters] == [False, False, True]
    request = {"data": [[1, 2]], "frame": {"columns": ["a", "b"], "data": [[1, "y"]]}, "nested": {"inner": [1]}}
    values = contract.decode(json.dumps(request).encode())
    assert values["data"].tolist() == [[1.0, 2.0]]
    assert values["nested"]["inner"].tolist() == [1.0]
    with pytest.raises(RequestError, match=r"At \$\.data\[0\]\[1\]: expected a number"):
        contract.decode(json.dumps(request | {"data": [[1, "x"]]}).encode())


def test_the_document_is_that_of_our_own_decorators():
    ours = schema.input_schema("data", schema.NumpyParameterType(np.array([[1.0, 2.0]])))(lambda data: data)
    ours = schema.output_schema(schema.NumpyParameterType(np.array([1.5])))(ours)
    theirs = input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))(lambda data: data)
    theirs = output_schema(NumpyParameterType(np.array([1.5])))(theirs)
    assert swagger_document(read_contract(theirs), "2") == swagger_document(read_contract(ours), "2")


class Own(AbstractParameterType):
    def deserialize_input(self, input_data: Any) -> Any:
        input_data["changed"] = True
        return "own"

    def input_to_swagger(self) -> Any:
        return {"type": "object", "example": {"a": 1}}


def test_types_of_users_own_convert_by_themselves():
    def function(value):
        return value

    contract = read_contract(input_schema("value", Own(5))(function))
    assert contract.function is function
    assert isinstance(contract.parameters[0].type, AdaptedType)
    assert (
        contract.decode(b'{"value": {"a": 1}}') == contract.decode_reference(b'{"value": {"a": 1}}') == {"value": "own"}
    )
    assert contract.input_schema()["example"] == {"value": {"a": 1}}


def seen_by(log: list[Any]) -> Any:
    def decorator(function):
        @functools.wraps(function)
        def around(**arguments):
            log.append(arguments)
            return function(**arguments)

        return around

    return decorator


def test_other_decorators_around_leave_it_to_the_original():
    def around_schema(data):
        return data

    log: list[Any] = []
    function = seen_by(log)(input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))(around_schema))
    contract = read_contract(function)
    assert contract.function is function
    assert contract.mode == "json"
    assert contract.function(**contract.decode(b'{"data": [[1, 2]]}')).tolist() == [[1.0, 2.0]]
    assert log == [{"data": [[1, 2]]}]
    assert contract.sample_request() == {"data": [[1.0, 2.0]]}
    assert contract.supported_versions() == ["2.0", "3.0", "3.1"]
    assert contract.input_json_schema()["properties"]["data"]["type"] == "array"
    assert contract.output_json_schema() == {"type": "object"}
    assert not schema.batchable(contract).possible


def test_functions_that_it_did_not_decorate():
    assert read_contract(lambda data: data).mode == "text"
    own = schema.input_schema("data", schema.StandardPythonParameterType(1))(lambda data: data)
    assert read_contract(own).opaque is None
