# ruff: noqa: E501 - scripts in one line
"""Habits of public scripts, reduced: what once was reported wrongly, or not at all."""

from __future__ import annotations

import pytest

from jupyter_mldeploy.core.lint import LintConfig, lint_source

from .case import HEAD

LOADS = "import json\nimport os\nimport joblib\nimport onnxruntime\nimport mlflow\nimport numpy as np\nfrom tensorflow.keras.models import load_model\n\n"
KERAS = f"{LOADS}def init():\n    global model\n    model = load_model(os.environ['AZUREML_MODEL_DIR'])\n\n"
PICKLED = f"{LOADS}def init():\n    global model\n    model = joblib.load('model.pkl')\n\n"
ONNX = f"{LOADS}def init():\n    global sess\n    sess = onnxruntime.InferenceSession('model.onnx')\n\n"
CLASS = f"{LOADS}class Scorer:\n    def init(self):\n        self.model = joblib.load('model.pkl')\n\n    def run(self, raw_data):\n"
ONE = f"{PICKLED}def run(raw_data):\n    x = json.loads(raw_data)\n"
BATCH = f"{LOADS}def init():\n    pass\n\ndef run(input_data, mini_batch_context):\n    store = mini_batch_context.partition_key_value['store']\n"

FOUND = {
    "prediction of Keras in json.dumps": (
        "MLD402", "warning",
        KERAS + "def run(rawdata):\n    try:\n        data = json.loads(rawdata)['image']\n        results = model.predict(data)\n    except Exception as e:\n        results = str(e)\n    return json.dumps({'results': results})\n",
    ),
    "prediction of a pickle in json.dumps": (
        "MLD402", "info",
        PICKLED + "def run(raw_data):\n    result = model.predict(json.loads(raw_data))\n    return json.dumps({'result': result})\n",
    ),
    "arrays of ONNX Runtime": (
        "MLD402", "info", ONNX + "def run(raw_data):\n    test = sess.run(None, json.loads(raw_data))\n    return test\n",
    ),
    "prediction as a float": ("MLD409", "warning", ONE + "    return float(model.predict(x))\n"),
    "prediction as an int, by name": (
        "MLD409", "warning", ONE + "    try:\n        label = model.predict(x)\n        return {'label': int(label)}\n    except Exception as error:\n        return {'error': str(error)}\n",
    ),
    "prediction as a float after arithmetic": ("MLD409", "warning", ONE + "    y = np.expm1(model.predict(x)).round(2)\n    return float(-y * 100)\n"),
    "decoded label as an int": ("MLD409", "warning", ONE + "    return int(model.inverse_transform(x).astype(int))\n"),
    "prediction of a class's model as a float": ("MLD409", "warning", CLASS + "        return float(self.model.predict(json.loads(raw_data)))\n"),
    "prediction of a class's model in json.dumps": ("MLD402", "info", CLASS + "        return json.dumps({'result': self.model.predict(json.loads(raw_data))})\n"),
    "score of a helper's model": ("MLD409", "warning", PICKLED + "def score(a, x):\n    return complex(a.decision_function(x))\n\ndef run(raw_data):\n    return str(score(model, json.loads(raw_data)))\n"),
    "ONNX Runtime's list as an array": (
        "MLD410", "error", ONNX + "def run(raw_data):\n    try:\n        result = sess.run(['y'], json.loads(raw_data))\n        return json.dumps({'result': result.tolist()})\n    except Exception as e:\n        return str(e)\n",
    ),
    "ONNX Runtime's list of a session for each request": (
        "MLD410", "error", f"{LOADS}def init():\n    pass\n\ndef run(raw_data):\n    sess = onnxruntime.InferenceSession('m.onnx')\n    return sess.run(None, json.loads(raw_data)).shape\n",
    ),
    "comprehension as an array": ("MLD410", "error", ONE + "    y = [float(item) for item in model.predict(x)]\n    return y.tolist()\n"),
    "path with backslashes": ("MLD605", "warning", "import pickle\n\ndef init():\n    global model\n    model = pickle.load(open('output\\\\model.pkl', 'rb'))\n\ndef run(data):\n    return [str(model), data]\n"),
    "folder of the model overwritten": ("MLD605", "warning", f"{LOADS}def init():\n    os.environ['AZUREML_MODEL_DIR'] = '/home/me/train/'\n\ndef run(data):\n    return [data]\n"),
    "body used as a frame": ("MLD411", "error", PICKLED + "def run(input_df):\n    rows, columns = input_df.shape\n    return json.dumps(str(model.predict(np.c_[input_df, np.ones(rows)])[0]))\n"),
    "init() for each request": (
        "MLD607", "warning", PICKLED + "def run(raw_data):\n    init()\n    return model.predict(json.loads(raw_data)).tolist()\n",
    ),
    "removed module inside init()": (
        "MLD601", "error", "def init():\n    from sklearn.externals import joblib\n    global model\n    model = joblib.load('m.pkl')\n\ndef run(data):\n    return [data]\n",
    ),
    "dead module inside run()": (
        "MLD602", "error", "def init():\n    pass\n\ndef run(data):\n    from azureml.assets import get_local_path\n    return [get_local_path(data)]\n",
    ),
}  # fmt: skip

