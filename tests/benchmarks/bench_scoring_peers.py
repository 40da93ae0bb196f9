"""The scoring server against LitServe, MLServer, BentoML and MLflow: the same ridge regression, one worker each.

``MLDEPLOY_BENCH_PEERS`` is a folder of virtual environments, each named for the peer; those that are missing are left
out. As in ``bench_scoring`` the servers share one core, wrk has the other one, and rounds are taken in turn. (What
takes raw bytes has no counterpart there.)::

    python -m venv /tmp/peers/litserve && /tmp/peers/litserve/bin/pip install litserve scikit-learn joblib
    python -m venv /tmp/peers/mlserver && /tmp/peers/mlserver/bin/pip install mlserver==1.7.1 mlserver-sklearn==1.7.1
    python -m venv /tmp/peers/bentoml && /tmp/peers/bentoml/bin/pip install bentoml scikit-learn joblib
    python -m venv /tmp/peers/mlflow && /tmp/peers/mlflow/bin/pip install mlflow scikit-learn joblib
    MLDEPLOY_BENCH_PEERS=/tmp/peers python -m tests.benchmarks scoring_peers
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.scoring_server import (
    SCHEMA_SCRIPT,
    TRAIN,
    Running,
    press_in_turn,
    rows_like_the_diabetes_data,
    serving,
)

LOADS = ((2, 1), (2, 16), (2, 64), (1000, 16))

#: Seconds until a peer's first 200; one that takes longer is left out.
_LONGEST_START_S = 60

_LITSERVE = """
import sys, joblib, numpy as np, litserve


class Ridge(litserve.LitAPI):
    def setup(self, device):
        self.model = joblib.load("ridge.pkl")

    def decode_request(self, request):
        return np.asarray(request["data"])

    def predict(self, rows):
        return self.model.predict(rows)

    def encode_response(self, output):
        return output.tolist()


if __name__ == "__main__":
    api = Ridge(api_path="/score")
    litserve.LitServer(api, accelerator="cpu").run(port=int(sys.argv[1]), generate_client_file=False)
"""

_BENTOML = """
import bentoml, joblib, numpy as np


@bentoml.service(workers=1)
class Ridge:
    def __init__(self) -> None:
        self.model = joblib.load("ridge.pkl")

    @bentoml.api(route="/score")
    def score(self, data: list[list[float]]) -> list[float]:
        return self.model.predict(np.asarray(data)).tolist()
