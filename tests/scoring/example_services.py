"""Entry scripts of every kind of contract; none of them can fail on what its own schema allows."""

from __future__ import annotations

_HEAD = """
import datetime
import numpy as np
import pandas as pd
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.parameter_types.abstract_parameter_type import AbstractParameterType


def init():
    pass


"""

_FRAME = 'pd.DataFrame({"number": [1, 2], "share": [0.5, 1.5], "text": ["a", "b"], "flag": [True, False]})'


def _script(decorators: str, body: str = "return len(data)", signature: str = "data") -> str:
    return f"{_HEAD}{decorators}\ndef run({signature}):\n    {body}\n"


SERVICES: dict[str, str] = {
    "array of floats": _script(
        '@input_schema("data", NumpyParameterType(np.zeros((1, 4))))', "return np.nan_to_num(data)"
    ),
    "array of integers": _script('@input_schema("data", NumpyParameterType(np.zeros((2, 3), "int32")))', "return data"),
    "array of flags": _script('@input_schema("data", NumpyParameterType(np.zeros(3, bool)))', "return data"),
    "array of texts": _script('@input_schema("data", NumpyParameterType(np.array(["abc", "de"])))', "return data"),
    "array of any shape": _script('@input_schema("data", NumpyParameterType(np.zeros((1, 2)), enforce_shape=False))'),
    "cube": _script('@input_schema("data", NumpyParameterType(np.zeros((1, 2, 2), "float32")))', "return data.shape"),
    "several": _script(
        '@input_schema("data", NumpyParameterType(np.zeros((1, 2))))\n'
        f'@input_schema("frame", PandasParameterType({_FRAME}), optional=True)\n'
        '@input_schema("times", StandardPythonParameterType(2), optional=True)\n'
        '@input_schema("names", StandardPythonParameterType(["a"]), optional=True)\n'
        '@output_schema(StandardPythonParameterType({"rows": 1, "frame": 1, "names": ["a"]}))',
        'return {"rows": len(data), "frame": 0 if frame is None else len(frame), "names": names or []}',
        "data, frame=None, times=1, names=None",
    ),
    "plain number": _script('@input_schema("data", StandardPythonParameterType(1.5))', "return data"),
    "plain text": _script('@input_schema("data", StandardPythonParameterType("x"))', "return data"),
    "dictionary": _script(
        '@input_schema("data", StandardPythonParameterType({"a": 1, "b": ["x"], "c": {"d": 1.5, "e": True}}))',
        "return data",
    ),
    "moments": _script(
        '@input_schema("data", StandardPythonParameterType(datetime.date(2020, 1, 1)))', "return str(data)"
    ),
    "nested": _script(
        '@input_schema("data", StandardPythonParameterType({"rows": NumpyParameterType(np.zeros((1, 2))),'
        f' "table": PandasParameterType({_FRAME}), "n": StandardPythonParameterType(1)}}))',
        'return {name: len(data.get(name, "")) for name in ("rows", "table")} | {"n": data.get("n")}',
    ),
    "raw": (
        "from azureml.contrib.services.aml_request import rawhttp\n"
        "from azureml.contrib.services.aml_response import AMLResponse\n\n\ndef init():\n    pass\n\n\n@rawhttp\n"
        "def run(request):\n    return AMLResponse(request.get_data(), 200)\n"
    ),
    "undecorated": "def init():\n    pass\n\n\ndef run(data):\n    return len(data)\n",
}
SERVICES |= {
    f"frame, {orient}": _script(
        f'@input_schema("data", PandasParameterType({_FRAME}, orient="{orient}"))\n'
        f'@output_schema(PandasParameterType({_FRAME}, orient="{orient}"))',
        'return data if "number" in data else len(data)',
    )
    for orient in ("records", "split", "index", "columns", "values", "table")
}
