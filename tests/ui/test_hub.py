"""Behind a prefix, as with JupyterHub, and for somebody who may only look."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from jupyter_server.auth.authorizer import Authorizer

from .jupyter import ROOT, SCRIPT, Lab
from .page import LabPage, expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(240)]


class ReadOnly(Authorizer):
    """Lets everybody read the deployments and their logs, and do nothing else to them."""

    def is_authorized(self, handler: object, user: object, action: str, resource: str) -> bool:
        return not resource.startswith("jupyter_mldeploy:") or (
            action == "read" and resource != "jupyter_mldeploy:secrets"
        )


def test_a_prefix_and_a_token_that_may_only_read(
    start_lab: Callable[..., Lab], new_page: Callable[[Lab], LabPage], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    lab = start_lab(base_url="/user/ada/", options=("--ServerApp.authorizer_class=tests.ui.test_hub.ReadOnly",))
    script = lab.root / "score.py"
    script.write_text(SCRIPT.format(factor=2))
    service = lab.workspace.deploy(name, script)
    page = new_page(lab).open()
    page.page.get_by_role("tab", name="Deployments").click()
    row = page.page.locator(f'[role="row"][data-mldeploy-service="{name}"]')
    expect(row).to_contain_text("Healthy")
    row.click()
    details = page.page.locator(".jp-mldeploy-Details")
    expect(details.locator(".jp-mldeploy-Facts")).to_contain_text("sha256:")
    expect(details.locator("header")).to_contain_text("Healthy")

    for forbidden in ("Stop", "Copy primary key"):
        expect(details.get_by_role("button", name=forbidden)).to_have_attribute("aria-disabled", "true")
    expect(row).to_contain_text("Healthy")
    assert service.score('{"data": [1]}') == [2]

    service.stop()  # the stream works below the prefix: the change is told at once
    expect(row).to_contain_text("Stopped")
