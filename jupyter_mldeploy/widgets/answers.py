"""Answers of an endpoint as HTML: status, time, headers, body; and many of them as a histogram."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..core.probe import Answer

_LONGEST = 20_000
_BARS = 24


def answer_html(answer: Answer) -> str:
    """Return one answer; its body is shown as JSON where it is JSON, as text or as a size otherwise."""
    sign, word = ("✓", "OK") if answer.ok else ("✗", "Failed")
    headers = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td><code>{escape(value)}</code></td></tr>"
        for name, value in sorted(answer.headers.items())
    )
    log = escape("\n".join(answer.explanation))
    pre = '<pre style="max-height:20em;overflow:auto;white-space:pre-wrap">'
    return (
        f'<div role="status"><b>{sign} {answer.status} {word}</b> in {answer.seconds * 1000:.1f} ms, '
        f"{len(answer.body):,} bytes</div>{pre}{escape(body_text(answer))}</pre>"
        f"{f'<b>What the log says</b>{pre}{log}</pre>' if log else ''}"
        f"<details><summary>Headers</summary><table>{headers}</table></details>"
    )


def body_text(answer: Answer) -> str:
    """Return an answer's body as text to show, cut where it is long."""
    kind = answer.headers.get("content-type", "").split(";")[0].strip()
    if kind.endswith("json"):
        try:
            text = json.dumps(answer.json(), indent=1, ensure_ascii=False)
        except ValueError:
            text = answer.text
    elif kind.startswith("text/") or not answer.body:
        text = answer.text
    else:
        return f"{len(answer.body):,} bytes of {kind or 'unknown type'}"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n… ({len(text):,} characters)"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile of ``values`` (not empty), ``share`` from 0 to 1."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def histogram_html(seconds: Sequence[float], failed: int) -> str:
    """Return the times of a burst as a histogram with p50 and p95; readable without the picture."""
    if not seconds:
        return f"<b>✗ all {failed} requests failed</b>"
    times = [value * 1000 for value in seconds]
    p50, p95, low, high = percentile(times, 0.5), percentile(times, 0.95), min(times), max(times)
    width = (high - low) / _BARS or 1.0
    counts = [0] * _BARS
    for value in times:
        counts[min(_BARS - 1, int((value - low) / width))] += 1
    heights = [58 * count / max(counts) for count in counts]
    bars = "".join(
        f'<rect x="{12 * place}" y="{60 - height:.1f}" width="10" height="{height:.1f}"/>'
        for place, height in enumerate(heights)
    )
    text = f"{len(times)} answers, {failed} failed: p50 {p50:.1f} ms, p95 {p95:.1f} ms, {low:.1f} to {high:.1f} ms"
    return (
        f'<svg role="img" aria-label="{text}" width="{12 * _BARS}" height="62" fill="currentColor">{bars}'
        f'<line x1="0" x2="{12 * _BARS}" y1="61" y2="61" stroke="currentColor"/></svg><div>{text}</div>'
    )
