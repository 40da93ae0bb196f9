"""What a container uses, as the engine measures it."""

from __future__ import annotations

from typing import Any

from ..core.target import Usage
from ..errors import TargetUnavailableError
from .docker_observe import View


def usage(engine: Any, view: View, name: str) -> Usage:
    """Return CPU time and memory of the container that serves.

    Raises:
        TargetUnavailableError: none does.
    """
    part = view.part
    if part is None or not part.running:
        raise TargetUnavailableError(f"Service {name!r} does not run.", hint=f"`mldeploy start {name}` brings it back.")
    stats = engine.stats(part.id, stream=False, one_shot=True)
    memory = stats.get("memory_stats") or {}
    details = memory.get("stats") or {}
    # Cached files are given back when somebody else wants the memory: docker's own display leaves them out as well.
    cached = int(details.get("total_inactive_file") or details.get("inactive_file") or 0)
    used = max(0, int(memory.get("usage") or 0) - cached)
    return Usage(int(stats["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9, used)