SILENT = {
    "dead module of a main()": ("MLD602", "def init():\n    pass\n\ndef run(data):\n    return [data]\n\ndef main():\n    from azureml.api.realtime.services import generate_schema\n    generate_schema(run)\n\nif __name__ == '__main__':\n    main()\n"),
    "dead module of the script run by itself": ("MLD602", "def init():\n    pass\n\ndef run(data):\n    return [data]\n\nif __name__ == '__main__':\n    from azureml.api.schema.dataTypes import DataTypes\n    print(DataTypes)\n"),
    "removed module of a main()": ("MLD601", "def init():\n    pass\n\ndef run(data):\n    return [data]\n\ndef main():\n    from sklearn.externals import joblib\n    joblib.dump(1, 'm.pkl')\n"),
    "model that a mini-batch chooses": ("MLD607", BATCH + "    reg = mlflow.sklearn.load_model(f'models:/{store}/latest')\n    return [str(reg.predict(input_data))]\n"),
    "model that a request chooses": ("MLD607", LOADS + "def init():\n    pass\n\ndef run(raw_data):\n    data = json.loads(raw_data)\n    name = data['model']\n    path = os.path.join('models', name)\n    return joblib.load(path).predict(data['rows']).tolist()\n"),
    "init() when it is missing": ("MLD607", PICKLED.replace("def init", "model = None\n\ndef init") + "def run(raw_data):\n    if model is None:\n        init()\n    return model.predict(json.loads(raw_data)).tolist()\n"),
    "init() of something else": ("MLD607", PICKLED + "def run(raw_data):\n    from engine import init\n    init()\n    return model.predict(json.loads(raw_data)).tolist()\n"),
    "encoder of its own": ("MLD402", KERAS + "def run(raw_data):\n    result = model.predict(json.loads(raw_data))\n    return json.dumps({'result': result}, default=lambda x: x.tolist())\n"),
    "converted on the way": ("MLD402", KERAS + "def run(raw_data):\n    result = model.predict(json.loads(raw_data))\n    result = result.tolist()\n    return json.dumps({'result': result})\n"),
    "first array of ONNX Runtime": ("MLD402", ONNX + "def run(raw_data):\n    return sess.run(None, json.loads(raw_data))[0].tolist()\n"),
    "first element": ("MLD409", ONE + "    return float(model.predict(x)[0])\n"),
    "first element by name": ("MLD409", ONE + "    y = model.predict(x)\n    y = y[0]\n    return float(y)\n"),
    "first of a squeezed prediction": ("MLD409", ONE + "    return float(model.predict(x).squeeze()[0])\n"),
    "squeezed prediction": ("MLD409", ONE + "    return float(np.squeeze(model.predict(x)))\n"),
    "only element": ("MLD409", ONE + "    return float(model.predict(x).item())\n"),
    "element of a list": ("MLD409", ONE + "    y = model.predict(x).tolist()\n    return float(y[0])\n"),
    "largest element": ("MLD409", ONE + "    return int(np.argmax(model.predict(x))) + float(model.predict(x).max())\n"),
    "how many": ("MLD409", ONE + "    return float(len(model.predict(x)))\n"),
    "each element": ("MLD409", ONE + "    return [float(y) for y in model.predict(x)]\n"),
    "prediction or number": ("MLD409", ONE + "    y = model.predict(x)\n    if x:\n        y = 1.0\n    return float(y)\n"),
    "prediction whose type is looked at": ("MLD409", ONE + "    y = model.predict(x)\n    return y.tolist() if hasattr(y, 'tolist') else float(y)\n"),
    "prediction whose dimensions are looked at": ("MLD409", ONE + "    y = model.predict(x)\n    return float(y) if np.ndim(y) == 0 else y.tolist()\n"),
    "conversion that may fail": ("MLD409", ONE + "    y = model.predict(x)\n    try:\n        y = float(y)\n    except TypeError:\n        y = y.tolist()\n    return y\n"),
    "model of its own": ("MLD409", ONE.replace("def init", "class Mine:\n    def predict(self, x):\n        return 1.0\n\ndef init").replace("joblib.load('model.pkl')", "Mine()") + "    return float(model.predict(x))\n"),
    "class's model of its own": ("MLD409", CLASS.replace("joblib.load('model.pkl')", "self.load()") + "        return float(self.model.predict(raw_data))\n"),
    "class's model given from outside": ("MLD409", CLASS.replace("joblib.load('model.pkl')", "None") + "        return float(self.model.predict(raw_data))\n"),
    "module of its own": ("MLD409", ONE.replace("import json", "import json\nimport scorer") + "    return float(scorer.predict(x))\n"),
    "float of its own": ("MLD409", ONE.replace("def init", "def float(x):\n    return x[0]\n\ndef init") + "    return float(model.predict(x))\n"),
    "list or array": ("MLD410", ONNX + "def run(raw_data):\n    y = sess.run(None, json.loads(raw_data))\n    if hasattr(y, 'tolist'):\n        return y.tolist()\n    return [item.tolist() for item in y]\n"),
    "list that became an array": ("MLD410", ONE + "    y = [item for item in model.predict(x)]\n    y = np.array(y)\n    return y.tolist()\n"),
    "array of a list": ("MLD410", ONNX + "def run(raw_data):\n    return np.array(sess.run(None, json.loads(raw_data))).tolist()\n"),
    "list whose missing method is caught": ("MLD410", ONE + "    y = list(model.predict(x))\n    try:\n        y = y.tolist()\n    except AttributeError:\n        pass\n    return y\n"),
    "folder of the model for a trial": ("MLD605", f"{LOADS}def init():\n    pass\n\ndef run(data):\n    return [data]\n\nif __name__ == '__main__':\n    os.environ['AZUREML_MODEL_DIR'] = '/home/me/train/'\n"),
    "folder of the model when it is missing": ("MLD605", f"{LOADS}if 'AZUREML_MODEL_DIR' not in os.environ:\n    os.environ['AZUREML_MODEL_DIR'] = '/home/me/train/'\n\ndef init():\n    pass\n\ndef run(data):\n    return [data]\n"),
    "frame of a mini-batch": ("MLD411", PICKLED + "def run(mini_batch):\n    rows = mini_batch.shape[0]\n    return [str(rows)]\n"),
    "frame, or perhaps a mini-batch": ("MLD411", PICKLED + "def run(df):\n    df['p'] = model.predict(df.drop(columns=['a']))\n    return df\n"),
    "body that became an array": ("MLD411", PICKLED + "def run(data):\n    data = np.array(json.loads(data)['data'])\n    return json.dumps(data.shape)\n"),
    "body or array": ("MLD411", PICKLED + "def run(data):\n    if isinstance(data, str):\n        return json.loads(data)\n    return json.dumps(data.tolist())\n"),
    "run() of something else": ("MLD402", ONNX.replace("onnxruntime.InferenceSession('model.onnx')", "make()") + "def run(raw_data):\n    return sess.run(None, json.loads(raw_data))\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_habit_is_reported(name: str) -> None:
    code, severity, script = FOUND[name]
    found = [item for item in lint_source(script, kind="script") if item.code == code]
    assert [item.severity for item in found] == [severity]


@pytest.mark.parametrize("name", SILENT)
def test_habit_is_no_fault(name: str) -> None:
    code, script = SILENT[name]
    assert [item for item in lint_source(script, kind="script") if item.code == code] == []


def test_what_fails_is_named() -> None:
    script = FOUND["removed module inside init()"][2]
    (found,) = [item for item in lint_source(script, kind="script") if item.code == "MLD601"]
    assert "so init() fails" in found.message


# -- run() that scores row by row: micro-batching is proposed, where nothing speaks against it ------------------------

ARRAY = "NumpyParameterType(np.array([[1.0, 2.0]]))"
FRAME = "PandasParameterType(pd.DataFrame({'a': [1.5]}))"


def schema_script(
    body: str, *, kind: str = ARRAY, signature: str = "data", load: str = "joblib.load('model.pkl')", before: str = ""
) -> str:
    """Make a script with a loaded model around the body of its ``run()``."""
    lines = body.replace("\n", "\n    ")
    return (
        f"{HEAD}import joblib\nimport torch\nimport logging\n\n{before}\n"
        f"def init():\n    global model\n    model = {load}\n\n"
        f"@input_schema('data', {kind})\ndef run({signature}):\n    {lines}\n"
    )


PREDICTS = "return model.predict(data).tolist()"
ROW_WISE = {
    "array": schema_script(PREDICTS),
    "frame": schema_script(PREDICTS, kind=FRAME),
    "as it came": schema_script("return model.predict(data)"),
    "variables": schema_script("result = model.predict(data)\nrows = result.tolist()\nreturn rows"),
    "dictionary": schema_script("y = model.predict(data)\nreturn {'label': y.tolist(), 'p': model.predict_proba(data).tolist()}"),
    "caught": schema_script("try:\n    result = model.predict(data)\n    return result.tolist()\nexcept Exception as e:\n    logging.exception('no')\n    return str(e)"),
    "caught before": schema_script("try:\n    result = model.predict(data)\nexcept Exception as e:\n    return str(e)\nreturn list(result)"),
    "logged": schema_script('"""Scores."""\nprint("rows", len(data))\nlogging.info("x")\n' + PREDICTS),
    "declared first": schema_script(PREDICTS, before="model = None\n"),
    "sample in a variable": schema_script(PREDICTS, before="rows = np.array([[1, 2], [3, 4]])\n", kind="NumpyParameterType(rows)"),
}  # fmt: skip

NOT_ROW_WISE = {
    "one value for all rows": schema_script("return {'mean': float(model.predict(data).mean())}"),
    "first row only": schema_script("return model.predict(data)[0]"),
    "text": schema_script("return json.dumps({'result': model.predict(data).tolist()})"),
    "number of rows": schema_script("return {'rows': len(data), 'y': model.predict(data).tolist()}"),
    "constant beside": schema_script("return {'version': 3, 'y': model.predict(data).tolist()}"),
    "state": schema_script("global count\ncount += 1\n" + PREDICTS, before="count = 0\n"),
    "collector": schema_script("collector.collect(data)\n" + PREDICTS, before="collector = object()\n"),
    "sorted": schema_script("data = data.sort_values('a')\n" + PREDICTS, kind=FRAME),
    "normalised over the rows": schema_script("data = (data - data.mean()) / data.std()\n" + PREDICTS),
    "changed in place": schema_script("data -= 1\n" + PREDICTS),
    "branch": schema_script("if len(data) > 10:\n    return []\n" + PREDICTS),
    "options": schema_script("return model.predict(data, batch_size=1).tolist()"),
    "forecast": schema_script("return model.forecast(data).tolist()", kind=FRAME),
    "own model": schema_script(PREDICTS, before="class Model:\n    def predict(self, rows):\n        return rows.cumsum()\n", load="Model()"),
    "model of a module": schema_script(PREDICTS, before="from loader import load\n", load="load()"),
    "torch": schema_script(PREDICTS, load="torch.load('m.pt')"),
    "model changed later": schema_script(PREDICTS, load="joblib.load('m.pkl')\n    model = wrap(model)"),
    "headers": schema_script(PREDICTS, signature="data, request_headers"),
    "a row is the whole array": schema_script(PREDICTS, kind="NumpyParameterType(np.array([1.0, 2.0]))"),
    "any shape": schema_script(PREDICTS, kind="NumpyParameterType(np.array([[1.0]]), enforce_shape=False)"),
    "other orient": schema_script(PREDICTS, kind="PandasParameterType(pd.DataFrame({'a': [1.5]}), orient='split')"),
    "standard": schema_script(PREDICTS, kind="StandardPythonParameterType([[1.0]])"),
    "async": schema_script(PREDICTS).replace("def run", "async def run"),
    "generator": schema_script("yield model.predict(data).tolist()"),
    "optional": schema_script(PREDICTS, signature="data=None"),
    "foreign decorator": schema_script(PREDICTS).replace("@input_schema", "@timed\n@input_schema").replace("def init", "from timing import timed\n\ndef init"),
    "undecorated": PICKLED + "def run(raw_data):\n    return model.predict(json.loads(raw_data)).tolist()\n",
}  # fmt: skip


@pytest.mark.parametrize("name", ROW_WISE)
def test_batches_are_proposed(name: str) -> None:
    found = [item for item in lint_source(ROW_WISE[name], kind="script") if item.code == "MLD216"]
    assert [item.severity for item in found] == ["hint"]
    assert "--batch" in found[0].message
    assert "max_batch_size" in found[0].message


@pytest.mark.parametrize("name", NOT_ROW_WISE)
def test_batches_are_not_proposed(name: str) -> None:
    assert "MLD216" not in [item.code for item in lint_source(NOT_ROW_WISE[name], kind="script")]


def test_azure_has_no_batches() -> None:
    found = lint_source(ROW_WISE["array"], kind="script", config=LintConfig(server="azureml"))
    assert "MLD216" not in [item.code for item in found]


def test_half_a_script_named_score_with_headers_is_an_entry_script() -> None:
    script = (
        "import joblib\n\nmodel = joblib.load('m.pkl')\n\ndef run(raw_data, request_headers):\n    return [raw_data]\n"
    )
    assert [item.code for item in lint_source(script, path="score.py")] == ["MLD607"]
    assert lint_source(script, path="worker.py") == []
