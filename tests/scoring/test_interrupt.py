"""Interrupting a call: the one that is meant, and no other."""

from __future__ import annotations

import threading
import time
from typing import Any

from jupyter_mldeploy.scoring.errors import ScoringTimeout
from jupyter_mldeploy.scoring.interrupt import Slot, interrupt


def call() -> list[Any]:
    return [object()]


def test_a_call_that_is_over_is_not_interrupted_nor_is_the_next() -> None:
    slot, first, second = Slot(), call(), call()
    slot.ident = threading.get_ident()
    slot.current = first
    slot.end()
    slot.current = second
    assert not interrupt(slot, first, 1.0)
    assert slot.current is second
    assert slot.interrupted == 0.0


def test_an_interruption_that_is_under_way_ends_with_its_call() -> None:
    """C code keeps it from arriving: that of a thread comes when the thread executes Python again."""
    slot, first = Slot(), call()
    begun, told = threading.Event(), threading.Lock()
    told.acquire()
    outcome: list[str] = []

    def work() -> None:
        slot.ident = threading.get_ident()
        slot.current = first
        begun.set()
        try:
            told.acquire()
            for _ in range(1000):
                time.sleep(0)
            outcome.append("not interrupted")
        except ScoringTimeout:
            outcome.append("interrupted")
        slot.end()
        for _ in range(1000):
            time.sleep(0)
        outcome.append("went on")

    thread = threading.Thread(target=work)
    thread.start()
    begun.wait(30)
    assert interrupt(slot, first, 1.0)
    told.release()
    thread.join(30)
    assert outcome == ["interrupted", "went on"]
    assert slot.target is None
