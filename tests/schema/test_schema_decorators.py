"""Decorated functions: what they convert, how they stay callable, and what is refused while a script is imported."""

from __future__ import annotations

import asyncio
import functools
import inspect
from typing import Any

import cloudpickle
import numpy as np
import pandas as pd
import pytest

from jupyter_mldeploy.schema import (
    NumpyParameterType,
    PandasParameterType,
    SchemaDefinitionError,
    StandardPythonParameterType,
    get_input_schema,
    get_output_schema,
    get_schemas_dict,
    get_supported_versions,
    input_schema,
    is_schema_decorated,
    output_schema,
    request_error_of,
)

MATRIX = NumpyParameterType(np.array([[1.0, 2.0]]))
TEXT = StandardPythonParameterType("x")
NUMBER = StandardPythonParameterType(1)


@input_schema("data", MATRIX)
@input_schema("label", TEXT)
@output_schema(StandardPythonParameterType({"state": "ok"}))
def run(data, label="none"):
    """Score."""
    return data, label


def test_arguments_are_converted_by_position_and_by_name():
    for result in (run([[1, 2]], "a"), run(data=[[1, 2]], label="a"), run([[1, 2]], label="a")):
        data, label = result
        assert isinstance(data, np.ndarray)
        assert data.tolist() == [[1.0, 2.0]]
        assert label == "a"


def test_values_of_the_right_type_pass_as_they_are():
    array = np.ones((5, 7))
    assert run(array)[0] is array


def test_arguments_left_out_keep_their_default():
    assert run([[1, 2]])[1] == "none"
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'data'"):
        run()


def test_the_request_is_not_changed():
    request = [["1", "2"]]
    run(request)
    assert request == [["1", "2"]]
    nested = {"frame": [{"a": 1}], "plain": [1]}
    kind = StandardPythonParameterType({"frame": PandasParameterType(pd.DataFrame({"a": [1]})), "plain": [1]})
    converted = input_schema("value", kind)(lambda value: value)(nested)
    assert nested == {"frame": [{"a": 1}], "plain": [1]}
    assert isinstance(converted["frame"], pd.DataFrame)


def test_signature_name_and_docstring_stay():
    assert run.__name__ == "run"
    assert run.__doc__ == "Score."
    assert list(inspect.signature(run).parameters) == ["data", "label"]


def test_direct_callers_get_plain_value_errors_with_the_location_in_the_cause():
    with pytest.raises(ValueError, match="could not convert string to float: 'x'") as caught:
        run([[1, "x"]])
    assert type(caught.value) is ValueError
    refusal = request_error_of(caught.value)
    assert refusal is not None
    assert (refusal.json_path, refusal.parameter) == ("$.data[0][1]", "data")
    assert request_error_of(ValueError("other")) is None


def test_without_conversion_the_value_passes_but_is_described():
    @input_schema("data", MATRIX, convert_to_provided_type=False)
    def function(data):
        return data

    assert function("anything") == "anything"
    assert "data" in get_input_schema(function)["properties"]


@pytest.mark.parametrize("empty", [None, "", [], {}])
def test_optional_values_pass_when_empty(empty):
    @input_schema("data", MATRIX, optional=True)
    def function(data=None):
        return data

    assert function() is None
    assert function(empty) is empty
    assert function(data=empty) is empty
    assert isinstance(function([[1, 2]]), np.ndarray)


@pytest.mark.parametrize("value", [0, 0.0, False])
def test_zero_and_false_are_not_empty(value):
    @input_schema("data", MATRIX, optional=True)
    def matrix(data=None):
        return data

    @input_schema("count", StandardPythonParameterType(2), optional=True)
    def number(count=None):
        return count

    with pytest.raises(ValueError, match="expected an array of items"):
        matrix(value)
    if value is not False:
        assert number(0) == 0


def test_optional_arrays_have_no_truth_value_to_stumble_over():
    @input_schema("data", MATRIX, optional=True)
    def function(data=None):
        return data

    array = np.zeros((0, 2))
    assert function(data=array) is array


def test_async_functions_stay_async():
    @input_schema("data", MATRIX)
    async def function(data):
        return data.tolist()

    assert inspect.iscoroutinefunction(function)
    assert asyncio.run(function([[1, 2]])) == [[1.0, 2.0]]


def test_methods():
    class Model:
        @input_schema("data", MATRIX)
        def run(self, data):
            return type(data)

    assert Model().run([[1, 2]]) is np.ndarray
    assert Model().run(data=[[1, 2]]) is np.ndarray


def with_wraps(function: Any) -> Any:
    @functools.wraps(function)
    def around(*args, **kwargs):
        return function(*args, **kwargs)

    return around


