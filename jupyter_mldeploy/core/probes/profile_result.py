"""What a profile found: its runs, v1's figures, and how they are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Run:
    """One run: limits (None: none), load, and what came of it."""

    cpu: float | None
    memory_gb: float | None
    connections: int
    qps: float
    p50_ms: float
    p95_ms: float
    cpu_used: float
    memory_used_gb: float
    failed: int
    error: str = ""

    @property
    def ok(self) -> bool:
        """Nothing failed."""
        return not self.failed and not self.error


@dataclass(frozen=True, slots=True, repr=False)
class Profile:
    """The result of a profile. :meth:`get_details` has v1's keys; times are milliseconds, memory is GiB.

    Attributes:
        runs: every run, in order.
        complete: the search for smaller limits was not cut short by the deadline.
    """

    name: str
    target: str
    details: Mapping[str, Any]
    runs: Sequence[Run] = ()
    complete: bool = True
    notes: Sequence[str] = field(default_factory=tuple)

    def get_details(self) -> dict[str, Any]:
        """Return v1's dictionary: requested, used and recommended resources, latencies, state."""
        return dict(self.details)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {
            **self.details, "target": self.target, "runs": [asdict(run) for run in self.runs],
            "complete": self.complete, "notes": list(self.notes),
        }  # fmt: skip

    def svg(self) -> str:
        """Return the plot of latency over load as SVG."""
        from .chart import latency_chart

        return latency_chart([run for run in self.runs if run.ok], f"{self.name} on {self.target}")

    def _repr_svg_(self) -> str:
        return self.svg()

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        shown = self.details
        rows = [
            f"{self.name} on {self.target}: {shown['state']}",
            f"  requests     {shown['totalQueries']} ({shown['successRate']:.1f} % successful),"
            f" {shown['measuredQueriesPerSecond']:.1f} a second at best",
            f"  latency      median {shown['latencyPercentile50InMs']:.1f} ms,"
            f" 95 % {shown['latencyPercentile95InMs']:.1f} ms, 99 % {shown['latencyPercentile99InMs']:.1f} ms",
            f"  used         {_number(shown['maxUtilizedCpu'])} CPU, {_number(shown['maxUtilizedMemoryInGB'])} GiB",
            f"  recommended  {_number(shown['recommendedCpu'])} CPU, {_number(shown['recommendedMemoryInGB'])} GiB",
        ]
        if shown.get("error"):
            rows.append(f"  error        {shown['error']}")
        return "\n".join([*rows, *(f"  note         {note}" for note in self.notes)])


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"
