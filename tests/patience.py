"""How long tests wait: ``MLDEPLOY_TEST_PATIENCE`` times as long as on a machine that has nothing else to do."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

FACTOR = max(1.0, float(os.environ.get("MLDEPLOY_TEST_PATIENCE", "1")))

#: Seconds for tests that wait for others: for an engine that all keep busy, for one that has the cluster to itself.
SHARED = {"docker": 400.0, "kubernetes": 300.0}


def give_time(items: Iterable[pytest.Item], folder: Path, seconds: float) -> None:
    """Give the tests below a folder so many seconds at least, or what they share with others needs, times the factor.

    The limit is there to end what hangs. A test that waits for something says itself, before it, what it waited for.
    """
    for item in items:
        if item.path.is_relative_to(folder):
            marked = item.get_closest_marker("timeout")
            own = float(marked.args[0]) if marked is not None and marked.args else shared(item)
            item.add_marker(pytest.mark.timeout(max(seconds, own) * FACTOR), append=False)


def shared(item: pytest.Item) -> float:
    """Return the seconds that a test may take for what it shares with others; 0 when it shares nothing."""
    return next((seconds for name, seconds in SHARED.items() if item.get_closest_marker(name)), 0.0)
