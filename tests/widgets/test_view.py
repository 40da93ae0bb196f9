"""View: what all views share."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import Any

from jupyter_mldeploy.widgets.view import View
from tests.patience import FACTOR
from tests.widgets.conftest import done, eventually


def test_work_that_begins_when_other_work_ends_is_waited_for() -> None:
    go_on = threading.Event()
    workers: list[threading.Thread] = []

    def work() -> None:
        workers.append(threading.current_thread())
        if len(workers) > 1:
            assert go_on.wait(60 * FACTOR)

    with closing(View()) as view:

        def again(change: dict[str, Any]) -> None:
            if not change["new"] and len(workers) < 2:
                view.run(work)

        view.observe(again, "busy")
        view.run(work)
        try:
            eventually(lambda: len(workers) == 2 and not workers[0].is_alive(), "only the second works")
            assert view.busy
            assert not view.wait(0)
        finally:
            go_on.set()
        assert done(view)
        assert not view.busy
