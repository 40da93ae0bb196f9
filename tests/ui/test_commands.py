"""Where people meet the commands: menus, toolbars, the launcher, the Running panel."""

from __future__ import annotations

import re

import pytest

from jupyter_mldeploy.core.workspace import Workspace
from tests.core.memory_target import memory_targets
from tests.widgets.conftest import eventually

from .jupyter import SCRIPT, Lab
from .page import LabPage, expect, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_the_running_panel_stops_a_service(page: LabPage, lab: Lab, name: str) -> None:
    lab.deploy(name)
    page.open()
    page.page.get_by_role("tab", name="Running Terminals and Kernels").click()
    item = page.page.locator(".jp-RunningSessions-item", has_text=name)
    expect(item).to_contain_text("Healthy")
    item.hover()
    item.get_by_title("Stop").click()
    expect(item).to_have_count(0)
    assert str(lab.workspace.service(name).record.state) == "Stopped"


def test_stop_all_in_the_running_panel(page: LabPage, lab: Lab, name: str) -> None:
    # More than the server changes at once: the others wait for their turn.
    names = [f"{name}-{letter}" for letter in "abcdef"]
    for each in names:
        lab.deploy(each)
    page.open()
    page.page.get_by_role("tab", name="Running Terminals and Kernels").click()
    section = page.page.get_by_role("region", name="Deployments Section")
    expect(section.get_by_role("treeitem", name=f"{names[-1]} Healthy")).to_be_visible()
    page.page.get_by_role("toolbar", name="Deployments toolbar").get_by_role("button", name="Stop All").click()
    dialog = page.page.get_by_role("dialog")
    expect(dialog).to_contain_text("keys, logs and revisions stay")
    dialog.get_by_role("button", name="Stop All").click()
    expect(section.get_by_role("treeitem", name=name)).to_have_count(0)
    for each in names:
        assert str(lab.workspace.service(each).record.state) == "Stopped"


def test_the_time_that_a_service_has_left_is_counted_down(page: LabPage, lab: Lab, name: str) -> None:
    # Playwright's own clock would go on being the clock of every page after this one.
    page.page.add_init_script("const now = Date.now; window.ahead = 0; Date.now = () => now() + window.ahead")
    script = lab.root / f"{name.replace('-', '_')}.py"
    script.write_text(SCRIPT.format(factor=2))
    lab.workspace.deploy(name, script, config={"ttl": "14m"})
    page.open()
    page.page.get_by_role("tab", name="Deployments").click()
    row = page.page.locator(f'[role="row"][data-mldeploy-service="{name}"]')
    status = page.page.locator(".jp-mldeploy-Status")
    expect(row).to_contain_text(re.compile(r"\b1[0-4] min"))
    expect(status).to_contain_text(name)
    page.page.evaluate("window.ahead = 8 * 60 * 1000")
    # Minutes may pass in between on a busy machine.
    for place in (row, status):
        expect(place).to_contain_text(re.compile(r"\b[1-6] min"))


def test_work_that_goes_on_is_cancelled_from_its_notification(page: LabPage, lab: Lab, name: str) -> None:
    flag = lab.root / f"{name}.slow"
    waits = f"def init():\n    import os, time\n    time.sleep(600 if os.path.exists({str(flag)!r}) else 0)"
    lab.deploy(name, SCRIPT.format(factor=3).replace("def init():", waits))
    lab.deploy(name, SCRIPT.format(factor=2))
    flag.touch()
    page.open()
    page.command("mldeploy:rollback", name=name)
    toast = page.page.locator(".Toastify__toast").filter(has_text=f"Rolling {name} back")
    toast.get_by_role("button", name="Cancel").click()
    expect(page.page.locator(".Toastify__toast").filter(has_text="was cancelled")).to_be_visible()
    assert lab.workspace.service(name).record.live_revision == 2


