"""What the local target sees of a service: its supervisor's own account, or what is left of one."""

from __future__ import annotations

import time
from typing import Any

from ..core.records import State
from ..core.target import Observation, ReportedEvent, ServiceRef
from ..scoring import journal
from ..scoring.control import ControlError
from ..scoring.starting import connect_supervisor, find_supervisor

#: Most events handed over at once; the rest comes with the next look.
_MOST_EVENTS = 500

#: Seconds between two looks at replaced workers, and after which the supervisor has killed those that do not end.
_LOOK_S, _KILLED_S = 0.25, 5.0

_GONE = "The supervisor is gone (the machine was restarted, or it was killed); `start` brings the service back."


def status_of(service: ServiceRef) -> dict[str, Any]:
    """Return the status that the service's supervisor wrote last, {} when there is none."""
    return journal.read_json(service.directory / journal.STATUS) or {}


def observe(service: ServiceRef) -> Observation:
    """Return the truth about a service on this machine; never raises."""
    alive = find_supervisor(service.directory) is not None
    status = (_ask(service) if alive else None) or status_of(service)
    events, last = _events(service)
    if not status:
        return Observation(State.FAILED, "It has not been started on this machine.", events=events)
    runtime = {**service.runtime, "port": status["port"], "journal_seq": last}
    state, reason, live = State(status["state"]), status["reason"], status["live_revision"]
    if not alive:
        live = None
        if not status["stopped"]:
            state, reason = State.FAILED, _GONE
    serves = alive and status["listening"]
    return Observation(
        state,
        reason,
        live,
        f"http://127.0.0.1:{status['port']}/score" if serves else None,
        _facts(status) if alive else {},
        runtime if runtime != dict(service.runtime) else None,
        events,
    )


def see_out(service: ServiceRef, drain_s: float) -> None:
    """Return when every worker of a replaced revision has ended; they have ``drain_s`` seconds for what they do."""
    deadline = time.monotonic() + drain_s + _KILLED_S
    while (left := deadline - time.monotonic()) > 0:
        try:
            with connect_supervisor(service.directory) as client:
                status = client.call("status", timeout_s=left)
        except TimeoutError:
            pass  # it is busy, and its workers may be at work
        except ControlError:
            return  # nobody is left who could answer
        else:
            staying = (status["live_revision"], status["candidate_revision"])
            if all(worker["revision"] in staying for worker in status["workers"]):
                return
        time.sleep(_LOOK_S)


def _ask(service: ServiceRef) -> dict[str, Any] | None:
    try:
        with connect_supervisor(service.directory) as client:
            return client.call("status", timeout_s=1)
    except (ControlError, TimeoutError, ValueError):
        return None


def _events(service: ServiceRef) -> tuple[list[ReportedEvent], int]:
    seen = int(service.runtime.get("journal_seq") or 0)
    entries = journal.read_journal(service.directory, seen)[:_MOST_EVENTS]
    events = [
        ReportedEvent(str(entry["seq"]), entry["kind"], entry["time"], entry["message"], entry["data"])
        for entry in entries
        if not entry["data"].get("quiet")  # what the core announces itself, or what only the log is for
    ]
    return events, entries[-1]["seq"] if entries else seen


def _facts(status: dict[str, Any]) -> dict[str, Any]:
    """Return what people want to know: processes, memory in bytes, restarts."""
    processes = [*status["workers"], *status["warm_parents"]]
    return {
        "port": status["port"],
        "supervisor_pid": status["pid"],
        "workers": [
            {key: worker.get(key) for key in ("name", "revision", "phase", "pid", "memory_bytes")}
            for worker in status["workers"]
        ],
        "restarts": status["restarts"],
        "last_crash": status["last_crash"],
        "memory_bytes": sum(int(item.get("memory_bytes") or 0) for item in processes),
        "started": status["started"],
        "expires": status["expires"],
    }
