"""Imports of v1's packages: given where they are missing, left alone where they are installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PRELUDE = (
    "import warnings; warnings.simplefilter('error')\nfrom jupyter_mldeploy.scoring import shims\nshims.install()\n"
)


def run(code: str, *paths: Path) -> str:
    """Run code in a fresh interpreter with further import paths; return what it prints."""
    setup = "import sys\n" + "".join(f"sys.path.insert(0, {str(path)!r})\n" for path in paths)
    done = subprocess.run([sys.executable, "-c", setup + PRELUDE + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    "statement",
    [
        "from azureml.contrib.services.aml_request import AMLRequest, rawhttp",
        "from azureml.contrib.services.aml_response import AMLResponse",
        "from azureml_inference_server_http.api.aml_request import AMLRequest, rawhttp",
        "from azureml_inference_server_http.api.aml_response import AMLResponse",
        "from azureml.core.model import Model; Model.get_model_path",
        "from azureml.core import Model; Model.get_model_path",
        "import azureml.core; azureml.core.model.Model",
        "import azureml.contrib.services.aml_request as r; r.rawhttp",
        "from inference_schema.schema_decorators import input_schema, output_schema",
        "from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType",
        "from sklearn.externals import joblib; joblib.load",
        "import sklearn.externals.joblib as j; j.dump",
        "import azureml.train.automl",
    ],
)
def test_v1_imports(statement: str) -> None:
    assert run(f"{statement}\nprint('fine')") == "fine"


@pytest.mark.parametrize(
    "statement",
    [
        "from azureml.core import Nonesuch",
        "from azureml.train.automl import AutoMLConfig",
        "from azureml.core.nonesuch import Run",
    ],
)
def test_what_is_not_there_is_an_import_error(statement: str) -> None:
    code = f"try:\n    {statement}\nexcept ImportError as error:\n    print(type(error).__name__)"
    assert run(code) in ("ImportError", "ModuleNotFoundError")


@pytest.mark.parametrize(
    ("statement", "use"),
    [
        ("from azureml.core import Workspace", "Workspace.from_config()"),
        ("from azureml.core.run import Run", "Run.get_context()"),
        ("from azureml.core.authentication import ServicePrincipalAuthentication as S", "S('t', 'i', 'p')"),
        ("from azureml.core.model import InferenceConfig", "InferenceConfig(entry_script='score.py')"),
    ],
)
def test_what_needs_a_workspace_may_be_imported_but_not_used(statement: str, use: str) -> None:
    code = f"{statement}\ntry:\n    {use}\nexcept ImportError as error:\n    print(error)"
    assert "needs a workspace and is not available while scoring" in run(code)


def test_the_model_class_says_what_it_is_for() -> None:
    code = "from azureml.core import Model\ntry:\n    Model(1, 'x')\nexcept ImportError as error:\n    print(error)"
    assert "only Model.get_model_path" in run(code)


def test_installed_packages_win(tmp_path: Path) -> None:
    package = tmp_path / "azureml_inference_server_http" / "api"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "aml_request.py").write_text("rawhttp = 'installed'\n")
    code = "from azureml_inference_server_http.api.aml_request import rawhttp\nprint(rawhttp)"
    assert run(code, tmp_path) == "installed"


@pytest.mark.parametrize("kind", ["namespace", "package"])
def test_namespace_that_is_partly_installed(tmp_path: Path, kind: str) -> None:
    (tmp_path / "azureml" / "core").mkdir(parents=True)
    (tmp_path / "azureml" / "core" / "__init__.py").write_text("Workspace = 'installed'\n")
    if kind == "package":
        (tmp_path / "azureml" / "__init__.py").write_text("here = True\n")
    code = (
        "from azureml.core import Workspace\n"
        "from azureml.contrib.services.aml_response import AMLResponse\n"
        "print(Workspace, AMLResponse.__name__)"
    )
    assert run(code, tmp_path) == "installed AMLResponse"


def test_the_installed_rawhttp_is_noticed(tmp_path: Path) -> None:
    package = tmp_path / "azureml_inference_server_http" / "api"
    package.mkdir(parents=True)
    (package / "aml_request.py").write_text(
        "_rawHttpRequested = False\ndef rawhttp(f):\n    global _rawHttpRequested\n"
        "    _rawHttpRequested = True\n    return f\n"
    )
    code = (
        "from azureml_inference_server_http.api.aml_request import rawhttp\n"
        "print(shims.real_rawhttp_requested())\nrawhttp(len)\nprint(shims.real_rawhttp_requested())"
    )
    assert run(code, tmp_path).split() == ["False", "True"]


def test_werkzeug_is_loaded_for_those_who_ask() -> None:
    code = (
        "import sys, jupyter_mldeploy.scoring.worker\nprint('werkzeug' in sys.modules, 'numpy' in sys.modules)\n"
        "from azureml.contrib.services.aml_request import rawhttp\nprint('werkzeug' in sys.modules)"
    )
    assert run(code).split() == ["False", "False", "True"]
