"""Is the candidate worse than the control? A verdict with its evidence, or that there is too little to say.

Errors are compared by Fisher's exact test (one-sided), and so are answers that took longer than the 95th percentile
allows. A canary is judged many times, and each look is a chance to err; the error that a policy allows is therefore
shared among all its looks.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Any

from .figures import VersionFigures


class Ruling(enum.StrEnum):
    """What a referee says."""

    GOOD = "good"
    BAD = "bad"
    INSUFFICIENT = "insufficient data"


@dataclass(frozen=True, slots=True)
class Policy:
    """What counts as worse.

    Attributes:
        min_requests: requests that each version must have had.
        significance: chance of calling a candidate bad that is as good as the control, over all looks together.
        max_error_increase: share of errors that the candidate may have more than the control (0.01 is 1 %).
        max_latency_ratio: how many times the control's p95 the candidate's may be.
        latency_floor_ms: differences of p95 below this do not count.
    """

    min_requests: int = 100
    significance: float = 0.01
    max_error_increase: float = 0.01
    max_latency_ratio: float = 1.5
    latency_floor_ms: float = 5.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """A ruling, why, and what it was based on."""

    ruling: Ruling
    reason: str
    evidence: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Return the verdict as JSON."""
        return {"ruling": str(self.ruling), "reason": self.reason, "evidence": self.evidence}


def judge(control: VersionFigures, candidate: VersionFigures, policy: Policy, *, looks: int = 1) -> Verdict:
    """Compare a candidate with the control.

    Args:
        looks: how often the two will be compared in all.
    """
    limit = policy.significance / max(1, looks)
    p_value = worse_by_chance(control.seen, control.failed, candidate.seen, candidate.failed)
    evidence = {
        "control": control.to_dict(),
        "candidate": candidate.to_dict(),
        "p_value": round(p_value, 6),
        "limit": round(limit, 6),
    }
    increase = candidate.error_rate - control.error_rate
    # Enough errors convict before there is enough to acquit: a candidate that fails always is stopped at once.
    if p_value < limit and increase > policy.max_error_increase:
        reason = (
            f"{candidate.failed} of {candidate.seen} requests failed ({candidate.error_rate:.1%}), against "
            f"{control.failed} of {control.seen} ({control.error_rate:.1%}); by chance that happens once in "
            f"{_once_in(p_value)}"
        )
        return Verdict(Ruling.BAD, reason, evidence)
    short = [
        f"the {who} had {figures.seen} requests of {policy.min_requests}"
        for who, figures in (("control", control), ("candidate", candidate))
        if figures.seen < policy.min_requests
    ]
    if short:
        return Verdict(Ruling.INSUFFICIENT, " and ".join(short), evidence)
    before, after = control.percentile(0.95), candidate.percentile(0.95)
    if before is not None and after is not None:
        allowed = max(before * policy.max_latency_ratio, before + policy.latency_floor_ms / 1000)
        # A few answers that were kept waiting move a percentile far: it convicts only where chance would not do that.
        (slow_before, all_before), (slow, answers) = control.slower_than(allowed), candidate.slower_than(allowed)
        by_chance = worse_by_chance(all_before, slow_before, answers, slow)
        evidence["latency_p_value"] = round(by_chance, 6)
        if after > allowed and by_chance < limit:
            reason = (
                f"95 % of the answers took up to {after * 1000:.1f} ms, against {before * 1000:.1f} ms: more than "
                f"{policy.max_latency_ratio:g} times as long; by chance that happens once in {_once_in(by_chance)}"
            )
            return Verdict(Ruling.BAD, reason, evidence)
    reason = (
        f"{candidate.failed} of {candidate.seen} requests failed, against {control.failed} of {control.seen}; "
        "no sign that it is worse"
    )
    return Verdict(Ruling.GOOD, reason, evidence)


def worse_by_chance(control: int, control_failed: int, candidate: int, candidate_failed: int) -> float:
    """Return the chance that equally good versions differ this much or more (Fisher's exact test, one-sided).

    >>> round(worse_by_chance(100, 0, 100, 6), 4)
    0.0145
    """
    total, failed = control + candidate, control_failed + candidate_failed
    if not candidate or not control or not candidate_failed:
        return 1.0
    everything = _log_choose(total, failed)
    return min(
        1.0,
        math.fsum(
            math.exp(_log_choose(candidate, count) + _log_choose(control, failed - count) - everything)
            for count in range(candidate_failed, min(candidate, failed) + 1)
            if failed - count <= control
        ),
    )


def _log_choose(many: int, few: int) -> float:
    return math.lgamma(many + 1) - math.lgamma(few + 1) - math.lgamma(many - few + 1)


def _once_in(chance: float) -> str:
    return f"{1 / chance:,.0f}" if chance > 1e-12 else "more than a trillion"
