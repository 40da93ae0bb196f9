"""Workers that cannot start say at which stage, why, and where in the user's code; and the self-test."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .worker_process import PLAIN, Worker, serving

SCHEMA = """
import numpy as np
from inference_schema.schema_decorators import input_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType


def init():
    pass


@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
def run(data):
    return {result}
"""


def failure_of(directory: Path, script: str | Path, **more: Any) -> dict[str, Any]:
    worker = Worker(directory, script, **more)
    try:
        failed = worker.wait_for("failed")
        assert worker.wait() == 3
        failed["log"] = "\n".join(line["message"] for line in worker.log()) if worker.log_path.exists() else ""
        return failed
    finally:
        worker.stop()


def test_missing_script(tmp_path: Path) -> None:
    failed = failure_of(tmp_path, tmp_path / "nowhere.py")
    assert failed["stage"] == "import"
    assert "nowhere.py does not exist" in failed["message"]


def test_failing_import(tmp_path: Path) -> None:
    failed = failure_of(tmp_path, "import os\nimport no_such_package\n")
    assert failed["stage"] == "import"
    assert failed["error_type"] == "ModuleNotFoundError"
    assert failed["traceback"][-1]["line"] == 2
    assert failed["traceback"][-1]["text"] == "import no_such_package"


def test_syntax_error(tmp_path: Path) -> None:
    failed = failure_of(tmp_path, "def init():\n    pass\ndef run(data)\n    return 1\n")
    assert failed["stage"] == "import"
    assert (failed["traceback"][-1]["line"], failed["error_type"]) == (3, "SyntaxError")
    assert "score.py, line 3" in failed["message"]


def test_a_notebooks_magic_in_a_script_is_named(tmp_path: Path) -> None:
    failed = failure_of(tmp_path, "%%writefile score.py\ndef init():\n    pass\ndef run(data):\n    return 1\n")
    assert "'%%writefile score.py' is a notebook's magic, not Python: take the line out" in failed["message"]


def test_exit_at_import_and_in_init(tmp_path: Path) -> None:
    assert failure_of(tmp_path / "a", "import sys\nsys.exit(0)\n")["stage"] == "import"
    failed = failure_of(tmp_path / "b", "import sys\ndef init():\n    sys.exit('enough')\ndef run(data):\n    pass\n")
    assert (failed["stage"], failed["error_type"]) == ("init", "SystemExit")


def test_failing_init_shows_the_model_directory(tmp_path: Path) -> None:
    version = tmp_path / "azureml-models" / "ridge" / "3"
    version.mkdir(parents=True)
    (version / "model.pkl").write_bytes(b"x" * 2000)
    script = (
        "import os\n\n\ndef load(name):\n    return open(os.path.join(os.environ['AZUREML_MODEL_DIR'], name))\n\n\n"
        "def init():\n    load('ridge')\n\n\ndef run(data):\n    return data\n"
    )
    failed = failure_of(tmp_path, script, model_dir="azureml-models/ridge/3")
    assert (failed["stage"], failed["error_type"]) == ("init", "FileNotFoundError")
    assert [(frame["function"], frame["line"]) for frame in failed["traceback"]] == [("init", 9), ("load", 5)]
    assert failed["model_tree"][1].split() == ["model.pkl", "2.0", "KiB"]
    assert "model.pkl  2.0 KiB" in failed["log"]
    assert "in load" in failed["log"]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("def init():\n    pass\n", "no run() function"),
        ("def run(data):\n    pass\n", "no init() function"),
        (PLAIN + "def run():\n    pass\n", "argument for input data"),
        (PLAIN + "def run(*data):\n    pass\n", "*args"),
        (PLAIN + "run = 5\n", "not a function"),
        (PLAIN + "class A:\n    def run(self, x): pass\nclass B:\n    def run(self, x): pass\n", "A, B"),
    ],
)
def test_scripts_that_break_the_contract(tmp_path: Path, script: str, words: str) -> None:
    failed = failure_of(tmp_path, script)
    assert failed["stage"] == "contract"
    assert words in failed["message"]


def test_traceback_names_the_cell(tmp_path: Path) -> None:
    script = (
        "import os\n\n\ndef helper(x):\n    raise ValueError(x)\n\n\n"
        "def init():\n    helper('no')\n\n\ndef run(data):\n    return helper(data)\n"
    )
    lines = [[1, "a1", 1, 3], [4, "b2", 10, 4], [5, "b2", 11, 4], *[[n, "c3", n - 6, None] for n in (8, 9, 12, 13)]]
    (tmp_path / "line_map.json").write_text(json.dumps({"version": 1, "script": "score.py", "map": lines}))
    failed = failure_of(tmp_path, script, line_map="line_map.json")
    frames = [(frame["file"], frame["line"], frame["text"]) for frame in failed["traceback"]]
    assert frames == [("cell c3", 3, "helper('no')"), ("cell In[4]", 11, "raise ValueError(x)")]
    assert 'File "cell In[4]", line 11, in helper' in failed["log"]


def test_syntax_error_names_the_cell(tmp_path: Path) -> None:
    (tmp_path / "map.json").write_text('{"map": [[1, "a", 7, 2], [2, "a", 8, 2]]}')
    failed = failure_of(tmp_path, "x = 1\ny = = 2\n", line_map="map.json")
    assert (failed["traceback"][-1]["file"], failed["traceback"][-1]["line"]) == ("cell In[2]", 8)


def test_cells_share_one_namespace_and_future_imports(tmp_path: Path) -> None:
    script = "from __future__ import annotations\nbase = 1\ndef init(): pass\ndef run(data: Undefined): return base\n"
    lines = [[1, "a", 1, 1], [2, "a", 2, 1], [3, "b", 1, 2], [4, "b", 2, 2]]
    (tmp_path / "map.json").write_text(json.dumps({"map": lines}))
    with serving(tmp_path, script, line_map="map.json") as worker:
        assert worker.ask("POST", "/score", "").json() == 1


def test_unreadable_line_map_does_not_stop_the_service(tmp_path: Path) -> None:
    (tmp_path / "map.json").write_text("[]")
    with serving(tmp_path, PLAIN + "def run(data):\n    return data\n", line_map="map.json") as worker:
        assert worker.ask("POST", "/score", "x").json() == "x"


def test_self_test_with_the_schemas_sample(tmp_path: Path) -> None:
    failed = failure_of(tmp_path, SCHEMA.format(result="1 / 0"))
    assert (failed["stage"], failed["error_type"]) == ("selftest", "ZeroDivisionError")
    assert failed["traceback"][-1]["text"] == "return 1 / 0"
    assert "sample of its schema decorators" in failed["message"]


def test_self_test_with_a_result_that_cannot_be_written(tmp_path: Path) -> None:
    failed = failure_of(tmp_path, SCHEMA.format(result="object()"))
    assert failed["stage"] == "selftest"
    assert "object" in failed["message"]


def test_self_test_with_a_given_sample(tmp_path: Path) -> None:
    script = PLAIN + "def run(data):\n    return {'good': 1}[data]\n"
    failed = failure_of(tmp_path, script, self_test_body="bad")
    assert (failed["stage"], failed["error_type"]) == ("selftest", "KeyError")
    with serving(tmp_path / "good", script, self_test_body="good") as worker:
        assert worker.ask("POST", "/score", "good").json() == 1


def test_self_test_may_only_warn_or_be_off(tmp_path: Path) -> None:
    for mode in ("warn", "off"):
        with serving(tmp_path / mode, SCHEMA.format(result="1 / 0"), settings={"self_test": mode}) as worker:
            assert worker.score({"data": [[1, 2]]}).status == 500
            warned = [line for line in worker.log() if "self-test failed" in line["message"]]
            assert len(warned) == (1 if mode == "warn" else 0)


def test_self_test_of_async_and_streaming_scripts(tmp_path: Path) -> None:
    for kind, body in (("async def", "    return data[0]"), ("def", "    yield 'a'\n    raise ValueError('late')")):
        script = SCHEMA.format(result="0").replace("def run(data):\n    return 0", f"{kind} run(data):\n{body}")
        worker = Worker(tmp_path / kind.replace(" ", ""), script)
        try:
            if kind == "async def":
                assert worker.wait_for("ready")["self_test_ms"] > 0
            else:
                assert worker.wait_for("failed")["error_type"] == "ValueError"
        finally:
            worker.stop()
