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
    """A script; ``code`` reports its fault, ``stage`` is where Azure's packages fail, "" when they do not."""

    name: str
    script: str
    code: str | None
    stage: str = "R"


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
    return f"{imports}{before}\n{init}def run({signature}):\n    {indented}\n"


def raw(body: str, decorators: str = "@rawhttp", before: str = "") -> str:
    """Make a rawhttp script."""
    indented = body.replace("\n", "\n    ")
    return f"{RAW}{before}\n{INIT}{decorators}\ndef run(request):\n    {indented}\n"


NUMPY = "input_schema('data', NumpyParameterType(np.array([[1.0, 2.0]])))"
PANDAS = "input_schema('data', PandasParameterType(pd.DataFrame({'a': [1.5]})))"
ARRAY_OUT = "output_schema(NumpyParameterType(np.array([1.0])))"
LOAD = "rows = json.loads(raw_data)['data']\n"

SCHEMA_CASES = [
    Case("name is no parameter", decorated("input_schema('input', NumpyParameterType(np.array([[1.0]])))"), "MLD201"),
    Case(
        "name by keyword is no parameter",
        decorated("input_schema(param_name='input', param_type=NumpyParameterType(np.array([[1.0]])))"),
        "MLD201",
    ),
    Case(
        "second name is no parameter", decorated(NUMPY, "input_schema('x', StandardPythonParameterType(1.5))"), "MLD201"
    ),
    Case("parameter without schema", decorated(NUMPY, signature="data, extra"), "MLD202"),
    Case("parameter with default without schema", decorated(NUMPY, ARRAY_OUT, signature="data, extra=1"), None, ""),
    Case("request_headers without schema", decorated(NUMPY, ARRAY_OUT, signature="data, request_headers"), None, ""),
    Case("bare list as type", decorated("input_schema('data', [[1.0]])"), "MLD204", "I"),
    Case("bare array as type", decorated("input_schema('data', np.array([[1.0]]))"), "MLD204", "I"),
    Case("bare frame as type", decorated("input_schema('data', pd.DataFrame({'a': [1.0]}))"), "MLD204", "I"),
    Case("bare dict as type", decorated("input_schema('data', {'a': 1.0})"), "MLD204", "I"),
    Case(
        "sample variable as type",
        decorated("input_schema('data', sample)", before="sample = np.array([[1.0]])\n"),
        "MLD204",
        "I",
    ),
    Case("class as type", decorated("input_schema('data', NumpyParameterType)"), "MLD204", "I"),
    Case("swapped arguments", decorated("input_schema(NumpyParameterType(np.array([[1.0]])), 'data')"), "MLD204", "I"),
    Case("bare array as output", decorated(NUMPY, "output_schema(np.array([1.0]))"), "MLD204", "I"),
    Case("class as output", decorated(NUMPY, "output_schema(NumpyParameterType)"), "MLD204", "I"),
    Case("output not called", decorated(NUMPY, "output_schema"), "MLD206", "I"),
    Case("numpy of list", typed("NumpyParameterType([[1.0]])"), "MLD205", "I"),
    Case("numpy of frame", typed("NumpyParameterType(pd.DataFrame({'a': [1.0]}))"), "MLD205", "I"),
    Case("numpy of text", typed("NumpyParameterType('abc')"), "MLD205", "I"),
    Case("numpy of variable list", typed("NumpyParameterType(sample)", before="sample = [[1.0]]\n"), "MLD205", "I"),
    Case("pandas of array", typed("PandasParameterType(np.array([[1.0]]))"), "MLD205", "I"),
    Case("pandas of series", typed("PandasParameterType(pd.Series([1.0]))"), "MLD205", "I"),
    Case("pandas of list", typed("PandasParameterType([{'a': 1.0}])"), "MLD205", "I"),
    Case("bad orient", typed("PandasParameterType(pd.DataFrame({'a': [1.0]}), orient='rows')"), "MLD205", "I"),
    Case("array without dimension", typed("NumpyParameterType(np.array({'a': 1.0}))"), "MLD205", "I"),
    Case("array of a number", typed("NumpyParameterType(np.array(5.0))"), "MLD205", "I"),
    Case("standard of None", typed("StandardPythonParameterType(None)"), "MLD205", "I"),
    Case("standard of array", typed("StandardPythonParameterType(np.array([1.0]))"), "MLD205", "I"),
    Case("standard of frame", typed("StandardPythonParameterType(pd.DataFrame({'a': [1.0]}))"), "MLD205", "I"),
    Case("standard of set", typed("StandardPythonParameterType({1, 2})"), "MLD205", "I"),
    Case("standard of object", typed("StandardPythonParameterType(object())"), "MLD205", "I"),
    Case(
        "standard of own object",
        typed("StandardPythonParameterType(Thing())", before="class Thing:\n    x = 1\n"),
        "MLD205",
        "I",
    ),
    Case("standard of class", typed("StandardPythonParameterType(dict)"), "MLD205", "I"),
    Case("standard of np.int64", typed("StandardPythonParameterType(np.int64(1))"), "MLD205", "I"),
    Case("standard of dict with array", typed("StandardPythonParameterType({'a': np.array([1.0])})"), "MLD205", "I"),
    Case(
        "standard of list with frame", typed("StandardPythonParameterType([pd.DataFrame({'a': [1.0]})])"), "MLD205", "I"
    ),
    Case(
        "standard of dict with variable array",
        typed("StandardPythonParameterType({'a': {'b': arr}})", before="arr = np.zeros(3)\n"),
        "MLD205",
        "I",
    ),
    Case("standard of np.float64", typed("StandardPythonParameterType(np.float64(1.0))"), "MLD205"),
    Case("standard of date", typed("StandardPythonParameterType(datetime.date(2024, 1, 31))"), "MLD209"),
    Case("standard of today", typed("StandardPythonParameterType(datetime.date.today())"), "MLD209"),
    Case("two outputs", decorated(NUMPY, ARRAY_OUT, ARRAY_OUT), "MLD203", "I"),
    Case("two inputs of one name", decorated(NUMPY, NUMPY), "MLD203"),
    Case("two inputs of one name, frame and array", decorated(PANDAS, NUMPY), "MLD203"),
    Case("input without name", decorated("input_schema(NumpyParameterType(np.array([[1.0]])))"), "MLD206", "I"),
    Case("input not called", decorated("input_schema"), "MLD206", "I"),
    Case(
        "unknown keyword",
        decorated("input_schema('data', NumpyParameterType(np.array([[1.0]])), enforce_shape=False)"),
        "MLD206",
        "I",
    ),
    Case(
        "output with name", decorated(NUMPY, "output_schema('x', NumpyParameterType(np.array([1.0])))"), "MLD206", "I"
    ),
    Case("type with unknown keyword", typed("NumpyParameterType(np.array([[1.0]]), shape=False)"), "MLD206", "I"),
    Case("type without sample", typed("NumpyParameterType()"), "MLD206", "I"),
    Case(
        "default of other type",
        decorated(
            "input_schema('data', StandardPythonParameterType('text'))", signature="data=None", body="return str(data)"
        ),
        "MLD210",
    ),
    Case(
        "default of other type, optional",
        decorated(
            "input_schema('data', StandardPythonParameterType('text'), optional=True)",
            ARRAY_OUT,
            signature="data=None",
            body="return [1.0] if data else [0.0]",
        ),
        None,
        "",
    ),
    Case("json.loads of array", decorated(NUMPY, body="return json.loads(data)"), "MLD207"),
    Case("json.loads of frame", decorated(PANDAS, body="return json.loads(data)"), "MLD207"),
    Case(
        "json.loads of dict",
        decorated("input_schema('data', StandardPythonParameterType({'a': 1.0}))", body="return json.loads(data)"),
        "MLD207",
    ),
    Case(
        "json.loads of array in try",
        decorated(
            NUMPY,
            body="try:\n        rows = json.loads(data)\n        return rows\n    except Exception as e:\n        return str(e)",
        ),
        "MLD207",
    ),
    Case(
        "json.loads of text",
        decorated(
            "input_schema('data', StandardPythonParameterType('[1]'))", ARRAY_OUT, body="return json.loads(data)"
        ),
        None,
        "",
    ),
    Case(
        "json.loads behind isinstance",
        decorated(NUMPY, ARRAY_OUT, body="data = json.loads(data) if isinstance(data, str) else data\n    return data"),
        None,
        "",
    ),
    Case(
        "json.loads of raw value",
        decorated(
            "input_schema('data', NumpyParameterType(np.array([[1.0]])), convert_to_provided_type=False)",
            ARRAY_OUT,
            body="return list(data)",
        ),
        None,
        "",
    ),
    Case("key on array", decorated(NUMPY, body="return data['data'].tolist()"), "MLD208"),
    Case(
        "key on structured array",
        decorated(
            "input_schema('data', NumpyParameterType(np.array([(1.0, 2.0)], dtype=[('a', 'f8'), ('b', 'f8')])))",
            ARRAY_OUT,
            body="return data['a'].tolist()",
        ),
        None,
        "",
    ),
    Case("key on frame", decorated(PANDAS, ARRAY_OUT, body="return data['a'].tolist()"), None, ""),
    Case("empty array", decorated("input_schema('data', NumpyParameterType(np.array([])))"), "MLD211"),
    Case("empty row", decorated("input_schema('data', NumpyParameterType(np.array([[]])))"), "MLD211"),
    Case(
        "empty frame",
        decorated("input_schema('data', PandasParameterType(pd.DataFrame()))", body="return data.to_dict('records')"),
        "MLD211",
    ),
    Case("int sample", typed("StandardPythonParameterType(1)"), "MLD211"),
    Case("int array", decorated("input_schema('data', NumpyParameterType(np.array([[1, 2]])))"), "MLD211"),
    Case(
        "float sample",
        decorated("input_schema('data', StandardPythonParameterType(1.5))", ARRAY_OUT, body="return [data]"),
        None,
        "",
    ),
    Case("mixed list", typed("StandardPythonParameterType([1.5, 'a'])"), "MLD214", ""),
    Case(
        "schema on init",
        f"{HEAD}@{NUMPY}\ndef init():\n    pass\n\n@{NUMPY}\n@{ARRAY_OUT}\ndef run(data):\n    return data.tolist()\n",
        "MLD206",
        "N",
    ),
    Case("only output schema", decorated(ARRAY_OUT, body="return [1.0, len(data)]"), "MLD213", ""),
    Case(
        "json.dumps against array schema",
        decorated(NUMPY, ARRAY_OUT, body="return json.dumps(data.tolist())"),
        "MLD212",
        "",
    ),
    Case(
        "frame with split",
        decorated(
            "input_schema('data', PandasParameterType(pd.DataFrame({'a': [1.5]}), orient='split'))",
            ARRAY_OUT,
            body="return data['a'].tolist()",
        ),
        "MLD214",
        "",
    ),
    Case(
        "nested types",
        decorated(
            "input_schema('data', StandardPythonParameterType({'x': NumpyParameterType(np.array([1.0])), 'y': 'a'}))",
            ARRAY_OUT,
            body="return data['x'].tolist()",
        ),
        None,
        "",
    ),
    Case(
        "nested frame",
        decorated(
            "input_schema('Inputs', StandardPythonParameterType({'data': PandasParameterType(pd.DataFrame({'a': [1.5]}))}))",
            "input_schema('GlobalParameters', StandardPythonParameterType(1.0))",
            ARRAY_OUT,
            signature="Inputs, GlobalParameters=1.0",
            body="return Inputs['data']['a'].tolist()",
        ),
        None,
        "",
    ),
    Case(
        "several inputs",
        decorated(
            NUMPY,
            "input_schema('factor', StandardPythonParameterType(2.0))",
            ARRAY_OUT,
            signature="data, factor",
            body="return (data * factor)[0].tolist()",
        ),
        None,
        "",
    ),
    Case(
        "keywords",
        decorated(
            "input_schema(param_name='data', param_type=NumpyParameterType(sample_input=np.array([[1.0]]), enforce_shape=False))",
            "output_schema(output_type=NumpyParameterType(np.array([1.0])))",
        ),
        None,
        "",
    ),
    Case(
        "optional name that is missing",
        decorated(NUMPY, ARRAY_OUT, "input_schema('more', StandardPythonParameterType(1.0), optional=True)"),
        None,
        "",
    ),
    Case(
        "datetime sample",
        decorated(
            "input_schema('data', StandardPythonParameterType(datetime.datetime.now()))",
            ARRAY_OUT,
            body="return [data.hour]",
        ),
        None,
        "",
    ),
    Case(
        "bytes sample",
        decorated("input_schema('data', StandardPythonParameterType(b'abc'))", ARRAY_OUT, body="return [len(data)]"),
        None,
        "",
    ),
    Case(
        "samples made by code",
        decorated(
            "input_schema('data', NumpyParameterType(sample))",
            ARRAY_OUT,
            before="def make():\n    return 1\n\nsample = make()\n",
        ),
        None,
        "",
    ),
    Case(
        "frame read from a file",
        decorated(
            "input_schema('data', PandasParameterType(pd.read_csv('sample.csv')))",
            ARRAY_OUT,
            body="return data['a'].tolist()",
        ),
        None,
        "",
    ),
]

