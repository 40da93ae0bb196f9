"""The part Profile of the Test tab: a service is profiled on this machine; the work is found again and given up."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.patience import FACTOR

from .jupyter import SCRIPT, Lab
from .page import LabPage, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_a_service_is_profiled(page: LabPage, lab: Lab, name: str, tmp_path: Path) -> None:
    lab.deploy(name, SCRIPT.format(factor=2))
    page.open()
    page.command("mldeploy:open", name=name, tab="test")
    tab = page.page.locator(".jp-mldeploy-Test:visible")
    tab.get_by_label("Body of the request").fill('{"data": [1, 2]}')
    tab.get_by_text("Profile: how much").focus()
    page.page.keyboard.press("Enter")
    part = tab.get_by_role("region", name="Profile")
    part.get_by_label("Target").select_option("local")
    expect(part.get_by_text("Target local cannot limit CPU.")).to_be_visible()
    expect(part.get_by_label("CPU (cores)")).to_be_disabled()
    deadline = part.get_by_label("Deadline (s)")
    deadline.fill("0")
    run = part.get_by_role("button", name="Run profile")
    run.press("Enter")
    expect(part.get_by_role("alert")).to_contain_text("Deadline:")

    # One that is given up leaves nothing; one that runs to its end says what is needed.
    deadline.fill("60")
    run.press("Enter")
    part.get_by_role("button", name="Cancel the profile").click()
    expect(part.get_by_text("The profile was cancelled.")).to_be_visible()
    deadline.fill(str(int(30 * FACTOR)))
    run.press("Enter")
    expect(part.get_by_text("Recommended:")).to_be_visible()
    chart = part.get_by_role("img", name="Latency over load")
    expect(chart).to_be_visible()
    assert chart.evaluate("node => node.decode().then(() => node.naturalWidth)") > 0
    assert part.get_by_role("row").count() > 1
    assert page.axe(".jp-mldeploy-Test") == []
    page.screenshot(tmp_path / "profile.png")
    assert [item.name for item in lab.workspace.services() if item.name.startswith("profile-")] == []
