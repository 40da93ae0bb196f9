"""LogView: live, bounded, filtered, and over when the service is."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing

import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.target import LogLine
from jupyter_mldeploy.widgets import LogView
from tests.patience import FACTOR
from tests.widgets.conftest import eventually


class Counting(LogView):
    """Counts how often it has looked."""

    looks = 0

    def _look(self) -> bool:
        more = super()._look()
        self.looks += 1
        return more


def test_new_lines_come_by_themselves_and_can_be_filtered(adder: Service) -> None:
    with closing(LogView(adder, poll_s=0.02)) as view:
        eventually(lambda: "ready to add" in view.text, "the first lines are there")
        adder.score()
        eventually(lambda: "adding (2, 3)" in view.text, "the request's lines come")
        view.filter = "READY"
        assert [line.split(" [")[0] for line in view.text.splitlines()] == ["ready to add"]
        view.filter, view.level = "", "error"
        assert "ready to add" not in view.text
        assert 'role="log"' in view.children[1].value


def test_only_the_last_lines_are_kept(adder: Service) -> None:
    for _ in range(10):
        adder.score()
    with closing(LogView(adder, lines=5, poll_s=0.02)) as view:
        eventually(lambda: view.count >= 5, "lines are read")
        assert len(view.text.splitlines()) == 5


def test_not_following_holds_still(adder: Service) -> None:
    with closing(LogView(adder, poll_s=0.02)) as view:
        eventually(lambda: view.count > 0, "lines are read")
        view.follow = False
        before = view.text
        adder.score()
        other = LogView(adder, poll_s=0.02)
        with closing(other):
            eventually(lambda: other.text.count("adding") > before.count("adding"), "another view sees the line")
        assert view.text == before
        view.follow = True
        eventually(lambda: view.text.count("adding") > before.count("adding"), "the line is caught up on")


def test_what_is_being_read_when_following_ends_is_not_shown(adder: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    read, reading, go_on = adder.log_lines, threading.Event(), threading.Event()
    with closing(Counting(adder, poll_s=0.02)) as view:
        eventually(lambda: view.count > 0, "lines are read")

        def slowly(cursor: str | None = None, limit: int = 5000) -> tuple[Sequence[LogLine], str]:
            found = read(cursor, limit)
            if found[0]:
                reading.set()
                assert go_on.wait(40 * FACTOR)
            return found

        monkeypatch.setattr(adder, "log_lines", slowly)
        adder.score()
        assert reading.wait(40 * FACTOR)
        view.follow = False
        before, count = view.text, view.count
        seen = view.looks
        go_on.set()
        eventually(lambda: view.looks > seen, "they are read")
        assert (view.text, view.count) == (before, count)
        view.follow = True
        eventually(lambda: view.text.count("adding") > before.count("adding"), "they are read again")


def test_text_of_a_log_is_never_markup(echo: Service) -> None:
    with closing(LogView(echo, poll_s=0.02)) as view:
        echo.score({"x": "<script>alert(1)</script>"})
        echo.request({}, headers={"x-client-request-id": "<img>"})
        eventually(lambda: "POST /score" in view.text, "the requests are logged")
        assert "<script>" not in view.children[1].value
        assert "<img>" not in view.children[1].value


def test_the_end_of_a_deleted_service_is_said(echo: Service) -> None:
    with closing(LogView(echo, poll_s=0.02)) as view:
        echo.delete()
        eventually(lambda: "deleted" in view.children[0].children[3].value, "the end is said")