"""

_MLSERVER_SETTINGS = {
    "name": "ridge",
    "implementation": "mlserver_sklearn.SKLearnModel",
    "parameters": {"uri": "ridge.pkl"},
}

_SAVE_FOR_MLFLOW = "import joblib, mlflow.sklearn\nmlflow.sklearn.save_model(joblib.load('ridge.pkl'), 'saved')\n"


def _plain(rows: list[list[float]]) -> Any:
    return {"data": rows}


def _open_inference(rows: list[list[float]]) -> Any:
    flat = [value for row in rows for value in row]
    return {"inputs": [{"name": "predict", "shape": [len(rows), len(rows[0])], "datatype": "FP64", "data": flat}]}


@dataclass(frozen=True)
class Server:
    """How a server is started and asked."""

    command: list[str]
    path: str = "/score"
    body: Callable[[list[list[float]]], Any] = _plain
    env: dict[str, str] | None = None


def _servers(peers: Path, folder: Path) -> dict[str, Server]:
    """Prepare ours and every peer that is installed."""
    found = {
        "ours": Server(
            [sys.executable, "-m", "jupyter_mldeploy.scoring", "--host", "127.0.0.1", "--model_dir", str(folder),
             "--port", "{port}", "--entry_script", "ridge_score.py"],
            env={"AML_APP_ROOT": str(folder)},
        ),
    }  # fmt: skip
    programs = {name: peers / name / "bin" for name in ("litserve", "mlserver", "bentoml", "mlflow")}
    if (programs["litserve"] / "litserve").exists():
        (folder / "lit.py").write_text(_LITSERVE)
        found["LitServe"] = Server([str(programs["litserve"] / "python"), "lit.py", "{port}"])
    if (programs["mlserver"] / "mlserver").exists():
        (folder / "model-settings.json").write_text(json.dumps(_MLSERVER_SETTINGS))
        found["MLServer"] = Server(
            [str(programs["mlserver"] / "mlserver"), "start", "."],
            "/v2/models/ridge/infer",
            _open_inference,
            {"MLSERVER_HTTP_PORT": "{port}", "MLSERVER_PARALLEL_WORKERS": "0", "MLSERVER_METRICS_PORT": "0"},
        )
    if (programs["bentoml"] / "bentoml").exists():
        (folder / "bento.py").write_text(_BENTOML)
        found["BentoML"] = Server([str(programs["bentoml"] / "bentoml"), "serve", "bento:Ridge", "--port", "{port}"])
    if (programs["mlflow"] / "mlflow").exists():
        subprocess.run(
            [programs["mlflow"] / "python", "-c", _SAVE_FOR_MLFLOW], cwd=folder, check=True, capture_output=True
        )
        found["MLflow"] = Server(
            [str(programs["mlflow"] / "mlflow"), "models", "serve", "-m", "saved", "-p", "{port}",
             "--env-manager", "local", "-w", "1"],
            "/invocations",
            lambda rows: {"inputs": rows},
            {"PATH": f"{programs['mlflow']}:{os.environ['PATH']}"},
        )  # fmt: skip
    return found


def measure() -> Iterator[tuple[str, str, str]]:
    """Yield (what, figure, goal)."""
    peers = os.environ.get("MLDEPLOY_BENCH_PEERS")
    if peers is None or shutil.which("wrk") is None or len(os.sched_getaffinity(0)) < 2:
        yield "needs wrk, two cores and MLDEPLOY_BENCH_PEERS", "not measured", "see the module's docstring"
        return
    with tempfile.TemporaryDirectory(prefix="mldeploy-bench-") as name:
        folder = Path(name)
        subprocess.run([sys.executable, "-c", TRAIN], cwd=folder, check=True)
        (folder / "ridge_score.py").write_text(SCHEMA_SCRIPT)
        servers = _servers(Path(peers), folder)
        bodies: dict[tuple[str, int], Path] = {}
        for label, server in servers.items():
            for count in {count for count, _ in LOADS}:
                bodies[label, count] = folder / f"{label}-{count}.json"
                bodies[label, count].write_text(json.dumps(server.body(rows_like_the_diabetes_data(count))))

        def start(stack: ExitStack, label: str) -> Running:
            server = servers[label]
            first = bodies[label, 2].read_bytes()
            return stack.enter_context(
                serving(server.command, folder, first, env=server.env, path=server.path, start_s=_LONGEST_START_S)
            )

        with ExitStack() as stack:
            up, memory = {}, {}
            for label in servers:
                try:
                    up[label] = start(stack, label)
                except RuntimeError as error:
                    if label == "ours":
                        raise
                    last = (str(error).splitlines() or ["no word of it"])[-1]
                    yield f"{label} does not start and is left out", last[:100], "–"
                    continue
                memory[label] = up[label].memory_mb()
            for count, connections in LOADS:
                told = {label: bodies[label, count] for label in up}
                loads = press_in_turn(up, told, connections)
                mine = loads["ours"]
                parts = [
                    f"{label} {mine.faster_than(theirs):.1f} × ({mine.cheaper_than(theirs):.1f} × by processor time;"
                    f" p99 {theirs.p99_ms:.1f} ms)"
                    for label, theirs in loads.items()
                    if label != "ours"
                ]
                failed = "".join(f", {one.failures} failed at {label}" for label, one in loads.items() if one.failures)
                yield (
                    f"{count:,} rows, {connections} connections",
                    f"{mine.rate:,.0f}/s (p99 {mine.p99_ms:.1f} ms): {', '.join(parts)}{failed}",
                    "> 1 ×, p99 below",
                )
        starts = [f"{label} {running.first_answer_s:.2f} s" for label, running in up.items()]
        yield "process start → first 200 (once)", ", ".join(starts), "the least"
        yield (
            "memory (PSS), 1 worker",
            ", ".join(f"{label} {size:.0f} MB" for label, size in memory.items()),
            "the least",
        )