def test_a_service_whose_target_is_gone_is_removed_from_the_list(page: LabPage, lab: Lab, name: str) -> None:
    """Its target's plug-in is not installed in this Jupyter server any more."""
    script = lab.root / f"{name.replace('-', '_')}.py"
    script.write_text(SCRIPT.format(factor=2))
    Workspace(lab.home, targets=memory_targets()).deploy(name, script, target="memory")
    page.open()
    page.page.get_by_role("tab", name="Deployments").click()
    row = page.page.locator(f'[role="row"][data-mldeploy-service="{name}"]')
    expect(row).to_be_visible()
    page.command("mldeploy:delete", name=name)
    dialog = page.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Delete").click()
    toast = page.page.locator(".Toastify__toast").filter(has_text="There is no target named 'memory'")
    toast.get_by_role("button", name="Remove from the List Only").click()
    expect(dialog).to_contain_text(f"Remove {name} from the list only?")
    expect(dialog).to_contain_text("whatever it runs is left alone")
    expect(dialog).to_contain_text("there may still be what it runs there")
    assert page.axe(".jp-Dialog") == []
    dialog.get_by_role("button", name="Cancel").click()
    expect(row).to_be_visible()

    page.command("mldeploy:delete", name=name)
    dialog.get_by_role("button", name="Delete").click()
    toast.get_by_role("button", name="Remove from the List Only").last.click()
    dialog.get_by_role("button", name="Remove from the List").click()
    expect(page.page.locator(".Toastify__toast").filter(has_text=f"{name} is off the list.")).to_contain_text(
        "there may still be what it runs there"
    )
    expect(row).to_have_count(0)
    assert name not in [item.name for item in lab.workspace.catalogue.services()]


def test_commands_say_what_they_take(page: LabPage) -> None:
    page.open()
    described = page.page.evaluate(
        """async () => {
          const { commands } = window.jupyterapp;
          const ids = commands.listCommands().filter(id => id.startsWith('mldeploy:'));
          const describe = async id =>
            [id, (await commands.describedBy(id)).args, commands.caption(id), commands.label(id)];
          return Promise.all(ids.map(describe));
        }"""
    )
    assert len(described) >= 13
    for name, args, caption, label in described:
        assert args is not None, name
        assert args["type"] == "object", name
        assert all("description" in value for value in args["properties"].values()), name
        assert caption or label, name


def test_a_cell_is_deployed_by_its_button(page: LabPage, lab: Lab, name: str) -> None:
    cell = f"%%deploy {name}\ndef init():\n    pass\ndef run(data):\n    return 1\n"
    write_notebook(lab.root / f"{name}.ipynb", {"load": "%load_ext jupyter_mldeploy", "text": "1 + 1", "deploy": cell})
    page.open_notebook(f"{name}.ipynb")
    page.run_cell("load")
    in_notebook = page.page.locator(".jp-NotebookPanel-toolbar:visible [data-command='mldeploy:deploy-cell']")
    in_cell = page.page.locator(".jp-cell-toolbar:visible [data-command='mldeploy:deploy-cell']")
    page.cell("text").locator(".jp-InputPrompt").click()
    expect(in_notebook).to_have_attribute("aria-disabled", "true")
    expect(in_cell).to_be_hidden()
    page.cell("deploy").locator(".jp-InputPrompt").click()
    expect(in_notebook).to_have_attribute("title", re.compile("Run this %%deploy cell"))
    in_cell.click()
    expect(page.cell("deploy").locator(".jp-mldeploy-Live")).to_contain_text("Healthy")


def test_a_model_file_is_registered_from_its_menu(page: LabPage, lab: Lab, name: str) -> None:
    (lab.root / f"{name}.pkl").write_bytes(b"model")
    (lab.root / f"{name}.txt").write_text("none")
    page.open()
    page.page.locator(".jp-DirListing-item", has_text=f"{name}.txt").click(button="right")
    menu = page.page.locator(".lm-Menu")
    expect(menu.get_by_role("menuitem", name="Rename")).to_be_visible()
    expect(menu.get_by_role("menuitem", name="Register as Model…")).to_have_count(0)
    page.page.keyboard.press("Escape")
    page.page.locator(".jp-DirListing-item", has_text=f"{name}.pkl").click(button="right")
    expect(menu.get_by_role("menuitem", name="Deploy…")).to_be_visible()
    menu.get_by_role("menuitem", name="Register as Model…").click()
    dialog = page.page.get_by_role("dialog")
    expect(dialog.get_by_label("Name")).to_have_value(name)
    dialog.get_by_role("button", name="Register").click()
    # Its notification is gone after some seconds.
    eventually(lambda: [item.version for item in lab.workspace.models.list(name)] == [1], "it is registered")


def test_the_launcher_and_the_palette_have_them(page: LabPage) -> None:
    page.open()
    expect(page.page.locator(".jp-LauncherCard", has_text="Deploy a Model")).to_be_visible()
    page.page.keyboard.press("Control+Shift+c")
    page.page.locator("#modal-command-palette input").fill("Show Deployments")
    page.page.keyboard.press("Enter")
    expect(page.page.locator("#jp-mldeploy-panel")).to_be_visible()
