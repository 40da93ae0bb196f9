"""Findings of the linter in cells and files: marks, tooltips, fixes by mouse and by keyboard."""

from __future__ import annotations

import contextlib
import json
import time
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Request

from tests.patience import FACTOR

from .page import LabPage, expect, write_notebook

pytestmark = pytest.mark.browser

#: `model` is no global (MLD301, an error); `np` and `factor` come from another cell (MLD307).
CELL = """\
%%deploy emoji-😀
import json

def init():
    model = "😀"

def run(data):
    return [json.loads(data), np.pi, factor, model]"""
OTHER = "import numpy as np\nfactor = 3"
MARKS = ".cm-lintRange.jp-mldeploy-mark"


@pytest.fixture
def sent(page: LabPage) -> list[dict[str, object]]:
    """The lint requests of the page, in order."""
    found: list[dict[str, object]] = []

    def hear(request: Request) -> None:
        if request.url.partition("?")[0].endswith("/mldeploy/api/v1/lint"):
            found.append(json.loads(request.post_data or "{}"))

    page.page.on("request", hear)
    return found


def open_cells(page: LabPage, **cells: str) -> None:
    path = f"findings-{uuid4().hex[:8]}.ipynb"
    write_notebook(page.lab.root / path, cells)
    page.open(path, workspace=path.removesuffix(".ipynb"))
    page.page.wait_for_function(
        """ids => {
          const shown = window.jupyterapp.shell.currentWidget?.content?.widgets ?? [];
          return ids.every(id => shown.some(cell => cell.model?.id === id));
        }""",
        arg=list(cells),
    )


def error_of(cell: Locator) -> Locator:
    return cell.locator(f"{MARKS}-error")


def hover_until_in_sight(cell: Locator, tooltip: Locator) -> None:
    """Hover over the finding. While a theme's stylesheet comes, CodeMirror may place the tooltip out of sight."""
    deadline = time.monotonic() + 60 * FACTOR
    while time.monotonic() < deadline:
        cell.locator(".cm-line").first.hover()
        expect(tooltip).to_have_count(0)
        error_of(cell).hover()
        with contextlib.suppress(AssertionError):
            expect(tooltip).to_be_in_viewport(ratio=1, timeout=3000)
            return
    raise AssertionError("the tooltip is not in sight")


def test_a_finding_is_underlined_explained_and_fixed_by_click(page: LabPage) -> None:
    open_cells(page, other=OTHER, deployed=CELL)
    cell = page.cell("deployed")
    expect(error_of(cell)).to_have_text("model")
    tooltip = page.page.locator(".jp-mldeploy-Finding")
    for theme in ("JupyterLab Dark High Contrast", "JupyterLab Dark", "JupyterLab Light"):
        page.theme(theme)
        hover_until_in_sight(cell, tooltip)
        expect(tooltip).to_contain_text("Error")
        expect(tooltip).to_contain_text("model")
        assert page.axe(".jp-mldeploy-Findings") == []
    tooltip.get_by_role("button", name="MLD301").click()
    rule = page.page.locator(".jp-mldeploy-Rule")
    expect(rule.get_by_role("heading", level=1)).to_contain_text("MLD301")
    expect(rule).to_contain_text("NameError")
    hover_until_in_sight(cell, tooltip)
    tooltip.get_by_role("button", name="global").click()
    expect(error_of(cell)).to_have_count(0)
    page.command("application:close")  # the rule's page
    page.page.wait_for_function("() => window.jupyterapp.shell.currentWidget?.content?.widgets !== undefined")
    assert "def init():\n    global model\n    model" in page.source("deployed")


