"""Notebook 7: the live card, the panel, the details beside the notebook, and the widgets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .jupyter import CELL, LOAD, TOKEN, Lab
from .page import LabPage, expect, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_cards_panels_and_widgets_in_notebook_7(
    start_lab: Callable[..., Lab], new_page: Callable[[Lab], LabPage], name: str
) -> None:
    lab = start_lab(app="notebook")
    cells = {"load": LOAD, "deploy": CELL.format(name=name, factor=2), "form": f"%deploy panel {name}"}
    write_notebook(lab.root / "one.ipynb", cells)
    page = new_page(lab)
    page.page.goto(f"{lab.url}notebooks/one.ipynb?token={TOKEN}")
    page.page.locator(".jp-Notebook:visible").wait_for()
    page.kernel_idle()
    page.run_cell("load")
    page.run_cell("deploy")
    card = page.page.locator(".jp-mldeploy-Live")
    expect(card).to_contain_text("Healthy")
    assert page.axe(".jp-mldeploy-Card") == []

    # The main area has room for the notebook alone: a service is shown beside it.
    card.get_by_role("button", name="Test").click()
    test = page.page.locator(".jp-mldeploy-Test:visible")
    test.get_by_label("Body of the request").fill('{"data": [4]}')
    test.get_by_role("button", name="Send", exact=True).click()
    expect(test.get_by_label("Body of the answer")).to_contain_text("8")
    page.command("mldeploy:show-panel")
    expect(page.page.locator(f'[role="row"][data-mldeploy-service="{name}"]')).to_contain_text("Healthy")
    page.command("mldeploy:deploy")
    expect(page.page.get_by_role("form", name="Deploy")).to_be_visible()

    # ipywidgets.
    page.run_cell("form")
    panel = page.page.locator(".jp-Notebook .jp-Cell").nth(2)
    panel.get_by_role("button", name="Stop").click()
    expect(card).to_contain_text("Stopped")
    assert lab.workspace.service(name).state == "Stopped"
