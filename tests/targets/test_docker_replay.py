"""Requests recorded in a container are replayed on this machine and by another revision, and the other way round."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mldeploy.core.probes.recording import load, save
from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.workspace import Workspace
from tests.targets.local_service import wait_for

pytestmark = pytest.mark.docker

SCRIPT = """
import json


def init():
    pass


def run(data):
    row = json.loads(data)
    return {{"y": row["x"] * {factor}, "seen": row.get("name")}}
"""


def ask(service: Service, *numbers: int) -> None:
    """Send requests and wait until they are in the log."""
    before = len(service.recorded())
    for number in numbers:
        service.score({"x": number, "name": "Ada Lovelace"})
    wait_for(lambda: len(service.recorded()) >= before + len(numbers), "the records", 60)


def test_records_go_from_containers_to_this_machine_and_back(workspace: Workspace, tmp_path: Path, own: str) -> None:
    script = tmp_path / "score.py"
    script.write_text(SCRIPT.format(factor=2))
    boxed = workspace.deploy(f"replay-{own}", script, target="docker", timeout_s=100)
    boxed.record_requests(1.0, deny=["name", "seen"], timeout_s=100)
    ask(boxed, 1, 2, 3)
    found = boxed.recorded()
    assert [(item.body["x"], item.answer["y"]) for item in found] == [(1, 2), (2, 4), (3, 6)]
    assert "Ada" not in str(boxed.logs())

    # On this machine: the same bytes give the same answers, other bytes do not.
    same = workspace.deploy(f"replay-same-{own}", script, target="local", timeout_s=60)
    kept = save(found, tmp_path / "kept.jsonl")
    assert load(kept) == found
    assert same.replay(kept).changed == []
    script.write_text(SCRIPT.format(factor=3))
    same.update(script, timeout_s=60)
    again = same.replay(boxed)
    assert (len(again.items), len(again.changed)) == (3, 3)
    assert again.largest is not None
    assert (again.largest.path, again.largest.relative) == ("$.y", 50.0)

    # In the container: another revision is asked what the one before it has answered; a log outlives its container.
    boxed.update(script, timeout_s=100)
    assert [item.body["x"] for item in boxed.recorded()] == [1, 2, 3]
    assert [item.answer["y"] for item in boxed.replay(kept).items] == [3, 6, 9]
    boxed.rollback(timeout_s=100)
    assert [item.answer["y"] for item in boxed.replay(kept).items] == [2, 4, 6]

    # And back: recorded on this machine, replayed in the container.
    same.record_requests(1.0, timeout_s=60)
    ask(same, 5)
    changed = boxed.replay(same).changed
    assert (changed[-1].request.answer["y"], changed[-1].answer["y"]) == (15, 10)
