"""Serves a loaded script: the event loop in its own thread, ``run()`` in this one, commands from the supervisor."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
from contextlib import suppress
from time import monotonic, perf_counter
from typing import Any

from .answer import AnswerWriter
from .application import Application
from .documents import ServiceDocuments
from .errors import StatusChannelClosed
from .invoke import Invoker
from .listener import Listener
from .loading import Loaded
from .spec import WorkerSpec
from .status import StatusChannel

logger = logging.getLogger("mldeploy.scoring")

HEARTBEAT_S = 1.0


def serve(spec: WorkerSpec, loaded: Loaded, sockets: list[socket.socket], status: StatusChannel) -> int:
    """Say that the worker is ready, and serve until it is drained. Returns the exit code."""
    service = Service(spec, loaded, sockets, status)
    return service.run()


class Service:
    """A worker that serves."""

    def __init__(self, spec: WorkerSpec, loaded: Loaded, sockets: list[socket.socket], status: StatusChannel) -> None:
        settings = spec.settings
        self._spec = spec
        self._loaded = loaded
        self._status = status
        self._loop = _new_loop()
        self._exit_code = 0
        self._last_line: StatusChannel | None = status
        self.invoker = Invoker(
            loaded.caller,
            threads=settings.max_concurrent_requests,
            queue_length=settings.max_queue_length,
            batch_size=settings.max_batch_size,
            batch_wait_ms=settings.max_batch_wait_ms,
        )
        self.application = Application(
            self.invoker,
            settings,
            rawhttp=bool(getattr(loaded.contract, "rawhttp", False)),
            needs_json=loaded.caller.needs_json,
            documents=ServiceDocuments(spec, loaded.contract),
            observers=[],
        )
        answers = AnswerWriter(_version(), show_version=settings.server_version_header)
        self.listener = Listener(self._loop, sockets, self.application, answers, settings)
        self.invoker.connect(self._loop, self.application.complete)

    def run(self) -> int:
        """Serve; blocks the calling thread, in which ``run()`` of the script is executed."""
        wake_in, wake_out = socket.socketpair()
        wake_in.setblocking(False)
        wake_out.setblocking(False)
        self._watch_signals(wake_in, wake_out)
        self._say(
            {
                "event": "ready",
                "pid": os.getpid(),
                "import_ms": round(self._loaded.import_ms, 3),
                "init_ms": round(self._loaded.init_ms, 3),
            }
        )
        self._loop.add_reader(self._status.fileno(), self._read_commands)
        self._loop.call_later(HEARTBEAT_S, self._heartbeat)
        others = [
            threading.Thread(target=self.invoker.work, args=(slot,), name=f"run-{slot.number}", daemon=True)
            for slot in self.invoker.slots[1:]
        ]
        io = threading.Thread(target=self._serve_io, name="io", daemon=True)
        for thread in [*others, io]:
            thread.start()
        self.invoker.work(self.invoker.slots[0])
        for thread in [*others, io]:
            thread.join(5)
        with suppress(StatusChannelClosed):
            self._status.send({"event": "stopped", "exit_code": self._exit_code})
        return self._exit_code

    # ---- the I/O thread

    def _serve_io(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()
            self.invoker.stop()

    def _watch_signals(self, wake_in: socket.socket, wake_out: socket.socket) -> None:
        """SIGTERM and SIGINT drain, SIGHUP reads the keys again.

        The C-level handler writes to a socket that the I/O thread reads: it works while ``run()`` holds the main
        thread in C code, where Python handlers are not called.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _ignore)
        signal.set_wakeup_fd(wake_in.fileno(), warn_on_full_buffer=False)
        self._wake_in = wake_in  # keeps the descriptor open

        def read() -> None:
            with suppress(BlockingIOError):
                for number in wake_out.recv(64):
                    if number in (signal.SIGTERM, signal.SIGINT):
                        self.drain(f"signal {signal.Signals(number).name}")
                    elif number == signal.SIGHUP:
                        self._reload_keys()

        self._loop.add_reader(wake_out.fileno(), read)

    def _read_commands(self) -> None:
        try:
            messages = self._status.receive()
        except StatusChannelClosed:
            self._loop.remove_reader(self._status.fileno())
            self._last_line = None
            self.drain("the supervisor has gone")
            return
        for message in messages:
            command = message.get("command")
            if command == "go":
                self.listener.start()
            elif command == "drain":
                self.drain("the supervisor asked for it", message.get("deadline_s"))
            elif command == "reload-keys":
                self._reload_keys()
            elif command == "stats":
                self._say({"event": "stats", **self.stats()})
            else:
                logger.warning("Unknown command from the supervisor: %r", command)

    def drain(self, reason: str, deadline_s: float | None = None) -> None:
        """Stop accepting, answer what is here, then stop."""
        if not self.listener.draining:
            self._say({"event": "draining", "reason": reason})
        self.listener.drain(self._loop.stop, deadline_s)

    def _reload_keys(self) -> None:
        """Read the keys again."""

    def _heartbeat(self) -> None:
        self._loop.call_later(HEARTBEAT_S, self._heartbeat)
        self._say({"event": "alive", **self.load()})

    def load(self) -> dict[str, Any]:
        """Return what the worker is doing now; ``busy_since`` is in seconds of the epoch-free monotonic clock."""
        running = [slot.started for slot in self.invoker.slots if slot.current is not None]
        return {
            "inflight": self.invoker.busy + len(self.invoker.jobs),
            "queued": len(self.invoker.jobs),
            "connections": len(self.listener.connections),
            "busy_since": monotonic() - (perf_counter() - min(running)) if running else None,
        }

    def stats(self) -> dict[str, Any]:
        """Return figures about the worker."""
        return self.load()

    def _say(self, message: dict[str, Any]) -> None:
        if self._last_line is not None:
            try:
                self._last_line.send(message)
            except StatusChannelClosed:
                self._last_line = None


def _ignore(number: int, frame: object) -> None:
    """The wake-up descriptor does the work; a Python handler must exist for it to be written."""


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


def _version() -> str:
    try:
        from .._version import __version__
    except ImportError:
        return "0"
    return __version__
