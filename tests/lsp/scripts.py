"""Entry scripts that the tests open."""

SCHEMA = """\
import json
import os

import joblib
import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema


def init():
    global model
    model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "ridge.pkl"))


@input_schema("data", NumpyParameterType(np.array([[0.1, 2.0, 3.5]])))
@input_schema("method", StandardPythonParameterType("fast"))
@output_schema(StandardPythonParameterType([1.5]))
def run(data, method="fast"):
    return model.predict(data).tolist()
"""

JSON = """\
import json
import os

import joblib


def init():
    global model
    model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "ridge.pkl"))


def run(raw_data):
    try:
        rows = json.loads(raw_data)["data"]
        return model.predict(rows).tolist()
    except Exception as error:
        return str(error)
"""

MISSING_GLOBAL = """\
import joblib
from azureml.core.model import Model


def init():
    model = joblib.load(Model.get_model_path("ridge"))


def run(data):
    return model.predict(data).tolist()
"""
