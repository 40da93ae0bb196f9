"""The commands of a supervisor, one method each."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from .control import PROTOCOL, Caller
from .crew import describe_end
from .door import PortError
from .order import Order, OrderError, read_order
from .processes import is_alive
from .report import describe
from .worker_handle import WorkerHandle

if TYPE_CHECKING:
    from .supervisor import Supervisor

#: Longest wait until all workers have read new keys, in seconds.
_KEYS_S = 15.0


class Commands:
    """Takes commands from callers, gives them to the supervisor, and answers."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._known: dict[str, Callable[[Caller, dict[str, Any]], None]] = {
            "swap": self._swap,
            "scale": self._scale,
            "status": self._status,
            "sync-logs": self._sync_logs,
            "reload-keys": self._reload_keys,
            "stop": self._stop,
        }

    def handle(self, caller: Caller, command: dict[str, Any]) -> None:
        """Carry out one command; whatever goes wrong is the answer, never the end of the service."""
        name, protocol = command.pop("command", None), command.pop("protocol", PROTOCOL)
        method = self._known.get(str(name))
        if protocol != PROTOCOL or method is None:
            caller.error(
                f"The supervisor (protocol {PROTOCOL}) does not know {name!r} of protocol {protocol}: it was started "
                "by another version. Stop the service and start it again."
            )
            return
        try:
            method(caller, command)
        except OrderError as error:
            caller.error(str(error), stage="order")
        except PortError as error:
            caller.error(str(error.strerror), stage="bind")
        except OSError as error:
            caller.error(f"The supervisor cannot do that now: {error}.", stage="start")

    def _swap(self, caller: Caller, command: dict[str, Any]) -> None:
        self._begin(caller, read_order(command["order"]))

    def _scale(self, caller: Caller, command: dict[str, Any]) -> None:
        """Another number of workers means other thread counts for libraries, so it is a swap to the same revision."""
        live = self._supervisor.live
        if live is None:
            caller.error("No revision serves yet.")
            return
        changes = {key: command[key] for key in ("workers", "environment") if key in command}
        self._begin(caller, live.order._replace(**changes))

    def _begin(self, caller: Caller, order: Order) -> None:
        supervisor = self._supervisor
        if supervisor.stopping is not None:
            caller.error(f"The service is stopping: {supervisor.stopping}.")
            return
        if supervisor.candidate is not None:
            caller.error(f"Revision {supervisor.candidate.order.revision} is being started; wait for its end.")
            return
        began = time.monotonic()
        first = supervisor.live is None

        def ready() -> None:
            caller.on_gone = None
            crew = supervisor.live
            workers = list(crew.workers.values()) if crew is not None else []
            caller.result(
                revision=order.revision,
                port=supervisor.identity()["port"],
                seconds=round(time.monotonic() - began, 4),
                import_ms=max((worker.ready.get("import_ms") or 0 for worker in workers), default=0),
                init_ms=max((worker.ready.get("init_ms") or 0 for worker in workers), default=0),
                status=describe(supervisor),
            )

        def failed(worker: WorkerHandle | None, reason: str) -> None:
            caller.on_gone = None
            facts = self._failure(worker, reason)
            told = str(facts.get("traceback_text") or facts["message"])
            supervisor.book.write(worker.name if worker else "supervisor", told, revision=order.revision, level="error")
            facts["tail"] = [*facts["tail"], *told.splitlines()][-40:]
            caller.error(**facts)
            supervisor.note("worker", f"revision {order.revision} did not start", revision=order.revision, quiet=True)
            if first:
                supervisor.stop(f"revision {order.revision}, the first one, did not start", grace_s=0)

        shown: set[str] = set()

        def importing(module: str) -> None:
            package = module.partition(".")[0]
            if package not in shown:
                shown.add(package)
                caller.progress("import", f"loading {package}")

        caller.progress("workers", f"starting {order.workers} worker{'s' if order.workers > 1 else ''}")
        # A client that goes away (a killed kernel, Ctrl-C) takes its candidate with it.
        caller.on_gone = supervisor.swap(order, ready, failed, importing)

    @staticmethod
    def _failure(worker: WorkerHandle | None, reason: str) -> dict[str, Any]:
        if worker is None:
            return {"message": reason, "stage": "start", "tail": []}
        told = worker.failure or {}
        return {
            "message": reason or (str(told["message"]) if told else f"The worker {describe_end(worker)}."),
            "stage": told.get("stage") or ("deadline" if reason else "crash"),
            "error_type": told.get("error_type"),
            "traceback": told.get("traceback") or [],
            "traceback_text": told.get("traceback_text") or "",
            "model_tree": told.get("model_tree") or [],
            "exit_code": worker.exit_code,
            "timed_out": bool(reason),
            "tail": worker.tail(),
        }

    def _status(self, caller: Caller, _: dict[str, Any]) -> None:
        caller.result(**describe(self._supervisor, measure=True))

    def _sync_logs(self, caller: Caller, _: dict[str, Any]) -> None:
        """Copy what workers wrote into the log now, for a reader that cannot wait for the next round."""
        self._supervisor.drain_spools()
        caller.result()

    def _reload_keys(self, caller: Caller, _: dict[str, Any]) -> None:
        """Answer when every worker has read them; one that is too busy to say so does it when it can."""
        supervisor = self._supervisor
        told_of = [worker for crew in supervisor.crews() for worker in crew.everyone if worker.phase != "starting"]
        # One that loads answers when init() is done, and reads them before it serves; one that has ended never does.
        waiting = {worker for worker in told_of if worker.phase != "loading" and is_alive(worker.pid, worker.token)}
        told = False

        def finish() -> None:
            nonlocal told
            if not told:
                told = True
                caller.result(waiting=[worker.name for worker in waiting])

        def done(worker: WorkerHandle) -> None:
            waiting.discard(worker)
            if not waiting:
                finish()

        supervisor.later(_KEYS_S, finish)
        for worker in told_of:
            worker.reload_keys(partial(done, worker))
        if not waiting:
            finish()

    def _stop(self, caller: Caller, command: dict[str, Any]) -> None:
        self._supervisor.stop(str(command.get("reason", "stopped by the user")), grace_s=float(command["grace_s"]))
        caller.result(stopping=True)
