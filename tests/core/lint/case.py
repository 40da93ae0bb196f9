"""Scripts whose fate under Azure's own packages is known, each with the code that has to report it (or none).

Modelled on 161 cases that were run through ``inference-schema`` 1.8 and ``azureml-inference-server-http`` 1.5.1. Cases
that only a request's body decides are left out: nothing in the script tells them.
"""

from __future__ import annotations

from dataclasses import dataclass

HEAD = """\
import datetime
import json
import os

import numpy as np
import pandas as pd
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema

"""
RAW = """\
import json

from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse

"""
INIT = "def init():\n    pass\n\n"


@dataclass(frozen=True)
class Case:
    """A script with its fate under Azure's packages.

    Attributes:
        name: what it shows.
        script: its text.
        code: the rule that has to report it, or None.
        stage: where it fails: ``"I"`` import, ``"L"`` load, ``"N"`` init, ``"R"`` request; ``""`` when it works.
        request: the body that shows it, or None for any.
        when: a circumstance that no test of one request shows, for example an unset environment variable.
    """

    name: str
    script: str
    code: str | None
    stage: str = "R"
    request: str | None = None
    when: str = ""


def decorated(*decorators: str, signature: str = "data", body: str = "return data.tolist()", before: str = "") -> str:
    """Make a schema script."""
    lines = "\n".join(f"@{item}" for item in decorators)
    return f"{HEAD}{before}\n{INIT}{lines}\ndef run({signature}):\n    {body}\n"


def typed(type_call: str, before: str = "", body: str = "return [str(data)]") -> str:
    """Make a schema script around one parameter type."""
    return decorated(f"input_schema('data', {type_call})", body=body, before=before)


def plain(body: str, signature: str = "raw_data", before: str = "", init: str = INIT) -> str:
    """Make an online script without decorators."""
    indented = body.replace("\n", "\n    ")
    imports = "import json\nimport os\n\nimport numpy as np\nimport pandas as pd\n\n"
    if "Model()" in init:
        imports += "from loader import Model\n\n"
    return f"{imports}{before}\n{init}def run({signature}):\n    {indented}\n"


def raw(body: str, decorators: str = "@rawhttp", before: str = "") -> str:
    """Make a rawhttp script."""
    indented = body.replace("\n", "\n    ")
    return f"{RAW}{before}\n{INIT}{decorators}\ndef run(request):\n    {indented}\n"


NUMPY = "input_schema('data', NumpyParameterType(np.array([[1.0, 2.0]])))"
PANDAS = "input_schema('data', PandasParameterType(pd.DataFrame({'a': [1.5]})))"
ARRAY_OUT = "output_schema(NumpyParameterType(np.array([1.0])))"
LOAD = "rows = json.loads(raw_data)['data']\n"
