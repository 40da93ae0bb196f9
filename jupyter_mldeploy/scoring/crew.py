"""The workers of one revision: started together, kept alive while they serve, drained together."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any, Protocol

from .door import Door
from .order import Order
from .processes import explain_exit, family, resident_bytes
from .restarts import STABLE_AFTER_S, Restarts
from .worker_handle import WorkerHandle

#: How far beyond its limit of memory a worker may go while it finishes what it has; beyond that it is killed.
_OVERSHOOT = 1.25

#: Seconds between two looks that mean that the machine or the container stood still, and the workers with it.
_STANDSTILL_S = 2.0


class Yard(Protocol):
    """What a crew needs of the supervisor."""

    def hire(self, crew: Crew, slot: int) -> WorkerHandle:
        """Start one worker."""

    def later(self, seconds: float, callback: Callable[[], None]) -> object:
        """Call back once."""

    def note(self, kind: str, message: str, **data: Any) -> None:
        """Write the journal and the log."""

    def changed(self) -> None:
        """The state may have changed."""


class Crew:
    """All workers of one revision.

    Args:
        door: where its workers listen.
        on_ready: called once, when every worker is ready for the first time.
        on_failed: called once, with the worker that could not start, before the crew ever was ready.
    """

    def __init__(
        self,
        yard: Yard,
        order: Order,
        door: Door,
        on_ready: Callable[[], None],
        on_failed: Callable[[WorkerHandle], None],
    ) -> None:
        self._yard = yard
        self._on_ready = on_ready
        self._on_failed = on_failed
        self.order = order
        self.door = door
        self.workers: dict[int, WorkerHandle] = {}
        self.leaving: list[WorkerHandle] = []
        self._retiring: dict[int, WorkerHandle] = {}  # they serve until the worker that takes their slot is ready
        self.restarts = {slot: Restarts() for slot in range(1, order.workers + 1)}
        self.live = False
        self.over = False
        self.last_crash: str | None = None
        self.crash_tail: list[str] = []
        self._looked = time.monotonic()

    def start(self) -> None:
        """Start every worker."""
        for slot in self.restarts:
            self.workers[slot] = self._yard.hire(self, slot)

    def go(self) -> None:
        """Let all workers accept requests; from now on the crew replaces those that end."""
        self.live = True
        for worker in self.workers.values():
            worker.go()

    def drain(self, seconds: float) -> None:
        """Let all workers finish. The crew starts no more."""
        self.over = True
        for worker in [*self.workers.values(), *self.leaving]:
            worker.drain(seconds)

    def kill(self, reason: str) -> None:
        """End all workers now."""
        self.over = True
        for worker in [*self.workers.values(), *self.leaving]:
            worker.kill(reason)

    @property
    def everyone(self) -> list[WorkerHandle]:
        """All workers that have not ended."""
        return [worker for worker in [*self.workers.values(), *self.leaving] if worker.phase != "ended"]

    @property
    def serving(self) -> int:
        """How many workers accept requests."""
        pairs = [(self.workers.get(slot), self._retiring.get(slot)) for slot in self.restarts]
        return sum(any(worker is not None and worker.phase == "serving" for worker in pair) for pair in pairs)

    @property
    def looping(self) -> bool:
        """Whether one of the workers crashes again and again."""
        return any(restarts.looping for restarts in self.restarts.values())

    def heard(self, worker: WorkerHandle, message: dict[str, Any]) -> None:
        """React to what a worker said."""
        event = message.get("event")
        if event == "ready":
            if self.over:
                worker.kill("no longer needed")
            elif self.live:
                worker.go()
                self._let_retire(worker.slot)
                self._yard.note("worker", f"{worker.name} is up again", worker=worker.name, pid=worker.pid)
                self._yard.later(STABLE_AFTER_S, lambda: self._stable(worker))
            elif all(item.phase == "ready" for item in self.workers.values()):
                self._on_ready()
            self._yard.changed()
        elif event == "stuck":
            self._relieve(worker, "run() did not end in time and could not be interrupted")
        elif event == "retiring":
            self._renew(worker, f"is renewed: it has answered {message['requests']} requests", kind="age")

    def ended(self, worker: WorkerHandle) -> None:
        """React to a worker's end."""
        if worker in self.leaving:
            self.leaving.remove(worker)
        if self._retiring.get(worker.slot) is worker:
            del self._retiring[worker.slot]
        if self.workers.get(worker.slot) is worker and not self.over:
            del self.workers[worker.slot]
            if not self.live:
                self.over = True
                self._on_failed(worker)
                return
            self._restart(worker)
        self._yard.changed()

    def check(self) -> None:
        """Find workers that are silent, run too long, or hold too much memory."""
        now = time.monotonic()
        if now - self._looked > _STANDSTILL_S:
            for worker in self.workers.values():
                worker.last_sign = now  # its next one is perhaps on the way
        self._looked = now
        for worker in list(self.workers.values()):
            if worker.phase in ("starting", "loading") and self.live:
                limit = self.order.start_timeout_s
                if now - worker.begun > limit:
                    self.replace(worker, f"it was not ready again within {limit:g} s", kind="hung")
            if worker.phase != "serving":
                continue
            busy_since = worker.load.get("busy_since")
            if now - worker.last_sign > self.order.heartbeat_s:
                self.replace(worker, f"it has given no sign of life for {self.order.heartbeat_s:g} s", kind="hung")
            elif self.order.stuck_s and busy_since and now - busy_since > self.order.stuck_s:
                self.replace(worker, f"one run() took more than {self.order.stuck_s:g} s", kind="hung")
            elif self.order.memory_limit_bytes:
                self._weigh(worker, self.order.memory_limit_bytes)
        for worker in list(self.leaving):
            if self.order.memory_limit_bytes and worker.phase in ("serving", "draining"):
                self._weigh(worker, self.order.memory_limit_bytes)

    def replace(self, worker: WorkerHandle, why: str, *, kind: str) -> None:
        """Kill a worker; its end brings the next one."""
        if worker.end_reason is None:
            self._yard.note(
                "worker", f"{worker.name} was killed: {why}", worker=worker.name, pid=worker.pid, cause=kind
            )
            worker.kill(why)

    def _relieve(self, worker: WorkerHandle, why: str) -> None:
        """Put another one in the place of a worker that hangs; it drains what it has."""
        if self.workers.get(worker.slot) is not worker or self.over:
            return
        self._yard.note("worker", f"{worker.name} is replaced: {why}", worker=worker.name, pid=worker.pid, cause="hung")
        self.last_crash = f"was replaced: {why}"
        self.restarts[worker.slot].total += 1
        self.leaving.append(worker)
        worker.drain(self.order.drain_s)
        del self.workers[worker.slot]
        self._again(worker.slot)

    def _renew(self, worker: WorkerHandle, why: str, *, kind: str) -> bool:
        """Start the replacement of a worker that can serve until then; False when it has one already."""
        if self.workers.get(worker.slot) is not worker or self.over:
            return False
        self._yard.note("worker", f"{worker.name} {why}", worker=worker.name, pid=worker.pid, cause=kind)
        self.leaving.append(worker)
        self._retiring[worker.slot] = worker
        del self.workers[worker.slot]
        self._again(worker.slot)
        return True

    def _let_retire(self, slot: int) -> None:
        retiring = self._retiring.pop(slot, None)
        if retiring is not None:
            retiring.drain(self.order.drain_s)

    def _weigh(self, worker: WorkerHandle, limit: int) -> None:
        used = sum(resident_bytes(pid) for pid in family(worker.pid))
        worker.load["rss_bytes"] = used
        why = f"it used {used / 2**30:.2f} GiB of memory, and {limit / 2**30:.2f} GiB is the limit"
        if used <= limit:
            worker.fits_memory = True
        elif worker.fits_memory and used <= limit * _OVERSHOOT:  # a leak, most likely: it may finish what it has
            if self._renew(worker, f"is replaced: {why}", kind="memory"):
                self.last_crash = f"was replaced: {why}"
                self.restarts[worker.slot].total += 1
        else:
            self.replace(worker, why, kind="memory")

    def _restart(self, worker: WorkerHandle) -> None:
        self.last_crash = describe_end(worker)
        self.crash_tail = worker.tail(20)
        restarts = self.restarts[worker.slot]
        looping_before = restarts.looping
        delay = restarts.crashed(worker.uptime)
        self._yard.note(
            "worker",
            f"{worker.name} {self.last_crash}; it starts again in {delay:g} s",
            worker=worker.name,
            pid=worker.pid,
            exit_code=worker.exit_code,
            cause="crashed",
            tail=self.crash_tail,
        )
        if restarts.looping and not looping_before:
            self._yard.note("worker", f"CrashLoop: {worker.name} ended {restarts.in_row} times in a row", cause="loop")
        self._yard.later(delay, lambda: self._again(worker.slot))

    def _again(self, slot: int) -> None:
        if not self.over and slot not in self.workers:
            self.workers[slot] = self._yard.hire(self, slot)
            self._yard.changed()

    def _stable(self, worker: WorkerHandle) -> None:
        if self.workers.get(worker.slot) is worker and worker.phase == "serving" and not self.over:
            self.restarts[worker.slot].stable()
            self._yard.changed()


def describe_end(worker: WorkerHandle) -> str:
    """Say in words how a worker ended: what it said itself, why the supervisor ended it, or its exit code."""
    if worker.failure is not None:
        return f"could not start ({worker.failure.get('stage')}): {worker.failure.get('message')}"
    if worker.end_reason is not None and worker.exit_code in (None, -signal.SIGKILL):
        return f"was ended by the supervisor: {worker.end_reason}"
    if worker.exit_code is None:
        return "ended in a way that nobody could see"
    what, meaning = explain_exit(worker.exit_code)
    return f"{what} ({meaning})" if meaning else what
