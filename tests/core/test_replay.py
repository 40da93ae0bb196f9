"""Recording and replay: what is recorded and what is not, and which answers a new revision changes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.probes.recording import Recorded, load, save
from jupyter_mldeploy.core.probes.replay import differences
from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import InvalidInputError, ScoringError
from tests.targets.local_service import wait_for

SCRIPT = """
import json


def init():
    pass


def run(data):
    row = json.loads(data)
    if row["x"] < 0:
        raise ValueError("negative")
    return {{"y": row["x"] * {factor}, "name": row.get("name")}}
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    workspace = Workspace(tmp_path / "home")
    (tmp_path / "score.py").write_text(SCRIPT.format(factor=2.0))
    found = workspace.deploy("replayed", tmp_path / "score.py", timeout_s=60)
    yield found
    for item in workspace.services():
        item.delete()


def test_a_new_revision_is_compared_with_the_answers_of_the_old_one(service: Service, tmp_path: Path) -> None:
    service.score({"x": 99})
    with pytest.raises(InvalidInputError, match="no recorded request"):
        service.replay()
    service.record_requests(1.0, max_bytes=400, deny=["Name"])
    for x in (1, 2, 0):
        service.score({"x": x, "name": "Ada Lovelace"})
    service.score({"x": 5, "pad": "p" * 500})  # too large
    with pytest.raises(ScoringError):
        service.score({"x": -1})
    wait_for(lambda: len(service.recorded()) == 4, "the records")  # a line is written after the answer
    found = service.recorded()
    assert [item.body["x"] for item in found] == [1, 2, 0, -1]
    assert [item.status for item in found] == [200, 200, 200, 500]
    assert {item.body.get("name") for item in found} == {"***", None}
    assert "Ada" not in str(service.logs())
    assert service.replay().changed == []
    service.score({"x": 7})  # after the replay, so that the log has come so far
    wait_for(lambda: service.recorded()[-1].body["x"] == 7, "the record")
    assert [item.body["x"] for item in service.recorded()] == [1, 2, 0, -1, 7], "what is replayed is not recorded anew"

    path = save(found[:3], tmp_path / "kept.jsonl")
    assert load(path) == found[:3]
    (tmp_path / "score.py").write_text(SCRIPT.format(factor=2.02))
    service.update(tmp_path / "score.py", timeout_s=60)
    again = service.replay(path)
    assert [item.request.body["x"] for item in again.changed] == [1, 2]
    assert again.largest is not None
    assert again.largest.path == "$.y"
    assert math.isclose(again.largest.relative or 0, 1.0)
    assert "2 of 3 answers" in str(again)
    assert json.loads(json.dumps(again.to_dict(), allow_nan=False))["changed"] == 2
    assert service.replay(path, tolerance=0.02).changed == []

    service.record_requests(0)
    before = len(service.recorded())
    service.score({"x": 1})
    assert len(service.recorded()) == before


def test_another_service_is_asked_what_this_one_was_asked(service: Service, tmp_path: Path) -> None:
    service.record_requests(1.0)
    service.score({"x": 3})
    wait_for(service.recorded, "the record")
    (tmp_path / "score.py").write_text(SCRIPT.format(factor=-2.0))
    other = service.workspace.deploy("other", tmp_path / "score.py", timeout_s=60)
    (item,) = other.replay("replayed").changed
    assert (item.request.answer["y"], item.answer["y"]) == (6.0, -6.0)
    assert other.replay(service).to_dict()["largest"]["absolute"] == -12.0


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        ([1, 2], [1, 2], []),
        ([1, 2], [1], ["$.length"]),
        ({"a": 1}, {"b": 1}, ["$.a", "$.b"]),
        ([True], [1], ["$[0]"]),
        ([[1.0, "x"]], [[1.5, "y"]], ["$[0][0]", "$[0][1]"]),
        (None, 0, ["$"]),
    ],
)
def test_places_that_differ(before: Any, after: Any, wanted: list[str]) -> None:
    assert [item.path for item in differences(before, after)] == wanted


def test_wrong_rates_and_files_are_refused(service: Service, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="from 0 to 1"):
        service.record_requests(2.0)
    with pytest.raises(InvalidInputError, match="comma"):
        service.record_requests(1.0, deny=["a,b"])
    (tmp_path / "bad.jsonl").write_text("{}\n")
    with pytest.raises(InvalidInputError, match="does not hold recorded requests"):
        load(tmp_path / "bad.jsonl")
    assert Recorded(1, 2).status == 200
