"""The JupyterLab extension: what it costs to start, and how fast the panel shows a thousand services.

python -m tests.benchmarks panel
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.real_parts import chromium
from tests.ui.conftest import FLAGS
from tests.ui.jupyter import Lab, built
from tests.ui.page import LabPage

from .bench_server import SERVICES, fill

#: Clicks the sidebar's tab and returns the milliseconds until rows with services are on the screen.
OPEN = """async () => {
  const tab = document.querySelector('.jp-SideBar [data-id="jp-mldeploy-panel"]');
  const began = performance.now();
  const { left, top } = tab.getBoundingClientRect();
  const press = { bubbles: true, button: 0, clientX: left + 5, clientY: top + 5 };
  tab.dispatchEvent(new PointerEvent('pointerdown', press));
  tab.dispatchEvent(new PointerEvent('pointerup', press));
  while (!document.querySelector('#jp-mldeploy-panel:not(.lm-mod-hidden) [role="row"]')) {
    await new Promise(requestAnimationFrame);
  }
  await new Promise(requestAnimationFrame);
  return performance.now() - began;
}"""


def measure() -> Iterator[tuple[str, str, str]]:
    """Yield (what, figure, goal)."""
    static = built() / "static"
    entry = sum(path.stat().st_size for path in static.glob("*") if "_index_js" in path.name or "Entry" in path.name)
    total = sum(path.stat().st_size for path in static.glob("*.js"))
    yield "loaded with JupyterLab, of the whole extension", f"{entry / 1024:.0f} of {total / 1024:.0f} KiB", "–"
    with tempfile.TemporaryDirectory(prefix="mldeploy-bench-") as name, sync_playwright() as playwright:
        lab = Lab(Path(name))
        (lab.home).mkdir(parents=True)
        fill(lab.home)
        lab.start()
        context = playwright.chromium.launch_persistent_context(
            str(Path(name) / "chromium"), executable_path=chromium(), headless=True, args=FLAGS
        )
        try:
            yield from _panel(lab, LabPage(context.new_page(), lab))
        finally:
            context.close()
            lab.stop()


def _panel(lab: Lab, page: LabPage) -> Iterator[tuple[str, str, str]]:
    cold, warm = [], []
    for _ in range(5):
        page.open()
        cold.append(page.page.evaluate(OPEN))
        page.command("application:toggle-left-area")
        page.page.locator("#jp-mldeploy-panel").wait_for(state="hidden")
        warm.append(page.page.evaluate(OPEN))
    rows = page.page.locator('[role="row"]').count()
    yield (
        f"panel with {SERVICES} services on the screen, first opening, median of 5",
        f"{statistics.median(cold):.0f} ms (max {max(cold):.0f} ms), {rows} rows in the page",
        "≤ 300 ms",
    )
    yield "the same, opened again", f"{statistics.median(warm):.0f} ms", "–"
