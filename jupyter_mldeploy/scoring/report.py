"""The state of a service as its supervisor sees it, for ``status.json`` and the ``status`` command."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from .crew import Crew
from .processes import memory_bytes

if TYPE_CHECKING:
    from .supervisor import Supervisor


def judge(supervisor: Supervisor) -> tuple[str, str | None]:
    """Return (state, reason), with v1's names of states."""
    live = supervisor.live
    if supervisor.stopping is not None:
        # One that ends without ever having served was given up, which is no orderly stop.
        return ("Failed" if live is None else "Stopped"), supervisor.stopping
    if live is None:
        return "Transitioning", "the first revision is starting" if supervisor.candidate else "waits for a revision"
    wanted = live.order.workers
    if live.looping:
        reason = f"CrashLoop: a worker {live.last_crash}"
        return ("Failed" if live.serving == 0 else "Unhealthy"), reason
    if live.serving < wanted:
        missing = f"{wanted - live.serving} of {wanted} workers" if wanted > 1 else "the worker"
        because = f": {live.last_crash}" if live.last_crash else ""
        return "Unhealthy", f"{missing} being started again{because}"
    return "Healthy", None


def describe(supervisor: Supervisor, *, measure: bool = False) -> dict[str, Any]:
    """Return the whole state; with ``measure`` the memory of each process in bytes as well."""
    state, reason = judge(supervisor)
    live = supervisor.live
    found: dict[str, Any] = {
        **supervisor.identity(),
        "state": state,
        "reason": reason,
        "live_revision": live.order.revision if live is not None else None,
        "candidate_revision": supervisor.candidate.order.revision if supervisor.candidate is not None else None,
        "listening": supervisor.door is not None and supervisor.door.is_open,
        "stopped": supervisor.stopping,
        "adopts_orphans": supervisor.adopts_orphans,
        "expires": supervisor.expires,
        "restarts": sum(item.total for item in live.restarts.values()) if live is not None else 0,
        "last_crash": live.last_crash if live is not None else None,
        "crash_tail": live.crash_tail if live is not None and live.last_crash else [],
        "workers": [item for crew in supervisor.crews() for item in _workers(crew, measure)],
        "warm_parents": [
            {
                "pid": pid,
                "token": token,
                "spare": spare,
                **({"memory_bytes": _parent_bytes(pid, spare)} if measure else {}),
            }
            for pid, token, spare in supervisor.nursery.pids()
        ],
        "updated": time.time(),
    }
    return found


def _parent_bytes(pid: int, spare: int) -> int:
    return memory_bytes(pid) + (memory_bytes(spare) if spare else 0)


def _workers(crew: Crew, measure: bool) -> list[dict[str, Any]]:
    return [
        {
            "name": worker.name,
            "revision": crew.order.revision,
            "phase": worker.phase,
            "pid": worker.pid,
            "token": worker.token,
            **({"memory_bytes": memory_bytes(worker.pid), "load": worker.load} if measure and worker.pid else {}),
        }
        for worker in crew.everyone
    ]
