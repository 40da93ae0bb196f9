"""The deploy form: generated from the target's schema, problems beside their fields, plan first, progress, failure."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator

from tests.third_party import install_example

from .jupyter import SCRIPT, Lab
from .page import LabPage, expect, write_notebook

pytestmark = pytest.mark.browser

BROKEN = """\
# mldeploy
import json


def init():
    settings = {}
    print(settings["threshold"])


def run(data):
    return json.loads(data)
"""


def test_a_form_deploys_a_script(page: LabPage, name: str, tmp_path: Path) -> None:
    folder = page.lab.root / name
    folder.mkdir()
    (folder / "score.py").write_text(SCRIPT.format(factor=3))
    page.open()
    page.command("mldeploy:deploy", source={"path": f"{name}/score.py"})
    form = page.page.get_by_role("form", name="Deploy")
    expect(form.get_by_label("Name")).to_have_value(name)

    # Refused before anything is created, each problem beside its field.
    form.get_by_text("Settings of").click()
    form.get_by_label("Port").fill("70000")
    expect(form.get_by_text("Allowed: 1 to 65535.").first).to_be_visible()
    form.get_by_label("Port").fill("")
    form.get_by_label("Workers").fill("5000")
    form.get_by_role("button", name="Preview plan").click()
    expect(form.locator('[data-field="workers"]')).to_contain_text("workers must be from 1 to 1024")
    expect(form.get_by_label("Workers")).to_be_focused()
    expect(form.get_by_role("checkbox", name="autoscale")).to_be_disabled()
    expect(form.get_by_text("one machine has a fixed number of cores")).to_be_visible()
    form.get_by_label("Workers").fill("1")
    form.get_by_label("Find a setting").fill("description")
    expect(form.get_by_label("Workers")).to_be_hidden()
    form.get_by_label("Description").fill("from a form")
    assert page.axe(".jp-mldeploy-Deploy") == []

    form.get_by_role("button", name="Preview plan").click()
    expect(form.get_by_role("region", name="Plan")).to_contain_text("Nothing was created yet")
    assert name not in [item["name"] for item in page.lab.api("services")["services"]]
    page.screenshot(tmp_path / "plan.png")
    form.get_by_role("button", name="Deploy", exact=True).click()
    expect(form.get_by_text(f"{name} revision 1 is live.")).to_be_visible()
    expect(form.get_by_role("region", name="Progress")).to_contain_text("workers")
    found = page.lab.api(f"services/{name}")
    assert (found["state"], found["description"]) == ("Healthy", "from a form")
    form.get_by_role("button", name="Test it").click()
    expect(page.page.locator(".jp-mldeploy-Test")).to_be_visible()


def test_a_plug_ins_own_setting_is_greyed_out_with_its_reason(
    start_lab: Callable[..., Lab], new_page: Callable[[Lab], LabPage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target of another distribution marks its fields; nothing of it is known to the form."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(install_example(tmp_path / "site")))
    page = new_page(start_lab()).open()
    page.command("mldeploy:deploy", name="marked", source={"path": "score.py"}, target="plain")
    form = page.page.get_by_role("form", name="Deploy")
    form.get_by_text("Settings of Plain process").click()
    field = form.locator('[data-field="accelerators"]')
    expect(field.get_by_label("Accelerators")).to_be_disabled()
    expect(field).to_contain_text("it has no devices")
    expect(form.locator('[data-field="auth_enabled"]')).to_contain_text("it is a mere example")
    expect(form.get_by_label("Address")).to_be_enabled()


def test_a_broken_cell_shows_the_cause_and_leads_to_its_line(page: LabPage, name: str, tmp_path: Path) -> None:
    path = page.lab.root / f"{name}.ipynb"
    write_notebook(path, {"first": "x = 1", "broken": BROKEN})
    page.lab.deploy(name)
    page.open(path.name)
    page.page.locator(".jp-Notebook:visible").wait_for()
    page.command("mldeploy:deploy", name=name, source={"notebook": path.name, "cell_id": "broken"})
    form = page.page.get_by_role("form", name="Deploy")
    # By keyboard alone.
    form.get_by_label("Name").focus()
    page.page.keyboard.press("Control+Enter")
    expect(form.get_by_role("region", name="Plan")).to_be_visible()
    form.get_by_role("button", name="Deploy", exact=True).press("Enter")
    failure = form.get_by_role("region", name="Why it failed")
    expect(failure).to_contain_text("KeyError: 'threshold'")
    expect(failure).to_contain_text("Revision 1 goes on serving.")
    page.theme("JupyterLab Dark")
    assert page.axe(".jp-mldeploy-Deploy") == []
    page.screenshot(tmp_path / "failure-dark.png")
    page.theme("JupyterLab Light")
    failure.get_by_role("button", name="line 7").press("Enter")
    selected = """() => {
      const { content } = window.jupyterapp.shell.currentWidget;
      const { activeCell } = content;
      return activeCell && activeCell.editor.hasFocus()
        ? [activeCell.model.id, activeCell.editor.getLine(activeCell.editor.getSelection().start.line)]
        : null;
    }"""
    page.page.wait_for_function(f"() => {{ try {{ return ({selected})(); }} catch {{ return null; }} }}")
    assert page.page.evaluate(selected) == ["broken", '    print(settings["threshold"])']


FAULTY = """\
# mldeploy
import json


