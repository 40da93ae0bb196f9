# ruff: noqa: E501 - scripts in one line
"""Schema samples worked out without running the script."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from jupyter_mldeploy.core.sample import SampleWorker, SchemaPreview
from tests.patience import FACTOR

from .broken_states import SCRIPTS
from .lint.case import Case
from .lint.cases_schema import SCHEMA_CASES

HEAD = """\
import datetime, json, os
import numpy as np
import pandas as pd
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema
"""


@pytest.fixture(scope="module")
def worker() -> Iterator[SampleWorker]:
    made = SampleWorker()
    yield made
    made.close()


def ask(worker: SampleWorker, type_call: str, before: str = "", signature: str = "data") -> SchemaPreview:
    text = f"{HEAD}{before}\n@input_schema('data', {type_call})\ndef run({signature}):\n    return data\n"
    return worker.preview(text, timeout=60 * FACTOR)


def test_preview_in_full(worker: SampleWorker) -> None:
    preview = worker.preview(SCRIPTS["schema"], timeout=60 * FACTOR)
    assert preview.is_complete
    first, second = preview.inputs
    assert (first.name, first.type, first.decoded, first.required) == ("data", "numpy", "ndarray float64 (n, 3)", True)
    assert first.sample == [[10.0, 9.0, 8.0]]
    assert (second.name, second.decoded, second.required, second.sample) == ("method", "str", False, "predict")
    assert preview.output is not None
    assert (preview.output.name, preview.output.decoded) == ("return", "ndarray float64 (n,)")
    assert preview.request == {"data": [[10.0, 9.0, 8.0]], "method": "predict"}
    assert preview.response == [3726.995]
    assert set(preview.documents) == {"2.0", "3.0", "3.1"}
    assert preview.documents["2.0"]["definitions"]["ServiceInput"]["example"] == preview.request


@pytest.mark.parametrize(
    ("type_call", "before", "decoded"),
    [
        ("NumpyParameterType(np.array([[1, 2]]))", "", "ndarray int64 (n, 2)"),
        ("NumpyParameterType(np.zeros((1, 2, 3), dtype=np.float32))", "", "ndarray float32 (n, 2, 3)"),
        ("NumpyParameterType(x.astype('float32').reshape(1, -1))", "x = np.arange(4)", "ndarray float32 (n, 4)"),
        ("NumpyParameterType(np.random.rand(2, 3))", "", "ndarray float64 (n, 3)"),
        ("NumpyParameterType(np.array([[0.0] * 64]), enforce_shape=False)", "", "ndarray float64 (…)"),
        ("PandasParameterType(pd.DataFrame({'a': [1.5], 'b': [2]}))", "", "DataFrame (n, 2): a float64, b int64"),
        ("PandasParameterType(pd.DataFrame(columns=['a'], data=[[1.5]]))", "", "DataFrame (n, 1): a float64"),
        (
            "PandasParameterType(f)",
            "f = pd.DataFrame([{'a': 1}])\nf['b'] = f['a'].astype('float64')",
            "DataFrame (n, 2): a int64, b float64",
        ),
        ("PandasParameterType(pd.DataFrame({'a': pd.Series([0], dtype='int8')}))", "", "DataFrame (n, 1): a int8"),
        ("StandardPythonParameterType({'a': 1, 'b': 'x'})", "", "dict {a: int, b: str}"),
        (
            "StandardPythonParameterType({'a': NumpyParameterType(np.array([1.0]))})",
            "",
            "dict {a: ndarray float64 (n,)}",
        ),
        ("StandardPythonParameterType([1.5, 2.5])", "", "list of float"),
        ("StandardPythonParameterType(json.loads('[1]'))", "", "list of int"),
        ("StandardPythonParameterType(datetime.datetime.now())", "", "datetime"),
        ("StandardPythonParameterType(s)", "s = {}\ns['a'] = 1\ns.update({'b': 2})", "dict {a: int, b: int}"),
        (
            "StandardPythonParameterType([{k: float(i)} for i, k in enumerate(NAMES) if k])",
            "NAMES = ['a', 'b']",
            "list of dict",
        ),
        ("StandardPythonParameterType(f'{A}-x')", "A = 3", "str"),
        ("StandardPythonParameterType(1.5 if A > 2 else 'no')", "A = 3", "float"),
        ("t", "t = StandardPythonParameterType(True)", "bool"),
        ("StandardPythonParameterType(x)", "try:\n    x = 1\nexcept Exception:\n    x = 'a'", "int"),
    ],
)
def test_samples(worker: SampleWorker, type_call: str, before: str, decoded: str) -> None:
    preview = ask(worker, type_call, before)
    assert preview.problems == ()
    assert preview.inputs[0].decoded == decoded


@pytest.mark.parametrize("case", [case for case in SCHEMA_CASES if case.stage == "I"], ids=lambda case: case.name)
def test_import_errors_are_foretold(worker: SampleWorker, case: Case) -> None:
    """What Azure's package refuses on import is a certain problem here, or honestly unknown."""
    problems = worker.preview(case.script, timeout=60 * FACTOR).problems
    assert problems
    assert problems[0].certain or "not run" in problems[0].message


@pytest.mark.parametrize("case", [case for case in SCHEMA_CASES if case.stage == ""], ids=lambda case: case.name)
def test_working_scripts_have_no_import_errors(worker: SampleWorker, case: Case) -> None:
    assert [item.message for item in worker.preview(case.script, timeout=60 * FACTOR).problems if item.certain] == []


