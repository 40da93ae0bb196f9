"""Says how far a script comes under Azure's own server; run by an interpreter that has its packages.

Reads ``[{"name", "script", "request"}]`` from standard input, prints ``{name: {"stage", "said"}}``. Stages are ``"I"``
import, ``"L"`` load, ``"N"`` init, ``"R"`` request (an answer of 400 or more) and ``""`` when it works. Every script
gets processes of its own, as the packages keep what they have seen: forks of one that has loaded the heavy packages
(numpy, pandas, flask), each ended after a limit, so that all scripts are judged in well under a minute or two.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import logging
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path

LIMIT_S = 60

#: Files beside the script; a module that is installed is not hidden by its stand-in.
COMPANIONS = {
    "scoring_code.py": "def init(): pass\ndef run(data): return [1]\n",
    "helper.py": "def clean(x): return x\n",
    "joblib.py": "def hash(x): return 'h'\n",
    "sample.csv": "a\n1.5\n",
    "loader.py": (
        "import numpy as np\n"
        "class Model:\n    def predict(self, data): return np.array([1.5])\n"
        "def load(): return Model()\n"
    ),
}


def start(script: str, folder: str) -> str:
    """Import the script and call ``init()`` in this process, as the server does."""
    from azureml_inference_server_http.server.user_script import UserScript

    user = UserScript(str(_written(script, folder)))
    try:
        user.load_script(folder)
    except Exception as error:
        text = f"{type(error).__name__}: {error} {error.__cause__}"
        print(text, file=sys.stderr)
        return "L" if "run()" in text or "init()" in text else "I"
    try:
        user.invoke_init()
    except BaseException as error:
        print(error, file=sys.stderr)
        return "N"
    return ""


def _written(script: str, folder: str) -> Path:
    path = Path(folder) / "main.py"
    path.write_text(script, encoding="utf-8")
    for name, text in COMPANIONS.items():
        if not name.endswith(".py") or importlib.util.find_spec(Path(name).stem) is None:
            (Path(folder) / name).write_text(text, encoding="utf-8")
    os.environ.update(AML_APP_ROOT=folder, AZUREML_ENTRY_SCRIPT="main.py", AZUREML_MODEL_DIR=folder)
    os.chdir(folder)
    sys.path.insert(0, folder)
    return path


def answer(script: str, request: str | None, folder: str) -> str:
    """Ask the server's application in this process; the packages refuse to load a script twice."""
    _written(script, folder)
    from azureml_inference_server_http.server import create_app

    app = create_app.create()
    client = app.test_client()
    body: object = {"data": [1.0, 2.0], "model": "a", "x": 1}
    if request is not None:
        body = json.loads(request)
    elif "@input_schema" in script or "@output_schema" in script:
        for version in ("3", "2"):
            document = client.get(f"/swagger.json?version={version}").get_json(silent=True) or {}
            text = json.dumps(document)
            found = _example(document)
            if found is not None and "ServiceInput" in text:
                body = found
                break
    answer = client.post("/score", json=body)
    print(answer.status_code, answer.get_data()[:300], file=sys.stderr)
    return "R" if answer.status_code >= 400 else ""


def _example(document: dict[str, object]) -> object:
    schemas = document.get("components", {}).get("schemas") or document.get("definitions") or {}  # type: ignore[attr-defined]
    return schemas.get("ServiceInput", {}).get("example")


def _preload() -> None:
    """Import what every script and the server need, but nothing that reads the server's settings or keeps a script."""
    for name in (
        "azure.monitor.opentelemetry.exporter",
        "flask",
        "flask_cors",
        "inference_schema.parameter_types.numpy_parameter_type",
        "inference_schema.parameter_types.pandas_parameter_type",
        "inference_schema.parameter_types.standard_py_parameter_type",
        "inference_schema.schema_decorators",
        "inference_schema.schema_util",
        "numpy",
        "opentelemetry.sdk.trace.export",
        "pandas",
        "pydantic_settings",
    ):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _phase(name: str, case: dict[str, str]) -> tuple[str, str]:
    """Run one phase in a process of its own that ends after :data:`LIMIT_S`; return the stage and what was said."""
    with tempfile.TemporaryDirectory() as place, tempfile.TemporaryFile() as said:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            signal.alarm(LIMIT_S)  # its default action ends the process, whatever the script does
            os.close(reader)
            for stream in (1, 2):
                os.dup2(said.fileno(), stream)
            try:
                if name == "start":
                    stage = start(case["script"], place)
                else:
                    stage = answer(case["script"], case["request"], place)
                os.write(writer, f"stage={stage}".encode())
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            told = pipe.read().decode()
        _, status = os.waitpid(child, 0)
        said.seek(0)
        text = said.read().decode(errors="replace")[-600:]
    if told.startswith("stage="):
        return told.removeprefix("stage="), text
    return ("timeout" if status == signal.SIGALRM else "crash"), text


def _fate(case: dict[str, str]) -> dict[str, str]:
    said = ""
    for phase in ("start", "answer"):
        stage, said = _phase(phase, case)
        if stage:
            return {"stage": stage, "said": said}
    return {"stage": "", "said": said}


def _share(cases: list[dict[str, str]], path: str) -> None:
    """Judge a worker's share, case by case, and leave the answer in a file."""
    Path(path).write_text(json.dumps({case["name"]: _fate(case) for case in cases}), encoding="utf-8")


def main() -> None:
    """Judge all cases in as many workers as there are processors."""
    cases = json.load(sys.stdin)
    logging.disable(logging.CRITICAL)
    _preload()
    sys.stdout.flush()
    count = os.cpu_count() or 1
    found: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as place:
        workers = []
        for number in range(count):
            path = f"{place}/{number}.json"
            worker = os.fork()
            if worker == 0:
                code = 1
                try:
                    _share(cases[number::count], path)
                    code = 0
                except BaseException:
                    traceback.print_exc()
                finally:
                    sys.stderr.flush()
                    os._exit(code)
            workers.append((worker, path))
        for worker, path in workers:
            os.waitpid(worker, 0)
            found |= json.loads(Path(path).read_text(encoding="utf-8"))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
