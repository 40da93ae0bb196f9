"""The language server beside ``ruff server`` and ``pylsp``: the same script, the same edits, in the same run.

A client that does nothing but read and write messages, so that its own time does not count. Goals are those of a
machine that does nothing else; the ratios hold anywhere.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Any

KEYS = 60
BURST = 20
_HEAD = """\
import json
import os

import joblib
import numpy as np
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.schema_decorators import input_schema, output_schema


def init():
    global model
    model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model.pkl"))


@input_schema("data", NumpyParameterType(np.array([[0.1, 2.0, 3.5]])))
@output_schema(NumpyParameterType(np.array([1.0])))
def run(data):
    try:
        return model.predict(clean_0(data)).tolist()
    except Exception as error:
        return str(error)
"""
_PIECE = '''

def clean_{number}(rows, limit={number}):
    """Clean rows, step {number}."""
    found = []
    for index, row in enumerate(rows):
        if row is None or len(row) < limit:
            continue
        value = sum(item * index for item in row if item is not None)
        found.append({{"index": index, "value": value, "text": f"{{value:.2f}}"}})
    return np.array([item["value"] for item in found])
'''


def script(lines: int) -> str:
    """Return an entry script of about so many lines."""
    text, number = _HEAD, 0
    while text.count("\n") < lines:
        text += _PIECE.format(number=number)
        number += 1
    return text


class Peer:
    """A language server and the messages it sends, with the time of their arrival."""

    def __init__(self, command: list[str]) -> None:
        self._started = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._messages: Queue[tuple[float, dict[str, Any]]] = Queue()
        self._count = 0
        self.uri = ""
        self.version = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        with contextlib.suppress(ValueError, OSError):
            while True:
                length = 0
                while line := stream.readline().strip():
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                if not length:
                    return
                body = stream.read(length)
                self._messages.put((time.perf_counter(), json.loads(body)))

    def tell(self, method: str, params: Any, **more: Any) -> float:
        assert self._process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", "method": method, "params": params, **more}).encode()
        now = time.perf_counter()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()
        return now

    def ask(self, method: str, params: Any) -> float:
        """Return the seconds until the answer."""
        self._count += 1
        number = self._count
        sent = self.tell(method, params, id=number)
        while True:
            at, message = self._messages.get(timeout=30)
            if message.get("id") == number and "method" not in message:
                return at - sent
            self._serve(message)

    def _serve(self, message: dict[str, Any]) -> None:
        """Answer what the server asks for."""
        if "id" in message and "method" in message:
            assert self._process.stdin is not None
            body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": None}).encode()
            self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
            self._process.stdin.flush()

    def initialize(self) -> float:
        """Return the seconds from the process's start to the answer to ``initialize``."""
        text = {"publishDiagnostics": {"versionSupport": True}, "synchronization": {}}
        self.ask(
            "initialize",
            {"processId": os.getpid(), "rootUri": None, "capabilities": {"textDocument": text}},
        )
        seconds = time.perf_counter() - self._started
        self.tell("initialized", {})
        return seconds

    def open(self, uri: str, text: str) -> float:
        self.uri, self.version = uri, 1
        item = {"uri": uri, "languageId": "python", "version": 1, "text": text}
        return self.published(self.tell("textDocument/didOpen", {"textDocument": item}))

    def type(self, line: int, column: int, text: str) -> float:
        """Insert a text; return when it was sent."""
        self.version += 1
        place = {"line": line, "character": column}
        return self.tell(
            "textDocument/didChange",
            {
                "textDocument": {"uri": self.uri, "version": self.version},
                "contentChanges": [{"range": {"start": place, "end": place}, "text": text}],
            },
        )

    def published(self, sent: float) -> float:
        """Return the seconds until the findings of the newest version (pylsp gives no versions: the next ones)."""
        while True:
            at, message = self._messages.get(timeout=30)
            self._serve(message)
            if message.get("method") == "textDocument/publishDiagnostics" and message["params"]["uri"] == self.uri:
                version = message["params"].get("version")
                if version is None or version >= self.version:
                    return at - sent

    def quiet(self) -> None:
        """Throw away what comes within the next 0.3 s."""
        with contextlib.suppress(Empty):
            while True:
                self._serve(self._messages.get(timeout=0.3)[1])

    def memory_mb(self) -> float:
        """Return the resident memory."""
        path = Path(f"/proc/{self._process.pid}/status")
        for line in path.read_text().splitlines() if path.exists() else ():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0.0

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def typing(peer: Peer, lines: int) -> list[float]:
    """Return the seconds from each key to its findings, at an easy pace."""
    peer.open(f"file:///bench/score_{lines}.py", script(lines))
    peer.quiet()
    seconds = []
    for _ in range(KEYS):
        seconds.append(peer.published(peer.type(19, 0, " ")))
        time.sleep(0.12)
    return sorted(seconds)


