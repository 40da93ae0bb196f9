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
from collections.abc import Iterator
from contextlib import suppress
from time import perf_counter
from typing import Protocol, cast

from .errors import ScoringTimeout
from .exchange import Exchange
from .interrupt import Slot
from .streaming import ClientGoneError, Flow, Outlet
from .turns import take_turns


class Caller(Protocol):
    """Decodes the request, calls ``run()``, sets the exchange's answer. Raises nothing but ``ScoringTimeout``."""

    def score(self, exchange: Exchange) -> None:
        """Score one request."""

    def score_many(self, exchanges: list[Exchange]) -> list[Exchange]:
        """Score several requests with one call of ``run()``; return those that must be scored one by one."""

    def failed(self, exchange: Exchange, error: BaseException) -> None:
        """Log what the user's code raised and make it the answer."""


class Receiver(Outlet, Protocol):
    """What takes the answers, in the event loop's thread."""

    def complete(self, exchange: Exchange) -> None:
        """Write the answer."""


class Queue:
    """Requests that wait for ``run()``. What the kinds of invokers share; ``submit`` belongs to the event loop."""

    def __init__(self, slots: int, length: int) -> None:
        self._length = length
        self._io_loop = cast("asyncio.AbstractEventLoop", None)  # set by connect, before anything is submitted
        self._receiver = cast("Receiver", None)
        self._forked = False
        self.jobs: deque[Exchange] = deque()
        self.slots = [Slot() for _ in range(slots)]
        os.register_at_fork(after_in_child=self._in_forked_child)

    def connect(self, io_loop: asyncio.AbstractEventLoop, receiver: Receiver) -> None:
        """Say where answers go."""
        self._io_loop, self._receiver = io_loop, receiver

    def has_room(self) -> bool:
        """Return whether one more request may wait, or be executed at once."""
        return len(self.jobs) < self._length or len(self.jobs) < self._length + self.idle

    def withdraw(self, exchange: Exchange) -> bool:
        """Take a request out of the queue; return False when it is being executed, or has been."""
        try:
            self.jobs.remove(exchange)
        except ValueError:
            return False
        return True

    @property
    def idle(self) -> int:
        """How many more requests could be executed now."""
        return sum(slot.current is None and not slot.stuck for slot in self.slots)

    @property
    def busy(self) -> int:
        """How many requests are being executed."""
        return sum(len(batch) for batch in [slot.current for slot in self.slots] if batch is not None)

    def _in_forked_child(self) -> None:
        self._forked = True
        for slot in self.slots:
            slot.lock = threading.Lock()  # another thread of the parent may have held it


