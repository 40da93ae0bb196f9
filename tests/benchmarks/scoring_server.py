"""Scoring servers under load: one on a core of its own, pressed from the other core with wrk."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TRAIN = """
import joblib, sklearn.linear_model, sklearn.datasets
X, y = sklearn.datasets.load_diabetes(return_X_y=True)
joblib.dump(sklearn.linear_model.Ridge().fit(X, y), "ridge.pkl")
"""

SCHEMA_SCRIPT = """
import os
import joblib
import numpy as np
import sklearn.linear_model
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType


def init():
    global model
    model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "ridge.pkl"))


@input_schema("data", NumpyParameterType(np.zeros((1, 10))))
@output_schema(NumpyParameterType(np.zeros(1)))
def run(data):
    return model.predict(data).tolist()
"""

RAW_SCRIPT = """
from azureml.contrib.services.aml_request import rawhttp
from azureml.contrib.services.aml_response import AMLResponse


def init():
    pass


@rawhttp
def run(request):
    return AMLResponse(request.get_data(), 200)
"""

BARE = """
import os, sys, time, joblib, json, numpy as np, sklearn.linear_model
model = joblib.load("ridge.pkl")
rows = np.asarray(json.load(open(sys.argv[1]))["data"])
model.predict(rows)
count, started = 0, time.perf_counter()
while time.perf_counter() - started < 1.0:
    model.predict(rows)
    count += 1
print(count / (time.perf_counter() - started))
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk saw: requests a second, 99th percentile in ms, answers that were not 2xx or broke."""

    rate: float
    p99_ms: float
    failures: int


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers: its port, the seconds from its start to the first 200, its process."""

    port: int
    first_answer_s: float
    process: subprocess.Popen[bytes]

    def memory_mb(self) -> float:
        """Proportional set size of the server's processes together, in MB."""
        total = 0
        for pid in _family(self.process.pid):
            try:
                text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            total += int(re.search(r"^Pss:\s+(\d+)", text, re.MULTILINE).group(1))  # type: ignore[union-attr]
        return total / 1024


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _family(int(child))


@contextmanager
def serving(
    command: Sequence[str],
    folder: Path,
    body: bytes,
    *,
    env: Mapping[str, str] | None = None,
    core: int = 0,
    path: str = "/score",
) -> Iterator[Running]:
    """Start a server on one core (``{port}`` in the command is replaced), wait for its first 200, stop it after."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["taskset", "-c", str(core), *(word.replace("{port}", str(port)) for word in command)]
    with (folder / "server.log").open("ab") as log:
        started = time.perf_counter()
        more = {name: value.replace("{port}", str(port)) for name, value in (env or {}).items()}
        process = subprocess.Popen(words, cwd=folder, env={**os.environ, **more}, stdout=log, stderr=log)
    try:
        while True:
            try:
                if _status(port, body, path) == 200:
                    break
            except OSError:
                pass
            if process.poll() is not None or time.perf_counter() - started > 60:
                raise RuntimeError((folder / "server.log").read_text()[-2000:])
            time.sleep(0.002)
        yield Running(port, time.perf_counter() - started, process)
    finally:
        for pid in reversed(list(_family(process.pid))):
            try:
                os.kill(pid, 15)
            except OSError:
                continue
        process.wait(20)


def _status(port: int, body: bytes, path: str) -> int:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        client.request("POST", path, body, {"Content-Type": "application/json"})
        answer = client.getresponse()
        answer.read()
        return answer.status
    except http.client.HTTPException:
        return 0
    finally:
        client.close()


def press(
    running: Running, body: Path, connections: int, *, seconds: float = 4, core: int = 1, path: str = "/score"
) -> Load:
    """Send the body over and over on keep-alive connections."""
    script = body.with_suffix(".lua")
    script.write_text(
        f'wrk.method = "POST"\nlocal file = io.open("{body}", "rb")\nwrk.body = file:read("*a")\n'
        'wrk.headers["Content-Type"] = "application/json"\n'
    )
    address = f"http://127.0.0.1:{running.port}{path}"
    words = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    text = subprocess.run([*words, "-s", str(script), address], check=True, capture_output=True, text=True).stdout
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    failures = sum(int(number) for number in re.findall(r"Non-2xx[^\d]*(\d+)", text))
    failures += sum(
        int(number) for line in re.findall(r"Socket errors:(.*)", text) for number in re.findall(r"\d+", line)
    )
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))  # type: ignore[union-attr]
    return Load(rate, float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit], failures)