def test_an_import_error_is_word_for_word_and_at_its_place(worker: SampleWorker) -> None:
    (problem,) = ask(worker, "NumpyParameterType([[1.0]])").problems
    assert problem.certain
    assert problem.message == "Exception: Invalid sample input provided, must provide a sample Numpy array."
    assert problem.span.line == 9


@pytest.mark.parametrize(
    ("type_call", "before"),
    [
        ("StandardPythonParameterType(open('/etc/passwd').read())", ""),
        ("StandardPythonParameterType(__import__('os').getcwd())", ""),
        ("StandardPythonParameterType(os.environ['HOME'])", ""),
        ("StandardPythonParameterType(os.listdir('.'))", ""),
        ("StandardPythonParameterType(str(().__class__.__bases__))", ""),
        ("StandardPythonParameterType('{0.__class__}'.format(1))", ""),
        ("StandardPythonParameterType(eval('1'))", ""),
        ("StandardPythonParameterType(getattr(1, 'real'))", ""),
        ("StandardPythonParameterType((lambda: 1)())", ""),
        ("StandardPythonParameterType(secret())", "def secret():\n    return 1"),
        ("PandasParameterType(pd.read_csv('http://127.0.0.1:1/x.csv'))", ""),
        ("NumpyParameterType(np.load('x.npy', allow_pickle=True))", ""),
        ("NumpyParameterType(np.fromfile('/etc/passwd'))", ""),
        ("PandasParameterType(pd.DataFrame({'a': [1]}).eval('a + 1'))", ""),
        ("NumpyParameterType(np.zeros((100_000, 100_000)))", ""),
        ("NumpyParameterType(np.ones(10**12))", ""),
        ("NumpyParameterType(np.arange(10**12))", ""),
        ("NumpyParameterType(np.random.rand(10**6, 10**6))", ""),
        ("StandardPythonParameterType([0] * 10**12)", ""),
        ("StandardPythonParameterType('a' * 10**12)", ""),
        ("StandardPythonParameterType(9**9**9)", ""),
        ("StandardPythonParameterType([i for i in range(10**9)])", ""),
        ("StandardPythonParameterType([[i for i in range(1000)] for j in range(1000)])", ""),
        ("StandardPythonParameterType(x)", "x = 1\nfor i in range(3):\n    x += i"),
        ("StandardPythonParameterType(x)", "if os.environ.get('A'):\n    x = 1\nelse:\n    x = 'a'"),
    ],
)
def test_what_is_not_on_the_list_is_not_done(worker: SampleWorker, type_call: str, before: str) -> None:
    start = time.monotonic()
    problems = ask(worker, type_call, before).problems
    assert problems
    assert not problems[0].certain
    assert time.monotonic() - start < 30 * FACTOR


def test_the_script_is_never_run(worker: SampleWorker, tmp_path: object) -> None:
    target = f"{tmp_path}/made"
    text = f"{HEAD}open({target!r}, 'w').close()\nos.mkdir({target!r})\nx = os.mkdir({target!r})\n@input_schema('data', StandardPythonParameterType(1.5))\ndef run(data, y=os.mkdir({target!r})):\n    return data\n"
    preview = worker.preview(text, timeout=60 * FACTOR)
    assert preview.inputs[0].decoded == "float"
    assert not __import__("pathlib").Path(target).exists()


def test_numpy_does_not_load_here() -> None:
    code = (
        "import sys; from jupyter_mldeploy.core.sample import preview_schema; "
        f"p = preview_schema({SCRIPTS['schema']!r}, timeout={60 * FACTOR}); "
        "print(p.inputs[0].decoded, [n for n in ('numpy', 'pandas', 'jupyter_mldeploy.schema') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120 * FACTOR
    )
    assert done.stdout.strip() == "ndarray float64 (n, 3) []"


def test_the_worker_is_lazy_ends_when_idle_and_starts_again() -> None:
    worker = SampleWorker(idle=0.2)
    assert not worker.is_running
    assert worker.preview("def run(data):\n    return data\n") == SchemaPreview()
    assert not worker.is_running
    text = HEAD + "@input_schema('data', StandardPythonParameterType(1.5))\ndef run(data):\n    return data\n"
    assert worker.preview(text, timeout=60 * FACTOR).is_complete
    assert worker._process is not None
    worker._process.wait(30 * FACTOR)
    assert not worker.is_running
    assert worker.preview(text, timeout=60 * FACTOR).is_complete
    worker.close()
    assert not worker.is_running


def test_what_takes_too_long_is_stopped() -> None:
    worker = SampleWorker()
    text = (
        HEAD
        + "x = [np.ones((1000, 1000)) for i in range(20_000)]\n@input_schema('data', StandardPythonParameterType(len(x)))\ndef run(data):\n    return data\n"
    )
    (problem,) = worker.preview(text, timeout=0.01).problems
    assert "took longer" in problem.message
    assert not worker.is_running
    (problem,) = worker.preview("input_schema" + "x" * 300_000).problems
    assert "characters" in problem.message
    worker.close()


def test_several_questions_and_broken_scripts(worker: SampleWorker) -> None:
    assert ask(worker, "NumpyParameterType(").inputs == ()
    assert (
        worker.preview(SCRIPTS["schema"] + "\nx = (", timeout=60 * FACTOR).inputs[0].decoded == "ndarray float64 (n, 3)"
    )
    assert worker.preview("input_schema\0", timeout=60 * FACTOR) == SchemaPreview()
    assert worker.preview("input_schema = 1\n" + "-" * 50_000, timeout=60 * FACTOR) == SchemaPreview()