class Invoker(Queue):
    """Executes a plain ``run()``: one thread for each slot, the first of them the process's main thread."""

    def __init__(self, caller: Caller, *, threads: int, queue_length: int, batch_size: int = 1, batch_wait_ms: int = 0):
        super().__init__(threads, queue_length)
        self._caller = caller
        self._batch_size = batch_size
        self._batch_wait_s = batch_wait_ms / 1000
        self._sleepers: deque[Slot] = deque()
        self._stopped = False
        self._done: deque[Exchange] = deque()
        self._delivering = False
        self._calling = False
        self._together = False  # whether the last batch was one: a single client's requests need not wait for others

    def submit(self, exchange: Exchange) -> None:
        """Put a request into the queue."""
        exchange.queued = perf_counter()
        self.jobs.append(exchange)
        if self._sleepers:  # nobody to wake while all are at work: they look for themselves
            if self._together:
                self._call_soon()
            else:
                self._wake_one()

    def stop(self) -> None:
        """Let every thread return from ``work`` when it has finished what it is doing."""
        self._stopped = True
        for _ in self.slots:
            self._wake_one()

    def replace(self, stuck: Slot) -> None:
        """Give the work of a thread that hangs to a new one."""
        stuck.stuck = True
        slot = Slot()
        self.slots.append(slot)
        threading.Thread(target=self.work, args=(slot,), name="run-replacement", daemon=True).start()

    def work(self, slot: Slot) -> None:
        """Execute requests until ``stop``."""
        take_turns()
        slot.ident = threading.get_ident()
        jobs = self.jobs
        batch: list[Exchange] = []
        while not slot.stuck:
            try:
                try:
                    batch = [jobs.popleft()]
                except IndexError:
                    if self._stopped:
                        return
                    self._sleep(slot)
                    continue
                if self._batch_size > 1 and (jobs or self._batch_wait_s):
                    self._gather(slot, batch)
                self._together = len(batch) > 1
                self._execute(slot, batch)
                if self._together and self._delivering and len(jobs) < self._batch_size:
                    self._let_answers_out(slot)
            except ScoringTimeout:  # came late: just before or after the call it was meant for
                slot.end()
                self._deliver(batch)

    def _sleep(self, slot: Slot, seconds: float = -1) -> None:
        """Wait for a request, at most so many seconds."""
        sleepers = self._sleepers
        sleepers.append(slot)
        # Looked at again only now: what comes from here on finds us among the sleepers.
        if self.jobs or self._stopped or not slot.bell.acquire(timeout=seconds):
            try:
                sleepers.remove(slot)
            except ValueError:
                slot.bell.acquire()  # somebody has taken us out to ring

    def _let_answers_out(self, slot: Slot) -> None:
        """Wait until answers are written and what came meanwhile is read: the next batch is the larger for it."""
        self._sleepers.append(slot)
        # Looked at again only now, as in _sleep: whoever hands over from here on finds us among the sleepers.
        if self._delivering and not self._stopped:
            slot.bell.acquire()
            return
        try:
            self._sleepers.remove(slot)
        except ValueError:
            slot.bell.acquire()  # somebody has taken us out to ring

    def _call_soon(self) -> None:
        """Wake a thread as soon as all requests that are here have been read, so that they come into one batch."""
        if not self._calling:
            self._calling = True
            self._io_loop.call_soon(self._call)

    def _call(self) -> None:
        self._calling = False
        for _ in range(0, len(self.jobs), self._batch_size):
            self._wake_one()

    def _wake_one(self) -> None:
        try:
            slot = self._sleepers.popleft()
        except IndexError:
            return
        with suppress(RuntimeError):  # rung already: an interruption kept it from lying down
            slot.bell.release()

    def _gather(self, slot: Slot, batch: list[Exchange]) -> None:
        """Take what is waiting already; wait for more only when that was asked for."""
        jobs, size = self.jobs, self._batch_size
        until = batch[0].queued + self._batch_wait_s
        while len(batch) < size:
            try:
                batch.append(jobs.popleft())
            except IndexError:
                rest = until - perf_counter()
                if rest <= 0 or self._stopped:
                    return
                self._sleep(slot, rest)

    def _execute(self, slot: Slot, batch: list[Exchange]) -> None:
        slot.started = perf_counter()
        slot.current = batch
        if len(batch) > 1:
            again = self._caller.score_many(batch)
            self._end(slot, [exchange for exchange in batch if exchange not in again] if again else batch)
            for exchange in again:
                self._execute(slot, [exchange])
            return
        try:
            self._caller.score(batch[0])
            if batch[0].stream is not None:
                self._pump(batch[0])
                batch = []
        except ScoringTimeout:
            pass  # the event loop has answered already
        self._end(slot, batch)

    def _end(self, slot: Slot, batch: list[Exchange]) -> None:
        slot.end()
        if self._forked:
            os._exit(0)  # run() forked and the child returned from it: only the parent may answer
        self._deliver(batch)

    def _deliver(self, batch: list[Exchange]) -> None:
        self._done.extend(batch)
        if not self._delivering and batch:
            self._delivering = True
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._io_loop.call_soon_threadsafe(self._hand_over)

    def _hand_over(self) -> None:
        self._delivering = False  # before the first popleft: what comes after it schedules us again
        done, complete = self._done, self._receiver.complete
        while done:
            complete(done.popleft())
        if self._together and self.jobs and self._sleepers:
            self._call_soon()

    def _pump(self, exchange: Exchange) -> None:
        parts = cast("Iterator[bytes]", exchange.stream)
        flow = exchange.flow = Flow(exchange, self._receiver, self._io_loop)
        whole = False
        try:
            flow.begin()
            for part in parts:
                if part:
                    flow.put(part)
            whole = True
        except ClientGoneError:
            pass
        except ScoringTimeout:
            raise
        except BaseException as error:  # noqa: BLE001 - the generator is the user's code
            self._caller.failed(exchange, error)
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                close()
            with suppress(ClientGoneError):
                flow.end(whole=whole)
