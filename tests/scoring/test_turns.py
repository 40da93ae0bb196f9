"""Threads that share one core do not interrupt each other."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.scoring.worker_process import PLAIN, serving

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="scheduling classes are Linux's")

SCRIPT = """
import os

{head}run(data):
    return [os.sched_getscheduler(int(item)) for item in os.listdir("/proc/self/task")]
"""


@pytest.mark.parametrize("head", ["def ", "async def "])
@pytest.mark.parametrize("cores", [1, 2])
def test_threads_of_one_core_wait_for_their_turn(tmp_path: Path, head: str, cores: int) -> None:
    own = os.sched_getaffinity(0)
    if len(own) < cores:
        pytest.skip("there is one core")
    os.sched_setaffinity(0, sorted(own)[:cores])
    try:
        with serving(tmp_path, PLAIN + SCRIPT.format(head=head)) as worker:
            found = worker.ask("POST", "/score", "x").json()
    finally:
        os.sched_setaffinity(0, own)
    assert set(found) == {os.SCHED_BATCH if cores == 1 else os.SCHED_OTHER}
