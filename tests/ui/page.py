"""A JupyterLab page, driven as people do: by what is written on it, by mouse and by keyboard."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Error, Locator, Page, Route, expect

from tests.patience import FACTOR

from .jupyter import ROOT, TOKEN, Lab

#: Milliseconds to wait for something to appear; two cores are shared by Lab, kernel, service and browser.
PATIENCE = 60_000 * FACTOR

#: Whether the document of a path is the current one; a Launcher that comes late takes the focus from it.
_IN_FRONT = """path => {
  const { shell } = window.jupyterapp;
  const own = [...shell.widgets('main')].find(widget => widget.context?.path === path);
  if (own !== undefined && shell.currentWidget !== own) {
    shell.activateById(own.id);
  }
  return own !== undefined && shell.currentWidget === own;
}"""
_KERNEL_IDLE = """() => {
  const context = window.jupyterapp?.shell.currentWidget?.context?.sessionContext;
  const kernel = context?.session?.kernel;
  return kernel?.connectionStatus === 'connected' && kernel.status === 'idle' && !context.pendingInput;
}"""


class LabPage:
    """One tab of the browser with JupyterLab in it."""

    def __init__(self, page: Page, lab: Lab) -> None:
        self.page = page
        self.lab = lab
        self.errors: list[str] = []
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", self._note)
        # JupyterLab says so when a stylesheet of its own comes late from a busy machine, in the way of the mouse.
        late = page.get_by_role("dialog", name=re.compile("^Error Loading Theme"))
        page.add_locator_handler(late, lambda: page.keyboard.press("Escape"))

    def _note(self, error: Error) -> None:
        """Keep an uncaught error of ours; JupyterLab has some of its own when its server goes away."""
        if "jupyter-mldeploy" in (error.stack or ""):
            self.errors.append(error.stack or str(error))

    def lose_questions(self) -> set[str]:
        """Lose what is asked of the extension's API, each question the first time, as a changing network does.

        Returns:
            The paths below the API that were lost, as they come.
        """
        lost: set[str] = set()

        def lose(route: Route) -> None:
            path = route.request.url.split("/api/v1/")[1].split("?")[0]
            if path not in lost and (route.request.method == "GET" or path == "plan"):
                lost.add(path)
                route.abort("connectionreset")
            else:
                route.continue_()

        self.page.route("**/mldeploy/api/v1/**", lose)
        return lost

    def open(self, path: str = "", workspace: str = "test", *, reset: bool = True) -> LabPage:
        """Open Lab, with a file when ``path`` names one, and wait until it has started."""
        tree = f"/tree/{path}" if path else ""
        query = f"token={TOKEN}" + ("&reset" if reset else "")
        self.page.goto(f"{self.lab.url}lab/workspaces/{workspace}{tree}?{query}")
        self.page.wait_for_function("() => window.jupyterapp !== undefined")
        self.page.evaluate("async () => { await window.jupyterapp.restored; }")
        if path:
            self.page.wait_for_function(_IN_FRONT, arg=path)
        else:
            self.page.locator(".jp-Launcher").wait_for()  # it takes the focus when it comes
        return self

    def open_notebook(self, path: str, workspace: str = "test") -> LabPage:
        """Open Lab with a notebook and wait for its kernel."""
        self.open(path, workspace)
        self.page.locator(".jp-Notebook:visible").wait_for()
        self.kernel_idle()
        return self

    def kernel_idle(self) -> None:
        """Wait until the kernel of the open notebook is connected and has nothing to do."""
        self.page.wait_for_function(_KERNEL_IDLE)

    def command(self, name: str, /, **arguments: Any) -> None:
        """Begin a command; what it does is waited for by what it shows."""
        self.page.evaluate(
            "([name, args]) => { void window.jupyterapp.commands.execute(name, args); }", [name, arguments]
        )

    def run_cell(self, cell_id: str) -> None:
        """Select a cell by its id and run it; it has ended when this returns."""
        self.page.evaluate(
            """id => {
              const notebook = window.jupyterapp.shell.currentWidget.content;
              notebook.activeCellIndex = notebook.widgets.findIndex(cell => cell.model.id === id);
              notebook.deselectAll();
              notebook.activeCell.model.sharedModel.execution_count = null;
            }""",
            cell_id,
        )
        self.command("notebook:run-cell")
        self.page.wait_for_function(
            """id => {
              const notebook = window.jupyterapp.shell.currentWidget.content;
              const model = notebook.widgets.find(cell => cell.model.id === id).model;
              return model.executionCount !== null && model.executionState !== 'running';
            }""",
            arg=cell_id,
        )
        self.kernel_idle()

    def set_cell(self, cell_id: str, source: str) -> None:
        """Replace a cell's text."""
        self.page.evaluate(
            """([id, source]) => {
              const notebook = window.jupyterapp.shell.currentWidget.content;
              notebook.widgets.find(cell => cell.model.id === id).model.sharedModel.setSource(source);
            }""",
            [cell_id, source],
        )

    def source(self, cell_id: str) -> str:
        """Return a cell's text."""
        return str(
            self.page.evaluate(
                """id => window.jupyterapp.shell.currentWidget.content.widgets
                     .find(cell => cell.model.id === id).model.sharedModel.getSource()""",
                cell_id,
            )
        )

    def cell(self, cell_id: str) -> Locator:
        """Return a cell of the open notebook, scrolled into view."""
        # A notebook that has just been opened again has no cells yet.
        self.page.wait_for_function(
            "id => window.jupyterapp.shell.currentWidget?.content.widgets?.some(cell => cell.model.id === id)",
            arg=cell_id,
        )
        index = self.page.evaluate(
            """async id => {
              const notebook = window.jupyterapp.shell.currentWidget.content;
              const index = notebook.widgets.findIndex(cell => cell.model.id === id);
              // Something else may scroll as well; then it rejects, and the cell comes into view by being used.
              await notebook.scrollToItem(index, 'center').catch(() => undefined);
              return index;
            }""",
            cell_id,
        )
        return self.page.locator(f'.jp-Notebook:visible .jp-Cell[data-windowed-list-index="{index}"]')

    def save(self) -> None:
        """Save the open notebook."""
        self.page.evaluate("async () => { await window.jupyterapp.shell.currentWidget.context.save(); }")

    def theme(self, name: str) -> None:
        """Change to ``JupyterLab Light``, ``JupyterLab Dark`` or ``JupyterLab Dark High Contrast``."""
        self.page.evaluate(
            "async name => { await window.jupyterapp.commands.execute('apputils:change-theme', { theme: name }); }",
            name,
        )
        self.page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=name)

    def axe(self, within: str) -> list[dict[str, Any]]:
        """Return what axe-core finds serious or critical in an element."""
        self.page.add_script_tag(path=ROOT / "node_modules" / "axe-core" / "axe.min.js")
        found = self.page.evaluate(
            "async where => (await axe.run(where, { resultTypes: ['violations'] })).violations", within
        )
        return [
            {"id": item["id"], "impact": item["impact"], "where": [node["html"] for node in item["nodes"]]}
            for item in found
            if item["impact"] in {"serious", "critical"}
        ]

    def screenshot(self, path: Path) -> None:
        """Save a picture of the page."""
        self.page.screenshot(path=path)


def write_notebook(path: Path, cells: dict[str, str]) -> None:
    """Write a notebook with code cells: id → text."""
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "cells": [
            {"cell_type": "code", "id": name, "source": source, "metadata": {}, "outputs": [], "execution_count": None}
            for name, source in cells.items()
        ],
    }
    path.write_text(json.dumps(notebook), encoding="utf-8")


__all__ = ["PATIENCE", "LabPage", "expect", "write_notebook"]