def without_wraps(function: Any) -> Any:
    def around(*args, **kwargs):
        return function(*args, **kwargs)

    return around


@pytest.mark.parametrize("foreign", [with_wraps, without_wraps])
def test_other_decorators_inside_between_and_outside(foreign):
    @foreign
    @input_schema("data", MATRIX)
    @foreign
    @input_schema("label", TEXT)
    @foreign
    def function(data, label):
        return type(data), label

    assert function([[1, 2]], "a") == (np.ndarray, "a")
    assert function(data=[[1, 2]], label="a") == (np.ndarray, "a")
    assert is_schema_decorated(function)
    assert set(get_input_schema(function)["properties"]) == {"data", "label"}


def test_redefining_a_function_of_the_same_name_replaces_its_schema():
    def make(sample):
        @output_schema(StandardPythonParameterType(sample))
        def again():
            return None

        return again

    first, second = make(1), make("x")
    assert get_output_schema(first)["type"] == "integer"
    assert get_output_schema(second)["type"] == "string"
    assert get_schemas_dict()[f"{__name__}.again"]["output_schema"]["type"] == "string"


def test_schema_util_of_plain_functions():
    def plain(data):
        return data

    assert not is_schema_decorated(plain)
    assert get_input_schema(plain) == get_output_schema(plain) == {"type": "object"}
    assert get_supported_versions(plain) == ["2.0", "3.0", "3.1"]


def test_versions_are_those_that_all_decorators_allow():
    @input_schema("a", StandardPythonParameterType([1, "x"]))
    @input_schema("b", NUMBER)
    def function(a, b):
        return a, b

    assert get_supported_versions(function) == ["3.0", "3.1"]


def test_parameters_without_schema_are_described_by_their_default():
    @input_schema("data", MATRIX)
    def function(data, limit, mode="fast", request_headers=None):
        return data

    schema = get_input_schema(function)
    assert schema["properties"]["limit"] == schema["properties"]["mode"] == {}
    assert schema["example"] == {"data": [[1.0, 2.0]], "limit": "", "mode": "fast"}


def test_decorated_functions_of_a_notebook_can_be_pickled():
    source = (
        "import numpy as np\n"
        "from jupyter_mldeploy.schema import NumpyParameterType, input_schema\n"
        "@input_schema('data', NumpyParameterType(np.array([[1.0, 2.0]])))\n"
        "def run(data):\n"
        "    return data.tolist()\n"
    )
    namespace = {"__name__": "__main__"}
    exec(source, namespace)
    copy = cloudpickle.loads(cloudpickle.dumps(namespace["run"]))
    assert copy([[1, 2]]) == [[1.0, 2.0]]
    assert is_schema_decorated(copy)


@pytest.mark.parametrize("wrong", [np.array([1]), [1], NumpyParameterType, "data", None])
def test_a_sample_that_is_not_wrapped_is_refused(wrong):
    text = "^Error, provided param_type must be a subclassof the AbstractParameterType.$"
    with pytest.raises(SchemaDefinitionError, match=text):
        input_schema("data", wrong)
    text = "^Error, provided param_type must be a subclass of the AbstractParameterType.$"
    with pytest.raises(SchemaDefinitionError, match=text):
        output_schema(wrong)


def test_a_name_that_is_no_parameter_is_refused_at_once():
    def function(data):
        return data

    text = '^Error, provided param_name "input" is not in the decorated function.$'
    with pytest.raises(SchemaDefinitionError, match=text):
        input_schema("input", MATRIX)(function)
    assert input_schema("input", MATRIX, optional=True)(function)([[1, 2]]) == [[1, 2]]
    assert input_schema("input", MATRIX, convert_to_provided_type=False)(function)(1) == 1


def test_two_output_schemas_are_refused():
    @output_schema(NUMBER)
    def function():
        return 1

    with pytest.raises(
        SchemaDefinitionError, match=r"^Error, output schema already defined for function: .*\.function"
    ):
        output_schema(NUMBER)(function)


def test_two_input_schemas_of_one_parameter_are_refused_when_they_differ():
    @input_schema("data", MATRIX)
    def function(data):
        return data

    with pytest.raises(SchemaDefinitionError, match="input schema for parameter 'data' already defined"):
        input_schema("data", TEXT)(function)
    wider = input_schema("data", NumpyParameterType(np.ones((1, 3))))(function)
    assert wider([[1, 2, 3]]).shape == (1, 3)


def test_samples_without_schema_fail_where_they_are_used():
    with pytest.raises(ValueError, match=r"^Sample input cannot be None$"):
        input_schema("data", StandardPythonParameterType(None))
    with pytest.raises(TypeError, match="Actual error: Object of type ndarray is not JSON serializable"):
        output_schema(StandardPythonParameterType(np.array([1])))
