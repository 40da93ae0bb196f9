"""The language server in `%%deploy` cells, through jupyterlab-lsp."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from uuid import uuid4

import pytest
from playwright.sync_api import Locator
from playwright.sync_api import TimeoutError as NotYetError

from tests.patience import FACTOR

from .jupyter import JUPYTERLAB_LSP
from .page import LabPage, expect, write_notebook

pytest.importorskip("jupyterlab_lsp")

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

CELL = """\
%%deploy lsp-😀
import numpy as np
from inference_schema.schema_decorators import input_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType

def init():
    model = "😀"

@input_schema("data", NumpyParameterType(np.zeros((1, 4))))
def run(data):
    return [data.sum(), model]"""


MIDDLE_OF_DATA = """line => {
  const texts = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const at = texts.currentNode.data.indexOf('data');
    if (at >= 0) {
      const range = document.createRange();
      range.setStart(texts.currentNode, at);
      range.setEnd(texts.currentNode, at + 4);
      const box = range.getBoundingClientRect();
      return [box.x + box.width / 2, box.y + box.height / 2];
    }
  }
}"""


def open_with_language_servers(page: LabPage, path: str) -> None:
    """Open a notebook with jupyterlab-lsp and JupyterLab's language servers switched on.

    The switch is a setting of JupyterLab's, which it gives up where its plug-in takes seconds to start, as on a busy
    machine; the test is not about that, and turns what the setting turns.
    """
    with page.lab.enabled(JUPYTERLAB_LSP):
        page.open(path, workspace=path.removesuffix(".ipynb"))
    page.page.evaluate(
        """async () => {
          const plugins = window.jupyterapp.pluginRegistry._plugins;
          await plugins.get('@jupyterlab/lsp-extension:plugin').service.languageServerManager.enable();
        }"""
    )


def again_until_visible(found: Locator, act: Callable[[], object]) -> None:
    """Do something until it shows: jupyterlab-lsp forgets what it is asked before the server has read the cell."""
    deadline = time.monotonic() + 120 * FACTOR
    while time.monotonic() < deadline:
        if found.is_visible():
            return
        act()
        with contextlib.suppress(NotYetError):
            found.wait_for(timeout=15_000 * FACTOR)
            return
    pytest.fail(f"It is not shown, however often it is asked for: {found}")


def complete_at(page: LabPage, text: str) -> None:
    """Ask for completions at the end of a cell's text. What an earlier question has shown or inserted is gone first.

    Where there is nothing to close, Escape leaves the text, so that it is entered again.
    """
    page.page.keyboard.press("Escape")
    page.page.evaluate(
        """text => {
          const { content } = window.jupyterapp.shell.currentWidget;
          content.activeCellIndex = content.widgets.findIndex(cell => cell.model.id === 'deployed');
          content.mode = 'edit';
          const { editor } = content.activeCell.editor;
          const length = editor.state.doc.length;
          if (editor.state.doc.toString() !== text) {
            editor.dispatch({ changes: { from: 0, to: length, insert: text } });
          }
          editor.dispatch({ selection: { anchor: text.length } });
          editor.focus();
        }""",
        text,
    )
    page.page.keyboard.press("Tab")


def test_deploy_cells_get_hover_and_completion_and_each_finding_once(page: LabPage) -> None:
    path = f"lsp-{uuid4().hex[:8]}.ipynb"
    write_notebook(page.lab.root / path, {"other": "import numpy as np", "deployed": CELL})
    open_with_language_servers(page, path)
    cell = page.cell("deployed")
    expect(page.page.locator(".lsp-status-message")).to_have_text("Fully initialized")

    # The middle of the parameter, as it is on the screen; what comes above the cell moves it.
    place = cell.locator(".cm-line", has_text="def run(data):")

    def point() -> None:
        x, y = place.evaluate(MIDDLE_OF_DATA)
        page.page.mouse.move(x - 8, y)
        page.page.mouse.move(x, y)

    page.page.keyboard.down("Control")
    hover = page.page.locator(".lsp-hover")
    again_until_visible(hover, point)
    expect(hover).to_contain_text("ndarray float64 (n, 4)")
    page.page.keyboard.up("Control")

    # The server says nothing of its own about findings: each is there once, with its fixes.
    expect(cell.locator(".cm-lintRange-error")).to_have_count(1)
    expect(cell.locator(".cm-lintRange-error.jp-mldeploy-mark")).to_have_text("model")

    cell.locator(".cm-line").last.click()
    page.page.keyboard.press("End")
    page.page.keyboard.press("Enter")
    page.page.keyboard.type('os.environ["AZ')
    offered = page.page.locator(".jp-Completer-item", has_text="AZUREML_MODEL_DIR")
    text = page.source("deployed")
    assert text.endswith('os.environ["AZ')
    page.page.keyboard.press("Tab")
    with contextlib.suppress(NotYetError):
        offered.wait_for(timeout=15_000 * FACTOR)
    again_until_visible(offered, lambda: complete_at(page, text))
    expect(offered).to_be_visible()
