"""What is kept of operations: bounded, true as long as the server that wrote it lives, and told by another server."""

from __future__ import annotations

import gc
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.records import Origin
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.server import interrupted, operation_files
from jupyter_mldeploy.server.operation_files import OperationFiles
from tests.core.memory_target import memory_targets

from .conftest import Api, script


def document(name: str = "a1", state: str = "running", **more: Any) -> dict[str, Any]:
    return {
        "id": name, "version": 1, "kind": "deploy", "service": "svc", "state": state, "cancelling": False,
        "created": time.time(), "steps": [], "error": None, "result": None, "card": None, **more,
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "operations"


def test_what_runs_is_cut_off_when_its_server_ends(folder: Path) -> None:
    server, other = OperationFiles(folder), OperationFiles(folder)
    server.write(document())
    server.write(document("b2", "succeeded", result={"revision": 3}))
    for reader in (server, other):
        found = reader.find("a1")
        assert found is not None
        assert (found.running, found.cut_off) == (True, False)
    del server
    gc.collect()  # it lets its lock go, as a process that dies does
    found = other.find("a1")
    assert found is not None
    assert (found.running, found.cut_off) == (False, True)
    ended = other.find("b2")
    assert ended is not None
    assert (ended.cut_off, ended.document["result"]) == (False, {"revision": 3})
    assert [item.document["id"] for item in other.all()] == ["a1", "b2"]
    assert oct(folder.stat().st_mode)[-3:] == "700"


def test_names_that_lead_elsewhere_and_broken_files_are_not_known(folder: Path) -> None:
    files = OperationFiles(folder)
    files.write(document())
    (folder.parent / "secret.json").write_text(json.dumps({"server": "x", "operation": document()}))
    (folder / "half.json").write_text('{"server": "x", "oper')
    for name in ("../secret", "half", "", "nope", "a1.json"):
        assert files.find(name) is None, name
    assert len(files.all()) == 1


def test_only_the_latest_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation_files, "KEPT", 3)
    first = OperationFiles(folder)
    for number in range(6):
        first.write(document(f"n{number}", "succeeded"))
        os.utime(folder / f"n{number}.json", (number + 1.0, number + 1.0))
    (folder / "dead.lock").touch()
    os.utime(folder / "dead.lock", (1.0, 1.0))
    OperationFiles(folder).write(document("newest", "succeeded"))
    assert sorted(path.stem for path in folder.glob("*.json")) == ["n3", "n4", "n5", "newest"]
    assert not (folder / "dead.lock").exists()


def test_what_is_too_large_is_kept_without_its_result(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation_files, "MOST", 1000)
    files = OperationFiles(folder)
    files.write(document(state="succeeded", result={"changed": ["x" * 2000]}))
    found = files.find("a1")
    assert found is not None
    assert (found.document["state"], found.document["result"]) == ("succeeded", None)


def test_a_folder_that_cannot_be_written_fails_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "operations").write_text("a file is in the way")
    files = OperationFiles(tmp_path / "operations")
    files.write(document())
    assert files.find("a1") is None
    assert "Operation a1 is not kept" in caplog.text


def test_who_settles_the_service_just_now_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupted, "_SETTLING_S", 300.0)
    (tmp_path / "score.py").write_text(script())
    workspace = Workspace(tmp_path / "home", targets=memory_targets())
    service = workspace.deploy("svc", tmp_path / "score.py", target="memory")
    cut = document(kind="update")
    workspace.catalogue.add_revision(service.record.uid, service.revisions()[0].bundle, {}, Origin(), {})
    with ThreadPoolExecutor(1) as pool:
        with workspace.store.lock("service-svc"):
            told = pool.submit(interrupted.interrupted, workspace, cut, look=True)
            with pytest.raises(TimeoutError):  # it is not told yet
                told.result(0.5)
        message = told.result()["error"]["message"]
    assert message == (
        "The Jupyter server ended during this update. svc serves revision 1 and is: Healthy. Revision 2 failed."
    )


async def test_an_operation_of_another_server_is_watched_and_told(
    api: Api, workspace: Workspace, home: Path, until: Any
) -> None:
    other = OperationFiles(home / "operations")
    other.write(document("c3"))
    running = await api("GET", "/operations/c3")
    assert running.body["state"] == "running"
    refused = await api("POST", "/operations/c3/cancel")
    assert (refused.status, refused.code) == (409, "conflict")
    other.write(document("c3", "succeeded", result={"revision": 1}))
    ended = await api("GET", "/operations/c3", params={"wait_s": 20}, request_timeout=30)
    assert (ended.body["state"], ended.body["result"]) == ("succeeded", {"revision": 1})

    for name, kind in (("d4", "deploy"), ("e5", "push"), ("f6", "delete")):
        other.write(document(name, kind=kind))
    del other
    gc.collect()
    told = [(await api("GET", f"/operations/{name}")).body["error"]["message"] for name in ("d4", "e5", "f6")]
    assert told == [
        "The Jupyter server ended during this deploy. Nothing is deployed as 'svc'.",
        "The Jupyter server ended during this push of image svc.",
        "The Jupyter server ended during this delete. Nothing is deployed as 'svc'.",
    ]
    listed = (await api("GET", "/operations")).body["operations"]
    assert {item["id"]: item["state"] for item in listed} == {
        "c3": "succeeded", "d4": "interrupted", "e5": "interrupted", "f6": "interrupted",
    }  # fmt: skip
