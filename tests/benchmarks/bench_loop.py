"""The loop at the notebook: import, cell → first answer, edit → hot swap; each against bare Python in the same run.

python -m tests.benchmarks loop
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

SCORE = """
import os, joblib, json
import numpy as np
import sklearn.linear_model
def init():
    global model
    model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "ridge.pkl"))
def run(data):
    return model.predict(np.array(json.loads(data)["data"])).tolist()
"""

TRAIN = """
import joblib, sklearn.linear_model, sklearn.datasets
X, y = sklearn.datasets.load_diabetes(return_X_y=True)
joblib.dump(sklearn.linear_model.Ridge().fit(X, y), "ridge.pkl")
"""

BARE = """
import sklearn.linear_model, joblib
print(joblib.load("ridge.pkl").predict([[0.0] * 10]))
"""

#: Runs in a process that is as warm as a kernel after %load_ext, and prints the seconds of each step as JSON.
NOTEBOOK = """
import json, sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "jupyter_mldeploy")
import jupyter_mldeploy as mld
cell = open("score.py").read()
times = []
for round in range(int(sys.argv[1]) + 1):
    started = time.perf_counter()
    shell.run_cell_magic("deploy", "bench --model ridge.pkl", cell + f"# {round}\\n")
    service = mld.Workspace().service("bench")
    service.score({"data": [[0.0] * 10]})
    times.append(time.perf_counter() - started)
service.delete()
print("TIMES", json.dumps(times))
"""


def _time(code: str, folder: Path, rounds: int) -> float:
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def measure(rounds: int = 5) -> Iterator[tuple[str, str, str]]:
    """Yield (what, figure, goal)."""
    with tempfile.TemporaryDirectory(prefix="mldeploy-bench-") as name:
        folder = Path(name)
        subprocess.run([sys.executable, "-c", TRAIN], cwd=folder, check=True)
        (folder / "score.py").write_text(SCORE)

        empty = _time("pass", folder, 15)
        ours = _time("import jupyter_mldeploy", folder, 15)
        yield "import jupyter_mldeploy, over bare Python", f"{(ours - empty) * 1000:.1f} ms", "≤ 50 ms"

        cold, swaps, bare = [], [], []
        for number in range(rounds):
            bare.append(_time(BARE, folder, 1))
            output = subprocess.run(
                [sys.executable, "-c", NOTEBOOK, "5"],
                cwd=folder,
                env={**os.environ, "MLDEPLOY_HOME": str(folder / f"home{number}")},
                check=True,
                capture_output=True,
                text=True,
            ).stdout
            first, *rest = json.loads(output.split("TIMES", 1)[1])
            cold.append(first)
            swaps.append(statistics.median(rest))
        ratios = [(first - 0.3) / base for first, base in zip(cold, bare, strict=True)]
        yield (
            "cell run → first 200, less 0.3 s, over bare import + load + predict",
            f"{statistics.median(ratios):.2f} × ({statistics.median(cold):.2f} s / {statistics.median(bare):.2f} s)",
            "≤ 1.3 ×",
        )
        yield (
            "cell run again (hot swap) → first 200 of the new revision",
            f"{statistics.median(swaps):.3f} s",
            "≤ 0.25 s",
        )
