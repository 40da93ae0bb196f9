"""``import inference_schema`` without the package: in processes of their own, because imports are global."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import jupyter_mldeploy

ROOT = str(Path(jupyter_mldeploy.__file__).parents[1])

SCRIPT = """
import numpy as np, pandas as pd
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.schema_util import get_input_schema, get_output_schema, get_supported_versions
from inference_schema.schema_util import get_schemas_dict, is_schema_decorated
from inference_schema.parameter_types.abstract_parameter_type import AbstractParameterType
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
import inference_schema.parameter_types.numpy_parameter_type as module

class Own(AbstractParameterType):
    def deserialize_input(self, input_data): return "own"
    def input_to_swagger(self): return {"type": "string", "example": "own"}

@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
@input_schema("own", Own(1))
@output_schema(StandardPythonParameterType([1.0]))
def run(data, own="x"):
    return data.tolist()
"""


def python(code: str, *paths: str) -> str:
    environment = {"PYTHONPATH": ":".join([*paths, ROOT]), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def without_original(tmp_path):
    """A path entry that hides an installed original."""
    code = (
        "import sys\n"
        "class Hide:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        return None\n"
        "from importlib.machinery import PathFinder\n"
        "plain = PathFinder.find_spec\n"
        "def find_spec(name, path=None, target=None):\n"
        "    return None if name.partition('.')[0] == 'inference_schema' else plain(name, path, target)\n"
        "PathFinder.find_spec = staticmethod(find_spec)\n"
    )
    (tmp_path / "hide_original.py").write_text(code)
    return str(tmp_path)


def test_old_scripts_import_and_run(without_original):
    code = (
        "import hide_original\n"
        "from jupyter_mldeploy.schema import shims, read_contract\n"
        f"shims.install(); shims.install()\n{SCRIPT}\n"
        "print(run([[1, 2]]), read_contract(run).mode, is_schema_decorated(run), module.__name__)\n"
        "import sys; print(sum(isinstance(finder, shims.ShimFinder) for finder in sys.meta_path))\n"
        "shims.uninstall()\n"
        "print('inference_schema' in sys.modules)\n"
    )
    name = "inference_schema.parameter_types.numpy_parameter_type"
    assert python(code, without_original) == f"[[1.0, 2.0]] json True {name}\n1\nFalse"


def test_our_own_modules_keep_their_identity(without_original):
    code = (
        "import hide_original\n"
        "from jupyter_mldeploy.schema import shims\n"
        "shims.install()\n"
        "import inference_schema.schema_decorators as theirs\n"
        "import jupyter_mldeploy.schema.schema_decorators as ours\n"
        "assert theirs.input_schema is ours.input_schema\n"
        "print(ours.__name__, ours.__spec__.name, theirs.__spec__.name)\n"
    )
    ours = "jupyter_mldeploy.schema.schema_decorators"
    assert python(code, without_original) == f"{ours} {ours} inference_schema.schema_decorators"


def test_other_names_are_none_of_our_business(without_original):
    code = (
        "import hide_original\n"
        "from jupyter_mldeploy.schema import shims\n"
        "shims.install()\n"
        "for name in ('inference_schema.nothing', 'inference_schema_extra', 'not_there'):\n"
        "    try: __import__(name)\n"
        "    except ModuleNotFoundError as error: print(error)\n"
    )
    assert python(code, without_original).splitlines() == [
        "No module named 'inference_schema.nothing'",
        "No module named 'inference_schema_extra'",
        "No module named 'not_there'",
    ]


def test_an_installed_original_wins(tmp_path):
    package = tmp_path / "inference_schema"
    package.mkdir()
    (package / "__init__.py").write_text("ORIGINAL = True\n")
    code = (
        "from jupyter_mldeploy.schema import shims\n"
        "shims.install()\n"
        "import inference_schema\n"
        "print(inference_schema.ORIGINAL)\n"
    )
    assert python(code, str(tmp_path)) == "True"
