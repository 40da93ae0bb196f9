"""What routers counted of each version: requests, errors, a latency histogram; of several routers together."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class VersionFigures:
    """Counts of one version.

    Attributes:
        errors: answers of 5xx, and requests without an answer; among ``requests``.
        mirrored, mirror_errors: the same of copies.
        bounds: upper bounds of ``buckets`` in seconds; the last bucket has none.
        buckets: how many answers took so long, those of copies too.
    """

    requests: int = 0
    errors: int = 0
    mirrored: int = 0
    mirror_errors: int = 0
    dropped: int = 0
    bounds: Sequence[float] = ()
    buckets: Sequence[int] = ()

    @property
    def seen(self) -> int:
        """Requests and copies."""
        return self.requests + self.mirrored

    @property
    def failed(self) -> int:
        """Errors among them."""
        return self.errors + self.mirror_errors

    @property
    def error_rate(self) -> float:
        """Share of failures, 0 without requests."""
        return self.failed / self.seen if self.seen else 0.0

    def percentile(self, share: float) -> float | None:
        """Return the time in seconds below which ``share`` of the answers lay, or None without answers.

        Within a bucket the times are taken as evenly spread; a bucket is a fifth wide.
        """
        total = sum(self.buckets)
        if not total:
            return None
        wanted, below = share * total, 0
        for place, count in enumerate(self.buckets):
            if below + count >= wanted and count:
                low = self.bounds[place - 1] if place else 0.0
                high = self.bounds[place] if place < len(self.bounds) else self.bounds[-1]
                return low + (high - low) * (wanted - below) / count
            below += count
        return self.bounds[-1]

    def slower_than(self, seconds: float) -> tuple[int, int]:
        """Return how many answers took longer, and how many there were.

        Those of the bucket that the time lies in count as slower.
        """
        return sum(self.buckets[bisect_left(self.bounds, seconds) :]), sum(self.buckets)

    def plus(self, other: VersionFigures) -> VersionFigures:
        """Return the sum of two."""
        if not self.buckets:
            return other
        buckets = [a + b for a, b in zip(self.buckets, other.buckets or [0] * len(self.buckets), strict=True)]
        return VersionFigures(
            self.requests + other.requests,
            self.errors + other.errors,
            self.mirrored + other.mirrored,
            self.mirror_errors + other.mirror_errors,
            self.dropped + other.dropped,
            self.bounds,
            buckets,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what people want to know, as JSON: times in milliseconds."""
        p50, p95 = self.percentile(0.5), self.percentile(0.95)
        return {
            "requests": self.requests,
            "errors": self.errors,
            "mirrored": self.mirrored,
            "mirror_errors": self.mirror_errors,
            "error_rate": round(self.error_rate, 5),
            "p50_ms": None if p50 is None else round(p50 * 1000, 3),
            "p95_ms": None if p95 is None else round(p95 * 1000, 3),
        }


def total_figures(answers: Iterable[Mapping[str, Any]]) -> dict[str, VersionFigures]:
    """Add up what routers answered; of a router that answered several times the last answer counts."""
    last = {answer["instance"]: answer for answer in answers}
    found: dict[str, VersionFigures] = {}
    for answer in last.values():
        for name, counts in answer["versions"].items():
            one = VersionFigures(
                counts["requests"], counts["errors"], counts["mirrored"], counts["mirror_errors"], counts["dropped"],
                tuple(answer["bounds"]), tuple(counts["buckets"]),
            )  # fmt: skip
            found[name] = found.get(name, VersionFigures()).plus(one)
    return found
