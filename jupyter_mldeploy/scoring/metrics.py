"""Figures in Prometheus' text format, summed over all workers of a service.

Every worker writes its own figures to ``<metrics directory>/<revision>-<worker>-<pid>.json`` once a second and when it
ends; the worker that is asked adds up all files. Counters of workers that have ended stay counted, their gauges do not.
"""

from __future__ import annotations

import json
import os
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .exchange import Exchange
from .model_figures import model_figures, model_lines

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)

_STALE_S = 10.0


class Histogram:
    """Counts of observations up to each bound, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Metrics:
    """One worker's figures. Belongs to the I/O thread.

    Args:
        gauges: called for the momentary values, by metric name.
        facts: values that stay, by metric name (times of import and ``init()``).
        directory: where the workers of the service share their figures; None when there is one worker.
        label: name of this worker's file.
        revision: what this worker serves.
    """

    def __init__(
        self,
        gauges: Callable[[], dict[str, float]],
        facts: dict[str, float],
        directory: Path | None,
        label: str,
        revision: str = "",
    ) -> None:
        self._revision = revision
        self._gauges = gauges
        self._facts = facts
        self._file = directory / f"{label}-{os.getpid()}.json" if directory is not None else None
        self._requests: dict[tuple[str, str, int], int] = {}
        self._duration = Histogram(SECONDS)
        self._run = Histogram(SECONDS)
        self._batch = Histogram(SIZES)
        self._timeouts = 0
        self._refused = 0
        if directory is not None:
            directory.mkdir(parents=True, exist_ok=True)

    # ---- counting

    def answered(self, exchange: Exchange, seconds: float) -> None:
        """Count an answer."""
        key = (exchange.route, exchange.method, exchange.status)
        requests = self._requests
        requests[key] = requests.get(key, 0) + 1
        if exchange.route == "score":
            self._duration.observe(seconds)
            if exchange.exec_ms >= 0 and exchange.batch_size:  # once for each call of run()
                self._run.observe(exchange.exec_ms / 1000)
                self._batch.observe(exchange.batch_size)

    def timed_out(self) -> None:
        """Count a ``run()`` that used up its time."""
        self._timeouts += 1

    @property
    def scored(self) -> int:
        """How many scoring requests have been answered."""
        return sum(self._duration.counts)

    def refused_busy(self) -> None:
        """Count a request that was refused because too many were waiting."""
        self._refused += 1

    # ---- telling

    def snapshot(self, *, live: bool = True) -> dict[str, Any]:
        """Return the figures, JSON-serialisable."""
        return {
            "time": time.time() if live else 0,
            "requests": [[*key, count] for key, count in self._requests.items()],
            "histograms": {
                "request_duration_seconds": [self._duration.counts, self._duration.total],
                "run_duration_seconds": [self._run.counts, self._run.total],
                "batch_size": [self._batch.counts, self._batch.total],
            },
            "timeouts": self._timeouts,
            "refused": self._refused,
            "gauges": {**self._facts, **self._gauges()} if live else {},
            "models": model_figures(),
        }

    def share(self, *, live: bool = True) -> None:
        """Write this worker's figures for the others; ``live`` is False for the last time."""
        if self._file is None:
            return
        temporary = self._file.with_suffix(".new")
        try:
            temporary.write_text(json.dumps(self.snapshot(live=live)), encoding="utf-8")
            temporary.replace(self._file)
        except OSError:
            return  # figures are not worth a failed request

    def text(self) -> bytes:
        """Return the figures of all workers in Prometheus' format, and which revision this one serves."""
        lines: list[str] = []
        _head(lines, "info", "gauge")
        lines.append(f'mldeploy_info{{revision="{_escaped(self._revision)}"}} 1\n')
        return "\n".join(lines).encode() + render([self.snapshot(), *self._others()])

    def _others(self) -> Iterable[dict[str, Any]]:
        if self._file is None:
            return
        for path in self._file.parent.glob("*.json"):
            if path == self._file:
                continue
            try:
                found = json.loads(path.read_bytes())
            except (OSError, ValueError):
                continue  # being replaced, or not ours
            if isinstance(found, dict) and "histograms" in found:
                yield found


_HELP = {
    "info": "The revision that has answered this request; always 1.",
    "requests_total": "Requests answered, by route, method and status.",
    "request_duration_seconds": "From the last byte of a scoring request to its answer.",
    "run_duration_seconds": "Time of one call of run().",
    "batch_size": "Requests that shared one call of run().",
    "scoring_timeouts_total": "Calls of run() that used up their time.",
    "requests_refused_total": "Requests refused with 503 because too many were waiting.",
    "queue_length": "Requests waiting for run().",
    "busy": "Requests in run().",
    "connections": "Open connections.",
    "workers": "Workers that are alive.",
    "init_seconds": "Time that init() took, the longest of all workers.",
    "import_seconds": "Time that importing the script took, the longest of all workers.",
}
_LONGEST_OF_ALL = {"init_seconds", "import_seconds"}
_BOUNDS = {"request_duration_seconds": SECONDS, "run_duration_seconds": SECONDS, "batch_size": SIZES}


def render(snapshots: list[dict[str, Any]]) -> bytes:
    """Add snapshots up and write them in Prometheus' text format."""
    requests: dict[tuple[str, str, str], int] = {}
    sums: dict[str, list[float]] = {name: [0.0] * (len(bounds) + 2) for name, bounds in _BOUNDS.items()}
    gauges: dict[str, float] = {"workers": 0}
    timeouts = refused = 0
    for found in snapshots:
        for route, method, status, count in found["requests"]:
            key = (str(route), str(method), str(status))
            requests[key] = requests.get(key, 0) + count
        for name, (counts, total) in found["histograms"].items():
            for index, value in enumerate([*counts, total]):
                sums[name][index] += value
        timeouts += found["timeouts"]
        refused += found["refused"]
        if time.time() - found["time"] < _STALE_S:
            gauges["workers"] += 1
            for name, value in found["gauges"].items():
                gauges[name] = (
                    max(gauges.get(name, 0), value) if name in _LONGEST_OF_ALL else gauges.get(name, 0) + value
                )
    lines: list[str] = []
    _head(lines, "requests_total", "counter")
    for (route, method, status), count in sorted(requests.items()):
        lines.append(
            f'mldeploy_requests_total{{route="{route}",method="{_escaped(method)}",status="{status}"}} {count}'
        )
    for name, bounds in _BOUNDS.items():
        _head(lines, name, "histogram")
        running = 0
        for bound, count in zip((*bounds, None), sums[name][:-1], strict=True):
            running += int(count)
            lines.append(f'mldeploy_{name}_bucket{{le="{"+Inf" if bound is None else format(bound, "g")}"}} {running}')
        lines.append(f"mldeploy_{name}_sum {sums[name][-1]:.9g}")
        lines.append(f"mldeploy_{name}_count {running}")
    for name, value in (("scoring_timeouts_total", timeouts), ("requests_refused_total", refused)):
        _head(lines, name, "counter")
        lines.append(f"mldeploy_{name} {value}")
    for name, level in gauges.items():
        _head(lines, name, "gauge")
        lines.append(f"mldeploy_{name} {level:.9g}")
    lines += model_lines(snapshots, [time.time() - found["time"] < _STALE_S for found in snapshots])
    return ("\n".join(lines) + "\n").encode()


def _head(lines: list[str], name: str, kind: str) -> None:
    lines.append(f"# HELP mldeploy_{name} {_HELP.get(name, name)}")
    lines.append(f"# TYPE mldeploy_{name} {kind}")


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
