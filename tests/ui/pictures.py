"""Make the documentation's pictures of JupyterLab again: ``python -m tests.ui.pictures docs/images``.

The services are real. It takes about two minutes: the bars in the card are the requests of the last minute.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

from tests.real_parts import chromium

from .conftest import FLAGS
from .jupyter import ROOT, SCRIPT, Lab
from .page import LabPage, expect

#: The themes, and what the pictures' names end with.
THEMES = {"JupyterLab Light": "light", "JupyterLab Dark": "dark"}
#: A patient of the diabetes data, as a person would type it.
PATIENT = (0.038, 0.051, 0.062, 0.022, -0.044, -0.035, -0.043, -0.003, 0.02, -0.018)
SIZE: ViewportSize = {"width": 1440, "height": 900}
#: Requests in each of the five-second steps that a card counts in.
LOAD = (8, 14, 22, 17, 30, 41, 36, 52, 47, 33, 44, 58)


def main(folder: Path) -> None:
    """Write jupyterlab-light.png, jupyterlab-dark.png and jupyterlab-traffic.png."""
    folder.mkdir(parents=True, exist_ok=True)
    with _running() as page:
        page.lab.deploy("churn", SCRIPT.format(factor=2))
        page.lab.deploy("churn", SCRIPT.format(factor=3))
        page.lab.deploy("prices", SCRIPT.format(factor=4))
        _notebook(page)
        _answer(page)
        _requests(page)
        page.command("docmanager:open", path="quickstart.ipynb")
        page.page.wait_for_function("() => window.jupyterapp.shell.currentWidget?.context?.path === 'quickstart.ipynb'")
        page.save()
        expect(page.page.get_by_text("Saving completed")).to_have_count(0)
        # The toolbar lays itself out when its notebook's size changes.
        page.page.set_viewport_size({**SIZE, "width": SIZE["width"] - 1})
        page.page.set_viewport_size(SIZE)
        expect(page.page.locator(".jp-NotebookPanel:visible").get_by_role("button", name="Save")).to_be_visible()
        for theme, suffix in THEMES.items():
            page.theme(theme)
            _to_top(page, "deploy-text")
            page.screenshot(folder / f"jupyterlab-{suffix}.png")
        page.theme("JupyterLab Light")
        _traffic(page, folder / "jupyterlab-traffic.png")
        if page.errors:
            raise SystemExit("\n".join(page.errors))


@contextmanager
def _running() -> Iterator[LabPage]:
    """Run a JupyterLab and a browser; nothing of them is left afterwards."""
    expect.set_options(timeout=60_000)
    with tempfile.TemporaryDirectory(prefix="mldeploy-pictures-") as name:
        folder = Path(name)
        lab = Lab(folder).start()
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium(), headless=True, args=FLAGS)
                yield LabPage(browser.new_page(viewport=SIZE), lab)
                browser.close()
        finally:
            lab.end()


def _notebook(page: LabPage) -> None:
    """Run the quickstart up to its deployment, with the panel to the left and the service's details to the right."""
    shutil.copy(ROOT / "binder" / "quickstart.ipynb", page.lab.root / "quickstart.ipynb")
    page.open_notebook("quickstart.ipynb")
    page.command("mldeploy:show-panel")
    for cell in ("train", "register", "deploy"):
        page.run_cell(cell)
    expect(page.cell("deploy").locator(".jp-mldeploy-Live")).to_contain_text("Healthy")


def _answer(page: LabPage) -> None:
    """Fill the form of the Test tab in and send it."""
    page.command("mldeploy:open", name="diabetes", tab="test")
    tab = page.page.locator(".jp-mldeploy-Test")
    for column, value in enumerate(PATIENT):
        tab.get_by_label(f"{column}, row 0").fill(str(value))
    tab.get_by_role("button", name="Send", exact=True).click()
    expect(tab.get_by_text("200 OK").first).to_be_visible()
    expect(tab.get_by_label("Body of the answer")).to_contain_text("[")
    tab.get_by_text("Burst: how").click()
    tab.get_by_label("Requests", exact=True).fill("60")
    tab.get_by_role("button", name="Run burst").click()
    expect(tab.get_by_role("img", name="Histogram of 60 times")).to_be_visible()
    tab.get_by_label("0, row 0").focus()  # the table is scrolled to its beginning


def _requests(page: LabPage) -> None:
    """Send requests for a minute, more and fewer of them, so that the card has something to draw."""
    service = page.lab.workspace.service("diabetes")
    for count in LOAD:
        until = time.monotonic() + 5
        for left in range(count, 0, -1):
            service.score({"data": [PATIENT]})
            page.page.wait_for_timeout(max(0.0, until - time.monotonic()) / left * 1000)


def _to_top(page: LabPage, cell_id: str) -> None:
    """Scroll the notebook so that a cell stands at its top."""
    box = page.cell(cell_id).bounding_box()
    outer = page.page.locator(".jp-Notebook:visible .jp-WindowedPanel-outer")
    top = outer.bounding_box()
    if box is None or top is None:
        raise SystemExit(f"The cell {cell_id} is not in sight.")
    outer.evaluate("(node, by) => { node.scrollTop += by; }", box["y"] - top["y"])


def _traffic(page: LabPage, path: Path) -> None:
    """Divide the requests of a service between two versions, send some, and take a picture of its tab."""
    page.lab.succeeded(
        page.lab.api("services/churn/versions?wait_s=30", {"version": "before", "revision": 1, "traffic": 20})
    )
    service = page.lab.workspace.service("churn")
    for _ in range(500):
        service.score({"data": [1, 2, 3]})
    page.command("application:toggle-left-area")
    page.command("mldeploy:open", name="churn", tab="traffic")
    tab = page.page.locator(".jp-mldeploy-Traffic:visible")
    expect(tab.get_by_role("row")).to_have_count(3)
    expect(tab.get_by_role("row").nth(1)).to_have_text(re.compile(r"\d (ms|µs)"))
    tab.get_by_text("Add a version from an earlier revision").click()
    details = page.page.locator(".jp-mldeploy-Details:visible").bounding_box()
    end = tab.locator("details").bounding_box()
    if details is None or end is None:
        raise SystemExit("The tab Traffic is not in sight.")
    bottom = end["y"] + end["height"] + 12
    page.page.screenshot(path=path, clip={**details, "height": bottom - details["y"]})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m tests.ui.pictures FOLDER")
    main(Path(sys.argv[1]))
