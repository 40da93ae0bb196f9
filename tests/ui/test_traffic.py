"""The tab Traffic: a version from an earlier revision, its share, and back to one, by mouse and by keyboard."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.widgets.conftest import eventually

from .jupyter import SCRIPT, Lab
from .page import LabPage, expect, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_requests_are_divided_and_brought_together_again(page: LabPage, lab: Lab, name: str, tmp_path: Path) -> None:
    lab.deploy(name, SCRIPT.format(factor=2))
    lab.deploy(name, SCRIPT.format(factor=3))
    write_notebook(lab.root / f"{name}.ipynb", {"only": "1 + 1"})
    page.open(f"{name}.ipynb")
    page.page.locator(".jp-Notebook:visible").wait_for()
    page.command("mldeploy:open", name=name, tab="traffic")
    tab = page.page.locator(".jp-mldeploy-Traffic:visible")
    expect(tab.get_by_text("One revision gets all requests")).to_be_visible()
    tab.get_by_text("Add a version from an earlier revision").click()
    tab.get_by_label("Name").fill("before")
    tab.get_by_label("Revision").select_option("1")
    tab.locator("input[name=share]").fill("30")
    tab.get_by_role("button", name="Add", exact=True).press("Enter")
    rows = tab.get_by_role("row")
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_contain_text("r2")
    share = tab.get_by_label("Share of before in percent")
    expect(share).to_have_value("30")
    expect(rows.nth(1)).to_contain_text("70%")
    listed = page.page.locator(f'.jp-mldeploy-Service[data-mldeploy-service="{name}"]')
    page.command("mldeploy:show-panel")
    expect(listed).to_contain_text("r2 70% · before 30%")

    share.fill("130")
    expect(tab.get_by_role("button", name="Apply")).to_be_disabled()
    share.fill("100")
    share.press("Enter")
    eventually(lambda: lab.workspace.endpoint(name).versions()["before"].weight == 100, "the shares are applied")
    service = lab.workspace.service(name)
    assert [service.score({"data": [1]}) for _ in range(5)] == [[2]] * 5
    expect(rows.nth(2)).to_contain_text("5")
    page.screenshot(tmp_path / "traffic.png")

    # One version is asked by its name, whatever its share is.
    page.command("mldeploy:open", name=name, tab="test")
    test = page.page.locator(".jp-mldeploy-Test:visible")
    test.get_by_label("Text", exact=True).check()
    test.get_by_label("Body of the request").fill('{"data": [1]}')
    test.get_by_text("Ask one revision").click()
    expect(test.get_by_text("There are: r2, before.")).to_be_visible()
    for version, answer in (("r2", 3), ("before", 2)):
        test.get_by_label("Version, sent as the header azureml-model-deployment").fill(version)
        test.get_by_role("button", name="Send").click()
        expect(test.get_by_label("Body of the answer")).to_have_text(re.compile(rf"\s*\[\s*{answer}\s*\]\s*"))
    page.command("mldeploy:open", name=name, tab="traffic")
    assert page.axe(".jp-mldeploy-Traffic") == []

    tab.get_by_role("button", name="Serve alone").nth(1).click()
    expect(tab.get_by_text("One revision gets all requests")).to_be_visible()
    assert service.score({"data": [1]}) == [2]
