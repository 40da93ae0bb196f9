"""Long work of this server: one operation for each deployment, update, deletion and the like.

An operation lives as long as the server; what the next one has to know of it is written down (``operation_files``).
What it did to a service is in the workspace's catalogue; when the server dies in the middle, the next process that
looks at the service settles its record.
"""

from __future__ import annotations

import enum
import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..errors import BusyError, DeploymentError, MldeployError

_log = logging.getLogger(__name__)

#: Operations that have ended and are still shown.
KEPT = 100
#: Operations that may wait for their turn: whoever stops all services at once is served, a loop that never ends is not.
WAITING = 200


class OperationState(enum.StrEnum):
    """States of an operation; all but the first are final. A server that dies leaves ``interrupted`` ones."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


Keep = Callable[[Mapping[str, Any]], None]
"""Writes an operation down, as JSON in full."""


class Operation:
    """One piece of long work.

    Attributes:
        id: unique within the server's life.
        cancelled: set when a client wants it to end early; see :meth:`cancel`.
        done: set when it has ended.
        version: grows with every change, so that a client sees what is new.
    """

    def __init__(self, kind: str, service: str, on_change: Callable[[], None], keep: Keep) -> None:
        self.id = uuid.uuid4().hex[:16]
        self.kind = kind
        self.service = service
        self.created = time.time()
        self.cancelled = threading.Event()
        self.done = threading.Event()
        self.version = 1
        self._lock = threading.Lock()
        self._on_change = on_change
        self._keep = keep
        self._started = time.monotonic()
        self._begun = False
        self._state = OperationState.RUNNING
        self._steps: list[dict[str, Any]] = []
        self._result: Mapping[str, Any] | None = None
        self._error: Mapping[str, Any] | None = None
        self._card: Mapping[str, Any] | None = None

    @property
    def state(self) -> OperationState:
        """The state now."""
        return self._state

    def begin(self) -> bool:
        """Note that its turn has come; False when it was cancelled before."""
        with self._lock:
            self._begun = self._state is OperationState.RUNNING
            return self._begun

    def cancel(self) -> None:
        """Give it up: at its next step, or now if its turn has not come. What has ended stays ended."""
        self.cancelled.set()
        with self._lock:
            if self._state is not OperationState.RUNNING:
                return
            begun = self._begun
            if begun:
                self.version += 1  # its next step may be far away: until then, whoever watches sees that it was heard
            else:
                error = DeploymentError("It was cancelled before it began; nothing was changed.")
                self._settle(OperationState.CANCELLED, error.to_dict())
        if begun:
            self._on_change()
        else:
            self._tell()

    def report(self, step: str, message: str) -> None:
        """Begin a sub-step, or say more about the present one."""
        now = time.monotonic() - self._started
        with self._lock:
            last = self._steps[-1] if self._steps else None
            if last is not None and last["step"] == step:
                last["message"] = message
            else:
                if last is not None:
                    last["seconds"] = round(now - last["began"], 3)
                self._steps.append({"step": step, "message": message, "began": round(now, 3), "seconds": None})
            self.version += 1
        self._on_change()

    def end(
        self,
        state: OperationState,
        *,
        result: Mapping[str, Any] | None = None,
        error: Mapping[str, Any] | None = None,
        card: Mapping[str, Any] | None = None,
    ) -> None:
        """Settle it."""
        with self._lock:
            self._result, self._card = result, card
            self._settle(state, error)
        self._tell()

    def _settle(self, state: OperationState, error: Mapping[str, Any] | None) -> None:
        if self._steps:
            now = time.monotonic() - self._started
            self._steps[-1]["seconds"] = round(now - self._steps[-1]["began"], 3)
        self._state, self._error = state, error
        self.version += 1

    def _tell(self) -> None:
        """Say that it has ended, once it is written down: whoever heard of the end finds it after a restart."""
        self._keep(self.document(in_full=True))
        self.done.set()
        self._on_change()

    def document(self, *, in_full: bool = False) -> dict[str, Any]:
        """Return it as JSON; ``in_full`` adds the result and the card (a mimebundle)."""
        with self._lock:
            document: dict[str, Any] = {
                "id": self.id,
                "version": self.version,
                "kind": self.kind,
                "service": self.service,
                "state": str(self._state),
                "cancelling": self.cancelled.is_set() and self._state is OperationState.RUNNING,
                "created": self.created,
                "steps": [dict(step) for step in self._steps],
                "error": self._error,
            }
            if in_full:
                document |= {"result": self._result, "card": self._card}
            return document


Work = Callable[[Operation], Mapping[str, Any]]
"""Does the work and returns its result; raises MldeployError when it fails."""

FailureCard = Callable[[MldeployError], Mapping[str, Any] | None]


class Operations:
    """The operations of one server.

    Args:
        most: how many may run at once; up to :data:`WAITING` more wait for their turn, the oldest first.
        on_change: called from any thread when one has changed.
        keep: called from any thread when one is to be written down: before it begins, and when it has ended.
    """

    def __init__(self, most: int, on_change: Callable[[], None], keep: Keep = lambda _: None) -> None:
        self._most = most
        self._keep = keep
        self._on_change = on_change
        self._pool = ThreadPoolExecutor(most, "mldeploy-operation")
        self._lock = threading.Lock()
        self._known: dict[str, Operation] = {}

    def start(self, kind: str, service: str, work: Work, *, failure_card: FailureCard | None = None) -> Operation:
        """Begin work in a thread, now or when its turn comes, and return once it is written down.

        Raises:
            BusyError: too many wait for their turn.
        """
        with self._lock:
            going = [item for item in self._known.values() if not item.done.is_set()]
            if len(going) >= self._most + WAITING:
                raise BusyError(
                    f"{len(going)} operations go on or wait, and this Jupyter server allows {self._most} at once.",
                    hint="Wait for some to end, or cancel some.",
                    details={"operations": [item.id for item in going]},
                )
            operation = Operation(kind, service, self._on_change, self._keep)
            if len(going) >= self._most:
                operation.report("wait", f"waiting for its turn: {self._most} operations may run at once")
            self._known[operation.id] = operation
            for old in [item.id for item in self._known.values() if item.done.is_set()][:-KEPT]:
                del self._known[old]
        # Written down before anybody hears of it. Not under the lock, which others wait for.
        self._keep(operation.document(in_full=True))
        self._pool.submit(_run, operation, work, failure_card)
        self._on_change()
        return operation

    def find(self, operation_id: str) -> Operation | None:
        """Return one of this server, None when it is not."""
        with self._lock:
            return self._known.get(operation_id)

    def all(self) -> list[Operation]:
        """Return all that are known, the oldest first."""
        with self._lock:
            return list(self._known.values())

    def running(self) -> list[Operation]:
        """Return those that have not ended."""
        return [item for item in self.all() if not item.done.is_set()]

    def close(self) -> None:
        """Cancel everything and take no more work; does not wait."""
        for operation in self.running():
            operation.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)


def _run(operation: Operation, work: Work, failure_card: FailureCard | None) -> None:
    if not operation.begin():
        return
    try:
        result = dict(work(operation))
        card = result.pop("card", None)
    except MldeployError as error:
        state = OperationState.CANCELLED if operation.cancelled.is_set() else OperationState.FAILED
        operation.end(state, error=error.to_dict(), card=_try_card(error, failure_card))
    except BaseException as error:  # whatever happens in the thread, the operation must not seem to run for ever
        reference = uuid.uuid4().hex[:12]
        _log.exception(
            "Operation %s (%s %s) failed; reference %s", operation.id, operation.kind, operation.service, reference
        )
        operation.end(OperationState.FAILED, error=internal_error(reference, error))
        if not isinstance(error, Exception):
            raise
    else:
        operation.end(OperationState.SUCCEEDED, result=result, card=card)


def _try_card(error: MldeployError, failure_card: FailureCard | None) -> Mapping[str, Any] | None:
    if failure_card is None:
        return None
    try:
        return failure_card(error)
    except MldeployError:
        return None  # the card is an extra; the error itself is in the operation


def internal_error(reference: str, error: BaseException) -> dict[str, Any]:
    """Return the body for an error that nobody foresaw; its text may hold secrets, so only its kind is shown."""
    return {
        "code": "internal_error",
        "message": f"Something went wrong inside jupyter_mldeploy ({type(error).__name__}, reference {reference}).",
        "hint": "The Jupyter server's log has the details under that reference.",
        "cause": None,
        "details": {"reference": reference},
    }
