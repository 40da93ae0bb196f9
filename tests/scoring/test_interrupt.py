"""Interrupting a call: the one that is meant, and no other."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

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


def test_what_is_under_way_to_another_thread_is_taken_back_when_its_call_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[tuple[int, type[BaseException] | None]] = []
    monkeypatch.setattr("jupyter_mldeploy.scoring.interrupt._raise_in", lambda *order: raised.append(order))
    slot, first = Slot(), call()
    slot.ident = threading.get_ident() + 1
    slot.current = first
    assert interrupt(slot, first, 1.0)
    slot.end()
    slot.current = call()
    slot.end()
    assert raised == [(slot.ident, ScoringTimeout), (slot.ident, None)]


def test_a_thread_goes_on_after_an_interruption() -> None:
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
