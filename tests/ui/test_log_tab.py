"""The Logs tab: lines come as they are written; filter, levels, download; from a traceback to the line of the cell."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from .page import PATIENCE, LabPage, expect, write_notebook

pytestmark = pytest.mark.browser

FAILING = """\
%%deploy {name}
import json


def helper(rows):
    return rows["missing"]


def init():
    print("begun")


def run(data):
    print("asked for", data)
    return helper(json.loads(data))
"""


def test_a_log_streams_and_a_traceback_leads_to_its_cell(page: LabPage, name: str, tmp_path: Path) -> None:
    path = page.lab.root / f"{name}.ipynb"
    write_notebook(path, {"load": "%load_ext jupyter_mldeploy", "cell": FAILING.format(name=name), "after": "x = 1"})
    page.open_notebook(path.name)
    page.run_cell("load")
    page.run_cell("cell")
    page.command("mldeploy:open", name=name, tab="logs")
    tab = page.page.locator(".jp-mldeploy-Logs")
    log = tab.get_by_role("log")
    expect(log).to_contain_text("begun")
    for number in range(3):
        page.lab.api(f"services/{name}/invoke", {"payload": {"n": number}})
        expect(log).to_contain_text(f'asked for {{"n": {number}}}')
    expect(log.locator('[data-level="error"]').first).to_be_visible()

    tab.get_by_label("Filter the log").fill("/asked for .* [01]/")
    expect(tab.get_by_text("2 of ")).to_be_visible()
    tab.get_by_label("Filter the log").fill("")
    tab.get_by_label("Least severe level").select_option("Errors and above")
    expect(log).not_to_contain_text("begun")
    expect(log).to_contain_text("KeyError")
    tab.get_by_label("Least severe level").select_option("All levels")
    with page.page.expect_download() as download:
        tab.get_by_role("button", name="Download").click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    assert text.count("asked for") == 3
    assert "INFO worker-1 begun" in text

    assert page.axe(".jp-mldeploy-Logs") == []
    page.screenshot(tmp_path / "logs.png")
    selected = """() => {
      const notebook = [...window.jupyterapp.shell.widgets('main')].find(item => item.context?.path.endsWith('.ipynb'));
      const { activeCell } = notebook.content;
      const { start } = activeCell.editor.getSelection();
      return [activeCell.model.id, activeCell.editor.getLine(start.line), activeCell.editor.hasFocus()];
    }"""
    log.get_by_role("button", name="line 6, in helper").first.click()
    page.page.wait_for_function(f"() => ({selected})()[2]")
    assert page.page.evaluate(selected) == ["cell", '    return rows["missing"]', True]
    # By keyboard, with the notebook closed meanwhile: it is opened again.
    page.save()
    page.command("application:close-all")
    page.command("mldeploy:open", name=name, tab="logs")
    link = page.page.locator(".jp-mldeploy-Logs").get_by_role("button", name="line 15, in run").first
    link.focus()
    link.press("Enter")
    page.page.wait_for_function(f"() => {{ try {{ return ({selected})()[2]; }} catch {{ return false; }} }}")
    assert page.page.evaluate(selected) == ["cell", "    return helper(json.loads(data))", True]


def test_a_long_log_scrolls_smoothly_and_stays_bounded(page: LabPage, name: str) -> None:
    lines = int(os.environ.get("MLDEPLOY_LOG_LINES", "100000"))
    record = page.lab.workspace.catalogue.create_service(name, "local", description=None, tags={}, properties={})
    folder = page.lab.workspace.deployer.reference(record).log_directory
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "service-1.log").open("w") as file:
        for number in range(lines):
            level = "error" if number % 1000 == 0 else "info"
            text = f"line {number} of a log that is long"
            file.write(json.dumps({"message": text, "time": 1e9 + number, "source": "worker-1", "level": level}) + "\n")
    page.open()
    page.command("mldeploy:open", name=name, tab="logs")
    tab = page.page.locator(".jp-mldeploy-Logs")
    log = tab.get_by_role("log")
    expect(log).to_contain_text(f"line {lines - 1} of")
    tab.get_by_role("button", name="From the beginning").click()
    page.page.wait_for_function(
        "count => document.querySelector('.jp-mldeploy-LogBar-count').textContent.startsWith(count)",
        arg=f"{lines} ",
        timeout=PATIENCE + lines / 4,  # milliseconds
    )
    frames = page.page.evaluate(
        """async () => {
          const list = document.querySelector('.jp-mldeploy-LogList');
          const measure = async scroll => {
            const times = [];
            let before = performance.now();
            for (let frame = 0; frame < 120; frame++) {
              scroll(frame);
              await new Promise(resolve => requestAnimationFrame(resolve));
              const now = performance.now();
              times.push(now - before);
              before = now;
            }
            times.sort((one, other) => one - other);
            return [times[60], times[114]].map(time => `${time.toFixed(1)} ms`).join(', p95 ');
          };
          const idle = await measure(() => undefined);
          const scrolled = await measure(frame => {
            list.scrollTop = (list.scrollHeight - list.clientHeight) * Math.abs(Math.sin(frame / 9));
          });
          return { idle, scrolled, rows: list.querySelectorAll('.jp-mldeploy-LogRow').length };
        }"""
    )
    assert frames["rows"] < 200, frames  # only what is seen is in the page, however long the log is
    print(f"{lines} lines, median of a frame: {frames['scrolled']} (without scrolling {frames['idle']})")
    log.focus()
    page.page.keyboard.press("End")
    expect(log).to_contain_text(f"line {lines - 1} of")
    page.page.keyboard.press("Home")
    expect(log).to_contain_text("line 0 of")
    tab.get_by_label("Least severe level").select_option("Errors and above")
    expect(tab.get_by_text(f"of {lines:,} lines")).to_be_visible()
    tab.get_by_label("Filter the log").fill(f"line {lines - 1000} of")
    expect(log).to_contain_text(f"line {lines - 1000} of")
