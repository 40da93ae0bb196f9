"""The Deployments panel and the details of a service, by mouse and by keyboard."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Locator

from .jupyter import SCRIPT, Lab
from .page import LabPage, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def row(page: LabPage, name: str) -> Locator:
    return page.page.locator(f'[role="row"][data-mldeploy-service="{name}"]')


def details(page: LabPage, name: str) -> Locator:
    return page.page.locator(f'.jp-mldeploy-Details[data-mldeploy-service="{name}"]')


def open_panel(page: LabPage) -> None:
    page.open()
    page.page.get_by_role("tab", name="Deployments").click()
    expect(page.page.get_by_role("heading", name="Deployments")).to_be_visible()


def score(lab: Lab, name: str) -> object:
    return lab.workspace.service(name).score(json.dumps({"data": [1]}))


def test_a_service_is_found_opened_and_looked_at(page: LabPage, lab: Lab, name: str) -> None:
    lab.deploy(name)
    lab.deploy(f"{name}-b")
    open_panel(page)
    expect(row(page, name)).to_contain_text("Healthy")
    expect(row(page, name)).to_contain_text("r1")
    page.page.get_by_role("searchbox").fill(f"{name}-b local")
    expect(row(page, name)).to_have_count(0)
    row(page, f"{name}-b").click()

    shown = details(page, f"{name}-b")
    expect(shown.get_by_role("heading", name=f"{name}-b")).to_be_visible()
    record = lab.workspace.service(f"{name}-b").record
    expect(shown.locator("header")).to_contain_text(str(record.scoring_uri))
    facts = shown.locator(".jp-mldeploy-Facts")
    expect(facts).to_contain_text("100% to")
    expect(facts).to_contain_text("sha256:")
    expect(facts).to_contain_text("MiB")
    shown.get_by_role("tab", name="Code").click()
    expect(shown.get_by_role("tabpanel")).to_contain_text(f"Workspace().service('{name}-b')")
    expect(shown.get_by_role("tabpanel")).to_contain_text("ready with")
    shown.get_by_role("tab", name="Schema").click()
    expect(shown.get_by_role("tabpanel")).to_contain_text("openapi")

    score(lab, f"{name}-b")
    shown.get_by_role("tab", name="Overview").click()
    expect(shown.locator(".jp-mldeploy-Sparkline")).to_contain_text("1 request")


def test_everything_can_be_done_by_keyboard(page: LabPage, lab: Lab, name: str) -> None:
    lab.deploy(name)
    lab.deploy(name, SCRIPT.format(factor=5))
    assert score(lab, name) == [5]
    page.open()
    keyboard = page.page.keyboard
    keyboard.press("Control+Alt+d")
    expect(page.page.get_by_role("searchbox")).to_be_focused()
    keyboard.type(name)
    expect(page.page.locator('[role="row"]')).to_have_count(1)
    keyboard.press("ArrowDown")
    expect(row(page, name)).to_be_focused()
    keyboard.press("Enter")
    overview = details(page, name).get_by_role("tab", name="Overview")
    expect(overview).to_be_focused()
    keyboard.press("End")
    expect(details(page, name).get_by_role("tab", name="Code")).to_have_attribute("aria-selected", "true")
    keyboard.press("Home")
    expect(overview).to_be_focused()

    back = details(page, name).get_by_role("button", name="Roll back")
    for _ in range(3):  # Delete, Roll back, Stop stand before the tabs
        keyboard.press("Shift+Tab")
        if back.evaluate("node => node === document.activeElement"):
            break
    expect(back).to_be_focused()
    keyboard.press("Enter")
    expect(details(page, name)).to_contain_text("revision 3")
    assert score(lab, name) == [2]


def test_rollback_stop_start_and_delete_by_mouse(page: LabPage, lab: Lab, name: str) -> None:
    lab.deploy(name)
    lab.deploy(name, SCRIPT.format(factor=7))
    open_panel(page)
    row(page, name).click()
    shown = details(page, name)
    shown.get_by_role("button", name="Roll back").click()
    expect(shown.locator("header")).to_contain_text("revision 3")
    assert score(lab, name) == [2]

    shown.get_by_role("button", name="Stop").click()
    expect(shown.locator("header")).to_contain_text("Stopped")
    expect(row(page, name)).to_contain_text("Stopped")
    row(page, name).get_by_role("button", name=f"Start {name}").click()
    expect(shown.locator("header")).to_contain_text("Healthy")
    assert score(lab, name) == [2]

    row(page, name).click(button="right")
    page.page.get_by_role("menuitem", name="Delete…").click()
    page.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row(page, name)).to_have_count(0)
    expect(shown.locator("header")).to_contain_text("was deleted")
    assert name not in [record.name for record in lab.workspace.catalogue.services()]


def test_what_a_kernel_or_the_command_line_deploys_appears_by_itself(page: LabPage, lab: Lab, name: str) -> None:
    open_panel(page)
    expect(row(page, name)).to_have_count(0)
    script = lab.root / f"{name.replace('-', '_')}.py"
    script.write_text(SCRIPT.format(factor=2))
    lab.workspace.deploy(name, script)
    expect(row(page, name)).to_contain_text("Healthy")
    expect(page.page.locator(".jp-mldeploy-Status")).to_contain_text("deployment")


@pytest.mark.slow
def test_a_server_that_restarts_is_found_again(start_lab: object, new_page: object, name: str) -> None:
    lab = start_lab()  # type: ignore[operator]
    lab.deploy(name)
    other = new_page(lab)  # type: ignore[operator]
    open_panel(other)
    expect(row(other, name)).to_contain_text("Healthy")
    lab.stop()
    expect(other.page.get_by_role("alert")).to_contain_text("does not answer")
    lab.start()
    lab.workspace.service(name).stop()
    expect(row(other, name)).to_contain_text("Stopped")
    expect(other.page.get_by_role("alert")).to_have_count(0)


def test_axe_finds_no_serious_violation_in_any_theme(page: LabPage, lab: Lab, name: str) -> None:
    lab.deploy(name)
    open_panel(page)
    row(page, name).click()
    expect(details(page, name).locator(".jp-mldeploy-Facts")).to_be_visible()
    for theme in ("JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"):
        page.theme(theme)
        assert page.axe("#jp-mldeploy-panel") == [], theme
        assert page.axe(".jp-mldeploy-Details") == [], theme
        assert page.axe(".jp-mldeploy-Status") == [], theme
    # The last theme is that of high contrast: there every tab, the form and the panel of what runs.
    for tab in ("Test", "Logs", "Traffic", "Revisions", "Schema", "Code"):
        details(page, name).get_by_role("tab", name=tab).click()
        expect(details(page, name).locator(".jp-mldeploy-Page:visible > *").first).to_be_visible()
        assert page.axe(".jp-mldeploy-Details") == [], tab
    page.command("mldeploy:deploy")
    expect(page.page.get_by_role("form", name="Deploy")).to_be_visible()
    assert page.axe(".jp-mldeploy-Deploy") == []
    page.theme("JupyterLab Light")
