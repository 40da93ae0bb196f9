"""A worker at saturation, with malformed, slow, oversized and aborted requests mixed in.

``MLDEPLOY_SOAK_S`` is the length in seconds (15 without it); the long run is 60.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tests.patience import FACTOR

from .worker_process import Worker, ask_on, serving, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SECONDS = float(os.environ.get("MLDEPLOY_SOAK_S", "15"))
LONG_S = 60.0

SCRIPT = """
import time
import numpy as np
import pandas as pd
from inference_schema.schema_decorators import input_schema, output_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType


def init():
    pass


@input_schema("data", NumpyParameterType(np.zeros((1, 4))))
@input_schema("frame", PandasParameterType(pd.DataFrame({"a": [1.0], "b": ["x"]})), optional=True)
@input_schema("mode", StandardPythonParameterType("plain"), optional=True)
@output_schema(NumpyParameterType(np.zeros(1)))
def run(data, frame=None, mode="plain"):
    if mode == "raise":
        raise ValueError("told to")
    if mode == "sleep":
        time.sleep(60)
    if mode == "print":
        print("x" * 1000)
    if mode == "stream":
        return ({"row": row} for row in data.tolist())
    total = data.sum(axis=1)
    if frame is not None:
        total = total + frame["a"].sum()
    return total.tolist()