SHAPE_CASES = [
    Case("no run", INIT, "MLD101", "L"),
    Case("no init", "import json\n\ndef run(raw_data):\n    return json.loads(raw_data)\n", "MLD101", "L"),
    Case("run is a lambda", f"{INIT}run = lambda data: data\n", None, ""),
    Case(
        "run is a partial",
        f"import functools\n\n{INIT}def answer(x, data):\n    return data\n\nrun = functools.partial(answer, 1)\n",
        None,
        "",
    ),
    Case(
        "run is an object",
        f"class Runner:\n    def __call__(self, data):\n        return data\n\n{INIT}run = Runner()\n",
        None,
        "",
    ),
    Case("run is imported", "from scoring_code import init, run\n", None, ""),
    Case("everything is imported", "from scoring_code import *\n", None, ""),
    Case(
        "run under if",
        f"import os\n\n{INIT}if os.environ.get('X'):\n    def run(data):\n        return data\nelse:\n    def run(data):\n        return [data]\n",
        None,
        "",
    ),
    Case("run takes nothing", f"{INIT}def run():\n    return 1\n", "MLD102", "L"),
    Case(
        "run takes headers only", f"{INIT}def run(request_headers):\n    return str(request_headers)\n", "MLD102", "L"
    ),
    Case("star args", f"{INIT}def run(*args):\n    return str(args)\n", "MLD103", "L"),
    Case("keyword args", f"{INIT}def run(data, **kw):\n    return [data, str(kw)]\n", "MLD103", "L"),
    Case("positional only", f"{INIT}def run(data, /):\n    return data\n", "MLD103", "L"),
    Case(
        "decorator without wraps",
        f"def timed(f):\n    def inner(*args, **kwargs):\n        return f(*args, **kwargs)\n    return inner\n\n{INIT}@timed\ndef run(data):\n    return data\n",
        "MLD108",
        "L",
    ),
    Case(
        "decorator factory without wraps",
        f"def timed(name):\n    def outer(f):\n        def inner(*args, **kwargs):\n            return f(*args, **kwargs)\n        return inner\n    return outer\n\n{INIT}@timed('a')\ndef run(data):\n    return data\n",
        "MLD108",
        "L",
    ),
    Case(
        "decorator with wraps",
        f"import functools\n\ndef timed(f):\n    @functools.wraps(f)\n    def inner(*args, **kwargs):\n        return f(*args, **kwargs)\n    return inner\n\n{INIT}@timed\ndef run(data):\n    return data\n",
        None,
        "",
    ),
    Case("two required", plain(f"{LOAD}return rows[model_name]", "raw_data, model_name"), "MLD104"),
    Case("extra default", plain("return json.loads(raw_data)[k]", "raw_data, k='x'"), "MLD110", ""),
    Case("headers", plain("return [json.loads(raw_data), request_headers]", "raw_data, request_headers"), None, ""),
    Case("init takes", plain(LOAD + "return rows", init="def init(x):\n    print(x)\n\n"), "MLD105", "N"),
    Case("init takes default", plain(LOAD + "return rows", init="def init(x=1):\n    print(x)\n\n"), None, ""),
    Case("async init", plain(LOAD + "return rows", init="async def init():\n    pass\n\n"), "MLD107"),
    Case("async run", plain(LOAD + "return rows").replace("def run", "async def run"), "MLD106"),
    Case("generator run", plain(LOAD + "yield rows"), "MLD106"),
    Case("relative import", "from .helper import clean\n" + plain(LOAD + "return clean(rows)"), "MLD109", "I"),
    Case(
        "relative import of module", "from . import helper\n" + plain(LOAD + "return helper.clean(rows)"), "MLD109", "I"
    ),
    Case(
        "relative import in try",
        "try:\n    from .helper import clean\nexcept ImportError:\n    from helper import clean\n"
        + plain(LOAD + "return clean(rows)"),
        None,
        "",
    ),
    Case(
        "removed joblib",
        "from sklearn.externals import joblib\n" + plain(LOAD + "return joblib.hash(rows)"),
        "MLD601",
        "I",
    ),
    Case(
        "removed joblib as module",
        "import sklearn.externals.joblib as joblib\n" + plain(LOAD + "return joblib.hash(rows)"),
        "MLD601",
        "I",
    ),
    Case(
        "removed joblib's load",
        "from sklearn.externals.joblib import load\n" + plain(LOAD + "return str(load)"),
        "MLD601",
        "I",
    ),
    Case(
        "removed joblib in try",
        "try:\n    from sklearn.externals import joblib\nexcept ImportError:\n    import joblib\n"
        + plain(LOAD + "return joblib.hash(rows)"),
        None,
        "",
    ),
    Case(
        "workbench",
        "from azureml.api.realtime.services import generate_schema\n" + plain(LOAD + "return str(generate_schema)"),
        "MLD602",
        "I",
    ),
]

