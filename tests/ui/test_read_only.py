"""Whoever may only look: everything is shown, what may not be done is disabled, and says why."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator

from .jupyter import SCRIPT, Lab
from .page import LabPage, expect, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

#: A Jupyter server whose users may read what is about deployments, and do everything else.
READER = """\
from jupyter_server.auth import Authorizer


class Reader(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        kept = resource == "jupyter_mldeploy:secrets" or action != "read"
        return not (resource.startswith("jupyter_mldeploy:") and kept)


c.ServerApp.authorizer_class = Reader
"""


def refused(button: Locator, why: str = "You may not deploy or change services") -> None:
    """Fail unless a button says why it does nothing, to eyes and to screen readers, and can be pressed all the same."""
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_attribute("title", re.compile(re.escape(why)))
    button.click(force=True)


def saved_card(path: Path, lab: Lab, name: str) -> None:
    """Write a notebook whose only output is the card of a service."""
    write_notebook(path, {"deploy": f"%%deploy {name}"})
    notebook = json.loads(path.read_text())
    card = lab.api(f"services/{name}/card")
    notebook["cells"][0] |= {
        "execution_count": 1,
        "outputs": [{"output_type": "display_data", "metadata": {}, "data": card}],
    }
    path.write_text(json.dumps(notebook))


def test_whoever_may_only_look_sees_why(
    start_lab: Callable[..., Lab], new_page: Callable[[Lab], LabPage], name: str, tmp_path: Path
) -> None:
    lab = start_lab(config=READER)
    for factor in (2, 3):
        script = lab.root / "score.py"
        script.write_text(SCRIPT.format(factor=factor))
        lab.workspace.deploy(name, script)
    saved_card(lab.root / "card.ipynb", lab, name)
    page = new_page(lab)
    lost = page.lose_questions()
    page.open("card.ipynb")
    screen = page.page

    # The live card.
    card = screen.locator(".jp-mldeploy-Live")
    expect(card).to_contain_text("Healthy")
    refused(card.get_by_role("button", name="Stop"))
    refused(card.get_by_role("button", name="Roll back"))
    assert page.axe(".jp-mldeploy-Card") == []

    # The panel, its context menu, and the details with their tabs.
    screen.get_by_role("tab", name="Deployments").click()
    row = screen.locator(f'[role="row"][data-mldeploy-service="{name}"]')
    refused(row.get_by_role("button", name=f"Stop {name}"))
    row.click(button="right")
    entry = screen.get_by_role("menuitem", name="Delete… (not permitted)")
    expect(entry).to_have_attribute("aria-disabled", "true")
    screen.keyboard.press("Escape")
    row.click()
    details = screen.locator(f'.jp-mldeploy-Details[data-mldeploy-service="{name}"]')
    for action in ("Stop", "Roll back", "Delete…"):
        refused(details.get_by_role("button", name=action))
    refused(details.get_by_role("button", name="Copy primary key"), "You may not see the keys of services")
    details.get_by_role("tab", name="Revisions").click()
    refused(details.get_by_role("button", name="Roll back to 1"))
    details.get_by_role("tab", name="Test").click()
    send = details.get_by_role("button", name="Send")
    refused(send, "You may not send requests to services")
    send.press("Control+Enter")
    expect(details.locator(".jp-mldeploy-Response")).to_have_count(0)
    details.get_by_text("Recorded requests: which").click()
    expect(details.get_by_text("records none of its requests. Its log holds 0")).to_be_visible()
    refused(details.get_by_role("button", name="Start recording"))
    refused(details.get_by_role("button", name="Replay"), "You may not send requests to services")
    assert page.axe(".jp-mldeploy-Details") == []
    assert page.axe("#jp-mldeploy-panel") == []

    # What runs: shown, with nothing to press.
    screen.get_by_role("tab", name="Running Terminals and Kernels").click()
    item = screen.get_by_role("treeitem", name=f"{name} Healthy")
    item.hover()
    expect(item.locator(".jp-RunningSessions-itemShutdown")).to_have_count(0)

    # The form is a preview.
    page.command("mldeploy:deploy", name=f"{name}-new", source={"path": "score.py"})
    form = screen.get_by_role("form", name="Deploy")
    expect(form.get_by_role("note")).to_contain_text("A plan can be previewed.")
    form.get_by_role("button", name="Preview plan").click()
    expect(form.get_by_role("region", name="Plan")).to_contain_text("Nothing was created yet")
    deploy = form.get_by_role("button", name="Deploy", exact=True)
    refused(deploy)
    deploy.press("Control+Enter")
    assert page.axe(".jp-mldeploy-Deploy") == []
    page.screenshot(tmp_path / "read-only.png")

    enabled = "id => window.jupyterapp.commands.isEnabled(id, { name: 'x' })"
    for command in ("start", "stop", "rollback", "delete", "cancel", "register-model"):
        assert screen.evaluate(enabled, f"mldeploy:{command}") is False, command
    (service,) = lab.api("services")["services"]
    assert (service["name"], service["state"], service["revision"]) == (name, "Healthy", 2)
    assert lab.api("operations")["operations"] == []
    assert {"permissions", "services", f"services/{name}", "plan"} <= lost
