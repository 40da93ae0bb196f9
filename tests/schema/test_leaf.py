"""The package as images get it: alone, with relative imports, and without anything loaded before it is needed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_mldeploy import schema

FOLDER = Path(schema.__file__).parent
HEAVY = ("numpy", "pandas", "pyspark", "simdjson", "orjson", "dateutil", "pydantic")


def python(code: str, path: Path) -> str:
    environment = {"PYTHONPATH": str(path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def copied(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "server" / "schema", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "server" / "__init__.py").write_text("")
    return tmp_path


def test_nothing_heavy_is_loaded_before_a_sample_needs_it(copied):
    code = (
        "import sys\n"
        "from server import schema\n"
        "from server.schema import *\n"
        "@schema.input_schema('data', schema.StandardPythonParameterType({'a': 1}))\n"
        "def run(data): return data\n"
        "contract = schema.read_contract(run)\n"
        "schema.swagger_document(contract, '3')\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
        "print(any(name.startswith('jupyter_mldeploy') for name in sys.modules))\n"
        'print(contract.decode(b\'{"data": {"a": 2}}\'))\n'
    )
    assert python(code, copied).splitlines() == ["[]", "False", "{'data': {'a': 2}}"]


def test_without_simdjson_and_orjson_it_works_the_same(copied):
    code = (
        "import sys\n"
        "sys.modules['simdjson'] = sys.modules['orjson'] = None\n"
        "import numpy as np\n"
        "from server.schema import NumpyParameterType, input_schema, read_contract\n"
        "@input_schema('data', NumpyParameterType(np.array([[1.0, 2.0]])))\n"
        "def run(data): return data.sum(axis=1)\n"
        "contract = read_contract(run)\n"
        "print(contract.encode(contract.function(**contract.decode(b'{\"data\": [[1, 2]]}'))).decode())\n"
    )
    assert python(code, copied) == "[3.0]"


def test_every_public_name_is_there():
    assert set(schema.__all__) <= set(dir(schema))
    for name in schema.__all__:
        assert getattr(schema, name).__name__ == name
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        schema.nothing  # noqa: B018


def test_files_stay_short():
    for path in FOLDER.rglob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, path
