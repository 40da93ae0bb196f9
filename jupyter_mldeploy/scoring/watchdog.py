"""Watches the time: of requests that wait, and of ``run()``. One timer, none while the worker is idle."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Protocol

from .exchange import Exchange
from .interrupt import Slot, interrupt
from .invoke import Queue
from .settings import Settings


class Judge(Protocol):
    """What happens when time is up; called in the event loop's thread."""

    def timed_out(self, exchange: Exchange) -> None:
        """The request's ``run()`` has used up its time."""

    def expired(self, exchange: Exchange) -> None:
        """The request has waited too long."""

    def stuck(self, slot: Slot, seconds: float) -> None:
        """A call goes on although it was interrupted; it has taken ``seconds`` so far."""


class Watchdog:
    """Belongs to the event loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, queue: Queue, settings: Settings, judge: Judge) -> None:
        self._loop = loop
        self._queue = queue
        self._judge = judge
        self._run_s = settings.scoring_timeout_ms / 1000
        self._wait_s = settings.max_request_wait_ms / 1000
        self._grace_s = settings.interrupt_grace_s
        self._armed = False

    def arm(self) -> None:
        """Start watching; to be called when a request is submitted."""
        if not self._armed:
            self._armed = True
            self._loop.call_later(min(self._run_s, self._wait_s or self._run_s), self._check)

    def _check(self) -> None:
        now = perf_counter()
        due = [self._watch(slot, now) for slot in list(self._queue.slots)]
        due.append(self._expire(now))
        times = [at - now for at in due if at is not None]
        self._armed = bool(times or self._queue.jobs)
        if self._armed:
            # What starts or arrives from now on cannot be late before these two.
            times += [self._run_s, self._wait_s or self._run_s]
            self._loop.call_later(max(0.0, min(times)), self._check)

    def _watch(self, slot: Slot, now: float) -> float | None:
        """Look at one slot; return when to look again."""
        batch = slot.current
        started = slot.started  # read after current: it can only belong to this call or a later one
        if batch is None or slot.stuck:
            return None
        if slot.interrupted > started:
            if now - slot.interrupted < self._grace_s:
                return slot.interrupted + self._grace_s
            if slot.current is batch:
                self._judge.stuck(slot, now - started)
                for exchange in batch if len(batch) > 1 else ():  # a single one was answered when it was interrupted
                    self._judge.timed_out(exchange)
            return None
        if now - started < self._run_s:
            return started + self._run_s
        if not interrupt(slot, batch, now):
            return None
        if len(batch) == 1:  # the requests of a batch are tried one by one first, and only one of them is to blame
            self._judge.timed_out(batch[0])
        return now + self._grace_s

    def _expire(self, now: float) -> float | None:
        """Refuse what has waited too long; return when the next one will have."""
        jobs = self._queue.jobs
        while self._wait_s:
            try:
                until = jobs[0].queued + self._wait_s
                if until > now:
                    return until
                first = jobs.popleft()
            except IndexError:
                return None
            if first.queued + self._wait_s > now:
                jobs.appendleft(first)  # a thread took the old one in between
            else:
                self._judge.expired(first)
        return None
