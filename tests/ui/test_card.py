"""Outputs of deployments: alive without a kernel, and only about what the server itself knows."""

from __future__ import annotations

import json
import shutil

import pytest
from playwright.sync_api import Locator

from .jupyter import CELL, LOAD, ROOT, Lab
from .page import LabPage, expect, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def live(where: Locator) -> Locator:
    return where.locator(".jp-mldeploy-Live")


@pytest.mark.slow
def test_the_quickstart_edit_swap_failure_and_a_card_without_a_kernel(page: LabPage, lab: Lab) -> None:
    shutil.copy(ROOT / "binder" / "quickstart.ipynb", lab.root / "quickstart.ipynb")
    page.open_notebook("quickstart.ipynb")
    for cell in ("train", "register", "deploy", "score"):
        page.run_cell(cell)
    first = live(page.cell("deploy"))
    expect(first).to_contain_text("revision 1")
    expect(first).to_contain_text("Healthy")
    expect(first).to_contain_text("http://")

    page.run_cell("swap")
    expect(live(page.cell("swap"))).to_contain_text("revision 2")
    expect(live(page.cell("deploy"))).to_contain_text("receipt of revision 1; revision 2 is live now")

    page.run_cell("fail")
    failed = page.cell("fail")
    expect(failed).to_contain_text("forest.pkl")
    expect(live(failed)).to_contain_text("revision 2")
    failed.get_by_role("button", name="Go to line 12").click()
    selected = page.page.evaluate(
        """() => {
          const editor = window.jupyterapp.shell.currentWidget.content.activeCell.editor;
          const { start, end } = editor.getSelection();
          return editor.getLine(start.line).slice(start.column, end.column);
        }"""
    )
    assert "forest.pkl" in selected

    page.save()
    page.page.evaluate(
        """async () => {
          const { sessionContext } = window.jupyterapp.shell.currentWidget.context;
          await sessionContext.shutdown();
        }"""
    )
    live(page.cell("swap")).get_by_role("button", name="Roll back").click()
    expect(live(page.cell("swap"))).to_contain_text("revision 4")  # the one that failed has number 3
    assert lab.workspace.service("diabetes").record.live_revision == 4
    lab.workspace.service("diabetes").stop()
    expect(live(page.cell("swap"))).to_contain_text("Stopped")


def test_a_reopened_notebook_has_live_cards_that_act(page: LabPage, lab: Lab, name: str) -> None:
    write_notebook(lab.root / f"{name}.ipynb", {"load": LOAD, "deploy": CELL.format(name=name, factor=2)})
    page.open_notebook(f"{name}.ipynb")
    page.run_cell("load")
    page.run_cell("deploy")
    expect(live(page.cell("deploy"))).to_contain_text("Healthy")
    page.save()
    lab.workspace.service(name).stop()

    page.open(f"{name}.ipynb", workspace="again")
    page.page.locator(".jp-Notebook:visible").wait_for()
    card = live(page.cell("deploy"))
    expect(card).to_contain_text("Stopped")
    card.get_by_role("button", name="Start").click()
    expect(card).to_contain_text("Healthy")
    assert page.axe(".jp-mldeploy-Card") == []
    card.get_by_role("button", name="Logs").click()
    details = page.page.locator(f'.jp-mldeploy-Details[data-mldeploy-service="{name}"]')
    expect(details.get_by_role("heading", name=name)).to_be_visible()


def test_a_script_that_cannot_work_is_repaired_from_its_card(page: LabPage, lab: Lab, name: str) -> None:
    """By mouse: to the line, and the linter's own fix, which a check of the cell as it is now has to offer."""
    broken = CELL.format(name=name, factor="model").replace("def init():", "def init():\n    model = 3")
    write_notebook(lab.root / f"{name}.ipynb", {"load": LOAD, "deploy": broken})
    page.open_notebook(f"{name}.ipynb")
    page.run_cell("load")
    page.run_cell("deploy")
    cell = page.cell("deploy")
    findings = cell.get_by_role("list", name="Findings in the entry script")
    assert page.axe(".jp-mldeploy-Card") == []
    findings.get_by_role("button", name="Go to line 5").click()
    line = """() => {
      const { editor } = window.jupyterapp.shell.currentWidget.content.activeCell;
      return editor.getLine(editor.getSelection().start.line);
    }"""
    assert page.page.evaluate(line) == "    model = 3"
    findings.get_by_role("button", name="Declare model global in init()").click()
    expect(cell.get_by_text("Done: Declare model global in init(). Run the cell again.")).to_be_visible()
    findings.get_by_role("button", name="Declare model global in init()").click()
    expect(cell.get_by_text("has nothing to do any more")).to_be_visible()
    page.run_cell("deploy")
    expect(live(page.cell("deploy"))).to_contain_text("Healthy")


def test_a_card_from_elsewhere_is_a_receipt_and_nothing_else(page: LabPage, lab: Lab, name: str) -> None:
    """The identity decides: a service of the same name is another one, and the output's text is never trusted."""
    lab.deploy(name)
    path = lab.root / f"{name}.ipynb"
    write_notebook(path, {"card": "1"})
    notebook = json.loads(path.read_text())
    forged = {"uid": "0" * 32, "name": name, "target": "local"}
    notebook["cells"][0] |= {
        "execution_count": 1,
        "outputs": [
            {
                "output_type": "display_data",
                "metadata": {},
                "data": {
                    "application/vnd.mldeploy+json": {
                        "version": 1, "kind": "deployment", "service": forged, "state": "Healthy", "revision": 1,
                        "scoring_uri": "http://attacker.example/score",
                    },
                    "text/html": "<section>saved receipt<img src=x onerror='window.hacked = 1'></section>",
                    "text/plain": "saved receipt",
                },
            }
        ],
    }  # fmt: skip
    path.write_text(json.dumps(notebook))
    page.open(f"{name}.ipynb")
    card = page.page.locator(".jp-mldeploy-Card")
    expect(card).to_contain_text("Not in the workspace of this Jupyter server")
    expect(card.get_by_role("button")).to_have_count(0)
    expect(card).not_to_contain_text("attacker.example")
    card.locator("summary").click()
    expect(card).to_contain_text("saved receipt")
    assert page.page.evaluate("() => window.hacked") is None
