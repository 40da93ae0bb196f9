"""The Jupyter server extension: lists of many services, the event loop under a deployment, lint while typing.

python -m tests.benchmarks server
"""

from __future__ import annotations

import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jupyter_mldeploy.core.records import State
from jupyter_mldeploy.core.workspace import Workspace

SERVICES = 1_000
SCRIPT = """
import json
import numpy as np
def init():
    global weights
    weights = np.ones(10)
def run(data):
    return (np.array(json.loads(data)["data"]) @ weights).tolist()
"""
OTHERS = ("jupyterlab", "jupyter_lsp", "notebook", "notebook_shim", "jupyter_server_terminals")


class Client:
    """One connection to a server."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return the decoded answer."""
        headers = {"Authorization": "token bench"}
        text = None if body is None else json.dumps(body)
        self._connection.request(method, "/mldeploy/api/v1" + path, text, headers)
        reply = self._connection.getresponse()
        content = reply.read()
        assert reply.status < 300, content
        return json.loads(content)

    def timed(self, method: str, path: str, body: Any = None, *, times: int = 50) -> list[float]:
        """Return the milliseconds of several requests."""
        found = []
        for _ in range(times):
            started = time.perf_counter()
            self.ask(method, path, body)
            found.append((time.perf_counter() - started) * 1000)
        return found


def _serve(home: Path) -> tuple[subprocess.Popen[bytes], int]:
    enabled = {"jupyter_mldeploy": True, **dict.fromkeys(OTHERS, False)}
    environment = {**os.environ, "MLDEPLOY_HOME": str(home / "ws"), "HOME": str(home), "JUPYTER_TOKEN": "bench"}
    environment |= {f"JUPYTER_{kind}_DIR": str(home / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--port=0", "--log-level=INFO"]
    command += [f"--ServerApp.root_dir={home}", f"--ServerApp.jpserver_extensions={enabled}"]
    log = home / "server.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env=environment, cwd=home, stdout=stream, stderr=stream)
    while process.poll() is None:
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", log.read_text())
        try:
            if found:
                Client(int(found[1])).ask("GET", "/operations")
                return process, int(found[1])
        except OSError:
            pass  # the address is told shortly before the server listens
        time.sleep(0.05)
    raise RuntimeError(log.read_text())


def fill(folder: Path) -> None:
    """Put services into the catalogue as a year of work leaves them: most have failed or were stopped."""
    workspace = Workspace(folder)
    for number in range(SERVICES):
        record = workspace.catalogue.create_service(
            f"service-{number:04}", "local", description="one of many", tags={"team": f"t{number % 7}"}, properties={}
        )
        state = (State.HEALTHY, State.FAILED, State.STOPPED)[number % 3]
        uri = f"http://127.0.0.1:{30_000 + number}/score"
        workspace.catalogue.change_service(record.uid, state=state, scoring_uri=uri, runtime={"port": 30_000 + number})


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def measure() -> Iterator[tuple[str, str, str]]:
    """Yield (what, figure, goal)."""
    with tempfile.TemporaryDirectory(prefix="mldeploy-bench-") as name:
        home = Path(name)
        process, port = _serve(home)
        try:
            yield from _measure(home, Client(port), port)
        finally:
            process.terminate()
            process.wait(20)


def _measure(home: Path, client: Client, port: int) -> Iterator[tuple[str, str, str]]:
    lines = (SCRIPT + "\n".join(f"def helper_{n}(x):\n    return x + {n}\n" for n in range(97))).splitlines()
    text = "\n".join(lines[:300])
    client.ask("POST", "/lint", {"text": text, "kind": "script"})
    found = [client.ask("POST", "/lint", {"text": text, "kind": "script"})["milliseconds"] for _ in range(30)]
    yield "lint of 300 lines, without the way", f"{statistics.median(found):.1f} ms", "≤ 10 ms"
    found = client.timed("POST", "/lint", {"text": text, "kind": "script"})
    yield "lint of 300 lines, with the way", f"{statistics.median(found):.1f} ms", "–"

    empty = statistics.median(client.timed("GET", "/services"))
    fill(home / "ws")
    found = client.timed("GET", "/services")
    size = len(json.dumps(client.ask("GET", "/services"))) // 1024
    yield (
        f"list of {SERVICES} services ({size} KB), median (p99)",
        f"{statistics.median(found):.1f} ms ({_p99(found):.1f} ms); empty {empty:.1f} ms",
        "≤ 50 ms",
    )

    idle = client.timed("GET", "/operations", times=400)
    done = threading.Event()
    deployed: list[float] = []

    def deploy() -> None:
        other = Client(port)
        while not done.is_set():
            body = {"name": "under-load", "source": {"text": f"{SCRIPT}# {time.monotonic()}\n"}}
            started = time.perf_counter()
            operation = other.ask("POST", "/services?wait_s=30", body)
            assert operation["state"] == "succeeded", operation["error"]
            deployed.append(time.perf_counter() - started)

    worker = threading.Thread(target=deploy)
    worker.start()
    busy = []
    until = time.monotonic() + 10
    while time.monotonic() < until:
        busy += client.timed("GET", "/operations", times=20)
        time.sleep(0.01)
    done.set()
    worker.join()
    client.ask("DELETE", "/services/under-load?wait_s=30")
    yield (
        f"answer from the event loop alone, p99, under {len(deployed)} deployments",
        f"{_p99(busy):.1f} ms; idle {_p99(idle):.1f} ms",
        "≤ 20 ms",
    )
    yield "deployment by REST, median", f"{statistics.median(deployed):.3f} s", "–"
