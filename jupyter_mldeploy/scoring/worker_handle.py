"""One worker process, as the supervisor sees it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import StatusChannelClosed
from .logbook import LogBook, Spool
from .nursery import Birth, Nursery
from .order import Order
from .processes import is_alive, send_signal, start_token
from .reactor import EventLoop
from .status import StatusChannel

#: Seconds that a process may live on after it closed its status channel.
_AFTER_CHANNEL_S = 1.0

#: Seconds that a busy warm parent may take to say how a worker ended.
_WORD_S = 15.0


class WorkerHandle:
    """A worker from its order to its end.

    ``phase`` is starting, loading, ready, serving, draining or ended. Exactly one ``on_end`` comes for every handle
    that was started, after the last ``on_event``; ``end_reason`` then holds why the supervisor itself ended it, if it
    did.
    """

    def __init__(
        self,
        loop: EventLoop,
        nursery: Nursery,
        book: LogBook,
        directory: Path,
        order: Order,
        slot: int,
        serial: int,
        listening: list[int],
        on_event: Callable[[WorkerHandle, dict[str, Any]], None],
        on_end: Callable[[WorkerHandle], None],
    ) -> None:
        self._loop = loop
        self._nursery = nursery
        self._book = book
        self._on_event = on_event
        self._on_end = on_end
        self.order = order
        self.slot = slot
        self.name = f"worker-{slot}"
        self.phase = "starting"
        self.pid = 0
        self.token: str | None = None
        self.exit_code: int | None = None
        self.max_rss_kib = 0
        self.failure: dict[str, Any] | None = None
        self.end_reason: str | None = None
        self.ready: dict[str, Any] = {}
        self.load: dict[str, Any] = {}
        self.fits_memory = False  # whether it has been seen to serve within its limit
        self._on_stats: list[Callable[[], None]] = []
        self.begun = self.last_sign = time.monotonic()
        self.serving_since: float | None = None
        self.killed_at: float | None = None
        self._silent_since = 0.0
        self.channel, self._theirs = StatusChannel.pair()
        path = directory / "spool" / f"{self.name}~{order.revision}.{serial}.out"
        self.spool = Spool(path, self.name, order.revision, order.secrets.values())
        launch = {
            "spec": order.spec,
            "worker_id": slot,
            "environment": dict(order.secrets),
            "worker": order.worker,
            "drain_s": order.drain_s,
        }
        self._birth = Birth(launch, [self._theirs.fileno(), self.spool.fileno(), *listening], self._born, self._unborn)
        nursery.give_birth(self._birth)

    @property
    def uptime(self) -> float:
        """Seconds since it began to serve, 0 before."""
        return 0.0 if self.serving_since is None else time.monotonic() - self.serving_since

    def command(self, name: str, **arguments: Any) -> None:
        """Send a command; a worker that does not read is found out by its silence."""
        try:
            self.channel.send({"command": name, **arguments}, timeout_s=0)
        except StatusChannelClosed:
            return

    def reload_keys(self, when_done: Callable[[], None]) -> None:
        """Let it read its keys again; it takes commands in order, so its next figures say that it has."""
        self._on_stats.append(when_done)
        self.command("reload-keys")
        self.command("stats")

    def go(self) -> None:
        """Let it accept requests."""
        self.phase = "serving"
        self.serving_since = time.monotonic()
        self.command("go")

    def drain(self, seconds: float) -> None:
        """Let it finish what it has, then end; what is not done in time is killed."""
        if self.phase in ("draining", "ended"):
            return
        if self.phase != "serving":
            self.kill("no longer needed")
            return
        self.phase = "draining"
        self.command("drain", deadline_s=seconds)
        self._loop.later(seconds + 2, lambda: self.kill(f"did not finish within {seconds:g} s of draining"))

    def kill(self, reason: str) -> None:
        """End it and its children now."""
        if self.phase == "ended":
            return
        if self.end_reason is None:
            self.end_reason = reason
        self.killed_at = time.monotonic()
        if self.pid:
            self.spool.drain(self._book)
            send_signal(self.pid, self.token, signal.SIGKILL, group=True)
        else:
            self._birth.cancelled = True
            self._finish()

    def exited(self, code: int | None, max_rss_kib: int = 0) -> None:
        """Take note that the process is gone."""
        self.exit_code = code
        self.max_rss_kib = max_rss_kib
        self._finish()

    def tail(self, lines: int = 40) -> list[str]:
        """Return the text of its last log lines."""
        if self.phase != "ended":
            self.spool.drain(self._book)
        return self.spool.recent(lines)

    def _born(self, pid: int, token: str | None) -> None:
        self.pid, self.token = pid, token or start_token(pid)
        self._theirs.close()
        if self.phase == "ended":  # it was cancelled while it was being made
            send_signal(self.pid, self.token, signal.SIGKILL, group=True)
        elif token is None and self.token is None:
            self.exited(None)
        else:  # not before: a forked worker can be ready while the parent's message about it is still on its way
            self._loop.watch(self.channel, self._readable)

    def _unborn(self, reason: str) -> None:
        self.failure = {"stage": "start", "message": reason}
        self._finish()

    def _readable(self) -> None:
        try:
            messages = self.channel.receive()
        except StatusChannelClosed:
            self._loop.forget(self.channel)
            self._silent_since = time.monotonic()
            # Usually it has just ended, and whoever reaps it says how. If not, it has lost its senses.
            self._loop.later(_AFTER_CHANNEL_S, self._check_end)
            return
        self.last_sign = time.monotonic()
        for message in messages:
            event = message.get("event")
            if event == "loading" and self.phase == "starting":
                self.phase = "loading"
            elif event == "ready" and self.phase in ("starting", "loading"):
                self.phase = "ready"
                self.ready = message
            elif event == "failed":
                self.failure = message
            elif event == "alive":
                self.load = message
            elif event == "stats":
                self._tell_those_who_wait()
            self._on_event(self, message)

    def _check_end(self) -> None:
        if self.phase == "ended":
            return
        if self.pid and is_alive(self.pid, self.token):
            if self.phase == "draining":
                self._loop.later(_AFTER_CHANNEL_S, self._check_end)
                return
            self.kill("closed its line to the supervisor")
            self._loop.later(_AFTER_CHANNEL_S, self._check_end)
            return
        if self.pid and self._nursery.will_tell(self.pid) and time.monotonic() - self._silent_since < _WORD_S:
            self.phase = "draining"  # it serves no more
            self._loop.later(_AFTER_CHANNEL_S, self._check_end)
        elif self.pid:
            self.exited(None)

    def _finish(self) -> None:
        if self.phase == "ended":
            return
        self._read_the_rest()
        self.phase = "ended"
        self._loop.forget(self.channel)
        self.channel.close()
        self._theirs.close()
        self.spool.close(self._book)
        self._tell_those_who_wait()
        self._on_end(self)

    def _tell_those_who_wait(self) -> None:
        waiting, self._on_stats = self._on_stats, []
        for when_done in waiting:
            when_done()

    def _read_the_rest(self) -> None:
        """What it said before it ended may still be on the line: a failure's traceback, for example."""
        try:
            for message in self.channel.receive():
                if message.get("event") == "failed":
                    self.failure = message
        except (StatusChannelClosed, OSError):
            return
