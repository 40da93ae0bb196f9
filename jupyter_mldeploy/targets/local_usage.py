"""What a service's processes on this machine use, measured by psutil."""

from __future__ import annotations

from ..core.target import ServiceRef, Usage
from ..errors import TargetUnavailableError
from .local_observe import observe


def usage(service: ServiceRef) -> Usage:
    """Return CPU time and memory of the workers with their child processes.

    Raises:
        TargetUnavailableError: nothing runs, or psutil is not installed.
    """
    try:
        import psutil
    except ImportError:
        raise TargetUnavailableError(
            "Services on this machine cannot be measured without psutil.", hint="pip install psutil"
        ) from None
    workers = [item for item in observe(service).facts.get("workers") or () if item.get("pid")]
    if not workers:
        raise TargetUnavailableError(
            f"Service {service.name!r} does not run.", hint=f"`mldeploy start {service.name}` brings it back."
        )
    seconds, memory = 0.0, 0
    for worker in workers:
        try:
            parent = psutil.Process(int(worker["pid"]))
            for process in (parent, *parent.children(recursive=True)):
                times = process.cpu_times()
                seconds += times.user + times.system
                memory += process.memory_info().rss
        except psutil.Error:
            continue  # it has just ended
    return Usage(seconds, memory)
