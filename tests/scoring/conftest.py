"""Time for the tests of the scoring server: they start processes, and wait for each of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.patience import give_time


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    give_time(items, Path(__file__).parent, 120)
