"""Services whose target cannot be asked any more: delete says the way out, forget takes them off the lists."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.target import Targets
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import NotFoundError, TargetUnavailableError
from tests.core.memory_target import MemoryTarget, memory_targets


@pytest.fixture
def service(tmp_path: Path) -> Service:
    script = tmp_path / "score.py"
    script.write_text("def init():\n    pass\n\n\ndef run(data):\n    return data\n")
    return Workspace(tmp_path / "home", targets=memory_targets()).deploy("lost", script, target="memory")


def gone(*_: object) -> None:
    raise TargetUnavailableError("The place does not answer.", hint="Check the network.")


def test_delete_says_the_way_out_and_keeps_the_service(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryTarget, "delete", gone)
    with pytest.raises(TargetUnavailableError) as failure:
        service.delete()
    assert failure.value.hint == (
        "Check the network. "
        "`%deploy delete lost --force` only takes it off the lists, as does `mldeploy delete --force`."
    )
    assert failure.value.details["forget"] == {
        "name": "lost",
        "remains": "Should its target come back, there may still be what it runs there.",
        "hint": "Check the network.",
    }
    assert [item.name for item in service.workspace.services()] == ["lost"]


def test_force_forgets_it_and_says_what_may_remain(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    uid = service.record.uid
    known = replace(MemoryTarget.capabilities, remains="files of {uid} in {room}")
    monkeypatch.setattr(MemoryTarget, "capabilities", known)
    monkeypatch.setattr(MemoryTarget, "delete", gone)
    told = service.delete(force=True)
    assert told == (
        "lost is only forgotten: The place does not answer. Should its target come back, there may still be "
        f"files of {uid} in (not known)."
    )
    assert service.workspace.services() == []
    (event,) = [item for item in service.workspace.events.read() if item.kind == "service_deleted"]
    assert event.message == told
    assert service.delete(force=True) is None  # again is no error


def test_force_removes_what_can_be_removed(service: Service) -> None:
    assert service.delete(force=True) is None
    assert service.workspace.services() == []
    with pytest.raises(NotFoundError):
        service.workspace.deployer.forget("never-was")


def test_a_service_whose_plug_in_is_gone_can_be_forgotten(service: Service) -> None:
    later = Workspace(service.workspace.home, targets=Targets([]))
    with pytest.raises(NotFoundError, match="no target named 'memory'") as failure:
        later.deployer.delete("lost")
    assert "--force" in str(failure.value.hint)
    told = later.deployer.forget("lost")
    assert told is not None
    assert "There is no target named 'memory'" in told
    assert "there may still be what it runs there." in told
    assert later.catalogue.services() == []
