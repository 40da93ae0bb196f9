"""The process that is forked ahead of the next worker: who gets it, and that nothing depends on it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .supervised import Supervised, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere workers are not forked")

#: Says which worker answers, whether a module was there before the script, and what its generators draw first.
SCRIPT = (
    "import os, random, sys\nthere = 'wave' in sys.modules\n"
    "def init(): pass\ndef run(text): return os.getpid(), there, random.random()\n"
)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Supervised]:
    found = Supervised(tmp_path)
    yield found
    found.clean()


def spare_of(service: Supervised, *, other_than: int = 0) -> int:
    """Wait for the spare and return its pid."""

    def look() -> int:
        parents = service.status()["warm_parents"]
        found = int(parents[-1]["spare"]) if parents else 0
        return found if found != other_than else 0

    return int(wait_for(look, "a spare"))


def test_the_next_revision_gets_the_spare_and_another_one_is_made(service: Supervised) -> None:
    service.start(SCRIPT)
    first = spare_of(service)
    service.swap(SCRIPT)
    assert service.workers()[0]["pid"] == first
    assert service.ask()[1].startswith(f"({first}, False, ")
    second = spare_of(service, other_than=first)
    service.swap(SCRIPT)
    assert service.workers()[0]["pid"] == second


def test_the_worker_that_replaces_a_killed_one_was_the_spare(service: Supervised) -> None:
    service.start(SCRIPT)
    spare = spare_of(service)
    os.kill(service.workers()[0]["pid"], signal.SIGKILL)
    wait_for(lambda: [worker["pid"] for worker in service.workers()] == [spare], "the replacement")
    assert service.ask()[0] == 200


def test_of_several_workers_the_first_gets_it_and_the_others_are_forked(service: Supervised) -> None:
    service.start(SCRIPT, workers=1)
    spare = spare_of(service)
    service.swap(SCRIPT, workers=3)
    pids = [worker["pid"] for worker in service.workers()]
    assert pids.count(spare) == 1
    assert len(set(pids)) == 3


def test_a_killed_spare_is_not_missed(service: Supervised) -> None:
    service.start(SCRIPT)
    spare = spare_of(service)
    os.kill(spare, signal.SIGKILL)
    service.swap(SCRIPT)
    assert service.ask()[0] == 200
    assert service.workers()[0]["pid"] != spare
    assert spare_of(service, other_than=spare)


def test_a_spare_that_hangs_is_not_waited_for(service: Supervised) -> None:
    service.start(SCRIPT)
    spare = spare_of(service)
    os.kill(spare, signal.SIGSTOP)  # as one that is just being killed: its end of the line still takes the launch
    service.swap(SCRIPT)
    assert service.ask()[0] == 200
    assert service.workers()[0]["pid"] != spare
    wait_for(lambda: spare not in [pid for pid, _ in service.processes()], "the end of the one that hangs")


def test_a_spare_that_lacks_an_import_is_let_go(service: Supervised) -> None:
    service.start(SCRIPT)
    spare = spare_of(service)
    service.swap(SCRIPT, imports=["wave"])
    assert service.workers()[0]["pid"] != spare
    assert ", True, " in service.ask()[1]
    wait_for(lambda: spare not in [pid for pid, _ in service.processes()], "the end of the old spare")


def test_a_spare_counts_as_memory_and_does_not_outlive_the_service(service: Supervised) -> None:
    service.start(SCRIPT)
    spare = spare_of(service)
    assert spare in [pid for pid, _ in service.processes()]
    assert service.status()["warm_parents"][-1]["memory_bytes"] > 0
    os.kill(service.status()["pid"], signal.SIGKILL)
    service.hang_up()
    wait_for(lambda: not service.processes(), "the end of all processes")
