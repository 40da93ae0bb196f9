"""A plot of latency over load, as SVG: two lines, axes, nothing to install."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .profile_result import Run

_WIDTH, _HEIGHT = 560, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 34, 46


def latency_chart(runs: Sequence[Run], title: str) -> str:
    """Return the SVG of median and 95th percentile latency (ms) over answers a second, for the runs under load."""
    first = (runs[0].cpu, runs[0].memory_gb) if runs else (None, None)
    # The last run of each number of connections: before the load, every body was sent once to a cold service.
    last = {run.connections: run for run in runs if (run.cpu, run.memory_gb) == first}
    points = sorted(last.values(), key=lambda run: run.connections)
    most_x = _nice(max((run.qps for run in points), default=1.0))
    most_y = _nice(max((run.p95_ms for run in points), default=1.0))

    def place(x: float, y: float) -> tuple[float, float]:
        wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
        return round(_LEFT + x / most_x * wide, 1), round(_HEIGHT - _BOTTOM - y / most_y * high, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
        f' role="img" aria-label="{escape(title)}: latency over load" font-family="sans-serif" font-size="11">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="20" font-size="13" fill="#222">{escape(title)}</text>',
    ]
    for step in range(5):
        y, x = most_y * step / 4, most_x * step / 4
        (left, line), (column, bottom) = place(0, y), place(x, 0)
        parts += [
            f'<line x1="{left}" y1="{line}" x2="{_WIDTH - _RIGHT}" y2="{line}" stroke="#e4e4e4"/>',
            f'<text x="{left - 6}" y="{line + 4}" text-anchor="end" fill="#555">{y:g}</text>',
            f'<text x="{column}" y="{bottom + 16}" text-anchor="middle" fill="#555">{x:g}</text>',
        ]
    for name, colour, values in (
        ("95 %", "#c0561f", [(run.qps, run.p95_ms) for run in points]),
        ("median", "#1f6fc0", [(run.qps, run.p50_ms) for run in points]),
    ):
        places = [place(*value) for value in values]
        path = " ".join(f"{x},{y}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for (x, y), run in zip(places, points, strict=True):
            latency = run.p50_ms if name == "median" else run.p95_ms
            tip = f"{run.connections} connections: {run.qps:g} answers/s, {name} {latency:g} ms"
            parts.append(f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"><title>{escape(tip)}</title></circle>')
    legend = _WIDTH - _RIGHT - 130
    parts += [
        f'<circle cx="{legend}" cy="16" r="4" fill="#1f6fc0"/><text x="{legend + 8}" y="20" fill="#222">median</text>',
        f'<circle cx="{legend + 70}" cy="16" r="4" fill="#c0561f"/>',
        f'<text x="{legend + 78}" y="20" fill="#222">95 %</text>',
        f'<text x="{_LEFT}" y="{_HEIGHT - 8}" fill="#555">answers a second (up: latency in ms)</text>',
        "</svg>",
    ]
    return "\n".join(parts)


def _nice(value: float) -> float:
    """Return a round number that is at least ``value``.

    >>> [_nice(0.3), _nice(7), _nice(1234)]
    [0.4, 8, 2000]
    """
    scale = 1.0
    while scale * 10 <= value:
        scale *= 10
    while scale > value > 0:
        scale /= 10
    for step in (1, 2, 4, 8, 10):
        if step * scale >= value:
            return round(step * scale, 6)
    return value