"""

SETTINGS = {
    "scoring_timeout_ms": 8000,
    "interrupt_grace_s": 5,
    "max_body_bytes": 200_000,
    "max_header_bytes": 16_384,
    "header_timeout_s": 2,
    "body_timeout_s": 2,
    "write_timeout_s": 2,
    "keep_alive_s": 15,
    "max_queue_length": 200,
    "access_log": True,
}


class Soak:
    """Clients of all kinds, until the time is over."""

    def __init__(self, worker: Worker) -> None:
        self.port = worker.port
        self.until = time.monotonic() + SECONDS
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._threads: list[threading.Thread] = []

    def go_on(self) -> bool:
        return time.monotonic() < self.until

    def start(self, number: int, client: Callable[[random.Random], None]) -> None:
        """Start a number of clients of a kind; each is called again and again."""

        def repeat(seed: int) -> None:
            source = random.Random(seed)
            while self.go_on():
                try:
                    client(source)
                except Exception as error:
                    self.wrong.append(f"{client.__name__}: {type(error).__name__}: {error}")
                    return

        for seed in range(number):
            self._threads.append(threading.Thread(target=repeat, args=(seed,), daemon=True))
            self._threads[-1].start()

    def join(self) -> None:
        """Wait for all clients."""
        for thread in self._threads:
            thread.join(60 * FACTOR)
            if thread.is_alive():
                self.wrong.append("a client hangs")

    def connection(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20 * FACTOR)

    # ---- good clients

    def good(self, source: random.Random) -> None:
        """Ask rightly on one connection; the answers must be right."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20 * FACTOR)
        headers = {"Content-Type": "application/json"}
        for _ in range(200):
            rows = np.round(
                np.array([[source.uniform(-9, 9) for _ in range(4)] for _ in range(source.choice([1, 2, 300]))]), 3
            )
            body = {"data": rows.tolist()}
            expected = rows.sum(axis=1)
            if source.random() < 0.2:
                body["frame"] = [{"a": 1.5, "b": "é"}]
                expected = expected + 1.5
            if source.random() < 0.1:
                body["mode"] = "print"
            answer = ask_on(client, "POST", "/score", json.dumps(body), headers)
            if answer.status == 503 and answer.header("retry-after"):
                self.counts["busy"] += 1
                time.sleep(0.02)
            elif answer.status != 200 or not np.allclose(answer.json(), expected):
                self.wrong.append(f"good: {answer.status} {answer.body[:200]!r}")
                return
            else:
                self.counts["good"] += 1
            if answer.header("connection") == "close" or not self.go_on():
                break
        client.close()

    def streamed(self, source: random.Random) -> None:
        """Take a streamed answer, whole or in part."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20 * FACTOR)
        rows = [[1.0, 2.0, 3.0, 4.0]] * 200
        client.request(
            "POST", "/score", json.dumps({"data": rows, "mode": "stream"}), {"Content-Type": "application/json"}
        )
        answer = client.getresponse()
        if source.random() < 0.5:
            answer.read(100)
        elif answer.status == 200 and answer.read().count(b"\n") != 200:
            self.wrong.append("a stream is not whole")
        client.close()
        self.counts["streamed"] += 1
        time.sleep(0.05)

    def pipelined(self, source: random.Random) -> None:
        """Send many requests at once; the answers come in order."""
        numbers = [source.randint(0, 999) for _ in range(30)]
        bodies = [b'{"data":[[%d,0,0,0]]}' % number for number in numbers]
        head = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
        with self.connection() as client:
            client.sendall(b"".join(head % (len(body), body) for body in bodies))
            stream = client.makefile("rb")
            for number in numbers:
                status = int(stream.readline().split()[1])
                length = 0
                while line := stream.readline().strip():
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                body = stream.read(length)
                if status != 503 and (status != 200 or json.loads(body) != [float(number)]):
                    self.wrong.append(f"pipelined: {status} {body!r} for {number}")
                    return
        self.counts["pipelined"] += 30
        time.sleep(0.05)

    # ---- bad ones

    def failing(self, source: random.Random) -> None:
        """Make run() raise, or take too long."""
        mode = "sleep" if source.random() < 0.005 else "raise"
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20 * FACTOR)
        body = json.dumps({"data": [[1, 2, 3, 4]], "mode": mode})
        answer = ask_on(client, "POST", "/score", body, {"Content-Type": "application/json"})
        client.close()
        if answer.status not in (500, 503):
            self.wrong.append(f"failing: {answer.status}")
        self.counts[mode] += 1
        time.sleep(0.02)

    def malformed(self, source: random.Random) -> None:
        """Send what is not JSON, not HTTP, or not what the schema wants."""
        kind = source.randrange(6)
        body = b'{"data":[[1,2,3,4]]}'
        if kind == 0:
            data = source.randbytes(200)
        elif kind == 1:
            data = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: nine\r\n\r\n"
        elif kind == 2:
            data = b"POST /score HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n"
        else:
            cut = {3: body[:-5], 4: body.replace(b"1", b'"x"'), 5: source.randbytes(300)}[kind]
            data = (
                b"POST /score HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(cut), cut)
            )
        with self.connection() as client:
            with suppress(OSError):
                client.sendall(data)
                client.shutdown(socket.SHUT_WR)
            answer = b""
            with suppress(ConnectionError):
                answer = client.makefile("rb").read()
        if answer and not answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 503")):
            self.wrong.append(f"malformed {kind}: {answer[:200]!r}")
        self.counts["malformed"] += 1
        time.sleep(0.01)

    def oversized(self, source: random.Random) -> None:
        """Send bodies and heads beyond the limits."""
        kind = source.randrange(3)
        with self.connection() as client, suppress(ConnectionError):
            if kind == 0:
                client.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 900000000\r\n\r\n" + b"x" * 100_000)
            elif kind == 1:
                client.sendall(b"POST /score HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
                for _ in range(10):
                    client.sendall(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
            else:
                client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"y" * 30_000 + b"\r\n\r\n")
            answer = client.makefile("rb").readline()
            if answer and answer.split()[1] not in (b"413", b"415", b"431"):
                self.wrong.append(f"oversized {kind}: {answer!r}")
        self.counts["oversized"] += 1
        time.sleep(0.05)

    def slow(self, source: random.Random) -> None:
        """Send a head or a body a byte at a time, until the server has had enough."""
        part = (
            b"POST /score HTTP/1.1\r\nX-Slow: "
            if source.random() < 0.5
            else b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n"
        )
        started = time.monotonic()
        with self.connection() as client, suppress(ConnectionError, BrokenPipeError):
            client.sendall(part)
            client.settimeout(0.1)
            while time.monotonic() - started < 30 * FACTOR:
                client.sendall(b"1")
                with suppress(TimeoutError):
                    answer = client.recv(4096)
                    if answer and not answer.startswith(b"HTTP/1.1 408"):
                        self.wrong.append(f"slow: {answer[:100]!r}")
                    break
            else:
                self.wrong.append("a slow client was never refused")
        self.counts["slow"] += 1

    def deaf(self, source: random.Random) -> None:
        """Ask for much and read nothing."""
        body = json.dumps({"data": [[1, 2, 3, 4]] * 3000, "mode": "stream"}).encode()
        head = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        with self.connection() as client, suppress(OSError):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.settimeout(0.5)
            client.sendall(head % len(body) + body)
            time.sleep(source.uniform(0, 0.3))
        self.counts["deaf"] += 1

    def aborting(self, source: random.Random) -> None:
        """Leave in the middle: before the body is whole, or before the answer has come."""
        body = json.dumps({"data": [[1, 2, 3, 4]] * source.choice([1, 1000])}).encode()
        whole = (
            b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            % len(body)
            + body
        )
        client = self.connection()
        client.sendall(whole[: source.choice([10, 70, len(whole) // 2, len(whole)])])
        if source.random() < 0.5:  # reset instead of a clean end
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        self.counts["aborted"] += 1
        time.sleep(0.01)


def resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def saturate(worker: Worker, directory: Path) -> subprocess.Popen[str] | None:
    """Press with more good requests than the worker can answer, where the tool for it is installed."""
    if shutil.which("wrk") is None:
        return None
    request = directory / "request.lua"
    request.write_text(
        'wrk.method = "POST"\nwrk.body = \'{"data":[[1,2,3,4],[5,6,7,8]]}\'\n'
        'wrk.headers["Content-Type"] = "application/json"\n'
    )
    # It waits longer than one call that takes too long holds up the others.
    command = ["wrk", "-t1", "-c32", f"-d{SECONDS:g}s", "--timeout", "20s", "-s", str(request)]
    return subprocess.Popen(
        [*command, f"http://127.0.0.1:{worker.port}/score"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_soak(tmp_path: Path) -> None:
    with serving(tmp_path, SCRIPT, settings=SETTINGS) as worker:
        soak = Soak(worker)
        soak.start(4, soak.good)
        soak.start(1, soak.pipelined)
        for client in (soak.streamed, soak.failing, soak.malformed, soak.oversized, soak.deaf, soak.aborting):
            soak.start(1, client)
        soak.start(20, soak.slow)
        saturation = saturate(worker, tmp_path)
        sizes: list[tuple[float, float]] = []
        while soak.go_on():
            sizes.append((time.monotonic(), resident_mb(worker.process.pid)))
            time.sleep(0.1)
        soak.join()
        told = saturation.communicate(timeout=30 * FACTOR)[0] if saturation is not None else "no wrk"
        assert "Non-2xx" not in told
        assert "Socket errors" not in told, told
        assert soak.wrong == []
        assert min(soak.counts[kind] for kind in ("good", "malformed", "oversized", "slow", "aborted", "streamed")) > 0
        wait_until(lambda: b"mldeploy_busy 0" in worker.ask("GET", "/metrics").body)
        wait_until(lambda: b"mldeploy_queue_length 0" in worker.ask("GET", "/metrics").body)
        # Only the connection that asks is left.
        wait_until(lambda: b"mldeploy_connections 1\n" in worker.ask("GET", "/metrics").body, 60 * FACTOR)
        assert worker.score({"data": [[1, 2, 3, 4]]}).json() == [10.0]
        assert worker.process.poll() is None
        assert len(list(Path(f"/proc/{worker.process.pid}/fd").iterdir())) < 40
        assert not [line for line in worker.log() if "could not be handled" in line["message"]]

        later = sizes[len(sizes) // 2 :]  # arenas and caches have been filled by then
        moments, megabytes = np.array(later).T
        slope = float(np.polyfit(moments, megabytes, 1)[0])
        third, fourth = (float(np.median(quarter)) for quarter in np.array_split(megabytes, 2))
        print(f"{SECONDS:g} s: {dict(soak.counts)}")
        print(f"{megabytes[0]:.1f} → {megabytes[-1]:.1f} MB, {slope * 60:+.2f} MB a minute")
        print(told)
        # In a short run, one step of an arena alone would look like a slope.
        assert fourth - third < 8, f"memory grows from {third:.1f} MB to {fourth:.1f} MB"
        if SECONDS >= LONG_S:
            assert slope * SECONDS / 2 < 3, f"memory grows by {slope * 60:.1f} MB a minute"
