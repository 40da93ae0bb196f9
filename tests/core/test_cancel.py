"""A deployment that another thread gives up, and what frontends learn about a service when they look."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from jupyter_mldeploy.core.assemble import Source
from jupyter_mldeploy.core.notebook import read_notebook
from jupyter_mldeploy.core.records import State
from jupyter_mldeploy.core.request import Request
from jupyter_mldeploy.core.target import Job, Observation, Progress, ServiceRef
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import DeploymentError, NotFoundError
from tests.core.memory_target import memory_targets

SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"


def request(**config: object) -> Request:
    return Request("svc", Source("score.py", SCRIPT), target="memory", config=config)


def test_a_cancelled_update_leaves_the_old_revision(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home", targets=memory_targets())
    workspace.deployer.deploy(request())
    cancelled = threading.Event()

    def report(step: str, _: str) -> None:
        if step == "run":
            cancelled.set()

    with pytest.raises(DeploymentError, match="was cancelled"):
        workspace.deployer.deploy(request(hang=True), report=report, cancelled=cancelled)
    service = workspace.service("svc")
    assert (service.state, service.revision) == (State.HEALTHY, 1)
    assert service.revisions()[1].reason == "The deployment was cancelled."


def test_an_update_that_is_interrupted_when_it_serves_already_is_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path / "home", targets=memory_targets())
    workspace.deployer.deploy(request())
    target = workspace.targets.get("memory")
    apply = target.apply

    def interrupted(job: Job, progress: Progress) -> Observation:
        apply(job, progress)
        raise KeyboardInterrupt

    monkeypatch.setattr(target, "apply", interrupted)
    with pytest.raises(KeyboardInterrupt):
        workspace.deployer.deploy(request(tags={"team": "b"}, description="the second", properties={"made": "late"}))
    service = workspace.service("svc")
    assert (service.state, service.revision) == (State.HEALTHY, 2)
    assert [item.state for item in service.revisions()] == ["superseded", "live"]
    record = service.record
    assert (record.tags, record.description, record.properties) == ({"team": "b"}, "the second", {"made": "late"})
    assert [step["step"] for step in service.revisions()[1].facts["steps"]] == ["check", "place", "run"]


@pytest.mark.parametrize("second", [KeyboardInterrupt(), RuntimeError("the place is silent")])
def test_a_failed_update_keeps_its_reason_when_the_target_cannot_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: BaseException
) -> None:
    workspace = Workspace(tmp_path / "home", targets=memory_targets())
    workspace.deployer.deploy(request())

    def silent(_: ServiceRef) -> Observation:
        raise second

    target = workspace.targets.get("memory")
    observe = target.observe
    monkeypatch.setattr(target, "observe", silent)
    # Caught whatever it is: an interrupt that gets out would end the tests.
    with pytest.raises(BaseException, match="It failed: on purpose"):
        workspace.deployer.deploy(request(fail="on purpose"))
    monkeypatch.setattr(target, "observe", observe)
    service = workspace.service("svc")
    service.refresh()
    assert (service.state, service.revision) == (State.HEALTHY, 1)
    assert [(item.state, item.reason) for item in service.revisions()] == [
        ("live", None), ("failed", "It failed: on purpose."),
    ]  # fmt: skip


def test_a_deployment_that_is_cancelled_before_its_first_step_has_none(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home", targets=memory_targets())
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(DeploymentError, match="was cancelled") as refused:
        workspace.deployer.deploy(request(), cancelled=cancelled)
    assert refused.value.steps == []
    assert workspace.services() == []


def test_looking_tells_what_the_target_reports(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home", targets=memory_targets())
    workspace.deployer.deploy(request())
    record, seen = workspace.deployer.look("svc")
    assert (record.state, seen.facts) == (State.HEALTHY, {"seen": True})


@pytest.mark.parametrize("verb", ["stop", "delete"])
def test_an_answer_that_a_change_has_overtaken_is_not_taken_for_the_present(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    workspace = Workspace(tmp_path / "home", targets=memory_targets())
    workspace.deployer.deploy(request())
    target = workspace.targets.get("memory")
    observe = target.observe

    def overtaken(service: ServiceRef) -> Observation:
        seen = observe(service)
        monkeypatch.setattr(target, "observe", observe)
        getattr(workspace.deployer, verb)("svc")
        return seen

    uid = workspace.service("svc").record.uid
    monkeypatch.setattr(target, "observe", overtaken)
    record, _ = workspace.deployer.look("svc")
    assert record.state is not State.HEALTHY
    assert (record.deleted is not None) == (verb == "delete")
    assert record == workspace.catalogue.service_by_uid(uid)


def test_any_code_cell_of_a_notebook_can_be_meant_by_its_id(tmp_path: Path) -> None:
    sources = [("code", "%%deploy svc"), ("code", "x = 1"), ("markdown", "text")]
    cells = [
        {"id": f"c{number}", "cell_type": kind, "metadata": {}, "source": source}
        | ({"outputs": [], "execution_count": None} if kind == "code" else {})
        for number, (kind, source) in enumerate(sources)
    ]
    path = tmp_path / "book.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}))
    notebook = read_notebook(path)
    assert notebook.any_cell("c0", "other").name == "svc"
    found = notebook.any_cell("c1", "other")
    assert (found.name, found.number, [cell.id for cell in found.others]) == ("other", 2, ["c0"])
    for missing in ("c2", "c9"):
        with pytest.raises(NotFoundError, match=missing):
            notebook.any_cell(missing, "other")
