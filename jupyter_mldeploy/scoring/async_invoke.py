"""Executes an ``async def run``: in an event loop of the user's own, in the process's main thread.

Many requests may be in ``run()`` at once there; the server's own loop, in another thread, is not held up by them.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from functools import partial
from time import perf_counter
from typing import Protocol, cast

from .errors import ScoringTimeout
from .exchange import Exchange
from .interrupt import Slot
from .invoke import Queue
from .streaming import ClientGoneError, Flow
from .turns import take_turns


class AsyncCaller(Protocol):
    """Decodes the request, awaits ``run()``, sets the exchange's answer."""

    async def score_async(self, exchange: Exchange) -> None:
        """Score one request."""

    def failed(self, exchange: Exchange, error: BaseException) -> None:
        """Log what the user's code raised and make it the answer."""


class AsyncInvoker(Queue):
    """One slot for each request that may be in ``run()`` at once."""

    def __init__(
        self, caller: AsyncCaller, user_loop: asyncio.AbstractEventLoop, *, concurrency: int, queue_length: int
    ) -> None:
        super().__init__(concurrency, queue_length)
        self._caller = caller
        self._user_loop = user_loop
        self._free = list(self.slots)
        self._stopped = user_loop.create_future()
        self._tasks: set[asyncio.Task[None]] = set()

    def submit(self, exchange: Exchange) -> None:
        """Put a request into the queue."""
        exchange.queued = perf_counter()
        self.jobs.append(exchange)
        self._user_loop.call_soon_threadsafe(self._start_waiting)

    def stop(self) -> None:
        """Let ``work`` return."""

        def finish() -> None:
            if not self._stopped.done():
                self._stopped.set_result(None)

        with suppress(RuntimeError):
            self._user_loop.call_soon_threadsafe(finish)

    def replace(self, stuck: Slot) -> None:
        """Give a slot up. A loop that hangs cannot be continued elsewhere: what waits in it is lost with the worker."""
        stuck.stuck = True

    def work(self, slot: Slot) -> None:
        """Run the user's loop until ``stop``."""
        take_turns()
        ident = threading.get_ident()
        for item in [*self.slots, slot]:
            item.ident = ident
        while not self._stopped.done():
            with suppress(ScoringTimeout):  # came late: between two steps of the loop
                self._user_loop.run_until_complete(self._stopped)
        for task in self._tasks:
            task.cancel()

    def _start_waiting(self) -> None:
        while self._free:
            try:
                exchange = self.jobs.popleft()
            except IndexError:
                return
            slot = self._free.pop()
            task = self._user_loop.create_task(self._execute(slot, exchange))
            slot.cancel = partial(self._user_loop.call_soon_threadsafe, task.cancel)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _execute(self, slot: Slot, exchange: Exchange) -> None:
        slot.started = perf_counter()
        slot.current = [exchange]
        streamed = False
        try:
            await self._caller.score_async(exchange)
            streamed = exchange.stream is not None
            if streamed:
                await self._pump(exchange)
        except (ScoringTimeout, asyncio.CancelledError):
            pass  # the event loop has answered already
        finally:
            slot.end()
            self._free.append(slot)
            self._start_waiting()
        if self._forked:
            os._exit(0)
        if not streamed:
            with suppress(RuntimeError):
                self._io_loop.call_soon_threadsafe(self._receiver.complete, exchange)

    async def _pump(self, exchange: Exchange) -> None:
        given = exchange.stream
        parts = cast(
            "AsyncIterator[bytes]",
            given if hasattr(given, "__aiter__") else _one_by_one(cast("Iterator[bytes]", given)),
        )
        flow = exchange.flow = Flow(exchange, self._receiver, self._io_loop, self._user_loop)
        whole = False
        try:
            flow.begin()
            async for part in parts:
                if part:
                    await flow.put_async(part)
            whole = True
        except ClientGoneError:
            pass
        except (ScoringTimeout, asyncio.CancelledError):
            raise
        except BaseException as error:  # noqa: BLE001 - the generator is the user's code
            self._caller.failed(exchange, error)
        finally:
            close = getattr(parts, "aclose", None)
            if close is not None:
                await close()
            with suppress(ClientGoneError):
                flow.end(whole=whole)


async def _one_by_one(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Hand on what a plain iterator gives; other requests have their turn between two parts."""
    try:
        for part in parts:
            yield part
            await asyncio.sleep(0)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()