STATE_CASES = [
    Case(
        "no global",
        plain("return model.predict(raw_data).tolist()", init="def init():\n    model = object()\n\n"),
        "MLD301",
    ),
    Case(
        "global outside",
        plain(
            "return model.predict(raw_data).tolist()",
            before="global model\n",
            init="def init():\n    model = object()\n\n",
        ),
        "MLD301",
    ),
    Case(
        "shadowed None",
        plain(
            "return model.predict(raw_data).tolist()",
            before="model = None\n",
            init="def init():\n    model = object()\n\n",
        ),
        "MLD302",
    ),
    Case(
        "run assigns first",
        plain(
            "x = model.predict(raw_data).tolist()\nmodel = None\nreturn x",
            init="def init():\n    global model\n    model = object()\n\n",
        ),
        "MLD303",
    ),
    Case(
        "run counts",
        plain("count += 1\nreturn [count, raw_data]", init="def init():\n    global count\n    count = 0\n\n"),
        "MLD303",
    ),
    Case(
        "run counts globally",
        plain(
            "global count\ncount += 1\nreturn [count, raw_data]",
            init="def init():\n    global count\n    count = 0\n\n",
        ),
        "MLD305",
        "",
    ),
    Case(
        "local of run has the same name",
        plain("model = json.loads(raw_data)\nreturn model", init="def init():\n    global model\n    model = 1\n\n"),
        None,
        "",
    ),
    Case(
        "global is right",
        plain(
            "return model.predict(raw_data).tolist()", init="def init():\n    global model\n    model = object()\n\n"
        ),
        None,
        "",
    ),
    Case(
        "getenv unset is joined",
        plain(
            "return [path, raw_data]",
            init="def init():\n    global path\n    path = os.path.join(os.getenv('AZUREML_MODEL_DIR'), 'm')\n\n",
        ),
        "MLD609",
        "N",
    ),
    Case(
        "environ unset",
        plain(
            "return [path, raw_data]",
            init="def init():\n    global path\n    path = os.environ['AZUREML_MODEL_DIR']\n\n",
        ),
        "MLD609",
        "N",
    ),
    Case(
        "absolute part",
        plain(
            "return [path, raw_data]",
            init="def init():\n    global path\n    path = os.path.join(os.getenv('AZUREML_MODEL_DIR', '.'), '/m.pkl')\n\n",
        ),
        "MLD603",
        "",
    ),
    Case(
        "absolute part after variable",
        plain(
            "return [path, raw_data]",
            init="def init():\n    global path\n    folder = os.getenv('AZUREML_MODEL_DIR', '.')\n    path = os.path.join(folder, '/m.pkl')\n\n",
        ),
        "MLD603",
        "",
    ),
]

