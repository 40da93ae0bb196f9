"""A bounded queue and the thread that empties it into one exporter.

``put`` is called by the threads that serve and score: it takes no lock and waits for nothing, so that neither an
exporter that hangs nor an exception raised into ``run()`` at any moment can hold anybody up.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any

logger = logging.getLogger("mldeploy.scoring")

#: Items and bytes (about) that may wait for one exporter.
MOST_ITEMS = 8192
MOST_BYTES = 16 * 2**20

#: Items that are sent together.
BATCH = 512
_POLL_S = 0.1
_TELL_S = 60.0

#: Threads of this name are the telemetry's own: what they log is not telemetry.
THREAD_PREFIX = "telemetry-"


class Outbox:
    """What waits for one exporter.

    Args:
        name: of the exporter, for messages.
        send: sends items; returns whether they arrived. May block and raise.
        last_words: returns what the exporter's library complained of last, for messages.
        delay_s: how long fewer items than a batch wait for company, in seconds.
    """

    def __init__(
        self,
        name: str,
        send: Callable[[Sequence[Any]], bool],
        last_words: Callable[[], str] = lambda: "",
        delay_s: float = 1.0,
    ) -> None:
        self.name = name
        self.lost = 0
        self.sent = 0
        self._send = send
        self._last_words = last_words
        self._delay_s = delay_s
        self._items: deque[tuple[Any, int]] = deque()
        self._bytes = 0
        self._stopping = threading.Event()
        self._told = -_TELL_S
        self._thread = threading.Thread(target=self._work, name=f"{THREAD_PREFIX}{name}", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def put(self, item: Any, size: int) -> None:
        """Take an item of about ``size`` bytes, or drop it when too much waits."""
        if len(self._items) >= MOST_ITEMS or self._bytes + size > MOST_BYTES:
            self.lost += 1
            return
        # Two threads may lose one another's addition; the sum is made anew with every batch.
        self._bytes += size
        self._items.append((item, size))

    def stop(self) -> None:
        """Send what waits, then end."""
        self._stopping.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; return whether it came."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        due = monotonic() + self._delay_s
        while not self._stopping.wait(_POLL_S):
            if len(self._items) >= BATCH or (monotonic() >= due and (self._items or self.lost)):
                self._send_waiting()
                due = monotonic() + self._delay_s
        self._send_waiting()

    def _send_waiting(self) -> None:
        failed, reason = 0, ""
        while self._items:
            batch = [self._items.popleft()[0] for _ in range(min(BATCH, len(self._items)))]
            self._bytes = sum(size for _, size in list(self._items))
            try:
                arrived = self._send(batch)
            except Exception as error:  # noqa: BLE001 - an exporter must not end its thread
                arrived, reason = False, f"{type(error).__name__}: {error}"
            if arrived:
                self.sent += len(batch)
            else:
                failed += len(batch)
            if not arrived and self._stopping.is_set():
                break
        self._tell(failed, reason)

    def _tell(self, failed: int, reason: str) -> None:
        self.lost += failed
        if self.lost and (monotonic() - self._told >= _TELL_S or self._stopping.is_set()):
            self._told = monotonic()
            lost, self.lost = self.lost, 0
            why = reason or (self._last_words() if failed else "") or "more came than can be sent"
            logger.warning("Telemetry: %d items were not sent to %s (%s). Scoring goes on.", lost, self.name, why)