def test_findings_are_reached_read_and_fixed_by_keyboard(page: LabPage) -> None:
    open_cells(page, other=OTHER, deployed=CELL)
    cell = page.cell("deployed")
    expect(error_of(cell)).to_be_visible()
    cell.locator(".cm-line").first.click()
    # What a screen reader is given stands there for a moment only.
    page.page.evaluate(
        """() => {
          window.said = '';
          new MutationObserver(records => {
            for (const { target } of records) {
              if (target.className === 'cm-announced') window.said += target.textContent;
            }
          }).observe(document.body, { childList: true, subtree: true });
        }"""
    )
    page.page.keyboard.press("F8")
    tooltip = page.page.locator(".jp-mldeploy-Finding")
    expect(tooltip).to_contain_text("MLD301")
    page.page.wait_for_function("() => /^Error: .*MLD301/.test(window.said)")
    page.page.keyboard.press("Control+.")
    menu = page.page.get_by_role("menu").filter(has_text="Apply all safe fixes")
    expect(menu.get_by_role("menuitem").first).to_contain_text("global")
    page.page.keyboard.press("Enter")
    expect(error_of(cell)).to_have_count(0)
    assert "global model" in page.source("deployed")
    # The keyboard is back in the text, and undo takes the fix away again.
    page.page.keyboard.press("Control+z")
    expect(error_of(cell)).to_be_visible()
    assert page.source("deployed") == CELL
    page.page.keyboard.press("F8")
    page.page.keyboard.press("Control+.")
    expect(menu).to_be_visible()
    page.page.keyboard.press("Escape")
    page.page.keyboard.press("Shift+F8")
    expect(tooltip).to_have_count(1)


def test_names_of_other_cells_are_known_and_follow_them(page: LabPage, sent: list[dict[str, object]]) -> None:
    open_cells(page, other=OTHER, deployed=CELL)
    cell = page.cell("deployed")
    expect(error_of(cell)).to_have_count(1)  # names of other cells are hints (MLD307), no errors (MLD306)
    assert sent[-1]["cells"] == [OTHER]
    page.set_cell("other", "import numpy as np")
    cell.locator(".cm-line").nth(3).click()
    expect(error_of(cell).filter(has_text="factor")).to_be_visible()
    assert sent[-1]["cells"] == ["import numpy as np"]
    with page.page.expect_request(lambda request: request.url.partition("?")[0].endswith("/lint")) as asked:
        page.page.keyboard.type("!")
    body = json.loads(asked.value.post_data or "{}")
    assert body["cell_names"] == ["np"]
    assert "cells" not in body


def test_other_cells_cost_nothing(page: LabPage, sent: list[dict[str, object]]) -> None:
    open_cells(
        page, plain="def init():\n    model = 1\n\ndef run(data):\n    return model", timed="%%time\nnp", later="1"
    )
    for name in ("plain", "timed"):
        page.cell(name).locator(".cm-line").last.click()
        page.page.keyboard.type(" + undefined")
    assert page.page.locator(".jp-mldeploy-checked").count() == 0
    # A cell that becomes one is checked from then on, and no longer when it ceases to be one.
    page.set_cell("later", CELL)
    expect(error_of(page.cell("later"))).to_have_count(3)
    assert {str(body["text"])[:8] for body in sent} == {"%%deploy"}
    page.set_cell("later", CELL.replace("%%deploy", "%%time"))
    expect(page.cell("later").locator(MARKS)).to_have_count(0)
    expect(page.page.locator(".jp-mldeploy-checked")).to_have_count(0)


def test_typing_leaves_one_request_and_the_newest_findings(page: LabPage, sent: list[dict[str, object]]) -> None:
    open_cells(page, deployed=CELL)
    cell = page.cell("deployed")
    expect(error_of(cell)).to_have_count(3)
    # Faster than any hand, so that a busy machine does not make pauses of its own between the keys.
    page.page.evaluate(
        """text => {
          const { content } = window.jupyterapp.shell.currentWidget;
          const { editor } = content.widgets.find(cell => cell.model.id === 'deployed').editor;
          let at = editor.state.doc.line(4).to;
          for (const key of text) {
            editor.dispatch({ changes: { from: at, insert: key }, userEvent: 'input.type' });
            at += key.length;
          }
        }""",
        "  # " + "x" * 40 + "\n    global model",
    )
    expect(error_of(cell).filter(has_text="model")).to_have_count(0)
    newest = page.source("deployed")
    assert "x" * 40 + "\n    global model\n" in newest
    assert [body["text"] for body in sent if body["text"] != CELL] == [newest]


def test_an_entry_script_in_the_text_editor(page: LabPage, sent: list[dict[str, object]]) -> None:
    name = f"score_{uuid4().hex[:8]}"
    text = (
        "import joblib\n\ndef init():\n    model = joblib.load('m')\n\ndef run(data):\n    return model.predict(data)\n"
    )
    (page.lab.root / f"{name}.py").write_text(text)
    page.open(f"{name}.py", workspace=name)
    mark = page.page.locator(f".jp-FileEditor {MARKS}-error")
    expect(mark).to_have_text("model")
    assert sent[-1]["path"] == f"{name}.py"
