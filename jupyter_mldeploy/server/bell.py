"""A bell that any thread may ring and any number of coroutines wait for, without a missed ring."""

from __future__ import annotations

import asyncio


class Bell:
    """Read :attr:`count`, look for news, then wait for another count: what rings in between is not missed."""

    def __init__(self) -> None:
        self.count = 0
        self.waiting = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event = asyncio.Event()

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Say on which loop the waiting coroutines run; rings before that wake nobody."""
        self._loop = loop

    def ring(self) -> None:
        """Wake all that wait. From any thread."""
        if self._loop is None or self._loop.is_closed():
            return
        try:
            self._loop.call_soon_threadsafe(self._ring)
        except RuntimeError:
            return  # the loop was closed in this moment, so nobody waits any more

    def _ring(self) -> None:
        self.count += 1
        event, self._event = self._event, asyncio.Event()
        event.set()

    async def after(self, count: int, timeout_s: float) -> None:
        """Return when the bell has rung since :attr:`count` was read, or after ``timeout_s`` seconds."""
        if self.count != count:
            return
        self.waiting += 1
        try:
            await asyncio.wait_for(self._event.wait(), timeout_s)
        except TimeoutError:
            return
        finally:
            self.waiting -= 1
