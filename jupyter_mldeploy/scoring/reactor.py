"""A small event loop for the supervisor: descriptors, timers and signals, nothing else.

asyncio would do, but importing it takes longer than the supervisor may need until it listens (about 60 ms against 5).
"""

from __future__ import annotations

import heapq
import itertools
import os
import selectors
import signal
import time
from collections.abc import Callable
from typing import Protocol

Callback = Callable[[], None]


class HasFileno(Protocol):
    """Anything that the loop can wait for."""

    def fileno(self) -> int:
        """Return the descriptor."""
        ...


class Timer:
    """A callback that will run once; ``cancel`` prevents it."""

    __slots__ = ("callback", "cancelled", "when")

    def __init__(self, when: float, callback: Callback) -> None:
        self.when = when
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        """Do not run it any more. Idempotent."""
        self.cancelled = True


class EventLoop:
    """Runs callbacks in one thread when descriptors are readable or writable, when time has come, and on signals."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._count = itertools.count()
        self._running = False
        self._signals: dict[int, Callback] = {}
        self._wakeup: tuple[int, int] | None = None
        self.on_error: Callable[[BaseException], None] | None = None

    def watch(self, source: HasFileno | int, readable: Callback | None, writable: Callback | None = None) -> None:
        """Call back whenever ``source`` is readable or writable; replaces what was asked for it before."""
        events = (selectors.EVENT_READ if readable else 0) | (selectors.EVENT_WRITE if writable else 0)
        if not events:
            self.forget(source)
            return
        try:
            self._selector.modify(source, events, (readable, writable))
        except KeyError:
            self._selector.register(source, events, (readable, writable))

    def forget(self, source: HasFileno | int) -> None:
        """Stop watching ``source``; call it before closing. Idempotent."""
        try:
            self._selector.unregister(source)
        except (KeyError, ValueError):
            return

    def later(self, seconds: float, callback: Callback) -> Timer:
        """Call back once, ``seconds`` from now."""
        timer = Timer(time.monotonic() + max(0.0, seconds), callback)
        heapq.heappush(self._timers, (timer.when, next(self._count), timer))
        return timer

    def every(self, seconds: float, callback: Callback) -> None:
        """Call back again and again, ``seconds`` after each end."""

        def again() -> None:
            try:
                callback()
            finally:
                self.later(seconds, again)

        self.later(seconds, again)

    def on_signal(self, number: int, callback: Callback) -> None:
        """Call back (in the loop, not in the handler) when the process gets a signal."""
        if self._wakeup is None:
            read, write = os.pipe()
            os.set_blocking(read, False)
            os.set_blocking(write, False)
            self._wakeup = (read, write)
            signal.set_wakeup_fd(write, warn_on_full_buffer=False)
            self.watch(read, self._signalled)
        self._signals[number] = callback
        signal.signal(number, lambda *_: None)

    def run(self) -> None:
        """Run until :meth:`stop`."""
        self._running = True
        while self._running:
            self._turn()

    def stop(self) -> None:
        """Make :meth:`run` return after the present turn."""
        self._running = False

    def _turn(self) -> None:
        for key, events in self._selector.select(self._next()):
            readable, writable = key.data
            # A callback may have changed what is watched, so look again before each call.
            if events & selectors.EVENT_READ and readable and self._watched(key):
                self._call(readable)
            if events & selectors.EVENT_WRITE and writable and self._watched(key):
                self._call(writable)
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if not timer.cancelled:
                self._call(timer.callback)

    def _next(self) -> float | None:
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        return max(0.0, self._timers[0][0] - time.monotonic()) if self._timers else None

    def _watched(self, key: selectors.SelectorKey) -> bool:
        try:
            return self._selector.get_key(key.fileobj).data is key.data
        except (KeyError, ValueError):
            return False

    def _signalled(self) -> None:
        if self._wakeup is None:
            return
        try:
            received = os.read(self._wakeup[0], 4096)
        except BlockingIOError:
            return
        for number in sorted(set(received)):
            callback = self._signals.get(number)
            if callback is not None:
                callback()

    def _call(self, callback: Callback) -> None:
        # One broken callback must not end the service.
        try:
            callback()
        except Exception as error:
            if self.on_error is None:
                raise
            self.on_error(error)
