# ruff: noqa: E501 - scripts in one line
"""Scripts that look faulty and are not: rules that promise certainty keep silent about them."""

from __future__ import annotations

import pytest

from jupyter_mldeploy.core.lint import RULES, ScriptMode, lint_source

SCHEMA = """\
import json
import os
import numpy as np
import pandas as pd
from inference_schema.parameter_types.abstract_parameter_type import AbstractParameterType
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema

def init():
    global model
    model = object()

"""
ONLINE = "import json\nimport os\nimport numpy as np\n\ndef init():\n    global model\n    model = len\n\n"

TRAPS = {
    # names of parameters
    "optional schema for a parameter that is not there": SCHEMA
    + "@input_schema('data', NumpyParameterType(np.ones((1, 1))))\n@input_schema('more', StandardPythonParameterType(1.0), optional=True)\ndef run(data):\n    return data.tolist()\n",
    "unconverted schema for a parameter that is not there": SCHEMA
    + "@input_schema('x', NumpyParameterType(np.ones((1, 1))), convert_to_provided_type=False)\ndef run(data=1):\n    return data\n",
    "schema name made by code": SCHEMA + "NAME = os.environ.get('N', 'data')\n@input_schema(NAME, NumpyParameterType(np.ones((1, 1))))\ndef run(data):\n    return data.tolist()\n",
    "foreign decorator between": SCHEMA
    + "from other import conditional_decorator\n@conditional_decorator(True)\n@input_schema('input', NumpyParameterType(np.ones((1, 1))))\ndef run(data, extra):\n    return data.tolist()\n",
    "decorators in a loop of definitions": SCHEMA
    + "if os.environ.get('A'):\n    @input_schema('a', NumpyParameterType(np.ones((1, 1))))\n    def run(a):\n        return a.tolist()\nelse:\n    @input_schema('b', NumpyParameterType(np.ones((1, 1))))\n    def run(b):\n        return b.tolist()\n",
    "request_headers": SCHEMA + "@input_schema('data', NumpyParameterType(np.ones((1, 1))))\ndef run(data, request_headers):\n    return data.tolist()\n",
    "raw HTTP switched on by a function": "from serving.handler import enable_rawhttp, handle\n\ndef init():\n    enable_rawhttp()\n\ndef run(request):\n    if request.method == 'POST':\n        return handle(request.get_data())\n    return handle(None)\n",
    # types of samples
    "own parameter type": SCHEMA
    + "class Mine(AbstractParameterType):\n    pass\n@input_schema('data', Mine([1]))\ndef run(data):\n    return [data]\n",
    "conditional sample": SCHEMA
    + "sample = [1.0]\nif os.environ.get('A'):\n    sample = np.array(sample)\nelse:\n    sample = np.ones(1)\n@input_schema('data', NumpyParameterType(sample))\ndef run(data):\n    return data.tolist()\n",
    "sample changed on the way": SCHEMA + "sample = [[1.0]]\nsample = np.array(sample)\n@input_schema('data', NumpyParameterType(sample))\ndef run(data):\n    return data.tolist()\n",
    "sample of a function": SCHEMA + "def make():\n    return np.ones((1, 1))\n@input_schema('data', NumpyParameterType(make()))\ndef run(data):\n    return data.tolist()\n",
    "types from a tuple": SCHEMA + "def types():\n    return NumpyParameterType(np.ones((1, 1))), StandardPythonParameterType(1.0)\na, b = types()\n@input_schema('data', a)\n@output_schema(b)\ndef run(data):\n    return 1.0\n",
    "numpy of another name": SCHEMA.replace("import numpy as np", "import jax.numpy as np")
    + "@input_schema('data', NumpyParameterType(np.array(5)))\ndef run(data):\n    return [1]\n",
    "keyword arguments from a dictionary": SCHEMA + "OPTIONS = {'param_type': NumpyParameterType(np.ones((1, 1)))}\n@input_schema('data', **OPTIONS)\ndef run(data):\n    return data.tolist()\n",
    # decoded or not
    "json.loads behind isinstance": SCHEMA
    + "@input_schema('data', NumpyParameterType(np.array([[1.0]])))\ndef run(data):\n    if isinstance(data, str):\n        data = json.loads(data)['data']\n    return list(data)\n",
    "json.loads of another value": SCHEMA
    + "@input_schema('data', NumpyParameterType(np.array([[1.0]])))\ndef run(data):\n    data = open('x').read()\n    return json.loads(data)\n",
    "json.loads that may fail": SCHEMA
    + "@input_schema('data', StandardPythonParameterType({'a': 1.0}))\ndef run(data):\n    try:\n        data = json.loads(data)\n    except TypeError:\n        pass\n    return data\n",
    "key after conversion": SCHEMA
    + "@input_schema('data', NumpyParameterType(np.array([[1.0]])))\ndef run(data):\n    data = pd.DataFrame(data, columns=['a'])\n    return data['a'].tolist()\n",
    # state
    "lazy global": ONLINE + "cache = None\ndef run(raw_data):\n    global cache\n    if cache is None:\n        cache = json.loads(raw_data)\n    return {'a': cache}\n",
    "own name of Python": "import json\ndef init():\n    input = 1\n    id = 2\ndef run(raw_data):\n    return {'a': id(raw_data), 'b': json.loads(raw_data)}\n",
    "set by another function": "import json\ndef load():\n    global model\n    model = len\ndef init():\n    model = 1\n    load()\ndef run(raw_data):\n    return {'a': model(raw_data), 'b': json.loads(raw_data)}\n",
    "set through globals": "import json\ndef init():\n    model = len\n    globals()['model'] = model\ndef run(raw_data):\n    return {'a': model(json.loads(raw_data))}\n",
    "read where it may be missing": "import json\ndef init():\n    model = len\ndef run(raw_data):\n    try:\n        return {'a': model(raw_data)}\n    except NameError:\n        pass\n    return {'b': json.loads(raw_data)}\n",
    "comprehension of the same name": ONLINE + "def run(raw_data):\n    rows = [model(model) for model in json.loads(raw_data)]\n    return {'a': rows}\n",
    "bound by with": ONLINE + "def run(raw_data):\n    with open(raw_data) as model:\n        return {'a': model.read()}\n",
    "bound in both branches": ONLINE + "def run(raw_data):\n    if raw_data:\n        model = 1\n    else:\n        model = 2\n    return {'a': model}\n",
    "bound by a loop before it is read in the next": ONLINE + "def run(raw_data):\n    for index, row in enumerate(raw_data):\n        if index:\n            print(model)\n        model = row\n    return {'a': 1}\n",
    "tried before": ONLINE + "def run(raw_data):\n    try:\n        model\n    except UnboundLocalError:\n        model = None\n    return {'a': model}\n",
    # answers
    "array made a list": ONLINE + "def run(raw_data):\n    result = np.array(json.loads(raw_data))\n    result = result.tolist()\n    return {'a': result}\n",
    "array of one branch": ONLINE + "def run(raw_data):\n    result = np.array(json.loads(raw_data))\n    if len(result):\n        result = result.tolist()\n    return {'a': result}\n",
    "dictionary filled later": ONLINE + "def run(raw_data):\n    result = {'a': np.array(json.loads(raw_data))}\n    result['a'] = result['a'].tolist()\n    return result\n",
    "own set function": ONLINE + "def set(x):\n    return list(x)\ndef run(raw_data):\n    return {'a': set(json.loads(raw_data))}\n",
    "encoder of its own": ONLINE + "def run(raw_data):\n    return json.dumps({'a': np.array(json.loads(raw_data))}, default=lambda x: x.tolist())\n",
    "error leaves": ONLINE + "def run(raw_data):\n    try:\n        result = np.array(json.loads(raw_data))\n    except Exception as e:\n        result = str(e)\n        return {'error': result}\n    return {'a': result.tolist()}\n",
    "error is told apart": ONLINE + "def run(raw_data):\n    try:\n        result = np.array(json.loads(raw_data))\n    except Exception as e:\n        result = str(e)\n    return {'a': result if isinstance(result, str) else result.tolist()}\n",
    "error is replaced": ONLINE + "def run(raw_data):\n    try:\n        result = np.array(json.loads(raw_data))\n    except Exception as e:\n        result = str(e)\n    finally:\n        result = np.zeros(1)\n    return {'a': result.tolist()}\n",
    # input
    "frame of a batch": "import pandas as pd\ndef init():\n    pass\ndef run(data):\n    return data['x'].tolist()\n",
    "frame of a batch that is called input_data": "import pandas as pd\ndef init():\n    pass\ndef run(input_data):\n    result = pd.DataFrame({'id': input_data['id'], 'y': 1})\n    return result\n",
    "array of a batch": "import numpy as np\ndef init():\n    pass\ndef run(minibatch):\n    return np.array([len(x) for x in minibatch]).tolist()\n",
    "text tested before": ONLINE + "def run(data):\n    data = data if type(data) is dict else json.loads(data)\n    return {'a': data['data']}\n",
    "text parsed elsewhere": ONLINE + "def parse(x):\n    return json.loads(x)\ndef run(data):\n    data = parse(data)\n    return {'a': data['data']}\n",
    "request after it was read": "from azureml.contrib.services.aml_request import rawhttp\nfrom azureml.contrib.services.aml_response import AMLResponse\nimport json\ndef init(): ...\n@rawhttp\ndef run(request):\n    request = json.loads(request.get_data())\n    return AMLResponse(request['a'], 200)\n",
    "response by keyword": "from azureml.contrib.services.aml_request import rawhttp\nfrom azureml.contrib.services.aml_response import AMLResponse\ndef init(): ...\n@rawhttp\ndef run(request):\n    return AMLResponse(message=request.get_data(), status_code=200)\n",
    "response from a dictionary": "from azureml.contrib.services.aml_request import rawhttp\nfrom azureml.contrib.services.aml_response import AMLResponse\ndef init(): ...\n@rawhttp\ndef run(request):\n    return AMLResponse(**{'message': 'x', 'status_code': 200})\n",
    "own rawhttp": "def rawhttp():\n    return lambda f: f\ndef init(): ...\n@rawhttp()\ndef run(data):\n    return str(data)\n",
    # names in cells
    "names of every kind": "from __future__ import annotations\nimport os.path as path, sys\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import later\nclass A:\n    items = [1]\n    doubled = [x * 2 for x in items]\n    def method(self) -> A:\n        return __class__\ndef outer():\n    def inner():\n        nonlocal value\n        value = 2\n    value: later.Thing\n    inner()\n    return value\ntry:\n    unicode\nexcept NameError:\n    unicode = str\ndef init(): ...\ndef run(data: later.Thing):\n    match data:\n        case {'a': first, **rest}:\n            return [first, rest]\n        case [head, *tail] as whole:\n            return [head, tail, whole]\n    print(__file__, path, sys, (y := 3), y, [lambda q: q for _ in range(3)], unicode)\n    try:\n        shell = get_ipython()\n    except NameError:\n        shell = None\n    return [shell, *outer(), *(z for z in data if (w := z)), w]\n",
    # shape
    "run as a partial": "import functools\ndef init(): ...\ndef answer(model, data):\n    return data\nrun = functools.partial(answer, 1)\n",
    "init with defaults": ONLINE.replace("def init():", "def init(path='x', *, flag=True):") + "def run(raw_data):\n    return {'a': json.loads(raw_data)}\n",
    "relative import with a way out": "try:\n    from .helper import clean\nexcept ImportError:\n    from helper import clean\n" + ONLINE + "def run(raw_data):\n    return {'a': clean(json.loads(raw_data))}\n",
    "relative import in a batch script": "from .helper import clean\ndef init():\n    pass\ndef run(mini_batch):\n    return [clean(x) for x in mini_batch]\n",
    "relative import in what may be batch": "from .helper import clean\ndef init():\n    pass\ndef run(data):\n    return [clean(x) for x in data]\n",
    "removed import with a way out": "try:\n    from sklearn.externals import joblib\nexcept ImportError:\n    import joblib\n" + ONLINE + "def run(raw_data):\n    return {'a': joblib.hash(json.loads(raw_data))}\n",
    "absolute path of another folder": ONLINE + "def run(raw_data):\n    return {'a': os.path.join('/a', '/b'), 'b': json.loads(raw_data)}\n",
}  # fmt: skip


