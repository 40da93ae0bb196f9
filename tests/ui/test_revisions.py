"""The Revisions tab: two revisions side by side, and back to an earlier one."""

from __future__ import annotations

from pathlib import Path

import pytest

from .jupyter import SCRIPT
from .page import LabPage, expect

pytestmark = pytest.mark.browser


def test_revisions_are_compared_and_rolled_back(page: LabPage, name: str, tmp_path: Path) -> None:
    page.lab.deploy(name, SCRIPT.format(factor=2))
    page.lab.deploy(name, SCRIPT.format(factor=7))
    page.open()
    page.command("mldeploy:open", name=name, tab="revisions")
    tab = page.page.locator(".jp-mldeploy-Revisions")
    tab.get_by_role("button", name="Compare 1 with 2").click()
    comparison = page.page.locator(".jp-mldeploy-Comparison")
    expect(comparison.locator(".cm-merge-a .cm-changedText")).to_have_text("2")
    expect(comparison.locator(".cm-merge-b .cm-changedText")).to_have_text("7")
    assert page.axe(".jp-mldeploy-Comparison") == []
    page.screenshot(tmp_path / "diff.png")
    comparison.get_by_label("Environment").check()
    expect(comparison.locator(".cm-merge-a")).to_contain_text("python")
    expect(comparison.get_by_text("Schema (same)")).to_be_visible()

    page.command("mldeploy:open", name=name, tab="revisions")
    tab.get_by_role("button", name="Roll back to 1").click()
    expect(tab.locator('tr[data-revision="3"]')).to_contain_text("live")
    answer = page.lab.api(f"services/{name}/invoke", {"payload": {"data": [1]}})
    assert answer["body"]["json"] == [2]
    # By keyboard.
    tab.get_by_label("Compare revision 1", exact=True).focus()
    page.page.keyboard.press("Space")
    tab.get_by_role("button", name="Compare 1 with 3").press("Enter")
    expect(page.page.locator(".jp-mldeploy-Comparison:visible")).to_contain_text("(same)")
    page.command("mldeploy:open", name=name, tab="revisions")
    tab.get_by_role("button", name="Roll back to 2").press("Enter")
    expect(tab.locator('tr[data-revision="4"]')).to_contain_text("live")
    page.theme("JupyterLab Dark")
    assert page.axe(".jp-mldeploy-Revisions") == []
    page.theme("JupyterLab Light")
