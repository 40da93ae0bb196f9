"""A supervisor that answers late, or not at all, is not one that is gone."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress

import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.errors import DeploymentError
from jupyter_mldeploy.scoring.control import ControlClient
from jupyter_mldeploy.scoring.starting import connect_supervisor
from jupyter_mldeploy.targets import local_launch
from tests.targets.local_service import answer_of, facts, supervisor


def give_up() -> None:
    raise InterruptedError


def test_an_answer_that_has_come_counts_however_late_it_is_looked_at() -> None:
    ours, theirs = socket.socketpair()
    with theirs, ControlClient(ours) as client:
        theirs.sendall(json.dumps({"result": {"here": True}}).encode() + b"\n")
        assert client.call("status", timeout_s=-1) == {"here": True}
        theirs.sendall(json.dumps({"result": {"here": True}}).encode() + b"\n")
        assert client.call("status", timeout_s=60, check=give_up) == {"here": True}
        with pytest.raises(TimeoutError):
            client.call("status", timeout_s=-1)
        with pytest.raises(InterruptedError):
            client.call("status", timeout_s=60, check=give_up)


@pytest.mark.parametrize("callers", ["few callers", "many callers"])
def test_an_update_leaves_a_supervisor_alone_that_does_not_answer(
    deploy: Callable[..., Service], monkeypatch: pytest.MonkeyPatch, callers: str
) -> None:
    service = deploy(heartbeat_timeout_s=300)
    before, workers = supervisor(service), facts(service)["workers"]
    monkeypatch.setattr(local_launch, "_ANSWER_S", 0.5)
    directory = service.workspace.service_directory(service.record.uid) / "target"
    waiting: list[ControlClient] = []
    os.kill(before, signal.SIGSTOP)
    try:
        if callers == "many callers":
            with suppress(TimeoutError):  # it takes no more
                while True:
                    waiting.append(connect_supervisor(directory))
        with pytest.raises(DeploymentError, match="its supervisor lives and has not answered"):
            service.update(config={"error_detail": True})
    finally:
        os.kill(before, signal.SIGCONT)
        for client in waiting:
            client.close()
    assert answer_of(service, "1") == "1"
    assert supervisor(service) == before
    assert [item["pid"] for item in facts(service)["workers"]] == [item["pid"] for item in workers]
    assert (service.state, service.revision) == ("Healthy", 1)