@pytest.mark.parametrize("mode", ["auto", "script", "cell"])
@pytest.mark.parametrize("name", TRAPS)
def test_certain_rules_are_silent(name: str, mode: ScriptMode) -> None:
    compile(TRAPS[name], "score.py", "exec")
    found = [item for item in lint_source(TRAPS[name], kind=mode) if RULES[item.code].zero_fp]
    assert [(item.code, item.line, item.message) for item in found if item.severity in {"error", "warning"}] == []


PROGRAMS = {
    "flask": "from flask import Flask, request\nimport azureml.core\napp = Flask(__name__)\ndef init():\n    pass\n@app.route('/')\ndef run(request=request):\n    return request.method\n",
    "triton helper": "import tritonhttpclient\nimport azureml.core\ndef init(url='localhost:8000'):\n    pass\ndef run(model_name, data):\n    return data\n",
    "training": "import azureml.core\nfrom azureml.core import Run\ndef init():\n    pass\ndef run():\n    print('training')\nif __name__ == '__main__':\n    init()\n    run()\n",
    "loader with arguments": "import os\nimport azureml.core\ndef init(name):\n    return os.environ['AZUREML_MODEL_DIR'] + name\ndef run(data):\n    return data\nif __name__ == '__main__':\n    init('a')\n",
    "helper module": "import os\nfrom azureml.core.model import Model\ndef init():\n    global model\n    model = Model.get_model_path('x')\n",
    "class with run": "import azureml.core\nclass Step:\n    def run(self):\n        return 1\n",
    "tests of the server": "from azureml.contrib.services.aml_request import rawhttp\ndef test_a():\n    @rawhttp()\n    def run(request):\n        return request\n",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_other_programs_have_no_errors(name: str) -> None:
    found = lint_source(PROGRAMS[name], path=f"{name.replace(' ', '_')}.py")
    assert [(item.code, item.message) for item in found if item.severity == "error"] == []
