"""One JupyterLab and one browser for all tests of this folder; each test has a page and names of its own.

They go when the folder is done: Playwright keeps an event loop running, and other tests need one of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import BrowserContext, expect, sync_playwright

from tests.real_parts import chromium

from .deaf import launcher
from .jupyter import Lab
from .page import PATIENCE, LabPage

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Return a running JupyterLab; its services are deleted at the end."""
    found = Lab(tmp_path_factory.mktemp("lab"))
    try:
        yield found.start()
    finally:
        found.end()


@pytest.fixture
def start_lab(tmp_path: Path) -> Iterator[Callable[..., Lab]]:
    """Return ``start_lab(base_url=…, options=…)``: a JupyterLab of this test alone."""
    running: list[Lab] = []

    def start(**how: object) -> Lab:
        folder = tmp_path / f"lab{len(running)}"
        folder.mkdir()
        running.append(Lab(folder, **how))  # type: ignore[arg-type]
        return running[-1].start()

    yield start
    for each in running:
        each.end()


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """Return a running Chromium."""
    program = chromium()
    assert program is not None
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(tmp_path_factory.mktemp("chromium")),
            executable_path=launcher(tmp_path_factory.mktemp("launcher"), program),
            headless=True,
            args=FLAGS,
            viewport={"width": 1360, "height": 860},
        )
        # Also for pages that are not a LabPage.
        context.set_default_timeout(PATIENCE)
        context.set_default_navigation_timeout(PATIENCE)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        yield context
        context.close()


@pytest.fixture
def new_page(browser: BrowserContext) -> Iterator[Callable[[Lab], LabPage]]:
    """Return ``new_page(lab)``: an empty page for a JupyterLab. An uncaught error in the page fails the test."""
    pages: list[LabPage] = []

    def make(lab: Lab) -> LabPage:
        pages.append(LabPage(browser.new_page(), lab))
        return pages[-1]

    yield make
    errors = [error for each in pages for error in each.errors]
    for each in pages:
        each.page.close()
    assert not errors, errors


@pytest.fixture
def page(lab: Lab, new_page: Callable[[Lab], LabPage]) -> LabPage:
    """Return an empty page for the shared JupyterLab."""
    return new_page(lab)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return a name for a service that no other test has; services whose names begin with it are deleted afterwards.

    The panel's list holds only the rows that are in sight: in a Lab full of other tests' services a row would be in the
    page or not as chance has it, and all of them would share the processor.
    """
    found = f"svc-{uuid4().hex[:8]}"
    yield found
    if {"lab", "page"} & set(request.fixturenames):
        request.getfixturevalue("lab").delete_services(found)
