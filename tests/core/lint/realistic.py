# ruff: noqa: E501 - scripts as people write them
"""Entry scripts as people write them, with the codes that are right for each and nothing else."""

SCRIPTS: dict[str, tuple[str, set[str]]] = {}

SCRIPTS["scikit-learn, JSON"] = (
    '''\
import json
import logging
import os

import joblib
import numpy as np


def init():
    """Called once when the container starts."""
    global model
    model_path = os.path.join(os.getenv("AZUREML_MODEL_DIR"), "model/sklearn_regression_model.pkl")
    model = joblib.load(model_path)
    logging.info("Init complete")


def run(raw_data):
    logging.info("model 1: request received")
    data = json.loads(raw_data)["data"]
    data = np.array(data)
    result = model.predict(data)
    logging.info("Request processed")
    return result.tolist()
''',
    {"MLD609"},
)
SCRIPTS["AutoML, Power BI"] = (
    """\
import json
import logging
import os
import pickle
import joblib

import azureml.automl.core
from azureml.automl.core.shared import logging_utilities, log_server
from azureml.telemetry import INSTRUMENTATION_KEY

import numpy as np
import pandas as pd
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType

data_sample = PandasParameterType(pd.DataFrame({"age": pd.Series([0], dtype="int64"), "job": pd.Series(["x"], dtype="object")}))
input_sample = StandardPythonParameterType({"data": data_sample})
method_sample = StandardPythonParameterType("predict")
sample_global_params = StandardPythonParameterType({"method": method_sample})

result_sample = NumpyParameterType(np.array(["example_value"]))
output_sample = StandardPythonParameterType({"Results": result_sample})

try:
    log_server.enable_telemetry(INSTRUMENTATION_KEY)
    logger = logging.getLogger("azureml.automl.core.scoring_script_v2")
except Exception:
    pass


def init():
    global model
    model_path = os.path.join(os.getenv("AZUREML_MODEL_DIR"), "model.pkl")
    path = os.path.normpath(model_path)
    try:
        logger.info("Loading model from path.")
        model = joblib.load(model_path)
    except Exception as e:
        logging_utilities.log_traceback(e, logger)
        raise


@input_schema("GlobalParameters", sample_global_params, convert_to_provided_type=False)
@input_schema("Inputs", input_sample)
@output_schema(output_sample)
def run(Inputs, GlobalParameters={"method": "predict"}):
    data = Inputs["data"]
    if GlobalParameters.get("method", None) == "predict_proba":
        result = model.predict_proba(data)
    else:
        result = model.predict(data)
    if isinstance(result, pd.DataFrame):
        result = result.values
    return {"Results": result.tolist()}
""",
    {"MLD609"},
)
SCRIPTS["image by raw HTTP"] = (
    """\
import io
import json
import os

import torch
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse
from PIL import Image
from torchvision import transforms

LABELS = ["cat", "dog"]


def init():
    global model, transform
    model = torch.jit.load(os.path.join(os.environ.get("AZUREML_MODEL_DIR", "."), "model.pt"))
    model.eval()
    transform = transforms.Compose([transforms.Resize(224), transforms.ToTensor()])


@rawhttp
def run(request):
    if request.method == "GET":
        return AMLResponse("send an image by POST", 200)
    if request.method != "POST":
        return AMLResponse("bad request", 400)
    file = request.files.get("image")
    if file is None:
        return AMLResponse({"error": "no image"}, 400, json_str=True)
    image = Image.open(io.BytesIO(file.read())).convert("RGB")
    with torch.no_grad():
        output = model(transform(image).unsqueeze(0))
    response = AMLResponse({"label": LABELS[int(output.argmax())]}, 200, json_str=True)
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response
""",
    set(),
)
SCRIPTS["ONNX with old habits"] = (
    """\
import json
import sys
import time

import numpy as np
import onnxruntime
from azureml.core.model import Model


def init():
    global session, input_name, output_name
    model = Model.get_model_path(model_name="<<modelid>>")
    session = onnxruntime.InferenceSession(model, None)
    input_name = session.get_inputs()[0].name
    output_name = session.get_outputs()[0].name


def preprocess(input_data_json):
    return np.array(json.loads(input_data_json)["data"]).astype("float32")


def run(input_data):
    try:
        start = time.time()
        r = session.run([output_name], {input_name: preprocess(input_data)})[0]
        return json.dumps({"result": r.tolist(), "time": str(time.time() - start)})
    except Exception as e:
        return json.dumps({"error": str(e)})
""",
    {"MLD112", "MLD403", "MLD404"},
)
SCRIPTS["several models"] = (
    """\
import json
import joblib
from azureml.core.model import Model


def init():
    global models
    models = {}
    for name in ("first_model", "second_model"):
        models[name] = joblib.load(Model.get_model_path(name))


def run(data):
    request = data["model"]
    data = json.loads(data)
    return {"result": models[request].predict(data["data"]).tolist()}
""",
    {"MLD411"},
)
SCRIPTS["state between requests"] = (
    """\
import json
import os

import joblib

cache = {}
count = 0


def init():
    global model
    model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "/model.joblib"))


def run(raw_data):
    global count
    count += 1
    print("request", raw_data)
    key = hash(raw_data)
    if key not in cache:
        cache[key] = model.predict(json.loads(raw_data)).tolist()
    return {"result": cache[key], "count": count}, 200
""",
    {"MLD305", "MLD406", "MLD603", "MLD609", "MLD610"},
)
SCRIPTS["transformers, everything at import"] = (
    """\
import json
import os
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

path = os.path.join(os.getenv("AZUREML_MODEL_DIR", "./model"), "INPUT_model")
tokenizer = AutoTokenizer.from_pretrained(path)
model = AutoModelForSequenceClassification.from_pretrained(path)
classify = pipeline("text-classification", model=model, tokenizer=tokenizer)


def init():
    pass


def run(mini_batch):
    results = []
    for file in mini_batch:
        with open(file) as stream:
            results.append(classify(stream.read())[0]["label"])
    return results
""",
    {"MLD705"},
)
SCRIPTS["batch of files"] = (
    """\
import argparse
import os
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf
from azureml.core import Model


def init():
    global model, args
    parser = argparse.ArgumentParser()
    parser.add_argument("--model_name", dest="model_name")
    args = parser.parse_args()
    os.makedirs("./cache")
    model = tf.keras.models.load_model(Model.get_model_path(args.model_name))


def run(mini_batch):
    print(f"run method start: {__file__}, run({mini_batch})")
    result_list = []
    for raw in mini_batch:
        image = tf.io.read_file(raw)
        best = np.argmax(model.predict(image))
        result_list.append("{}: {}".format(os.path.basename(raw), best))
    if not result_list:
        return None
    return result_list
""",
    {"MLD701", "MLD703", "MLD706"},
)
SCRIPTS["batch of a table"] = (
    """\
import os
import mlflow
import pandas as pd


def init():
    global model
    model = mlflow.pyfunc.load_model(os.environ["AZUREML_MODEL_DIR"])


def run(mini_batch: pd.DataFrame) -> pd.DataFrame:
    mini_batch["prediction"] = model.predict(mini_batch.drop(columns=["id"]))
    return mini_batch[["id", "prediction"]]


def shutdown():
    print("done")
""",
    {"MLD609"},
)
SCRIPTS["a class of one's own"] = (
    """\
import json
import os

import joblib


class Scorer:
    def __init__(self):
        self.model = None

    def init(self):
        self.model = joblib.load(os.path.join(os.environ.get("AZUREML_MODEL_DIR", "."), "model.joblib"))

    def run(self, raw_data):
        return self.model.predict(json.loads(raw_data)["data"]).tolist()
""",
    set(),
)
SCRIPTS["streaming"] = (
    """\
import json
import os


async def load(path):
    return path


def init():
    global path
    path = os.environ.get("AZUREML_MODEL_DIR", ".")


async def run(raw_data, request_headers):
    request = json.loads(raw_data)
    model = await load(path)
    for word in request["text"].split():
        yield f"{model} {word} {request_headers.get('X-Id')}\\n"
""",
    {"MLD106"},
)
SCRIPTS["the tutorial, everything wrong"] = (
    """\
from sklearn.externals import joblib
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
import json
import numpy as np
import os


def init():
    model = joblib.load(os.path.join(os.getenv("AZURE_MODEL_DIR"), "model.pkl"))


@input_schema("input", NumpyParameterType([[1, 2, 3]]))
@output_schema(np.array([1]))
def run(data, threshold):
    try:
        rows = np.array(json.loads(data)["data"])
        result = model.predict(rows)
    except:
        result = "error"
    return result.tolist()
""",
    {"MLD201", "MLD202", "MLD204", "MLD205", "MLD405", "MLD408", "MLD601", "MLD604"},
)
