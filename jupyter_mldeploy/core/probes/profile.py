"""How much CPU and memory a service needs: v1's ``Model.profile``, by real runs at several limits.

The service is deployed as a temporary one, with the limits that were asked for. It gets the bodies under rising load,
its use is measured, and smaller limits are then tried in turn: a limit is good enough when nothing fails and the
latency stays close to that of the first run. All of it ends with the deadline.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ...errors import InvalidInputError, MldeployError, NotSupportedError
from ..progress import bar
from ..target import Measuring, Progress, Report
from .bodies import Body, read_bodies
from .load import Measured, run_load
from .meter import Meter
from .profile_result import Profile, Run

if TYPE_CHECKING:
    from ..service import Service
    from ..workspace import Workspace

#: Connections of the runs under rising load.
LEVELS = (1, 2, 4, 8, 16)
#: CPU limits that are tried, in cores.
CORES = (0.1, 0.25, 0.5, 1.0, 2.0, 3.5, 7.0)
#: Memory limits are multiples of this many GiB.
_MEMORY_STEP = 0.125
_SPARE_MEMORY = 1.25
#: A limit is good enough when the median latency is at most so many times that without it.
SLOWER = 1.25
_SLOWER_MS = 2.0
_CLEAN_UP_S = 5.0


def profile(
    workspace: Workspace,
    name: str,
    requests: Any,
    deploy: Callable[[str, Mapping[str, Any], float], Service],
    *,
    target: str | None = None,
    cpu: float | None = None,
    memory_gb: float | None = None,
    requests_per_second: float | None = None,
    description: str | None = None,
    deadline_s: float = 300.0,
    report: Report | None = None,
    cancelled: threading.Event | None = None,
) -> Profile:
    """Profile a service and return what was found; a service that fails gives a profile in state ``Failed``.

    Args:
        requests: see :func:`~.bodies.read_bodies`.
        deploy: deploys the temporary service: (name, target's configuration, deadline in seconds) → service.
        target: where it runs; None is ``docker``, or ``local`` where no engine answers.
        cpu: cores to begin with; None is no limit. memory_gb: the same in GiB.
        requests_per_second: kept in the result; with it the recommendation has to reach that rate.
        deadline_s: longest time for everything, in seconds.
        report: called with (step, message).
        cancelled: another thread sets it to give the profile up.

    Raises:
        DeploymentError: it was cancelled; its temporary service is gone.
        InvalidInputError: the bodies cannot be read, or the limits cannot be had on the target.
        NotSupportedError: the target's services cannot be measured.
    """
    bodies = read_bodies(requests)
    chosen, notes = choose_target(workspace, target)
    measuring = workspace.targets.get(chosen)
    if not isinstance(measuring, Measuring):
        raise NotSupportedError(
            f"Services on target {chosen!r} cannot be measured.", hint="Profile on docker or local."
        )
    fields = measuring.limit_fields
    for value, config_field, what in ((cpu, fields[0], "cpu"), (memory_gb, fields[1], "memory_gb")):
        if value is not None and not config_field:
            raise InvalidInputError(f"Target {chosen!r} cannot limit {what}.", field=what, hint="Profile on docker.")
    progress = Progress(deadline_s, report, cancelled)
    session = _Session(name, chosen, measuring, bodies, deploy, progress, requests_per_second)
    return session.run(cpu, memory_gb, description, notes)


def choose_target(workspace: Workspace, target: str | None) -> tuple[str, list[str]]:
    """Return the target to profile on and what has to be said about it."""
    if target is not None:
        return target, []
    if "docker" in workspace.targets.names():
        found = workspace.targets.get("docker").available()
        if found.ok:
            return "docker", []
        return "local", [f"it ran on this machine, without CPU limits: {found.reason}"]
    return "local", ["it ran on this machine, without CPU limits: the Docker target is not installed"]


class _Session:
    """A profile that is being made."""

    def __init__(
        self,
        name: str,
        target: str,
        measuring: Measuring,
        bodies: Sequence[Body],
        deploy: Callable[[str, Mapping[str, Any], float], Service],
        progress: Progress,
        wanted_qps: float | None,
    ) -> None:
        self._name = name
        self._target = target
        self._measuring = measuring
        self._bodies = bodies
        self._deploy = deploy
        self._progress = progress
        self._wanted_qps = wanted_qps
        self._runs: list[Run] = []
        self._all: list[Measured] = []
        self._service: Service | None = None
        self._complete = True

    def run(self, cpu: float | None, memory_gb: float | None, description: str | None, notes: list[str]) -> Profile:
        created = datetime.now(UTC)
        error = None
        recommended: tuple[float | None, float | None] = (None, None)
        try:
            self._progress.step("start", f"deploying it on {self._target}")
            label = f"profile-{uuid.uuid4().hex[:8]}"
            left = max(1.0, self._progress.remaining - _CLEAN_UP_S)
            self._service = self._deploy(label, self._limits(cpu, memory_gb), left)
            self._rising(cpu, memory_gb)
            recommended = self._search(cpu, memory_gb)
        except MldeployError as failure:
            if self._progress.cancelled.is_set():
                raise
            error = failure
        finally:
            if self._service is not None:
                self._service.delete()
        if not self._complete:
            notes.append("the deadline ended the search for smaller limits; the recommendation may be too high")
        failed = error is not None or not any(item.latencies for item in self._all)
        details = self._details(cpu, memory_gb, recommended, created, description)
        first_error = next((item.error for item in self._all if item.error), None)
        details["state"] = "Failed" if failed else "Succeeded"
        details["error"] = error.to_dict() if error is not None else ({"message": first_error} if first_error else None)
        return Profile(self._name, self._target, details, tuple(self._runs), self._complete, tuple(notes))

    def _limits(self, cpu: float | None, memory_gb: float | None) -> dict[str, Any]:
        names = self._measuring.limit_fields
        found = {names[0]: cpu, names[1]: memory_gb}
        return {field: value for field, value in found.items() if field and value is not None}

    def _bar(self) -> str:
        """Say how much of the time is over: how many runs there will be is not known before."""
        return bar(self._progress.elapsed / self._progress.deadline)

    def _slice(self, share: float, most: float) -> float:
        return max(0.5, min(most, (self._progress.remaining - _CLEAN_UP_S) * share))

    def _rising(self, cpu: float | None, memory_gb: float | None) -> None:
        """Send every body once, then the bodies under rising load, until more connections bring no more answers."""
        best = 0.0
        once = self._measure(1, self._slice(0.3, 60.0), cpu, memory_gb, most=len(self._bodies), step="every body once")
        if not once.latencies:
            return
        for level in LEVELS:
            if self._progress.remaining < _CLEAN_UP_S + 2:
                return
            measured = self._measure(
                level, self._slice(0.06, 5.0), cpu, memory_gb, step=f"{level} connection{'s' if level > 1 else ''}"
            )
            if measured.failed or measured.qps < best * 1.05:
                return
            best = max(best, measured.qps)

    def _measure(
        self, connections: int, seconds: float, cpu: float | None, memory_gb: float | None, *, step: str,
        most: int | None = None,
    ) -> Measured:  # fmt: skip
        service = self._running()
        self._progress.step("load", f"{self._bar()} {step}")
        with Meter(service, self._measuring) as meter:
            measured = run_load(
                service.connection(), self._bodies, connections=connections, seconds=seconds, most=most,
                timeout_s=min(60.0, self._progress.remaining + 1),
                stop=lambda: self._progress.remaining < _CLEAN_UP_S / 2 or self._progress.cancelled.is_set(),
            )  # fmt: skip
        if self._progress.cancelled.is_set():
            self._progress.check()
        self._all.append(measured)
        self._runs.append(
            Run(
                cpu, memory_gb, connections, round(measured.qps, 2), round(measured.percentile(0.5), 3),
                round(measured.percentile(0.95), 3), round(meter.cpu, 3), round(meter.memory / 2**30, 4),
                measured.failed, measured.error,
            )
        )  # fmt: skip
        return measured

    def _running(self) -> Service:
        if self._service is None:
            raise InvalidInputError("The service is not deployed.", field="service")
        return self._service

    def _search(self, cpu: float | None, memory_gb: float | None) -> tuple[float | None, float | None]:
        """Try smaller limits; return the smallest that were good enough, None for what cannot be limited."""
        good = [run for run in self._runs if run.ok]
        if not good:
            return None, None
        names = self._measuring.limit_fields
        used_memory = max(run.memory_used_gb for run in self._runs)
        memory = _round_up(used_memory * _SPARE_MEMORY) if names[1] else None
        if memory_gb is not None and memory is not None:
            memory = min(memory, memory_gb)
        base = next((run for run in good if run.connections == 1), good[0])
        if not names[0]:
            return _ceiling(max(run.cpu_used for run in good), cpu), memory if memory is not None else None
        best = cpu
        used = max(run.cpu_used for run in good)
        candidates = [value for value in CORES if (cpu is None or value < cpu) and value < max(4 * used, 0.2)]
        for value in candidates:  # from the smallest on: the first that is good enough is the answer
            if not self._has_time():
                self._complete = False
                break
            if self._try(value, memory, base):
                best = value
                break
        if best is None:
            best = _ceiling(used, None)
        return best, memory if memory is not None else _round_up(used_memory * _SPARE_MEMORY)

    def _has_time(self) -> bool:
        deployed = self._progress.steps()[0]["seconds"] if self._progress.steps() else 5.0
        return self._progress.remaining > deployed + 4 + _CLEAN_UP_S

    def _try(self, cpu: float, memory_gb: float | None, base: Run) -> bool:
        """Deploy with other limits and say whether the service is still good enough."""
        service = self._running()
        shown = f"{cpu:g} CPU" + (f", {memory_gb:g} GiB" if memory_gb else "")
        self._progress.step("limits", f"{self._bar()} trying {shown}")
        config = self._limits(cpu, memory_gb)
        try:
            left = max(1.0, self._progress.remaining - _CLEAN_UP_S)
            service.update(config=config, timeout_s=left, cancelled=self._progress.cancelled)
        except MldeployError as error:
            if self._progress.cancelled.is_set():
                raise
            self._runs.append(Run(cpu, memory_gb, 1, 0.0, 0.0, 0.0, 0.0, 0.0, 0, error.message))
            return False
        measured = self._measure(1, self._slice(0.08, 5.0), cpu, memory_gb, step=shown)
        run = self._runs[-1]
        fast = run.p50_ms <= max(base.p50_ms * SLOWER, base.p50_ms + _SLOWER_MS)
        steady = run.p95_ms <= max(base.p95_ms * SLOWER * 2, base.p95_ms + 20.0)
        enough = self._wanted_qps is None or measured.qps >= self._wanted_qps
        return run.ok and fast and steady and enough

    def _details(
        self, cpu: float | None, memory_gb: float | None, recommended: tuple[float | None, float | None],
        created: datetime, description: str | None,
    ) -> dict[str, Any]:  # fmt: skip
        asked = [(run, item) for run, item in zip(self._measured_runs(), self._all, strict=True)
                 if (run.cpu, run.memory_gb) == (cpu, memory_gb)]  # fmt: skip
        latencies = tuple(sorted(value for run, item in asked if run.connections == 1 for value in item.latencies))
        alone = Measured(1, 1.0, latencies, 0)
        total = sum(item.total for _, item in asked)
        successful = sum(len(item.latencies) for _, item in asked)
        return {
            "name": self._name,
            "description": description,
            "createdTime": created.isoformat(),
            "requestedCpu": cpu,
            "requestedMemoryInGB": memory_gb,
            "requestedQueriesPerSecond": self._wanted_qps,
            "maxUtilizedCpu": max((run.cpu_used for run, _ in asked), default=None),
            "maxUtilizedMemoryInGB": max((run.memory_used_gb for run, _ in asked), default=None),
            "totalQueries": total,
            "successQueries": successful,
            "successRate": 100.0 * successful / total if total else 0.0,
            "averageLatencyInMs": round(alone.mean, 3),
            "latencyPercentile50InMs": round(alone.percentile(0.5), 3),
            "latencyPercentile90InMs": round(alone.percentile(0.9), 3),
            "latencyPercentile95InMs": round(alone.percentile(0.95), 3),
            "latencyPercentile99InMs": round(alone.percentile(0.99), 3),
            "latencyPercentile999InMs": round(alone.percentile(0.999), 3),
            "measuredQueriesPerSecond": max((run.qps for run, _ in asked), default=0.0),
            "recommendedCpu": recommended[0],
            "recommendedMemoryInGB": recommended[1],
            "errorLogsUri": None,
        }

    def _measured_runs(self) -> list[Run]:
        return [run for run in self._runs if run.qps or run.failed or not run.error]


def _round_up(gigabytes: float) -> float:
    return max(_MEMORY_STEP, -(-gigabytes // _MEMORY_STEP) * _MEMORY_STEP)


def _ceiling(used: float, most: float | None) -> float:
    """Return the smallest of the usual numbers of cores that covers the use, with a quarter to spare."""
    found = next((value for value in CORES if value >= used * 1.25), round(used * 1.25, 1))
    return min(found, most) if most is not None else found
