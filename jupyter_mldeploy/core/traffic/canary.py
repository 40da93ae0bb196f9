"""A canary: a version gets more and more of the requests, and a referee promotes it or rolls it back.

Nothing here must survive: the shares are in the endpoint's live revision, so a canary whose process was killed leaves
the endpoint with the last shares, and running it again goes on from there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ...errors import ConflictError, InvalidInputError
from ..events import EventKind
from .figures import VersionFigures
from .referee import Policy, Ruling, Verdict, judge

if TYPE_CHECKING:
    from ..target import Report
    from .endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class CanaryOutcome:
    """What came of a canary.

    Attributes:
        decision: ``promoted``, ``rolled back``, or ``held`` where there was too little to judge.
        verdict: the last verdict, with its evidence.
        steps: share in percent, seconds and verdict of each step.
    """

    decision: Literal["promoted", "rolled back", "held"]
    verdict: Verdict
    steps: Sequence[Mapping[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as JSON."""
        return {
            "decision": self.decision,
            "verdict": self.verdict.to_dict(),
            "steps": [dict(step) for step in self.steps],
        }


def run_canary(
    endpoint: Endpoint,
    version: str,
    policy: Policy,
    *,
    steps: Sequence[float] = (5.0, 20.0, 50.0),
    step_timeout_s: float = 600.0,
    on_insufficient: Literal["hold", "rollback"] = "hold",
    report: Report | None = None,
    cancelled: threading.Event | None = None,
) -> CanaryOutcome:
    """Raise a version's share step by step while it is no worse than the default version.

    Args:
        version: an existing version of the endpoint, not its default.
        steps: percentages to go through, rising; shares that it has already are left out.
        step_timeout_s: longest time for one step, in seconds; with too few requests by then, the canary ends.
        on_insufficient: what is done then: ``hold`` leaves the shares as they are, ``rollback`` takes the version out.
        cancelled: another thread may set it; the shares then stay as they are.
    """
    split = endpoint.split
    if split is None or version not in split.services:
        raise ConflictError(f"{endpoint.name!r} has no version {version!r} to try.", hint="Create it with traffic 0.")
    if version == split.default:
        raise ConflictError(f"{version!r} is the default version; a canary tries another one against it.")
    if not steps or any(not 0 < share <= 100 for share in steps) or list(steps) != sorted(steps):
        raise InvalidInputError("The steps of a canary are rising percentages, as in 5, 20, 50.", field="steps")
    control = split.default
    remaining = [share for share in steps if share > split.weights[version]] or [steps[-1]]
    looks = _looks(step_timeout_s) * len(remaining)
    done: list[dict[str, Any]] = []
    verdict = Verdict(Ruling.INSUFFICIENT, "nothing was tried", {})
    for share in remaining:
        others = {name: weight for name, weight in split.weights.items() if name not in {version, control}}
        # Before a Gateway nobody counts: while the referee looks, the router divides the requests.
        endpoint.set_traffic({**others, version: share}, counted=True, report=report)
        started = time.monotonic()
        verdict = _watch(endpoint, control, version, policy, looks, step_timeout_s, report, cancelled)
        done.append(
            {"share": share, "seconds": round(time.monotonic() - started, 3), "ruling": str(verdict.ruling),
             "reason": verdict.reason}
        )  # fmt: skip
        _announce(endpoint, f"canary of {version} at {share:g} %: {verdict.ruling}: {verdict.reason}", verdict)
        if verdict.ruling is not Ruling.GOOD:
            break
    if cancelled is not None and cancelled.is_set():
        return CanaryOutcome("held", verdict, done)
    if verdict.ruling is Ruling.GOOD:
        endpoint.finish(version, report=report)
        decision: Literal["promoted", "rolled back", "held"] = "promoted"
    elif verdict.ruling is Ruling.BAD or on_insufficient == "rollback":
        endpoint.delete_version(version, report=report)
        decision = "rolled back"
    else:
        decision = "held"
    _announce(endpoint, f"canary of {version}: {decision}: {verdict.reason}", verdict)
    return CanaryOutcome(decision, verdict, done)


def _watch(
    endpoint: Endpoint,
    control: str,
    version: str,
    policy: Policy,
    looks: int,
    timeout_s: float,
    report: Report | None,
    cancelled: threading.Event | None,
) -> Verdict:
    """Look until there is a ruling or time is up."""
    answers: dict[str, Mapping[str, Any]] = {}
    deadline = time.monotonic() + timeout_s
    stop = cancelled if cancelled is not None else threading.Event()
    while True:
        figures = endpoint.figures(answers)
        before, after = figures.get(control, VersionFigures()), figures.get(version, VersionFigures())
        verdict = judge(before, after, policy, looks=looks)
        if report is not None:
            report("canary", f"{version}: {after.failed} of {after.seen} requests failed; {verdict.ruling}")
        if verdict.ruling is not Ruling.INSUFFICIENT or stop.is_set() or time.monotonic() >= deadline:
            return verdict
        stop.wait(min(_pause_s(timeout_s), max(0.05, deadline - time.monotonic())))


def _pause_s(timeout_s: float) -> float:
    """Return the seconds between two looks of a step."""
    return 1.0 + timeout_s / 100


def _looks(timeout_s: float) -> int:
    """Return how many looks a step takes at most: at its beginning, after each pause, and at its deadline.

    The error that the policy allows is shared among them.
    """
    return int(timeout_s / _pause_s(timeout_s)) + 2


def _announce(endpoint: Endpoint, message: str, verdict: Verdict) -> None:
    record = endpoint.record
    endpoint.workspace.events.append(
        EventKind.PROGRESS, message, service_uid=record.uid, service=record.name, revision=record.live_revision,
        data={"canary": verdict.to_dict()},
    )  # fmt: skip
