"""Following a container's log while it starts: what it says, and whether it is ready, failed or gone."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .docker_engine import connect

_TAIL = 200
_POLL_S = 0.1


class Follower:
    """Reads one container's log in a thread of its own until it is closed.

    Args:
        container: its id.
        since: seconds since the epoch by the engine's clock; what was written before is left out. A container that
            has just been started may have said everything by the time its log is opened, however soon that is.

    Attributes:
        lines: the last lines, JSON as the container wrote them.
    """

    def __init__(self, container: str, since: float = 0.0) -> None:
        self.lines: deque[str] = deque(maxlen=_TAIL)
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._engine = connect(timeout_s=None)
        try:
            self._stream = self._engine.logs(container, stream=True, follow=True, since=since or None)
        except BaseException:
            self._engine.close()
            raise
        threading.Thread(target=self._read, name="docker-log", daemon=True).start()

    def wait(self, wanted: set[str], timeout_s: float, check: Callable[[], None]) -> dict[str, Any] | None:
        """Return the first event of a wanted kind; None when the log ended or the time is up.

        Args:
            wanted: kinds, such as ``{"ready", "failed"}``.
            check: called about ten times a second; what it raises ends the waiting.
        """
        until = time.monotonic() + timeout_s
        while True:
            check()
            ended = self._ended.is_set()
            try:
                event = self._events.get(timeout=0 if ended else min(_POLL_S, max(0.0, until - time.monotonic())))
            except queue.Empty:
                if ended or time.monotonic() >= until:
                    return None
                continue
            if event.get("event") in wanted:
                return event

    def drain(self, timeout_s: float = 2.0) -> None:
        """Wait until the rest of an ended container's log has arrived."""
        self._ended.wait(timeout_s)

    def close(self) -> None:
        """Stop reading."""
        with suppress(Exception):
            self._stream.close()  # wakes the thread that reads
        self._ended.wait(_POLL_S * 10)
        with suppress(Exception):
            self._engine.close()

    def _read(self) -> None:
        rest = b""
        try:
            for piece in self._stream:
                *whole, rest = (rest + piece).split(b"\n")
                for line in whole:
                    self._take(line.decode("utf-8", "replace"))
            if rest:
                self._take(rest.decode("utf-8", "replace"))
        except Exception:  # noqa: BLE001, S110  closed under our hands, or the engine went away: either is the end
            pass
        finally:
            self._ended.set()

    def _take(self, line: str) -> None:
        self.lines.append(line)
        if '"event"' not in line:
            return
        with suppress(ValueError):
            value = json.loads(line)
            if isinstance(value, dict) and isinstance(value.get("event"), dict):
                self._events.put(value["event"])
