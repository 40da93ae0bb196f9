"""Real workers for tests: a process that serves a script on loopback, the line to it, and clients."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_mldeploy.scoring.errors import StatusChannelClosed
from jupyter_mldeploy.scoring.spec import WorkerSpec
from jupyter_mldeploy.scoring.status import StatusChannel
from tests.patience import FACTOR

_PROGRAM = """
import socket, sys
from pathlib import Path
from jupyter_mldeploy.scoring.worker import StatusChannel, WorkerSpec, run_worker
spec, status, *descriptors = sys.argv[1:]
sockets = [socket.socket(fileno=int(descriptor)) for descriptor in descriptors]
sys.exit(run_worker(WorkerSpec.read(Path(spec)), sockets, StatusChannel(int(status))))
"""

PLAIN = "def init():\n    pass\n\n\n"


@dataclass
class Answer:
    """A response as the tests look at it; header names in lower case, repeated ones in order."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        return str(self.json()["message"])


def listen(port: int = 0) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(512)
    return listening


class Worker:
    """A worker process."""

    def __init__(
        self,
        directory: Path,
        script: str | Path,
        *,
        listening: socket.socket | None = None,
        environment: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        path = Path(script) if isinstance(script, Path) else directory / "score.py"
        if isinstance(script, str):
            path.write_text(script, encoding="utf-8")
        self.directory = directory
        self.log_path = directory / f"worker-{time.monotonic_ns()}.log"
        self.listening = listening or listen()
        self.port: int = self.listening.getsockname()[1] if self.listening.family == socket.AF_INET else 0
        spec = {"entry_script": str(path), "app_root": str(directory), "log_file": str(self.log_path), **more}
        spec_file = directory / f"worker-{time.monotonic_ns()}.json"
        WorkerSpec.from_dict(spec).write(spec_file)
        self.channel, theirs = StatusChannel.pair()
        self.events: list[dict[str, Any]] = []
        descriptors = [theirs.fileno(), self.listening.fileno()]
        self.stderr_path = directory / f"stderr-{time.monotonic_ns()}.txt"
        with self.stderr_path.open("wb") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, str(spec_file), *map(str, descriptors)],
                pass_fds=descriptors,
                stdout=stderr,
                stderr=stderr,
                env={**os.environ, **(environment or {})},
            )
        theirs.close()

    # ---- the supervisor's side

    def wait_for(self, event: str, timeout_s: float = 90 * FACTOR) -> dict[str, Any]:
        """Return the first event of a kind that has not been taken yet."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            for index, message in enumerate(self.events):
                if message["event"] == event:
                    del self.events[: index + 1]
                    return message
            try:
                self.events += self.channel.wait(max(0.0, until - time.monotonic()))
            except StatusChannelClosed:
                break
        raise AssertionError(f"no {event!r}; {self.stderr_path.read_text()} {self.log_path.read_text()}")

    def tell(self, command: str, **more: Any) -> None:
        self.channel.send({"command": command, **more})

    def go(self) -> Worker:
        self.wait_for("ready")
        self.tell("go")
        return self

    def wait(self, timeout_s: float = 60 * FACTOR) -> int:
        return self.process.wait(timeout_s)

    def stop(self) -> None:
        """End the worker, whatever it does."""
        with suppress(StatusChannelClosed, OSError):
            self.tell("drain", deadline_s=0)
        try:
            self.process.wait(5 * FACTOR)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5 * FACTOR)
        self.channel.close()
        self.listening.close()

    def log(self) -> list[dict[str, Any]]:
        """Return the log lines so far."""
        return [json.loads(line) for line in whole_lines(self.log_path)]

    def wait_for_log(self, wanted: Callable[[dict[str, Any]], bool], timeout_s: float = 40 * FACTOR) -> dict[str, Any]:
        """Return the first log line that fits."""
        return wait_until(lambda: next((line for line in self.log() if wanted(line)), None), timeout_s)

    # ---- clients

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 20 * FACTOR,
    ) -> Answer:
        """Send one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            return ask_on(connection, method, path, body, headers)
        finally:
            connection.close()

    def score(self, value: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """POST a value as JSON."""
        return self.ask("POST", "/score", json.dumps(value), {"Content-Type": "application/json", **(headers or {})})

    def connect(self) -> Raw:
        return Raw(self.port)


def ask_on(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    connection.request(method, path, body, dict(headers or {}))
    response = connection.getresponse()
    content = response.read()
    return Answer(response.status, [(name.lower(), value) for name, value in response.getheaders()], content)


class Raw:
    """A client that sends bytes."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=15 * FACTOR)
        self._stream = self.socket.makefile("rb")

    def send(self, data: bytes) -> Raw:
        self.socket.sendall(data)
        return self

    def answer(self, *, head: bool = False) -> Answer:
        """Read one response."""
        status = int(self._stream.readline().split()[1])
        headers: list[tuple[str, str]] = []
        while line := self._stream.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers.append((name.lower(), value.strip()))
        answer = Answer(status, headers, b"")
        if head or status in (100, 204, 304):
            return answer
        if answer.header("transfer-encoding") == "chunked":
            while size := int(self._stream.readline(), 16):
                answer.body += self._stream.read(size)
                self._stream.readline()
            self._stream.readline()
        elif answer.header("content-length") is not None:
            answer.body = self._stream.read(int(answer.header("content-length") or 0))
        else:
            answer.body = self._stream.read()
        return answer

    def rest(self) -> bytes:
        """Read until the server closes."""
        return self._stream.read()

    def close(self) -> None:
        self._stream.close()
        self.socket.close()

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def whole_lines(path: Path) -> list[bytes]:
    """Return the lines of a file that is being written: of the last one, only a part may be there."""
    content = path.read_bytes()
    return content[: content.rfind(b"\n") + 1].splitlines()


def wait_until(found: Callable[[], Any], timeout_s: float = 40 * FACTOR) -> Any:
    """Return the first true value of ``found()``."""
    until = time.monotonic() + timeout_s
    while True:
        value = found()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError("it did not happen in time")
        time.sleep(0.01)


@contextmanager
def serving(directory: Path, script: str | Path, **more: Any) -> Iterator[Worker]:
    """Give a worker that serves."""
    worker = Worker(directory, script, **more)
    try:
        yield worker.go()
    finally:
        worker.stop()
