# ruff: noqa: E501 - scripts in one line
"""Scripts by the shape of init() and run(), their imports and their state."""

from __future__ import annotations

from .case import INIT, LOAD, Case, plain

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
    Case("async init", plain(LOAD + "return rows", init="async def init():\n    pass\n\n"), "MLD107", stage=""),
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
        plain("return model.predict(raw_data).tolist()", init="def init():\n    model = Model()\n\n"),
        "MLD301",
    ),
    Case(
        "global outside",
        plain(
            "return model.predict(raw_data).tolist()",
            before="global model\n",
            init="def init():\n    model = Model()\n\n",
        ),
        "MLD301",
    ),
    Case(
        "shadowed None",
        plain(
            "return model.predict(raw_data).tolist()",
            before="model = None\n",
            init="def init():\n    model = Model()\n\n",
        ),
        "MLD302",
    ),
    Case(
        "run assigns first",
        plain(
            "x = model.predict(raw_data).tolist()\nmodel = None\nreturn x",
            init="def init():\n    global model\n    model = Model()\n\n",
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
        plain("return model.predict(raw_data).tolist()", init="def init():\n    global model\n    model = Model()\n\n"),
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
        when="the variable is not set",
    ),
    Case(
        "environ unset",
        plain(
            "return [path, raw_data]",
            init="def init():\n    global path\n    path = os.environ['AZUREML_MODEL_DIR']\n\n",
        ),
        "MLD609",
        "N",
        when="the variable is not set",
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
