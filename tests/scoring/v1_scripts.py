"""Entry scripts like those whose answers by the original server were recorded."""

DECORATED = """
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType


def init():
    global model
    model = Ridge(alpha=0.5).fit(*load_diabetes(return_X_y=True))


@input_schema("data", NumpyParameterType(np.array([[10.0, 9, 8, 7, 6, 5, 4, 3, 2, 1]])))
@output_schema(NumpyParameterType(np.array([3726.995])))
def run(data):
    return model.predict(data).tolist()
"""

UNDECORATED = """
import json, sys, time
import numpy as np


def init():
    pass


def run(raw):
    mode = json.loads(raw)["mode"]
    if mode == "raise":
        raise ValueError("told to")
    if mode == "none":
        return None
    if mode == "str":
        return "text"
    if mode == "dict":
        return {"a": 1, "\\u00e9": "\\u00fc", "nan": float("nan")}
    if mode == "bytes":
        return b"abc"
    if mode == "set":
        return {1, 2}
    if mode == "np":
        return np.array([1.5, 2.5])
    if mode == "sleep":
        time.sleep(60)
    if mode == "spin":
        while True:
            pass
    if mode == "exit":
        sys.exit(5)
    return raw
"""

RAWHTTP = """
from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse
from werkzeug.exceptions import BadRequest, abort
from werkzeug.wrappers import Response


def init():
    pass


def facts(request):
    return {
        "type": type(request).__name__,
        "method": request.method,
        "path": request.path,
        "full_path": request.full_path,
        "url": request.url,
        "args": request.args.to_dict(),
        "ct": request.content_type,
        "cl": request.content_length,
        "hdr": request.headers.get("X-Foo"),
        "form": request.form.to_dict(),
        "files": {name: [file.filename, len(file.read())] for name, file in request.files.items()},
        "data": request.get_data(as_text=True),
        "json": request.get_json(silent=True),
    }


@rawhttp
def run(request):
    mode = request.args.get("m")
    if mode == "info":
        return facts(request)
    if mode == "json":
        return AMLResponse({"a": [1, 2]}, 201, json_str=True)
    if mode == "none":
        return AMLResponse(None, 202)
    if mode == "hdrs":
        return AMLResponse("x", 200, {"X-Multi": "a, b,c", "Content-Type": "text/csv"})
    if mode == "500":
        return AMLResponse("bad", 500, run_function_failed=True)
    if mode == "404":
        return AMLResponse("nf", 404)
    if mode == "503f":
        return AMLResponse("bad", 503, run_function_failed=True)
    if mode == "str":
        return "plain string"
    if mode == "raise":
        raise ValueError("told to")
    if mode == "badreq":
        raise BadRequest("told to")
    if mode == "flask":
        return Response("direct", 207, {"A": "b"}, mimetype="text/html")
    if mode == "gen":
        return Response((part for part in ("a", "b", "c")), mimetype="text/plain")
    if mode == "tuple":
        return "body", 203
    if mode == "abort":
        abort(418)
    return AMLResponse(request.get_data(), 200, {"Content-Type": "application/octet-stream"})
"""

MULTI = """
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType


def init():
    pass


@input_schema("a", StandardPythonParameterType(1))
@input_schema("b", StandardPythonParameterType("x"), optional=True)
@input_schema("c", StandardPythonParameterType([1]), optional=True)
@output_schema(StandardPythonParameterType({"a": 1}))
def run(a, b="dflt", c=None, request_headers=None):
    seen = {name: value for name, value in request_headers.items() if name.startswith("X-") and "Ms" not in name}
    return {"a": a, "b": b, "c": c, "hdr": seen}
"""
