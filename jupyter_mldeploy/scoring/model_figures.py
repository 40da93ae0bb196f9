"""Figures of each model of a pool, in Prometheus' text format."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

_NAMES = (
    ("model_requests_total", "counter", "Requests that were scored with a model."),
    ("model_loads_total", "counter", "How often a model was loaded."),
    ("model_evictions_total", "counter", "How often a model was let go to make room."),
    ("model_load_seconds_total", "counter", "Time that loading a model took."),
    ("model_memory_bytes", "gauge", "Memory that a loaded model takes, about; 0 when it is not loaded."),
)


def model_figures() -> dict[str, list[float]]:
    """Return the figures of this process's models, {} where no pool is used."""
    models = sys.modules.get(f"{__package__}.models")
    return models.all_figures() if models is not None else {}


def model_lines(snapshots: Sequence[dict[str, Any]], live: Sequence[bool]) -> list[str]:
    """Return the lines for all workers' figures; memory counts for those that are alive."""
    sums: dict[str, list[float]] = {}
    for snapshot, alive in zip(snapshots, live, strict=True):
        for key, values in snapshot.get("models", {}).items():
            total = sums.setdefault(key, [0.0] * len(_NAMES))
            for index, value in enumerate(values if alive else [*values[:-1], 0]):
                total[index] += value
    lines: list[str] = []
    for index, (name, kind, text) in enumerate(_NAMES if sums else ()):
        lines += [f"# HELP mldeploy_{name} {text}", f"# TYPE mldeploy_{name} {kind}"]
        for key, values in sorted(sums.items()):
            label = key.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
            lines.append(f'mldeploy_{name}{{model="{label}"}} {values[index]:.9g}')
    return lines
