"""Scoring servers under load: all on one core, pressed in turn from the other core with wrk.

Servers that are compared are up together and pressed for a few seconds each, round after round, so that the machine's
moods meet all of them. Beside what wrk saw stands the processor time that a request cost its server: it says the same
on a machine that has nothing else to do, and nearly the same on one that has.
"""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
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
import sys, time, joblib, json, numpy as np, sklearn.linear_model
model = joblib.load("ridge.pkl")
rows = np.asarray(json.load(open(sys.argv[1]))["data"])
model.predict(rows)
count, started = 0, time.process_time()
while time.process_time() - started < 1.0:
    model.predict(rows)
    count += 1
print(count)
"""

#: Import, load and one prediction: what no server can do without.
ONCE = """
import joblib, json, numpy as np, sklearn.linear_model
model = joblib.load("ridge.pkl")
model.predict(np.asarray(json.load(open("rows2.json"))["data"]))
"""

SERVER_CORE, CLIENT_CORE = "0", "1"

#: Seconds after which wrk counts a request as failed.
_LONGEST_ANSWER_S = 5


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk saw: requests a second, 99th percentile in ms, answers that were not 2xx or broke.

    ``cpu_us``: processor time of the server's processes for each request, in microseconds.
    """

    rate: float
    p99_ms: float
    failures: int
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Loads:
    """Several of them, one a round."""

    loads: list[Load]

    @property
    def rate(self) -> float:
        """Requests a second, the median."""
        return statistics.median(load.rate for load in self.loads)

    @property
    def p99_ms(self) -> float:
        """The median of the rounds' 99th percentiles."""
        return statistics.median(load.p99_ms for load in self.loads)

    @property
    def cpu_us(self) -> float:
        """Processor time for each request, the median."""
        return statistics.median(load.cpu_us for load in self.loads)

    @property
    def failures(self) -> int:
        """All of them."""
        return sum(load.failures for load in self.loads)

    def faster_than(self, other: Loads) -> float:
        """How many times the other's rate, the median of the rounds."""
        pairs = zip(self.loads, other.loads, strict=True)
        return statistics.median(mine.rate / theirs.rate for mine, theirs in pairs)

    def cheaper_than(self, other: Loads) -> float:
        """How many requests for the processor time of one of the other's, the median of the rounds."""
        pairs = zip(self.loads, other.loads, strict=True)
        return statistics.median(theirs.cpu_us / mine.cpu_us for mine, theirs in pairs)


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers: its port, the seconds (and processor seconds) to the first 200, its process."""

    port: int
    first_answer_s: float
    first_answer_cpu_s: float
    process: subprocess.Popen[bytes]
    path: str = "/score"

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


def _processor_s(pid: int) -> float:
    """Processor time that the living processes of a family have used."""
    nanoseconds = 0
    for member in _family(pid):
        for file in Path(f"/proc/{member}/task").glob("*/schedstat"):
            try:
                nanoseconds += int(file.read_text().split()[0])
            except OSError:
                continue  # a thread that has just ended
    return nanoseconds / 1e9


@contextmanager
def serving(
    command: Sequence[str],
    folder: Path,
    body: bytes,
    *,
    env: Mapping[str, str] | None = None,
    path: str = "/score",
    start_s: float = 180,
) -> Iterator[Running]:
    """Start a server on its core (``{port}`` in the command is replaced), wait for its first 200, stop it after.

    Raises:
        RuntimeError: it has ended, or not answered within ``start_s`` seconds; with the end of its log.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["taskset", "-c", SERVER_CORE, *(word.replace("{port}", str(port)) for word in command)]
    with (folder / "server.log").open("ab") as log:
        started = time.perf_counter()
        more = {name: value.replace("{port}", str(port)) for name, value in (env or {}).items()}
        process = subprocess.Popen(words, cwd=folder, env={**os.environ, **more}, stdout=log, stderr=log)
    try:
        while True:
            try:
                if status_of(port, body, path) == 200:
                    break
            except OSError:
                pass
            if process.poll() is not None or time.perf_counter() - started > start_s:
                raise RuntimeError((folder / "server.log").read_text()[-2000:])
            time.sleep(0.002)
        seconds = time.perf_counter() - started
        yield Running(port, seconds, _processor_s(process.pid), process, path)
    finally:
        family = list(_family(process.pid))
        _send(family, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            _send(family, signal.SIGKILL)
            process.wait(10)


def _send(family: list[int], number: int) -> None:
    for pid in reversed(family):
        with suppress(OSError):
            os.kill(pid, number)


def status_of(port: int, body: bytes, path: str) -> int:
    """Send one request on a connection of its own; return the status, 0 when there was no answer."""
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


def press(running: Running, body: Path, connections: int, *, seconds: int = 2) -> Load:
    """Send the body over and over on keep-alive connections."""
    script = body.with_suffix(".lua")
    script.write_text(
        f'wrk.method = "POST"\nlocal file = io.open("{body}", "rb")\nwrk.body = file:read("*a")\n'
        'wrk.headers["Content-Type"] = "application/json"\n'
    )
    address = f"http://127.0.0.1:{running.port}{running.path}"
    words = ["taskset", "-c", CLIENT_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    before = _processor_s(running.process.pid)
    words += ["--timeout", f"{_LONGEST_ANSWER_S}s", "-s", str(script), address]
    limit = seconds + 2 * _LONGEST_ANSWER_S
    text = subprocess.run(words, check=True, capture_output=True, text=True, timeout=limit).stdout
    spent = _processor_s(running.process.pid) - before
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]
    failures = sum(int(number) for number in re.findall(r"Non-2xx[^\d]*(\d+)", text))
    failures += sum(
        int(number) for line in re.findall(r"Socket errors:(.*)", text) for number in re.findall(r"\d+", line)
    )
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))  # type: ignore[union-attr]
    answered = int(re.search(r"(\d+) requests in", text).group(1))  # type: ignore[union-attr]
    p99_ms = float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]
    return Load(rate, p99_ms, failures, spent / max(1, answered) * 1e6)


def press_in_turn(
    servers: Mapping[str, Running], bodies: Mapping[str, Path], connections: int, *, rounds: int = 3, seconds: int = 2
) -> dict[str, Loads]:
    """Press each server with its body, round after round, after a second for each to get warm."""
    for name, running in servers.items():
        press(running, bodies[name], connections, seconds=1)
    found: dict[str, list[Load]] = {name: [] for name in servers}
    for _ in range(rounds):
        for name, running in servers.items():
            found[name].append(press(running, bodies[name], connections, seconds=seconds))
    return {name: Loads(loads) for name, loads in found.items()}


def bare_loop_us(folder: Path, body: Path) -> float:
    """Processor time of one ``predict`` in a bare loop, in microseconds: the limit for a server that does not batch."""
    words = ["taskset", "-c", SERVER_CORE, sys.executable, "-c", BARE, str(body)]
    count = subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True).stdout
    return 1e6 / float(count)


def rows_like_the_diabetes_data(count: int) -> list[list[float]]:
    """Return rows of ten numbers, most of them of 17 digits and more, as the diabetes data's are."""
    return [[round(0.01 * (i + j) % 0.1, 17) + 1e-12 * i for j in range(10)] for i in range(count)]