def burst(peer: Peer) -> float:
    """Return the seconds from the last of twenty keys, 30 ms apart, to its findings; the median of five."""
    found = []
    for _ in range(5):
        sent = 0.0
        for _ in range(BURST):
            sent = peer.type(0, 0, "#")
            time.sleep(0.03)
        if peer.version:
            found.append(max(0.0, peer.published(sent)))
        peer.quiet()
        peer.type(0, 0, "\n")
        peer.quiet()
    return statistics.median(found)


def p(seconds: list[float], share: float) -> float:
    """Return a percentile in milliseconds."""
    return seconds[min(len(seconds) - 1, int(share * len(seconds)))] * 1000


def measure() -> Iterator[tuple[str, str, str]]:
    """Yield (what, figure, goal); figures are ours, then the ratio to ruff's and to pylsp's."""
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent) + os.pathsep + os.environ.get("PATH", ""))
    commands = {"ours": [sys.executable, "-m", "mldeploy_lsp"], "pylsp": [sys.executable, "-m", "pylsp"]}
    if ruff:
        commands["ruff"] = [ruff, "server"]
    figures: dict[str, dict[str, float]] = {}
    for name, command in commands.items():
        peer = Peer(command)
        try:
            one: dict[str, float] = {"initialize": peer.initialize() * 1000}
            one["open"] = peer.open("file:///bench/first.py", script(324)) * 1000
            small = typing(peer, 324)
            one["p50"], one["p95"] = p(small, 0.5), p(small, 0.95)
            if name != "pylsp":
                one["p95 of 700 lines"] = p(typing(peer, 700), 0.95)
                peer.open("file:///bench/burst.py", script(324))
                peer.quiet()
                one["burst"] = burst(peer) * 1000
            one["memory"] = peer.memory_mb()
            if name == "ours":
                place = {"textDocument": {"uri": peer.uri}, "position": {"line": 30, "character": 3}}
                seconds = sorted(peer.ask("textDocument/completion", place) for _ in range(40))
                one["completion p95"] = p(seconds, 0.95)
                peer.ask("textDocument/hover", place)
                seconds = sorted(peer.ask("textDocument/hover", place) for _ in range(40))
                one["hover p95"] = p(seconds, 0.95)
            figures[name] = one
        finally:
            peer.close()
    goals = {
        "initialize": "<= 600 ms", "open": "<= 60 ms", "p50": "<= 10 ms", "p95": "<= 25 ms",
        "p95 of 700 lines": "<= 60 ms", "burst": "<= 40 ms", "memory": "<= 60 MB", "completion p95": "<= 30 ms",
        "hover p95": "<= 30 ms",
    }  # fmt: skip
    titles = {
        "initialize": "start of the process to the answer to initialize",
        "open": "didOpen to findings, 324 lines", "p50": "didChange to findings, 324 lines, p50",
        "p95": "didChange to findings, 324 lines, p95", "p95 of 700 lines": "didChange to findings, 700 lines, p95",
        "burst": "last of 20 keys to findings", "memory": "resident memory",
    }  # fmt: skip
    for key, goal in goals.items():
        ours = figures["ours"][key]
        unit = "MB" if key == "memory" else "ms"
        ratios = [
            f"{ours / figures[name][key]:.2f}x {name}" for name in ("ruff", "pylsp") if figures.get(name, {}).get(key)
        ]
        yield titles.get(key, key), f"{ours:.1f} {unit}; {', '.join(ratios)}".rstrip("; "), goal
