"""How long tests wait: ``MLDEPLOY_TEST_PATIENCE`` times as long as on a machine that has nothing else to do."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

FACTOR = max(1.0, float(os.environ.get("MLDEPLOY_TEST_PATIENCE", "1")))


def give_time(items: Iterable[pytest.Item], folder: Path, seconds: float) -> None:
    """Give the tests below a folder so many seconds at least, times the factor.

    The limit is there to end what hangs. A test that waits for something says itself, before it, what it waited for.
    """
    for item in items:
        if item.path.is_relative_to(folder):
            marked = item.get_closest_marker("timeout")
            longest = max(seconds, float(marked.args[0]) if marked is not None and marked.args else 0.0)
            item.add_marker(pytest.mark.timeout(longest * FACTOR), append=False)
