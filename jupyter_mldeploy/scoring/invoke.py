"""Executes ``run()``: a bounded queue, the threads that own the user's code, and the way back to the event loop.

The user's code runs in the *main* thread of the process, the event loop in another one. Scripts were written for
servers that call them there: signal handlers, SQLite connections made in ``init()`` and libraries bound to their first
thread keep working, and a ``run()`` that hangs does not stop health checks. Further threads exist only when
``max_concurrent_requests`` is above 1.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from time import perf_counter
from typing import Protocol

from .errors import ScoringTimeout
from .exchange import Exchange


class Caller(Protocol):
    """Decodes the request, calls ``run()``, sets the exchange's answer. Never raises but ``ScoringTimeout``."""

    def score(self, exchange: Exchange) -> None:
        """Score one request."""

    def score_many(self, exchanges: list[Exchange]) -> None:
        """Score several requests with one call of ``run()``."""


class Slot:
    """A thread that executes ``run()``, and what it is doing."""

    __slots__ = ("current", "ident", "interrupted", "number", "started", "stuck")

    def __init__(self, number: int) -> None:
        self.number = number
        self.ident = 0
        self.current: list[Exchange] | None = None
        self.started = 0.0
        self.interrupted = 0.0
        self.stuck = False


class Invoker:
    """The queue and its threads. ``submit`` and ``stop`` belong to the event loop's thread, ``work`` to the others."""

    def __init__(self, caller: Caller, *, threads: int, queue_length: int, batch_size: int, batch_wait_ms: int) -> None:
        self._caller = caller
        self._queue_length = queue_length
        self._batch_size = batch_size
        self._batch_wait_s = batch_wait_ms / 1000
        self._tokens: SimpleQueue[bool] = SimpleQueue()
        self._done: deque[Exchange] = deque()
        self._delivering = False
        self._deliver_to: Callable[[Exchange], None] = lambda exchange: None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._forked = False
        self.jobs: deque[Exchange] = deque()
        self.slots = [Slot(number) for number in range(threads)]
        os.register_at_fork(after_in_child=self._in_forked_child)

    def connect(self, loop: asyncio.AbstractEventLoop, deliver: Callable[[Exchange], None]) -> None:
        """Set where answers go: ``deliver`` is called in the loop's thread, for each exchange."""
        self._loop, self._deliver_to = loop, deliver

    # ---- the event loop's side

    def submit(self, exchange: Exchange) -> bool:
        """Put a request into the queue; return False when it is full."""
        jobs = self.jobs
        if len(jobs) >= self._queue_length and len(jobs) >= self._queue_length + self.idle:
            return False
        exchange.queued = perf_counter()
        jobs.append(exchange)
        self._tokens.put(True)
        return True

    def withdraw(self, exchange: Exchange) -> bool:
        """Take a request out of the queue; return False when it is being executed, or has been."""
        try:
            self.jobs.remove(exchange)
        except ValueError:
            return False
        return True

    def stop(self) -> None:
        """Let every thread return from ``work`` when it has finished what it is doing."""
        for _ in self.slots:
            self._tokens.put(False)

    @property
    def idle(self) -> int:
        """How many threads are waiting for work."""
        return sum(slot.current is None and not slot.stuck for slot in self.slots)

    @property
    def busy(self) -> int:
        """How many requests are being executed."""
        return sum(len(slot.current) for slot in self.slots if slot.current is not None)

    # ---- the side of the user's code

    def work(self, slot: Slot) -> None:
        """Execute requests until ``stop``."""
        slot.ident = threading.get_ident()
        jobs, tokens = self.jobs, self._tokens
        while tokens.get():
            try:
                first = jobs.popleft()
            except IndexError:
                continue  # withdrawn, or taken into a batch
            self._execute(slot, [first] if self._batch_size == 1 else self._gather(first))
            if slot.stuck:
                return

    def _gather(self, first: Exchange) -> list[Exchange]:
        """Take what is waiting already; wait for more only when that was asked for."""
        batch, jobs = [first], self.jobs
        until = first.queued + self._batch_wait_s
        while len(batch) < self._batch_size:
            try:
                batch.append(jobs.popleft())
            except IndexError:
                rest = until - perf_counter()
                if rest <= 0:
                    break
                try:
                    if not self._tokens.get(timeout=rest):
                        self._tokens.put(False)  # that was for work(), not for us
                        break
                except Exception:  # noqa: BLE001 - queue.Empty, without importing it for a name
                    break
        return batch

    def _execute(self, slot: Slot, batch: list[Exchange]) -> None:
        slot.started = perf_counter()
        slot.current = batch
        try:
            if len(batch) == 1:
                self._caller.score(batch[0])
            else:
                self._caller.score_many(batch)
        except ScoringTimeout:
            pass  # the event loop has answered already
        finally:
            slot.current = None
            slot.interrupted = 0.0
        if self._forked:
            os._exit(0)  # run() forked and the child returned from it: only the parent may answer
        self._done.extend(batch)
        if not self._delivering:
            self._delivering = True
            try:
                assert self._loop is not None
                self._loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:
                pass  # the loop is closed: nobody waits any more

    def _deliver(self) -> None:
        self._delivering = False  # before the first popleft: what comes after it schedules us again
        done = self._done
        while done:
            self._deliver_to(done.popleft())

    def _in_forked_child(self) -> None:
        self._forked = True
