"""Entry scripts as people wrote them for v1, each with habits of its own. They need no more than numpy and pandas."""

from __future__ import annotations

AUTOML = """
import json
import logging
import os
import pickle
import numpy as np
import pandas as pd
import joblib

import azureml.automl.core
from azureml.automl.core.shared import logging_utilities, log_server
from azureml.telemetry import INSTRUMENTATION_KEY

from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType

sample = pd.DataFrame({"Tenure months": pd.Series([0], dtype="int64"), "plan": pd.Series(["text"], dtype="object"),
                       "since": pd.Series(["2000-1-1"], dtype="datetime64[ns]"), "churned": pd.Series([False])})
how = StandardPythonParameterType("predict")

try:
    log_server.enable_telemetry(INSTRUMENTATION_KEY)
    log_server.set_verbosity("INFO")
    logger = logging.getLogger("azureml.automl.core.scoring_script")
except:
    pass


def init():
    global model
    parts = os.path.normpath(os.path.join(os.getenv("AZUREML_MODEL_DIR"), "model.pkl")).split(os.sep)
    log_server.update_custom_dimensions({"model_name": parts[-3], "model_version": parts[-2]})
    try:
        with open(os.sep.join(parts), "rb") as stream:
            model = pickle.load(stream)
    except Exception as e:
        logging_utilities.log_traceback(e, logger)
        raise


@input_schema("method", how, convert_to_provided_type=False)
@input_schema("data", PandasParameterType(sample))
@output_schema(NumpyParameterType(np.array([0])))
def run(data, method="predict"):
    try:
        result = np.array([len(data) * model["weight"]])
        return json.dumps({"result": result.tolist(), "method": method})
    except Exception as e:
        return json.dumps({"error": str(e)})
"""

COLLECTING = """
import json
import numpy as np
from azureml.core.model import Model
from azureml.monitoring import ModelDataCollector


def init():
    global model, inputs_dc, prediction_dc
    inputs_dc = ModelDataCollector("best_model", identifier="inputs", feature_names=["a", "b"])
    prediction_dc = ModelDataCollector("best_model", identifier="predictions", feature_names=["y"])
    model = open(Model.get_model_path(model_name="best_model")).read()


def run(raw_data):
    data = np.array(json.loads(raw_data)["data"])
    inputs_dc.collect(data)
    result = data.sum(axis=1)
    prediction_dc.collect(result)
    return json.dumps({"result": result.tolist()})
"""

MONITORED = """
import json
import logging
import uuid
import pandas as pd
from azureml.ai.monitoring import Collector
from azureml.ai.monitoring.context import BasicCorrelationContext
from azureml.contrib.services.aml_request import rawhttp
from azureml.contrib.services.aml_response import AMLResponse

logging.basicConfig(level=logging.INFO)
inputs_collector = outputs_collector = None


def init():
    global inputs_collector, outputs_collector
    inputs_collector = Collector(name="model_inputs", on_error=lambda e: logging.info("ex:{}".format(e)))
    outputs_collector = Collector(name="model_outputs")


@rawhttp
def run(req):
    if req.method != "POST":
        return AMLResponse("bad request", 500)
    frame = pd.DataFrame(json.loads(req.get_data(False))["data"])
    context = inputs_collector.collect(frame, BasicCorrelationContext(id=str(uuid.uuid4())))
    outputs_collector.collect(frame.sum(axis=1).to_frame("y"), context)
    inputs_collector.collect([1, 2])
    return AMLResponse(frame.sum(axis=1).tolist(), 200, json_str=True)
"""

MANY_IMPORTS = """
# -*- coding: utf-8 -*-
import os, json, sys, time
import numpy as np
from azureml.core import Workspace, Run, Dataset
from azureml.core.model import Model, InferenceConfig
from azureml.core.webservice import AciWebservice, Webservice
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse

sys.path.append("/structure/azureml-app/azureml-models/nowhere/1/")


def init():
    global model
    model = json.load(open(os.path.join(os.getenv("AZUREML_MODEL_DIR"), "config.json")))
    print("model initialized" + time.strftime("%H:%M:%S"))


def run(raw_data, request_headers):
    print("{{'RequestId':'{0}'}}".format(request_headers.get("X-Ms-Request-Id", "")))
    return {"result": (np.array(json.loads(raw_data)["data"]).sum(axis=1) * model["weight"]).tolist()}


if __name__ == "__main__":
    init()
    print(run('{"data":[[1,2]]}', {}))
"""

SWALLOWING = """
import json, os


def init():
    global model
    try:
        model = open(os.path.join(os.getenv("AZUREML_MODEL_DIR"), "not there")).read()
    except Exception as e:
        return json.dumps({"error": "Unable to load model from path"})


def run(data):
    try:
        data = json.loads(data)
        return model
    except Exception as e:
        exc_type, exc_obj, exc_tb = sys.exc_info() if "sys" in globals() else (None, None, None)
        return {"result": None, "error": str(e)}
"""

MIXED_SAMPLES = """
import numpy as np
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType

sample_input = {"text": "a record", "scores": [0.5], "nested": {"deep": True}}
sample_output = {"sentiment": {"sentence": "…", "terms": [{"text": "hotel", "type": "AS", "score": 1.0, "start": 300}]}}


def init():
    pass


@input_schema("raw_data", StandardPythonParameterType(sample_input))
@output_schema(StandardPythonParameterType(sample_output))
def run(raw_data):
    text = raw_data["text"]
    return {"sentiment": {"sentence": text, "terms": [{"text": w, "type": "AS", "score": 1.0} for w in text.split()]}}
"""