def init():
    model = 3


def run(data):
    return [json.loads(data), model]
"""


def test_a_fault_that_the_linter_finds_is_repaired_from_the_form(page: LabPage, name: str) -> None:
    path = page.lab.root / f"{name}.ipynb"
    write_notebook(path, {"first": "x = 1", "faulty": FAULTY})
    page.open(path.name)
    page.page.locator(".jp-Notebook:visible").wait_for()
    page.command("mldeploy:deploy", name=name, source={"notebook": path.name, "cell_id": "faulty"})
    form = page.page.get_by_role("form", name="Deploy")
    form.get_by_role("button", name="Preview plan").click()
    found = form.get_by_role("row").filter(has_text="MLD301")
    expect(found).to_contain_text("line 6")
    assert page.axe(".jp-mldeploy-Deploy") == []
    found.get_by_role("button", name="Declare model global in init()").click()
    # The notebook is shown with the edit, and saved; the form plans again with what was saved.
    page.page.wait_for_function(
        """() => window.jupyterapp.shell.currentWidget.content.activeCell?.model.sharedModel.source
                 .includes('    global model\\n    model = 3')"""
    )
    page.command("application:activate-previous-tab")
    expect(page.page.locator(".jp-mldeploy-Deploy [data-plan]")).to_contain_text("Nothing was created yet")
    (source,) = [cell["source"] for cell in json.loads(path.read_text())["cells"] if cell["id"] == "faulty"]
    assert "global model" in "".join(source)


def deploy_slowly(page: LabPage, name: str, factor: int) -> Locator:
    """Begin a deployment by the form, whose init() takes ten minutes; return the form when the workers start."""
    slow = SCRIPT.format(factor=factor).replace("def init():", "def init():\n    import time\n    time.sleep(600)")
    page.command("mldeploy:deploy", name=name, source={"text": slow})
    form = page.page.get_by_role("form", name="Deploy")
    form.get_by_role("button", name="Preview plan").click()
    form.get_by_role("button", name="Deploy", exact=True).click()
    expect(form.get_by_role("region", name="Progress")).to_contain_text("workers")
    return form


def test_a_deployment_is_cancelled(page: LabPage, name: str) -> None:
    page.open()
    form = deploy_slowly(page, name, factor=1)
    form.get_by_role("button", name="Cancel the deployment").click()
    expect(form.get_by_role("region", name="Why it failed")).to_contain_text("cancelled")


def test_a_form_by_keyboard_alone(page: LabPage, name: str) -> None:
    """From an empty form to the live service without a mouse."""
    script = page.lab.root / f"{name.replace('-', '_')}.py"
    script.write_text(SCRIPT.format(factor=4))
    page.open()
    keyboard = page.page.keyboard
    page.command("mldeploy:deploy")
    form = page.page.get_by_role("form", name="Deploy")
    expect(form).to_be_visible()
    form.get_by_label("Name").focus()
    keyboard.type(name)
    keyboard.press("Tab")
    expect(form.get_by_label("Entry script or notebook")).to_be_focused()
    keyboard.type(script.name)
    settings = form.get_by_text("Settings of")
    for _ in range(8):
        keyboard.press("Tab")
        if settings.evaluate("node => node === document.activeElement"):
            break
    expect(settings).to_be_focused()
    keyboard.press("Enter")
    keyboard.press("Tab")
    expect(form.get_by_label("Find a setting")).to_be_focused()
    keyboard.type("description")
    keyboard.press("Tab")
    expect(form.get_by_label("Description")).to_be_focused()
    keyboard.type("by keyboard")
    keyboard.press("Control+Enter")
    expect(form.get_by_role("region", name="Plan")).to_be_visible()
    button = form.get_by_role("button", name="Deploy", exact=True)
    for _ in range(60):
        if button.evaluate("node => node === document.activeElement"):
            break
        keyboard.press("Tab")
    expect(button).to_be_focused()
    keyboard.press("Enter")
    expect(form.get_by_text(f"{name} revision 1 is live.")).to_be_visible()
    assert page.lab.api(f"services/{name}")["description"] == "by keyboard"


def test_a_failure_is_read_by_mouse(page: LabPage, name: str) -> None:
    page.open()
    page.command("mldeploy:deploy", name=name, source={"text": BROKEN.removeprefix("# mldeploy\n")})
    form = page.page.get_by_role("form", name="Deploy")
    form.get_by_role("button", name="Preview plan").click()
    form.get_by_role("button", name="Deploy", exact=True).click()
    failure = form.get_by_role("region", name="Why it failed")
    expect(failure).to_contain_text("KeyError: 'threshold'")
    expect(failure.get_by_role("list", name="Traceback")).to_contain_text('print(settings["threshold"])')
    page.theme("JupyterLab Dark High Contrast")
    assert page.axe(".jp-mldeploy-Deploy") == []
    page.theme("JupyterLab Light")
    # Mended where it stands, and deployed from the same form.
    form.get_by_label("Entry script").fill(SCRIPT.format(factor=2))
    form.get_by_role("button", name="Preview plan").click()
    form.get_by_role("button", name="Deploy", exact=True).click()
    expect(form.get_by_text(f"{name} revision 2 is live.")).to_be_visible()


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_server_killed_in_the_middle_of_a_deployment(
    start_lab: Callable[..., Lab], new_page: Callable[[Lab], LabPage], name: str
) -> None:
    """The form and a notification find out what became of the work, and the form goes on."""
    lab = start_lab()
    lab.deploy(name)
    flag = lab.root / "slow"
    waits = f"def init():\n    import os, time\n    time.sleep(600 if os.path.exists({str(flag)!r}) else 0)"
    lab.deploy(f"{name}-b", SCRIPT.format(factor=3).replace("def init():", waits))
    lab.deploy(f"{name}-b", SCRIPT.format(factor=2))
    flag.touch()
    page = new_page(lab).open()
    page.page.get_by_role("tab", name="Deployments").click()
    row = page.page.locator(f'[role="row"][data-mldeploy-service="{name}-b"]')
    page.command("mldeploy:rollback", name=f"{name}-b")
    expect(row).not_to_contain_text("Healthy")  # a step instead
    expect(page.page.locator(".Toastify__toast").filter(has_text=f"Rolling {name}-b back")).to_be_visible()
    form = deploy_slowly(page, name, factor=9)
    # JupyterLab itself says in a dialog that its server is away, which is in the way of the mouse.
    dialog = page.page.locator(".jp-Dialog")
    page.page.add_locator_handler(dialog, lambda: page.page.keyboard.press("Escape"))
    lab.kill()
    lab.start()
    told = form.get_by_role("region", name="Why it failed")
    expect(told).to_contain_text("cut off")
    expect(told).to_contain_text("The Jupyter server ended during this deploy.")
    expect(told).to_contain_text(f"{name} serves revision 1 and is: Healthy. Revision 2 failed.")
    toast = page.page.locator(".Toastify__toast").filter(has_text="The Jupyter server ended during this rollback.")
    expect(toast).to_contain_text(f"{name}-b serves revision 2 and is: Healthy. Revision 3 failed.")
    expect(row).to_contain_text("Healthy")
    assert lab.workspace.service(name).score({"data": [1]}) == [2]

    form.get_by_label("Entry script").fill(SCRIPT.format(factor=9))
    form.get_by_role("button", name="Preview plan").click()
    form.get_by_role("button", name="Deploy", exact=True).click()
    expect(form.get_by_text(f"{name} revision 3 is live.")).to_be_visible()
    assert lab.workspace.service(name).score({"data": [1]}) == [9]


def test_replicas_for_a_load_are_worked_out_and_taken_over(page: LabPage, name: str) -> None:
    page.open()
    page.command("mldeploy:deploy", name=name, target="kubernetes")
    form = page.page.get_by_role("form", name="Deploy")
    form.get_by_text("Settings of Kubernetes").click()
    form.get_by_text("How many replicas?").click()
    form.get_by_label("Requests per second").fill("50")
    form.get_by_label("Time of one (ms)").fill("200")
    form.get_by_role("button", name="Work it out").click()
    form.get_by_role("button", name="Use 15 replicas").click()
    expect(form.get_by_label("Num replicas")).to_have_value("15")
