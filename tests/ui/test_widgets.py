"""The ipywidgets views in a real JupyterLab and in Voilà: what a user clicks is what happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page

from jupyter_mldeploy.core.workspace import Workspace
from tests.patience import FACTOR
from tests.widgets.conftest import SCHEMA_SCRIPT

from .jupyter import Lab, reserved_port
from .page import LabPage, expect, write_notebook

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_form_deploys_panel_tests_and_log_follows(page: LabPage, lab: Lab, name: str, tmp_path: Path) -> None:
    (lab.root / "added.py").write_text(SCHEMA_SCRIPT)
    write_notebook(
        lab.root / "widgets.ipynb",
        {
            "load": "%load_ext jupyter_mldeploy",
            "form": "%deploy form",
            "panel": f"%deploy panel {name}",
            "log": f"%deploy logs {name} --live",
        },
    )
    page.open_notebook("widgets.ipynb")
    page.run_cell("load")
    page.run_cell("form")
    form = page.cell("form")
    form.get_by_placeholder("for example diabetes").fill(name)
    script = form.get_by_placeholder("score.py (empty")
    script.fill("nothing.py")
    form.get_by_role("button", name="Plan").click()
    expect(form.get_by_text("there is no file 'nothing.py'")).to_be_visible()
    script.fill("added.py")
    form.get_by_role("button", name="Plan").click()
    expect(form.get_by_text("Nothing was created")).to_be_visible()
    deploy = form.get_by_role("button", name="Deploy")
    expect(deploy).to_be_enabled()
    deploy.press("Enter")
    expect(form.get_by_text(f"{name} revision 1", exact=True)).to_be_visible()
    expect(form.get_by_text("Healthy").first).to_be_visible()

    page.run_cell("panel")
    panel = page.cell("panel")
    panel.get_by_role("tab", name="Test").click()
    cell = panel.locator(".jp-OutputArea-output input[type=text]").first
    expect(cell).to_have_value("1.0")
    cell.fill("10")
    cell.press("Enter")
    panel.get_by_role("button", name="Send").click()
    expect(panel.get_by_role("status")).to_contain_text("200 OK")
    expect(panel.get_by_text("60.0,")).to_be_visible()
    page.screenshot(tmp_path / "panel.png")

    page.run_cell("log")
    log = page.cell("log")
    expect(log.get_by_text("adding (2, 3)")).to_have_count(2)  # the self-test, and what was sent
    lab.workspace.service(name).score()
    expect(log.get_by_text("adding (2, 3)")).to_have_count(3)

    panel = page.cell("panel")
    panel.get_by_role("button", name="Stop").click()
    panel.get_by_role("tab", name="Overview").click()
    expect(panel.get_by_text("Stopped").first).to_be_visible()
    assert lab.workspace.service(name).state == "Stopped"


@pytest.fixture
def voila(tmp_path: Path) -> Iterator[str]:
    """The address of a Voilà that shows a notebook with the dashboard of a workspace with one service."""
    pytest.importorskip("voila")
    home = tmp_path / "home"
    workspace = Workspace(home)
    (tmp_path / "score.py").write_text(SCHEMA_SCRIPT)
    service = workspace.deploy("shown", tmp_path / "score.py")
    cells = {"all": "from jupyter_mldeploy.widgets import Services, TestPanel\nfrom jupyter_mldeploy import Workspace\n"
             "Services()", "one": 'TestPanel(Workspace().service("shown"))'}  # fmt: skip
    write_notebook(tmp_path / "app.ipynb", cells)
    reserved = reserved_port()
    port = reserved.getsockname()[1]
    environment = {
        **os.environ, "MLDEPLOY_HOME": str(home), "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"), "IPYTHONDIR": str(tmp_path / "ipython"),
    }  # fmt: skip
    command = [
        sys.executable, "-m", "voila", "app.ipynb", "--no-browser", f"--port={port}", "--Voila.port_retries=0",
        "--Voila.ip=127.0.0.1", f"--VoilaExecutor.iopub_timeout={int(60 * FACTOR)}",
        f"--VoilaExecutor.startup_timeout={int(60 * FACTOR)}",
    ]  # fmt: skip
    with (tmp_path / "voila.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 60 * FACTOR
        while True:
            assert process.poll() is None, (tmp_path / "voila.log").read_text()
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/voila/static/voila.js", timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < deadline, (tmp_path / "voila.log").read_text()
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}/"
    finally:
        reserved.close()
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20 * FACTOR)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10 * FACTOR)
        service.delete()


def test_views_work_in_voila(voila: str, browser: BrowserContext) -> None:
    page: Page = browser.new_page()
    try:
        page.goto(voila)
        expect(page.get_by_text("shown · Healthy", exact=False).first).to_be_attached()
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("status")).to_contain_text("200 OK")
    finally:
        page.close()
