"""The contract of entry scripts."""

from __future__ import annotations

import subprocess
import sys

import pytest

from jupyter_mldeploy.core.entryscript import read_entry_script, third_party_imports, top_level_imports
from tests.patience import FACTOR

from .broken_states import SCRIPTS


@pytest.mark.parametrize(
    ("name", "kind"), [("json", "json"), ("schema", "schema"), ("raw", "rawhttp"), ("batch", "batch")]
)
def test_kinds(name: str, kind: str) -> None:
    script = read_entry_script(SCRIPTS[name])
    assert script.kind == kind
    assert script.kind_is_certain
    assert script.init is not None
    assert script.run is not None
    assert not script.has_errors


def test_schema_script_in_full() -> None:
    script = read_entry_script(SCRIPTS["schema"], path="score.py")
    assert script.path == "score.py"
    assert script.imports == ("os", "joblib", "numpy", "inference_schema")
    assert [(item.how, item.name) for item in script.model_references] == [("env", None)]
    run = script.run
    assert run is not None
    assert [(p.name, p.annotation, p.default, p.required) for p in run.parameters] == [
        ("data", "np.ndarray", None, True),
        ("method", "str", '"predict"', False),
    ]
    assert run.decorators[0] == 'input_schema("data", NumpyParameterType(input_sample))'
    assert (run.span.line, run.name_span.line) == (18, 24)
    first, second, output = script.schemas
    assert (first.role, first.parameter, first.type, first.optional, first.convert) == (
        "input",
        "data",
        "numpy",
        False,
        True,
    )
    assert first.sample is not None
    assert (first.sample.text, first.sample.variable) == ("np.array([[10.0, 9.0, 8.0]])", "input_sample")
    assert (second.parameter, second.type) == ("method", "standard")
    assert second.sample is not None
    assert (second.sample.text, second.sample.variable) == ('"predict"', None)
    assert (output.role, output.parameter, output.type) == ("output", None, "numpy")


@pytest.mark.parametrize(
    ("text", "kind", "how"),
    [
        ("def init(): ...\ndef run(raw_data): return raw_data", "json", "def"),
        ("run = lambda data: data\ninit = print", "json", "assign"),
        ("from other import init, run", "json", "import"),
        ("class Model:\n    def init(self): ...\n    def run(self, data): return data", "class", "method"),
        ("def init(): ...\nasync def run(data): return data", "json", "def"),
        ("import numpy", "unknown", None),
        ("def init(): ...\ndef run(minibatch): return []", "batch", "def"),
        (
            "from inference_schema.schema_decorators import *\n@input_schema('a', x)\ndef run(a): return a",
            "schema",
            "def",
        ),
        ("def rawhttp(f): return f\n@rawhttp\ndef run(a): return a", "json", "def"),
    ],
)
def test_bindings(text: str, kind: str, how: str | None) -> None:
    script = read_entry_script(text)
    assert script.kind == kind
    assert (script.run.how if script.run else None) == how


def test_method_loses_self() -> None:
    script = read_entry_script("class Model:\n    def run(self, data, k=1): return data\n")
    assert script.class_name == "Model"
    assert script.run is not None
    assert [item.name for item in script.run.parameters] == ["data", "k"]


@pytest.mark.parametrize(
    ("body", "path", "kind"),
    [
        ("for f in files:\n        out.append(open(f).read())\n    return out", "batch_score.py", "batch"),
        ("df['x'] = df.drop(columns=['a'])\n    return df", "score_batch.py", "batch"),
        ("return json.dumps(model.predict(json.loads(files)).tolist())", "score.py", "json"),
    ],
)
def test_batch_is_told_by_use(body: str, path: str, kind: str) -> None:
    parameter = "df" if "df" in body else "files"
    text = (
        f"import json\nimport argparse\nargparse.ArgumentParser()\ndef init(): ...\ndef run({parameter}):\n    {body}\n"
    )
    assert read_entry_script(text, path=path).kind == kind


def test_model_references() -> None:
    script = read_entry_script(
        "import os, mlflow\nfrom azureml.core.model import Model\n"
        "def init():\n"
        "    a = Model.get_model_path('diabetes', version=3)\n"
        "    b = Model.get_model_path(model_name='other')\n"
        "    c = os.environ['AZUREML_MODEL_DIR']\n"
        "    d = mlflow.pyfunc.load_model('models:/x/1')\n"
        "    e = AutoModel.from_pretrained('bert')\n"
        "def run(data): return data\n"
    )
    assert [(item.how, item.name, item.version) for item in script.model_references] == [
        ("get_model_path", "diabetes", "3"),
        ("get_model_path", "other", None),
        ("env", None, None),
        ("mlflow", "models:/x/1", None),
        ("hub", "bert", None),
    ]


def test_imports() -> None:
    text = (
        "from __future__ import annotations\nimport os, numpy.linalg as la\nfrom . import local\nfrom .x import y\n"
        "from sklearn.linear_model import Ridge\ndef run(data):\n    import pandas\n    return data\n"
    )
    assert top_level_imports(text) == ("os", "numpy", "sklearn", "pandas")
    assert third_party_imports(text) == ("numpy", "sklearn", "pandas")
    assert top_level_imports("import os\ndef run(:\n") == ("os",)


def test_reading_never_imports_heavy_packages() -> None:
    code = (
        "import sys; import jupyter_mldeploy.core.entryscript, jupyter_mldeploy.core.lint; "
        "print([name for name in ('numpy', 'pandas', 'pydantic', 'yaml', 'sklearn', 'nbformat') if name "
        "in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60 * FACTOR)
    assert done.stdout.strip() == "[]"