RETURN_CASES = [
    *(
        Case(f"returns {value}", plain(f"{LOAD}return {value}"), "MLD401")
        for value in (
            "np.array(rows)",
            "pd.DataFrame(rows)",
            "pd.Series(rows)",
            "np.int64(3)",
            "np.float32(1.5)",
            "b'abc'",
            "{1, 2}",
            "set(rows)",
            "pd.Timestamp('2024-01-01')",
            "{'a': np.array(rows)}",
            "[np.int64(1)]",
            "{'a': {'b': {1, 2}}}",
            "list(np.array([1, 2]))",
            "{(1, 2): 3}",
            "np.zeros(3)",
            "json.dumps({'a': np.array(rows)})",
            "str(rows).encode()",
            "np.asarray(rows).reshape(-1)",
            "pd.DataFrame(rows).head()",
        )
    ),
    Case("returns array variable", plain(f"{LOAD}result = np.array(rows)\nreturn result"), "MLD401"),
    Case(
        "returns array variable in dict", plain(f"{LOAD}result = np.array(rows)\nreturn {{'result': result}}"), "MLD401"
    ),
    Case(
        "returns prediction",
        plain(
            f"{LOAD}return model.predict(rows)",
            init="def init():\n    global model\n    model = load()\n\n",
            before="from loader import load\n",
        ),
        "MLD402",
    ),
    *(
        Case(f"returns {value}", plain(f"{LOAD}return {value}"), None, "")
        for value in (
            "np.array(rows).tolist()",
            "pd.DataFrame(rows).to_dict('records')",
            "np.float64(1.5)",
            "float(np.float32(1))",
            "list(np.array([1.0, 2.0]))",
            "{'a': float('nan')}",
            "{'a': [1, 2]}",
            "len(rows)",
            "None",
            "'text'",
            "[str(rows)]",
            "np.array(rows).sum().item()",
            "{1: 2}",
            "sorted(set(rows))",
            "str(np.array(rows))",
            "dict(zip(rows, rows))",
            "(1, 2)",
            "json.loads(pd.DataFrame(rows).to_json())",
        )
    ),
    Case(
        "returns array made a list",
        plain(f"{LOAD}result = np.array(rows)\nresult = result.tolist()\nreturn result"),
        None,
        "",
    ),
    Case("returns json text", plain(f"{LOAD}return json.dumps(rows)"), "MLD403", ""),
    Case("returns json text of a frame", plain(f"{LOAD}return pd.DataFrame(rows).to_json()"), "MLD403", ""),
    Case(
        "returns json text with default", plain(f"{LOAD}return json.dumps(np.array(rows), default=str)"), "MLD403", ""
    ),
    Case("returns json text variable", plain(f"{LOAD}out = json.dumps(rows)\nreturn out"), "MLD403", ""),
    Case("returns status tuple", plain(f"{LOAD}return {{'error': 'x'}}, 400"), "MLD406", ""),
    Case(
        "returns error text",
        plain("try:\n    return json.loads(raw_data)\nexcept Exception as e:\n    return str(e)"),
        "MLD404",
        "",
    ),
    Case(
        "returns error object",
        plain("try:\n    return json.loads(raw_data)\nexcept Exception as e:\n    return {'error': str(e)}"),
        "MLD404",
        "",
    ),
    Case(
        "returns error variable",
        plain("try:\n    return json.loads(raw_data)\nexcept Exception as e:\n    error = str(e)\n    return error"),
        "MLD404",
        "",
    ),
    Case(
        "returns error later",
        plain(
            "try:\n    result = json.loads(raw_data)\nexcept Exception as e:\n    result = str(e)\nreturn {'result': result}"
        ),
        "MLD404",
        "",
    ),
    Case(
        "error text as array",
        plain(
            "try:\n    result = np.array(json.loads(raw_data))\nexcept Exception as e:\n    result = str(e)\nreturn result.tolist()"
        ),
        "MLD405",
    ),
    Case("returns nothing", plain("print(len(json.loads(raw_data)))"), "MLD407", ""),
    Case("exits", plain("import sys\nif not raw_data:\n    sys.exit(1)\nreturn json.loads(raw_data)"), "MLD408"),
    Case("text with key", plain("return json.dumps(raw_data['data'])"), "MLD411"),
    Case("text with get", plain("return json.dumps(raw_data.get('data'))"), "MLD411"),
    Case(
        "text with key, parsed later",
        plain("x = raw_data['model']\nraw_data = json.loads(raw_data)\nreturn [x, raw_data]"),
        "MLD411",
    ),
    Case("parsed before key", plain("raw_data = json.loads(raw_data)\nreturn raw_data['data']"), None, ""),
    Case(
        "key behind isinstance",
        plain("if isinstance(raw_data, str):\n    raw_data = json.loads(raw_data)\nreturn raw_data['data']"),
        None,
        "",
    ),
    Case(
        "key in forgiving try",
        plain(
            "try:\n    rows = raw_data['data']\nexcept TypeError:\n    rows = json.loads(raw_data)['data']\nreturn rows"
        ),
        None,
        "",
    ),
    Case(
        "method without rawhttp",
        RAW
        + "\n"
        + INIT
        + "def run(request):\n    if request.method == 'GET':\n        return AMLResponse('x', 200)\n    return AMLResponse(request.get_data(), 200)\n",
        "MLD412",
    ),
]

