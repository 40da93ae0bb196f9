"""What run() gets and what the caller gets back, by every kind of contract."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from .v1_scripts import MULTI
from .worker_process import PLAIN, Worker, serving

SCHEMA = """
import numpy as np
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType


def init():
    pass


@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
@output_schema(NumpyParameterType(np.array([1.0])))
def run(data):
    if data[0, 0] < 0:
        raise ValueError("negative")
    return data.sum(axis=1)
"""


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with serving(tmp_path_factory.mktemp("schema"), SCHEMA) as worker:
        yield worker


@pytest.fixture(scope="module")
def multi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with serving(tmp_path_factory.mktemp("multi"), MULTI) as worker:
        yield worker


def test_arrays_come_in_and_go_out(schema: Worker) -> None:
    answer = schema.score({"data": [[1, 2], [3, 4.5]]})
    assert (answer.status, answer.json()) == (200, [3.0, 7.5])
    assert float(answer.header("x-ms-run-fn-exec-ms") or -1) >= 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"data": [[1, "a"]]}', ["$.data", "a"]),
        ('{"data": [[1, 2, 3]]}', ["$.data"]),
        ('{"data": {"a": 1}}', ["$.data", "object"]),
        ('{"dat": [[1, 2]]}', ["'data'"]),
        ("[[1, 2]]", ["JSON dictionary"]),
        ("{", ["JSON"]),
        ("", ["empty"]),
    ],
    ids=["type", "shape", "kind", "name", "no object", "no JSON", "nothing"],
)
def test_what_does_not_fit_is_400_and_says_where(schema: Worker, body: str, words: list[str]) -> None:
    answer = schema.ask("POST", "/score", body, {"Content-Type": "application/json"})
    assert (answer.status, answer.header("x-ms-run-function-failed")) == (400, "False")
    assert all(word in answer.message for word in words), answer.message


def test_failing_run_is_500_without_detail(schema: Worker) -> None:
    answer = schema.score({"data": [[-1, 0]]})
    assert (answer.status, answer.header("x-ms-run-function-failed")) == (500, "True")
    assert answer.header("x-ms-run-fn-exec-ms") is None
    assert "negative" not in answer.body.decode()
    line = schema.wait_for_log(lambda line: "negative" in line["message"])
    assert line["level"] == "error"
    assert line["request_id"] == answer.header("x-request-id")
    assert 'raise ValueError("negative")' in line["message"]
    assert "jupyter_mldeploy" not in line["message"]


def test_detail_for_the_caller_when_asked_for(tmp_path: Path) -> None:
    script = PLAIN + "def run(data):\n    return 1 / len(data)\n"
    with serving(tmp_path, script, settings={"error_detail": "caller"}) as worker:
        told = worker.ask("POST", "/score", "").json()
        assert told["message"].startswith("An unexpected error occurred in scoring script.")
        assert told["error"] == "ZeroDivisionError: division by zero"
        assert "return 1 / len(data)" in "\n".join(told["traceback"])


def test_several_parameters_defaults_and_headers(multi: Worker) -> None:
    assert multi.score({"a": 1, "c": [2]}, {"x-one": "1"}).json() == {
        "a": 1,
        "b": "dflt",
        "c": [2],
        "hdr": {"X-One": "1"},
    }
    assert multi.ask("GET", "/score?a=5&b=7").json()["b"] == "7"
    assert "'a'" in multi.ask("GET", "/score?b=7").message


def test_text_script_gets_the_body_whatever_it_is_declared_as(tmp_path: Path) -> None:
    with serving(tmp_path, PLAIN + "def run(data):\n    return data\n") as worker:
        for kind in ("application/json", "text/csv", "application/x-www-form-urlencoded"):
            assert worker.ask("POST", "/score", "a,b\n1,é".encode(), {"Content-Type": kind}).json() == "a,b\n1,é"
        assert worker.ask("POST", "/score", b"\xff").status == 400
        assert json.loads(worker.ask("GET", "/score?a=1&a=b&c=%5B1%5D").json()) == {"a": [1, "b"], "c": [1]}


def test_results_of_every_kind(tmp_path: Path) -> None:
    script = PLAIN + (
        "import datetime as dt, numpy as np, pandas as pd\n"
        "def run(data):\n"
        "    return {'array': np.arange(4).reshape(2, 2), 'int': np.int64(3), 'frame': pd.DataFrame({'a': [1, 2]}),\n"
        "            'date': dt.date(2020, 1, 2), 'nan': float('nan')}\n"
    )
    with serving(tmp_path, script) as worker:
        assert worker.ask("POST", "/score", "").json() == {
            "array": [[0, 1], [2, 3]],
            "int": 3,
            "frame": [{"a": 1}, {"a": 2}],
            "date": "2020-01-02",
            "nan": None,
        }


def test_result_without_json_form_names_its_place_in_the_log(tmp_path: Path) -> None:
    with serving(tmp_path, PLAIN + "def run(data):\n    return {'scores': [1, object()]}\n") as worker:
        answer = worker.ask("POST", "/score", "")
        assert (answer.status, answer.header("x-ms-run-function-failed")) == (500, "False")
        assert "$.scores[1]" in worker.wait_for_log(lambda line: line["level"] == "error")["message"]


def test_error_behind_another_decorator_is_still_the_callers(tmp_path: Path) -> None:
    script = SCHEMA.replace("@input_schema", "@timed\n@input_schema", 1).replace(
        "def init",
        "def timed(f):\n    import functools\n    return functools.wraps(f)(lambda data: f(data=data))\n\n\ndef init",
        1,
    )
    with serving(tmp_path, script) as worker:
        assert worker.score({"data": [[1, 2]]}).json() == [3.0]
        assert worker.score({"data": [["a", 2]]}).status == 400


def test_class_based_script(tmp_path: Path) -> None:
    script = (
        "class Service:\n"
        "    def __init__(self):\n        self.made = 1\n"
        "    def init(self):\n        self.loaded = 2\n"
        "    def run(self, data):\n        return [self.made, self.loaded, data]\n"
    )
    with serving(tmp_path, script) as worker:
        assert worker.ask("POST", "/score", "x").json() == [1, 2, "x"]


def test_driver_script(tmp_path: Path) -> None:
    (tmp_path / "inner.py").write_text("def run(data):\n    return ['inner', data]\n")
    script = "import inner as driver_module\ndef init():\n    pass\ndef run(data):\n    return 'driver'\n"
    with serving(tmp_path, script) as worker:
        assert worker.ask("POST", "/score", "x").json() == ["inner", "x"]


def test_objects_pickled_in_a_notebook_find_their_class(tmp_path: Path) -> None:
    # In a notebook (and in this file's program) classes live in __main__.
    script = (
        "import pickle\nclass Doubler:\n    def predict(self, x):\n        return x * 2\n"
        "def init():\n    global model\n    model = pickle.loads(b'c__main__\\nDoubler\\n)\\x81.')\n"
        "def run(data):\n    return model.predict(data)\n"
    )
    with serving(tmp_path, script) as worker:
        assert worker.ask("POST", "/score", "ab").json() == "abab"


def test_user_code_runs_in_the_main_thread(tmp_path: Path) -> None:
    script = (
        "import signal, sqlite3, threading\n"
        "def init():\n    global connection\n    connection = sqlite3.connect(':memory:')\n"
        "    signal.signal(signal.SIGUSR1, signal.SIG_IGN)\n"
        "def run(data):\n"
        "    main = threading.current_thread() is threading.main_thread()\n"
        "    return [main, connection.execute('select 42').fetchone()[0]]\n"
    )
    with serving(tmp_path, script) as worker:
        assert worker.ask("POST", "/score", "").json() == [True, 42]


def test_swagger_documents_and_the_page(schema: Worker, tmp_path: Path) -> None:
    assert schema.ask("GET", "/swagger.json").json()["swagger"] == "2.0"
    assert schema.ask("GET", "/swagger.json?version=3.1").json()["openapi"] == "3.1.0"
    assert schema.ask("GET", "/swagger.json?version=7").status == 404
    page = schema.ask("GET", "/docs")
    assert page.status == 200
    assert b"http" not in page.body.replace(b"http-equiv", b""), "the page must work offline"
    (tmp_path / "swagger.json").write_text('{"mine": 2}')
    (tmp_path / "swagger3.json").write_text('{"mine": 3}')
    with serving(tmp_path, SCHEMA) as worker:
        assert worker.ask("GET", "/swagger.json").json() == {"mine": 2}
        assert worker.ask("GET", "/swagger.json?version=3").json() == {"mine": 3}
        assert worker.ask("GET", "/swagger.json?version=3.1").json()["openapi"] == "3.1.0"


def test_path_prefix(tmp_path: Path) -> None:
    with serving(tmp_path, SCHEMA, settings={"service_path_prefix": "/a/b/"}) as worker:
        for path in ("/score", "/a/b/score"):
            headers = {"Content-Type": "application/json"}
            assert worker.ask("POST", path, '{"data": [[1, 2]]}', headers).json() == [3.0]
        assert worker.ask("GET", "/a/b/").body == b"Healthy"
        assert "/a/b/score" in worker.ask("GET", "/a/b/swagger.json").json()["paths"]
