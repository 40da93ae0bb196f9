"""The scoring server against LitServe, MLServer, BentoML and MLflow: the same ridge regression, one worker each.

``MLDEPLOY_BENCH_PEERS`` is a folder of virtual environments, each named for the peer; those that are missing are left
out. As in ``bench_scoring`` the server has one core, wrk the other one, and rounds are taken in turn::

    python -m venv /tmp/peers/litserve && /tmp/peers/litserve/bin/pip install litserve scikit-learn joblib
    python -m venv /tmp/peers/mlserver && /tmp/peers/mlserver/bin/pip install mlserver mlserver-sklearn
    python -m venv /tmp/peers/bentoml && /tmp/peers/bentoml/bin/pip install bentoml scikit-learn joblib
    python -m venv /tmp/peers/mlflow && /tmp/peers/mlflow/bin/pip install mlflow scikit-learn joblib
    MLDEPLOY_BENCH_PEERS=/tmp/peers python -m tests.benchmarks scoring_peers
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.scoring_server import SCHEMA_SCRIPT, TRAIN, press, serving

ROUNDS = 2

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
        for rows, connections in ((2, 1), (2, 16), (2, 64), (1000, 16)):
            values = [[round(0.01 * (i + j) % 0.1, 17) + 1e-12 * i for j in range(10)] for i in range(rows)]
            rates: dict[str, list[float]] = {server: [] for server in servers}
            tails: dict[str, list[float]] = {server: [] for server in servers}
            failures = dict.fromkeys(servers, 0)
            for _ in range(ROUNDS):
                for label, server in servers.items():
                    body = folder / f"{label}-{rows}.json"
                    body.write_text(json.dumps(server.body(values)))
                    with serving(
                        server.command, folder, body.read_bytes(), env=server.env, path=server.path
                    ) as running:
                        press(running, body, connections, seconds=1, path=server.path)
                        load = press(running, body, connections, seconds=3, path=server.path)
                    rates[label].append(load.rate)
                    tails[label].append(load.p99_ms)
                    failures[label] += load.failures
            ours, p99 = statistics.median(rates["ours"]), statistics.median(tails["ours"])
            parts = [
                f"{label} {ours / statistics.median(rates[label]):.1f} × (p99 {statistics.median(tails[label]):.1f} ms)"
                for label in servers
                if label != "ours"
            ]
            failed = "".join(f", {count} failed at {label}" for label, count in failures.items() if count)
            yield (
                f"{rows:,} rows, {connections} connections",
                (f"{ours:,.0f}/s (p99 {p99:.1f} ms): {', '.join(parts)}{failed}"),
                "> 1 ×",
            )
