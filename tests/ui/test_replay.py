"""The part Recorded requests of the Test tab: recording is switched on, and a changed script's answers are compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from .jupyter import SCRIPT, Lab
from .page import LabPage, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

#: Answers as SCRIPT does with the factor 2, but for rows that begin with 3; and not while a file is there.
OTHER = """\
import json
import time
from pathlib import Path


def init():
    pass


def run(data):
    while Path({gate!r}).exists():
        time.sleep(0.05)
    rows = json.loads(data)["data"]
    return [value * (2.5 if rows[0] == 3 else 2) for value in rows]
"""
LONG = '{"data": [3, ' + ", ".join(["1.0"] * 40) + '], "name": "Ada", "id": 9007199254740993}'


def test_a_change_is_compared_with_recorded_answers(page: LabPage, lab: Lab, name: str, tmp_path: Path) -> None:
    lab.deploy(name, SCRIPT.format(factor=2))
    page.open()
    page.command("mldeploy:open", name=name, tab="test")
    tab = page.page.locator(".jp-mldeploy-Test:visible")
    tab.get_by_text("Recorded requests: which").focus()
    page.page.keyboard.press("Enter")
    part = tab.get_by_role("region", name="Recorded requests")
    expect(part.get_by_text("records none of its requests. Its log holds 0")).to_be_visible()
    expect(part.get_by_role("button", name="Stop recording")).to_have_attribute("aria-disabled", "true")

    # What cannot be is refused here or by the server, twice alike.
    share, replay = part.get_by_label("Share (percent)"), part.get_by_role("button", name="Replay", exact=True)
    share.fill("0")
    part.get_by_role("button", name="Start recording").press("Enter")
    expect(part.get_by_role("alert")).to_contain_text("Share:")
    for _ in range(2):
        expect(replay).to_be_enabled()
        replay.press("Enter")
        expect(part.get_by_role("alert").filter(has_text="There is no recorded request.")).to_be_visible()

    # Switched on, by keyboard: a new revision, and what is sent from this tab is counted.
    share.fill("100")
    part.get_by_label("Fields to leave out").fill("name")
    start = part.get_by_role("button", name="Start recording")
    expect(start).to_be_enabled()
    start.press("Enter")
    expect(part.get_by_text("records all of its requests. Left out: name. Its log holds 0")).to_be_visible()
    expect(part.get_by_role("button", name="Change recording")).to_be_enabled()
    assert lab.workspace.service(name).revision == 2
    body = tab.get_by_label("Body of the request")
    for number, text in enumerate(('{"data": [1, 2]}', LONG), 1):
        body.fill(text)
        tab.get_by_role("button", name="Send", exact=True).press("Enter")
        expect(part.get_by_text(f"Its log holds {number} recorded request")).to_be_visible()

    # Another script: nobody asked it to record, and of two answers one is another.
    script = tmp_path / "score.py"
    gate = tmp_path / "gate"
    gate.touch()
    script.write_text(OTHER.format(gate=str(gate)))
    lab.workspace.deploy(name, script)
    expect(part.get_by_text("records none of its requests. Its log holds 2")).to_be_visible()
    expect(replay).to_be_enabled()
    replay.press("Enter")
    cancel = part.get_by_role("button", name="Cancel the replay")
    expect(part.get_by_text("request 1 of 2")).to_be_visible()
    cancel.press("Enter")
    expect(part.get_by_role("button", name="Cancelling …")).to_be_visible()
    gate.unlink()
    expect(part.get_by_text("The replay was cancelled.")).to_be_visible()
    expect(replay).to_be_enabled()
    replay.press("Enter")
    expect(part.get_by_text("2 requests sent · 1 answer the same · 1 changed · 0 failed")).to_be_visible()
    expect(part.get_by_text("(revision 3)")).to_be_visible()
    table = part.get_by_role("region", name="Answers that changed")
    expect(table.get_by_role("row")).to_have_count(2)
    expect(table.get_by_text("$[0]: 6 → 7.5 (+1.5, 25 percent)")).to_be_visible()
    expect(table.get_by_text("and 38 more places")).to_be_visible()
    table.locator("summary").first.press("Enter")
    expect(table.locator("pre").first).to_contain_text('"name": "***"')
    assert page.axe(".jp-mldeploy-Test") == []
    part.scroll_into_view_if_needed()
    page.screenshot(tmp_path / "replay-light.png")
    page.theme("JupyterLab Dark")
    assert page.axe(".jp-mldeploy-Test") == []
    page.screenshot(tmp_path / "replay-dark.png")
    page.theme("JupyterLab Light")

    # The request can be worked on, its numbers as they were sent; a tolerance lets the difference pass.
    table.get_by_role("button", name="Edit request 1").press("Enter")
    assert "9007199254740993" in body.input_value()
    assert "1.0" in body.input_value()
    part.get_by_label("Tolerance").fill("0.3")
    expect(replay).to_be_enabled()
    replay.press("Enter")
    expect(part.get_by_text("2 requests sent · 2 answers the same · 0 changed")).to_be_visible()
    expect(table).to_have_count(0)

    # The work is the server's: whoever opens the tab again finds it.
    page.open()
    page.command("mldeploy:open", name=name, tab="test")
    tab.get_by_text("Recorded requests: which").click()
    expect(part.get_by_text("2 requests sent · 2 answers the same · 0 changed")).to_be_visible()
