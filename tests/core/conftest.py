"""Time for the tests of the core."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.patience import give_time


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Many of them start processes."""
    give_time(items, Path(__file__).parent, 120)