RAW_CASES = [
    Case("raw echo", raw("return AMLResponse(request.get_data(), 200)"), None, ""),
    Case(
        "raw by method",
        raw(
            "if request.method == 'GET':\n    return AMLResponse(str.encode(request.full_path), 200)\nreturn AMLResponse('bad request', 500)"
        ),
        None,
        "",
    ),
    Case("raw json", raw("return AMLResponse({'a': request.get_json()}, 200, json_str=True)"), None, ""),
    Case(
        "raw with headers",
        raw(
            "response = AMLResponse(request.get_data(), 200)\nresponse.headers['Access-Control-Allow-Origin'] = '*'\nreturn response"
        ),
        None,
        "",
    ),
    Case(
        "raw and schema",
        RAW
        + HEAD
        + INIT
        + "@rawhttp\n@input_schema('request', StandardPythonParameterType('a'))\ndef run(request):\n    return AMLResponse(str(request), 200)\n",
        "MLD501",
        "L",
    ),
    Case("rawhttp called", raw("return AMLResponse(request.get_data(), 200)", "@rawhttp()"), "MLD502", "I"),
    Case("json.loads of request", raw("return AMLResponse(str(json.loads(request)), 200)"), "MLD503"),
    Case("key of request", raw("return AMLResponse(str(request['k']), 200)"), "MLD503"),
    Case("response without status", raw("return AMLResponse(request.get_data())"), "MLD504"),
    Case("response of list", raw("return AMLResponse([1, 2], 200)"), "MLD505"),
    Case("response of dict", raw("return AMLResponse({'a': 1}, 200)"), "MLD505", ""),
    Case("response of array", raw("import numpy as np\nreturn AMLResponse(np.zeros(2), 200, {})"), "MLD505"),
    Case("response encoded twice", raw("return AMLResponse(json.dumps({'a': 1}), 200, json_str=True)"), "MLD506", ""),
    Case("response of json text", raw("return AMLResponse(json.dumps({'a': 1}), 200)"), None, ""),
    Case("int header", raw("return AMLResponse('x', 200, {'X-Count': 3})"), "MLD508"),
    Case("text header", raw("return AMLResponse('x', 200, {'X-Count': '3'})"), None, ""),
    Case(
        "rawhttp on helper",
        RAW
        + "@rawhttp\ndef helper(request):\n    return request.get_data()\n\n"
        + INIT
        + "def run(request):\n    return json.loads(request)\n",
        "MLD507",
    ),
    Case("raw returns dict", raw("return {'size': len(request.get_data())}"), "MLD508", ""),
]

CASES = [*SCHEMA_CASES, *SHAPE_CASES, *STATE_CASES, *RETURN_CASES, *RAW_CASES]
