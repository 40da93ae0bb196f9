"""A worker of a few lines that speaks the supervisor's protocol: the supervisor's tests must not fail with the server.

Started through ``order.worker = "fake_worker:run_worker"``. The script's ``run(text)`` gives the answer's body.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from typing import Any

from jupyter_mldeploy.scoring.errors import StatusChannelClosed
from jupyter_mldeploy.scoring.spec import WorkerSpec
from jupyter_mldeploy.scoring.status import StatusChannel


def run_worker(spec: WorkerSpec, sockets: list[socket.socket], status: StatusChannel) -> int:
    status.send({"event": "loading", "pid": os.getpid()})
    script: dict[str, Any] = {"__name__": "entry_module"}
    try:
        exec(compile(spec.script_path.read_text(), str(spec.script_path), "exec"), script)
        script["init"]()
    except Exception as error:
        frame = {"file": "score.py", "line": 1, "function": "init", "text": ""}
        text = f"Traceback\n{type(error).__name__}: {error}"
        status.send(
            {"event": "failed", "stage": "init", "message": f"init() failed: {error}", "traceback": [frame],
             "traceback_text": text, "model_tree": ["models/"]}
        )  # fmt: skip
        return 3
    status.send({"event": "ready", "import_ms": 1.0, "init_ms": 2.0})
    return asyncio.run(Server(spec, sockets, status, script).serve())


class Server:
    def __init__(self, spec, sockets, status, script) -> None:
        self.sockets, self.status, self.script = sockets, status, script
        self.connections: set[Connection] = set()
        self.openings: set[asyncio.Task[Any]] = set()  # accepted, and not yet among the connections
        self.draining = False
        self.label = f"{spec.revision}:{spec.worker_id}:{os.getpid()}"

    async def serve(self) -> int:
        self.loop = asyncio.get_running_loop()
        self.done = self.loop.create_future()
        self.loop.add_reader(self.status.fileno(), self.commands)
        threading.Thread(target=self.beat, daemon=True).start()
        await self.done
        return 0

    def beat(self) -> None:
        while not self.script.get("silent"):
            try:
                self.status.send({"event": "alive", "busy_since": None})
            except StatusChannelClosed:
                return
            time.sleep(0.2)

    def commands(self) -> None:
        try:
            messages = self.status.receive()
        except StatusChannelClosed:
            self.loop.remove_reader(self.status.fileno())
            messages = [{"command": "drain"}]
        for message in messages:
            if message["command"] == "go":
                for item in self.sockets:
                    item.setblocking(False)
                    self.loop.add_reader(item.fileno(), self.accept, item)
            elif message["command"] == "drain":
                for item in self.sockets:
                    self.loop.remove_reader(item.fileno())
                self.draining = True
                self.loop.call_later(message.get("deadline_s", 2.0), self.end)
                self.check()
            elif message["command"] == "reload-keys":
                print("keys were read again", flush=True)
            elif message["command"] == "stats":
                self.status.send({"event": "stats"})

    def end(self) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def check(self) -> None:
        if self.draining and not self.connections and not self.openings:
            self.end()

    def accept(self, listening: socket.socket) -> None:
        try:
            client, _ = listening.accept()
        except OSError:
            return
        client.setblocking(False)
        opening = self.loop.create_task(self.loop.connect_accepted_socket(lambda: Connection(self), client))
        self.openings.add(opening)
        opening.add_done_callback(self.opened)

    def opened(self, opening: asyncio.Task[Any]) -> None:
        self.openings.discard(opening)
        self.check()


class Connection(asyncio.Protocol):
    def __init__(self, server: Server) -> None:
        self.server = server
        self.received = b""
        server.connections.add(self)

    def connection_made(self, transport) -> None:
        self.transport = transport

    def connection_lost(self, error) -> None:
        self.server.connections.discard(self)
        self.server.check()

    def data_received(self, data: bytes) -> None:
        self.received += data
        while b"\r\n\r\n" in self.received:
            head, _, rest = self.received.partition(b"\r\n\r\n")
            lengths = [
                line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
            ]
            length = int(lengths[0]) if lengths else 0
            if len(rest) < length:
                return
            body, self.received = rest[:length], rest[length:]
            answer = str(self.server.script["run"](body.decode())).encode()
            close = b"Connection: close\r\n" if self.server.draining else b""
            label = f"X-Worker: {self.server.label}\r\n".encode()
            self.transport.write(
                b"HTTP/1.1 200 OK\r\n" + close + label + b"Content-Length: %d\r\n\r\n" % len(answer) + answer
            )
            if close:
                self.transport.close()
                return
