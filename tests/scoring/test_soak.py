"""Saturation with good and bad clients together: nothing leaks, nothing hangs, good requests are all right."""

from __future__ import annotations

import http.client
import os
import random
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from .test_http import figures
from .worker_process import PLAIN, Worker, ask_on, serving, wait_until

SECONDS = float(os.environ.get("MLDEPLOY_SOAK_S", "12"))

SCRIPT = (
    PLAIN
    + """
import time

def run(data):
    if data == "fail":
        raise ValueError("told to")
    if data == "slow":
        time.sleep(60)
    if data == "stream":
        return (part for part in ["part"] * 50)
    return data[::-1]
"""
)


def resident(pid: int) -> int:
    """Return resident memory in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


def good(worker: Worker, stop: threading.Event, failures: list[str], count: list[int]) -> None:
    source = random.Random(threading.get_ident())
    connection = http.client.HTTPConnection("127.0.0.1", worker.port, timeout=20)
    while not stop.is_set():
        body = source.randbytes(source.choice([1, 100, 80_000])).hex()
        answer = ask_on(connection, "POST", "/score", body)
        if answer.status != 200 or answer.json() != body[::-1]:
            failures.append(f"{answer.status} {answer.body[:100]!r}")
        count.append(1)
    connection.close()


def bad(worker: Worker, stop: threading.Event) -> None:
    source = random.Random(threading.get_ident())
    head = b"POST /score HTTP/1.1\r\nHost: x\r\n"
    while not stop.is_set():
        data = source.choice(
            [
                source.randbytes(300),
                head + b"Content-Length: 100000\r\n\r\n" + b"x" * 50_000,
                head + b"Content-Length: 9000000\r\n\r\n" + b"x" * 100_000,
                head + b"X: " + b"y" * 100_000,
                head + b"Content-Length: 4\r\n\r\nfail",
                head + b"Content-Length: 6\r\n\r\nstream",
                head + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz",
                b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 30,
            ]
        )
        with suppress(OSError), socket.create_connection(("127.0.0.1", worker.port), timeout=5) as client:
            for start in range(0, len(data), 30_000):
                client.sendall(data[start : start + 30_000])
            client.settimeout(source.choice([0.001, 0.05]))
            with suppress(TimeoutError):
                client.recv(1000)
            if source.random() < 0.5:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads /proc")
def test_nothing_leaks(tmp_path: Path) -> None:
    limits = {"max_body_bytes": 1_000_000, "header_timeout_s": 1, "body_timeout_s": 1, "scoring_timeout_ms": 5000}
    with serving(tmp_path, SCRIPT, settings=limits) as worker:
        stop = threading.Event()
        failures: list[str] = []
        count: list[int] = []
        tasks: list[tuple[Callable[..., None], tuple[object, ...]]] = [(good, (worker, stop, failures, count))] * 3
        tasks += [(bad, (worker, stop))] * 3
        threads = [threading.Thread(target=task, args=arguments, daemon=True) for task, arguments in tasks]
        for thread in threads:
            thread.start()
        memory: list[int] = []
        for _ in range(4):
            time.sleep(SECONDS / 4)
            memory.append(resident(worker.process.pid))
        stop.set()
        for thread in threads:
            thread.join(30)
        assert failures == []
        assert len(count) > 100
        # The first quarter warms up; after that the worker must not grow.
        assert memory[-1] - memory[1] < 8 * 1024, memory
        wait_until(lambda: figures(worker)["mldeploy_connections"] == 1, 15)
        assert len(list(Path(f"/proc/{worker.process.pid}/fd").iterdir())) < 40
        assert worker.process.poll() is None
        assert worker.ask("POST", "/score", "abc").json() == "cba"
