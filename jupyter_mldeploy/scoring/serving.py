"""Serves a loaded script: event loop in a thread of its own, ``run()`` in this one, commands from the supervisor."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any

from . import interrupt
from .accesslog import AccessLog
from .answer import AnswerWriter
from .application import Application, Observer
from .auth import KeyRing
from .documents import ServiceDocuments
from .errors import SettingsError, StatusChannelClosed
from .event_loop import new_event_loop
from .exchange import Exchange
from .interrupt import Slot
from .invoke import Invoker
from .listener import Listener
from .loading import Loaded
from .metrics import Metrics
from .settings import Settings
from .signals import watch_signals
from .spec import WorkerSpec
from .status import StatusChannel
from .turns import take_turns
from .watchdog import Watchdog

if TYPE_CHECKING:
    from .async_invoke import AsyncInvoker
    from .connection import Connection
    from .telemetry.session import Session
    from .tls import Certificate

logger = logging.getLogger("mldeploy.scoring")

HEARTBEAT_S = 1.0
_FLUSH_S = 0.2
_POLL_S = 0.05
_ASYNC_CONCURRENCY = 100

#: Exit code of a worker whose run() could not be stopped.
EXIT_STUCK = 4


class Service:
    """A worker that serves.

    Raises:
        SettingsError: the key file or the certificate cannot be used.
    """

    def __init__(self, spec: WorkerSpec, loaded: Loaded, sockets: list[socket.socket], status: StatusChannel) -> None:
        settings = spec.settings
        self._spec = spec
        self._loaded = loaded
        self._status: StatusChannel | None = status
        self._status_end = status
        self._loop = new_event_loop()
        self._keys = KeyRing(settings)
        self._stuck = False
        self._stop_at = 0.0
        # A little later for each worker, so that they do not go all at once.
        self._retires_after = settings.max_requests_per_worker * (10 + max(0, spec.worker_id - 1) % 10) // 10
        self.invoker = _make_invoker(spec, loaded)
        self.metrics = Metrics(
            self._gauges,
            {"init_seconds": loaded.init_ms / 1000, "import_seconds": loaded.import_ms / 1000},
            Path(settings.metrics_directory) if settings.metrics_directory else None,
            f"{spec.revision or 'service'}-{spec.worker_id}",
            spec.revision,
        )
        self.application = Application(
            self.invoker,
            settings,
            keys=self._keys,
            rawhttp=loaded.caller.rawhttp,
            needs_json=loaded.caller.needs_json,
            documents=ServiceDocuments(spec, loaded.contract),
            figures=self.metrics,
            access_log=_observer(loaded, settings),
            on_stuck=self._on_stuck,
        )
        answers = AnswerWriter(_version(), show_version=settings.server_version_header)
        self.listener = Listener(
            self._loop, sockets, self.application, answers, settings, _certificate(settings.tls_certificate_file, spec)
        )
        self.invoker.connect(self._loop, self.application)
        self.application.watch_with(Watchdog(self._loop, self.invoker, settings, self.application).arm)
        os.register_at_fork(after_in_child=partial(_let_go, sockets, status, self.listener))

    def run(self) -> int:
        """Say that the worker is ready and serve until it is drained; return the exit code.

        Blocks the calling thread: the script's ``run()`` is executed in it.
        """
        self._wake_up = watch_signals(self._loop, on_stop=self.drain, on_reload=self._reload_keys)
        interrupt.install(self.invoker.slots)
        self._say(
            {
                "event": "ready",
                "pid": os.getpid(),
                "import_ms": round(self._loaded.import_ms, 3),
                "init_ms": round(self._loaded.init_ms, 3),
                "self_test_ms": None if self._loaded.self_test_ms is None else round(self._loaded.self_test_ms, 3),
            }
        )
        self._loop.add_reader(self._status_end.fileno(), self._read_commands)
        self._loop.call_soon(self._heartbeat)
        self._loop.call_soon(self._flush)
        first, *others = self.invoker.slots if isinstance(self.invoker, Invoker) else [Slot()]
        threads = [
            threading.Thread(target=self.invoker.work, args=(slot,), name=f"run-{number}", daemon=True)
            for number, slot in enumerate(others, 2)
        ]
        threads.append(threading.Thread(target=self._serve_io, name="io", daemon=True))
        for thread in threads:
            thread.start()
        self.invoker.work(first)
        for thread in threads:
            thread.join(5)
        _write_model_data()
        close_telemetry()
        self._say({"event": "stopped", "exit_code": 0})
        return 0

    def drain(self, reason: str, deadline_s: float | None = None) -> None:
        """Stop accepting, answer what is here, then stop."""
        if self.listener.draining:
            return
        seconds = self._spec.settings.drain_deadline_s if deadline_s is None else deadline_s
        self._stop_at = self._loop.time() + seconds
        self.listener.drain(self._stop, seconds)
        self._say({"event": "draining", "reason": reason})  # from here on no connection is accepted

    def load(self) -> dict[str, Any]:
        """Return what the worker is doing now.

        ``busy_since`` is the ``time.monotonic()`` (the same in all processes) at which the oldest call of ``run()`` in
        progress began, or None.
        """
        running = [slot.started for slot in self.invoker.slots if slot.current is not None]
        return {
            "inflight": self.invoker.busy + len(self.invoker.jobs),
            "queued": len(self.invoker.jobs),
            "connections": len(self.listener.connections),
            "busy_since": monotonic() - (perf_counter() - min(running)) if running else None,
        }

    # ---- in the I/O thread

    def _stop(self) -> None:
        """Stop when no client is left; a ``run()`` whose client has gone may still finish until the deadline."""
        if self.invoker.busy and not self._stuck and self._loop.time() < self._stop_at:
            self._loop.call_later(_POLL_S, self._stop)
        else:
            self._loop.stop()

    def _serve_io(self) -> None:
        take_turns()
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loaded.writer.flush()
            self.metrics.share(live=False)
            if self._stuck or self.invoker.busy:
                # run() does not come back in time: nothing but the end of the process stops it.
                close_telemetry()
                self._say({"event": "stopped", "exit_code": EXIT_STUCK})
                os._exit(EXIT_STUCK)
            self.invoker.stop()

    def _read_commands(self) -> None:
        try:
            messages = self._status_end.receive()
        except StatusChannelClosed:
            self._loop.remove_reader(self._status_end.fileno())
            self._status = None
            self.drain("the supervisor has gone")
            return
        for message in messages:
            command = message.get("command")
            if command == "go":
                self.listener.start()
            elif command == "drain":
                self.drain("the supervisor asked for it", message.get("deadline_s"))
            elif command == "reload-keys":
                if self._reload_keys():
                    self._say({"event": "keys", "number": message.get("number")})
            elif command == "stats":
                self._say({"event": "stats", **self.load(), "metrics": self.metrics.snapshot()})
            else:
                logger.warning("Unknown command from the supervisor: %r", command)

    def _reload_keys(self) -> bool:
        try:
            self._keys.reload()
        except SettingsError as error:
            logger.error("The keys stay as they were. %s", error)  # noqa: TRY400
            return False
        return True

    def _heartbeat(self) -> None:
        self._loop.call_later(HEARTBEAT_S, self._heartbeat)
        self._say({"event": "alive", **self.load()})
        self.metrics.share()
        if self._retires_after and self.metrics.scored >= self._retires_after:
            self._retires_after = 0
            self._say({"event": "retiring", "requests": self.metrics.scored})

    def _flush(self) -> None:
        self._loop.call_later(_FLUSH_S, self._flush)
        self._loaded.writer.flush()

    def _on_stuck(self, slot: Slot, seconds: float) -> None:
        logger.error("run() cannot be stopped; it has taken %.1f s. The worker is to be replaced.", seconds)
        self._stuck = True
        self.invoker.replace(slot)
        self._say({"event": "stuck", "seconds": round(seconds, 3)})
        self.drain("run() cannot be stopped")

    def _gauges(self) -> dict[str, float]:
        load = self.load()
        return {"queue_length": load["queued"], "busy": self.invoker.busy, "connections": load["connections"]}

    def _say(self, message: dict[str, Any]) -> None:
        if self._status is not None:
            try:
                self._status.send(message)
            except StatusChannelClosed:
                self._status = None


def _make_invoker(spec: WorkerSpec, loaded: Loaded) -> Invoker | AsyncInvoker:
    settings = spec.settings
    if loaded.user_loop is not None:
        from .async_invoke import AsyncInvoker

        return AsyncInvoker(
            loaded.caller,
            loaded.user_loop,
            concurrency=settings.max_concurrent_requests or _ASYNC_CONCURRENCY,
            queue_length=settings.max_queue_length,
        )
    batch_size = settings.max_batch_size
    if batch_size > 1:
        from ..schema.batching import batchable

        info = batchable(loaded.contract)
        if not info.possible:
            logger.warning("Requests are not scored in batches (MLDEPLOY_MAX_BATCH_SIZE): %s", info.reason)
            batch_size = 1
    return Invoker(
        loaded.caller,
        threads=settings.max_concurrent_requests or 1,
        queue_length=settings.max_queue_length,
        batch_size=batch_size,
        batch_wait_ms=settings.max_batch_wait_ms,
    )


def _certificate(file: str, spec: WorkerSpec) -> Certificate | None:
    if not file:
        return None
    from .tls import Certificate

    return Certificate(spec.settings)


def _let_go(sockets: list[socket.socket], status: StatusChannel, listener: Listener) -> None:
    """Close, in a process that run() has forked, what belongs to the worker: the port, and the clients' connections.

    While any process holds them, the port stays taken and clients do not see that their connection was closed.
    """
    ends: list[StatusChannel | socket.socket | Connection] = [status, *sockets, *listener.connections]
    for end in ends:
        with suppress(OSError):
            os.close(end.fileno())


def _write_model_data() -> None:
    """Write what ``ModelDataCollector`` still holds: a forked worker runs no exit handlers."""
    collector = sys.modules.get(f"{__package__}.datacollector")
    if collector is not None:
        collector.flush()


def _observer(loaded: Loaded, settings: Settings) -> Observer | None:
    """Return who is told of answers; with telemetry, ``run()`` is told of as well."""
    log: Observer | None = AccessLog(loaded.writer) if settings.access_log else None
    if settings.record_rate:
        from .recording import Recorder

        log = Recorder(loaded.writer, log, settings)
    telemetry = _telemetry()
    if telemetry is None:
        return log
    loaded.caller.surround(telemetry.around)
    return telemetry if log is None else _Both(log, telemetry)


class _Both:
    """Two observers."""

    def __init__(self, first: Observer, second: Observer) -> None:
        self._first, self._second = first, second

    def answered(self, exchange: Exchange, seconds: float) -> None:
        """Tell both."""
        self._first.answered(exchange, seconds)
        self._second.answered(exchange, seconds)


def _telemetry() -> Session | None:
    module = sys.modules.get(f"{__package__}.telemetry.session")
    return module.current() if module is not None else None


def close_telemetry() -> None:
    """Send what telemetry still holds, for a few seconds at most."""
    telemetry = _telemetry()
    if telemetry is not None:
        telemetry.close()


def _version() -> str:
    try:
        from .._version import __version__
    except ImportError:
        return "0"
    return __version__
