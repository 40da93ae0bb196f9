"""TestPanel: what is entered is what is sent."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

import ipywidgets as w
import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.widgets import TestPanel
from tests.widgets.conftest import done


def texts(panel: TestPanel) -> list[w.Text]:
    """Return the cells and fields of the form, in order of appearance."""
    found: list[w.Text] = []

    def walk(widget: w.Widget) -> None:
        if isinstance(widget, w.Text):
            found.append(widget)
        for child in getattr(widget, "children", ()):
            walk(child)

    walk(panel.children[1].children[0])
    return found


def button(widget: w.Widget, text: str) -> w.Button:
    """Return the button that says ``text``."""
    if isinstance(widget, w.Button) and widget.description == text:
        return widget
    for child in getattr(widget, "children", ()):
        try:
            return button(child, text)
        except LookupError:
            continue
    raise LookupError(text)


@pytest.fixture
def panel(adder: Service):
    with closing(TestPanel(adder)) as made:
        assert done(made)
        assert made.error == ""
        yield made


def test_the_form_shows_the_sample_and_sends_it(panel: TestPanel) -> None:
    assert panel.payload["data"] == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert [cell.value for cell in texts(panel)] == [
        "1.0", "2.0", "3.0", "4.0", "5.0", "6.0", "30", "Bern", "40", "Oslo", "2.0",
    ]  # fmt: skip
    button(panel, "Send").click()
    assert done(panel)
    assert panel.answer.json() == [42.0, ["Bern", "Oslo"], 70]
    assert "200 OK" in panel.children[4].value


def test_cells_and_fields_change_the_request(panel: TestPanel) -> None:
    seen: list[object] = []
    panel.observe(lambda change: seen.append(change["new"]["data"][0][0]), "payload")
    cells = texts(panel)
    cells[0].value = "10"
    cells[7].value = "Basel"
    cells[10].value = "0.5"
    assert cells == texts(panel), "what has the cursor is not replaced"
    panel.submit()
    assert done(panel)
    assert panel.answer.json() == [15.0, ["Basel", "Oslo"], 70]
    assert seen[-1] == 10


def test_rows_are_added_and_removed(panel: TestPanel) -> None:
    grid = panel.children[1].children[0].children[0].children[1]
    button(grid, "Row").click()
    assert panel.payload["data"] == [[1, 2, 3], [4, 5, 6], [4, 5, 6]]
    panel.submit()
    assert done(panel)
    assert panel.answer.json()[0] == 72.0


def test_a_cell_that_is_no_number_is_named_and_nothing_is_sent(panel: TestPanel) -> None:
    texts(panel)[4].value = "five"
    assert panel.error == "data: row 2: 'five' is not a number"
    panel.submit()
    assert done(panel)
    assert panel.answer is None


def test_raw_json_and_the_form_are_two_views_of_one_request(panel: TestPanel) -> None:
    raw = panel.children[1].children[1]
    raw.value = '{"data": [[1, 1, 1]], "frame": [{"age": 1, "city": "Rom"}], "factor": 3}'
    assert [cell.value for cell in texts(panel)] == ["1", "1", "1", "1", "Rom", "3"]
    panel.submit()
    assert done(panel)
    assert panel.answer.json() == [9.0, ["Rom"], 1]
    raw.value = "{oops"
    assert panel.error.startswith("The request is not valid JSON")


def test_a_failing_run_shows_what_the_log_says(panel: TestPanel) -> None:
    panel.submit({**panel.payload, "factor": -1.0})
    assert done(panel)
    assert panel.answer.status == 500
    assert "factor is negative" in panel.children[4].value
    assert "✗ 500" in panel.children[4].value


def test_history_takes_an_earlier_request_again(panel: TestPanel) -> None:
    first = panel.payload
    panel.submit()
    assert done(panel)
    panel.submit({**first, "factor": 7.0})
    assert done(panel)
    assert [sent.payload["factor"] for sent in panel.history] == [7.0, 2.0]
    again = panel.children[2].children[2]
    again.value = 1
    assert panel.payload == first


def test_a_burst_shows_percentiles(panel: TestPanel) -> None:
    button(panel, "Burst of 50").click()
    assert done(panel)
    assert "50 answers, 0 failed: p50" in panel.children[5].value


def test_without_a_schema_json_and_files_are_sent(echo: Service) -> None:
    with closing(TestPanel(echo)) as panel:
        assert done(panel)
        panel.submit()
        assert panel.error == "There is no request yet: enter one as JSON, or choose a file."
        panel.children[1].children[1].value = '{"a": [1, null]}'
        panel.submit()
        assert done(panel)
        assert panel.answer.json() == '{"a": [1, null]}'
        upload = panel.children[1].children[2]
        file = {
            "name": "x.bin",
            "type": "",
            "size": 3,
            "content": memoryview(b"abc"),
            "last_modified": datetime.now(UTC),
        }
        upload.value = (file,)
        assert panel.payload == b"abc"
        panel.submit()
        assert done(panel)
        assert panel.answer.ok


def test_a_service_that_does_not_answer_is_an_error_not_an_exception(echo: Service) -> None:
    with closing(TestPanel(echo)) as panel:
        assert done(panel)
        echo.stop()
        panel.submit({"a": 1})
        assert done(panel)
        assert panel.error
        assert not button(panel, "Send").disabled
