"""One attempt to bring a revision to life beside the one that serves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .crew import Crew
from .door import Door
from .nursery import Soil
from .order import Order
from .worker_handle import WorkerHandle

if TYPE_CHECKING:
    from .supervisor import Supervisor


def soil_of(order: Order) -> Soil:
    """Return what a warm parent for the order's workers must be like."""
    return Soil(order.interpreter, tuple(sorted(order.environment.items())))


class Swap:
    """Starts a candidate; it takes over when all its workers are ready, or is given up.

    Args:
        door: where the candidate will listen; closed again when it fails and the door was made for it.
        on_ready: called when the candidate serves.
        on_failed: called with the worker that failed, if it was one, and the reason, if it was not the worker's own.
        on_importing: called with each module that is loaded in advance.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        order: Order,
        door: Door,
        on_ready: Callable[[], None],
        on_failed: Callable[[WorkerHandle | None, str], None],
        on_importing: Callable[[str], None],
    ) -> None:
        self._supervisor = supervisor
        self._order = order
        self._door = door
        self._on_ready = on_ready
        self._on_failed = on_failed
        self._over = False
        supervisor.nursery.on_importing = on_importing
        supervisor.nursery.prepare(soil_of(order), list(order.imports))
        self.crew = Crew(supervisor, order, door, self._ready, self._fail)
        self._timer = supervisor.later(order.start_timeout_s, self._late)

    def give_up(self, reason: str = "the deployment was cancelled") -> None:
        """End the candidate; no effect once it serves or has failed."""
        self._fail(None, reason)

    def _ready(self) -> None:
        try:
            self._door.open()
        except OSError as error:
            self._fail(None, str(error.strerror))
            return
        self._finish()
        self._supervisor.take_over(self.crew)
        self._on_ready()

    def _fail(self, worker: WorkerHandle | None, reason: str = "") -> None:
        if self._over:
            return
        self._finish()
        self.crew.kill("its revision failed to start")
        self._supervisor.abandon(self.crew)
        self._on_failed(worker, reason)
        self._supervisor.changed()

    def _finish(self) -> None:
        self._over = True
        self._timer.cancel()
        self._supervisor.nursery.on_importing = None

    def _late(self) -> None:
        worker = next(iter(self.crew.workers.values()), None)
        importing = self._supervisor.nursery.importing
        if importing is not None:
            doing = f"loading {importing!r}"
            self._supervisor.nursery.give_up_importing()
        elif worker is not None and worker.phase == "loading":
            doing = "in init() or importing the script"
        else:
            doing = "starting its workers"
        self._fail(worker, f"it was not ready within {self._order.start_timeout_s:g} s; it was {doing}")
