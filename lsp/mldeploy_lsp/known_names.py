"""Names that entry scripts use: parameter types, decorators and variables of the container, each with a sentence."""

from __future__ import annotations

from typing import NamedTuple


class Importable(NamedTuple):
    """A name with the import that brings it, its signature for snippets, and what it is for."""

    name: str
    statement: str
    snippet: str
    help: str


_TYPES = "inference_schema.parameter_types"
_DECORATORS = "inference_schema.schema_decorators"

IMPORTABLE: tuple[Importable, ...] = (
    Importable(
        "NumpyParameterType",
        f"from {_TYPES}.numpy_parameter_type import NumpyParameterType",
        "NumpyParameterType(np.array(${1:[[0.0, 1.0]]}))",
        "The parameter arrives as an ndarray with the sample's dtype and the sample's sizes from the second dimension "
        "on.",
    ),
    Importable(
        "PandasParameterType",
        f"from {_TYPES}.pandas_parameter_type import PandasParameterType",
        'PandasParameterType(pd.DataFrame(${1:{"age": [42]}}))',
        "The parameter arrives as a DataFrame with the sample's columns and dtypes.",
    ),
    Importable(
        "StandardPythonParameterType",
        f"from {_TYPES}.standard_py_parameter_type import StandardPythonParameterType",
        "StandardPythonParameterType(${1:1.0})",
        "The parameter arrives as a Python value like the sample; dictionaries and lists may hold other parameter "
        "types.",
    ),
    Importable(
        "SparkParameterType",
        f"from {_TYPES}.spark_parameter_type import SparkParameterType",
        "SparkParameterType(${1:sample})",
        "The parameter arrives as a Spark DataFrame.",
    ),
    Importable(
        "input_schema",
        f"from {_DECORATORS} import input_schema",
        'input_schema("${1:data}", ${2:NumpyParameterType(np.array([[0.0, 1.0]]))})',
        "Describes one parameter of run() by a sample; requests are decoded to its type.",
    ),
    Importable(
        "output_schema",
        f"from {_DECORATORS} import output_schema",
        "output_schema(${1:StandardPythonParameterType([1.0])})",
        "Describes what run() returns, for the Swagger document; the value itself is not changed.",
    ),
    Importable(
        "rawhttp",
        "from azureml.contrib.services.aml_request import rawhttp",
        "rawhttp",
        "run() gets the HTTP request itself: its method, headers and body.",
    ),
    Importable(
        "AMLResponse",
        "from azureml.contrib.services.aml_response import AMLResponse",
        "AMLResponse(${1:message}, ${2:500})",
        "An answer with its own status, headers and body.",
    ),
)
BY_NAME = {item.name: item for item in IMPORTABLE}

VARIABLES: dict[str, str] = {
    "AZUREML_MODEL_DIR": "Folder of the deployed models: of one model, the folder that holds its file or folder; of "
    "several, the folder that holds `<name>/<version>/`.",
    "AZUREML_ENTRY_SCRIPT": "Path of the entry script, relative to the deployed source directory.",
    "AZUREML_SERVER_ROOT": "Folder of the entry script.",
    "AZUREML_APP_ROOT": "Folder that the server starts in.",
    "AZUREML_SOURCE_DIRECTORY": "The deployed source directory.",
    "AZUREML_LOG_LEVEL": "The server's log level.",
    "SERVICE_NAME": "Name of the service.",
}

KINDS: dict[str, str] = {
    "json": "run() receives the request's body as text (kind: json)",
    "schema": "run() receives decoded parameters (kind: schema)",
    "rawhttp": "run() receives the HTTP request (kind: rawhttp)",
    "batch": "run() receives a mini-batch of files or rows (kind: batch)",
    "class": "run() is a method of the entry class (kind: class)",
    "unknown": "nothing binds run() yet",
}

SKELETONS: tuple[tuple[str, str, str], ...] = (
    (
        "run: JSON",
        "run() that gets JSON text",
        "def init():\n    global model\n    model = ${1:None}\n\n\n"
        'def run(data):\n    rows = json.loads(data)["data"]\n'
        "    return model.predict(rows).tolist()$0\n",
    ),
    (
        "run: schema",
        "run() whose parameters are decoded by schemas",
        'def init():\n    global model\n    model = ${1:None}\n\n\n@input_schema("data", NumpyParameterType(np.array('
        "${2:[[0.0, 1.0]]})))\n@output_schema(StandardPythonParameterType(${3:[1.0]}))\ndef run(data):\n"
        "    return model.predict(data).tolist()$0\n",
    ),
    (
        "run: raw HTTP",
        "run() that gets the request and answers with a status",
        'def init():\n    pass\n\n\n@rawhttp\ndef run(request):\n    if request.method != "POST":\n'
        '        return AMLResponse("Send a POST request.", 405)\n    body = request.get_data()\n'
        '    return AMLResponse({"bytes": len(body)}, 200, json_str=True)$0\n',
    ),
    (
        "run: batch",
        "run() of a batch endpoint",
        "def init():\n    global model\n    model = ${1:None}\n\n\ndef run(mini_batch):\n    results = []\n"
        '    for path in mini_batch:\n        results.append(f"{path}: {${2:0}}")\n    return results$0\n',
    ),
)
SKELETON_IMPORTS: dict[str, tuple[str, ...]] = {
    "run: JSON": ("import json",),
    "run: schema": (
        "import numpy as np",
        BY_NAME["NumpyParameterType"].statement,
        BY_NAME["StandardPythonParameterType"].statement,
        f"from {_DECORATORS} import input_schema",
        f"from {_DECORATORS} import output_schema",
    ),
    "run: raw HTTP": (BY_NAME["rawhttp"].statement, BY_NAME["AMLResponse"].statement),
    "run: batch": (),
}
