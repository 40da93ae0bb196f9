"""Says how far a script comes under Azure's own server; run by an interpreter that has its packages.

Reads ``[{"name", "script", "request"}]`` from standard input, prints ``{name: {"stage", "said"}}``. Stages are ``"I"``
import, ``"L"`` load, ``"N"`` init, ``"R"`` request (an answer of 400 or more) and ``""`` when it works. Every script
gets processes of its own, as the packages keep what they have seen.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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


def _one(case: dict[str, str]) -> tuple[str, str, str]:
    said = ""
    for phase in ("start", "answer"):
        done = subprocess.run(
            [sys.executable, __file__, phase],
            input=json.dumps(case),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        found = [line for line in done.stdout.splitlines() if line.startswith("stage=")]
        said = done.stderr[-600:]
        where = found[-1].removeprefix("stage=") if found else "crash"
        if where:
            return case["name"], where, said
    return case["name"], "", said


if __name__ == "__main__":
    if len(sys.argv) == 2:
        given = json.load(sys.stdin)
        logging.disable(logging.CRITICAL)
        with tempfile.TemporaryDirectory() as place:
            if sys.argv[1] == "start":
                result = start(given["script"], place)
            else:
                result = answer(given["script"], given["request"], place)
            os.write(1, f"\nstage={result}\n".encode())  # the server has taken sys.stdout
    else:
        with ThreadPoolExecutor(2) as pool:
            results = list(pool.map(_one, json.load(sys.stdin)))
        print(json.dumps({name: {"stage": where, "said": said} for name, where, said in results}))
