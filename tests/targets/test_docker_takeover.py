"""The moment at which a revision takes over on the Docker target, when one of those who take part in it is slow."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.target import Observation
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.targets import docker as docker_target
from jupyter_mldeploy.targets import docker_observe, docker_rollout
from jupyter_mldeploy.targets.docker_client import engine_client
from jupyter_mldeploy.targets.docker_house import Part
from tests.patience import FACTOR
from tests.ports import free_port
from tests.targets.docker_service import ECHO, held, parts
from tests.targets.local_service import wait_for

pytestmark = pytest.mark.docker

Deploy = Callable[..., Service]


@pytest.fixture
def deploy(workspace: Workspace, tmp_path: Path, own: str) -> Deploy:
    """Deploys a service that gives the answer, or another revision of it."""

    def call(answer: str, report: Callable[[str, str], None] | None = None, **config: Any) -> Service:
        script = tmp_path / "score.py"
        script.write_text(ECHO.format(answer=answer))
        name = f"takes-{own}"
        return workspace.deploy(name, script, target="docker", config=config, timeout_s=110 * FACTOR, report=report)

    return call


def test_an_update_returns_when_the_revision_before_it_accepts_no_more(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[Observation] = []
    observe = docker_target.observe

    def look(*arguments: Any) -> Observation:
        looks.append(observe(*arguments))
        return looks[-1]

    monkeypatch.setattr(docker_target, "observe", look)
    monkeypatch.setattr(docker_target, "_NOTED_S", 100.0 * FACTOR)
    with held(deploy("one")) as worker, ThreadPoolExecutor(1) as pool:
        updating = pool.submit(deploy, "two")
        wait_for(lambda: updating.done() or [item.live_revision for item in looks].count(2) > 2, "looks", 110 * FACTOR)
        assert not updating.done(), "a worker that has not heard of it yet would still accept"
        os.kill(worker, signal.SIGCONT)
        service = updating.result()
    assert [service.score("1") for _ in range(10)] == [["two", "1"]] * 10


def test_a_changed_port_is_known_although_the_new_door_notes_late_whom_it_serves(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, read = 0, docker_observe.door_state

    def door_state(engine: Any, door: Part) -> dict[str, Any]:
        nonlocal late
        if late and door.door_name != "door":
            late -= 1
            return {}
        return read(engine, door)

    def report(step: str, _text: str) -> None:
        nonlocal late
        if step == "take over":
            late = 3

    monkeypatch.setattr(docker_observe, "door_state", door_state)
    before = deploy("one")
    port = free_port()
    with held(before):  # so that its container, which is to end, is there for a while
        service = deploy("two", report, port=port)
    assert late == 0
    assert service.scoring_uri == f"http://127.0.0.1:{port}/score"
    assert service.score("1") == ["two", "1"]


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_revision_that_has_taken_over_unheard_stays(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    """The log that says so is late, or the user interrupts at that moment: without it nothing would serve."""
    service = deploy("one")
    wait = docker_rollout.Follower.wait

    def deaf(self: docker_rollout.Follower, wanted: set[str], *arguments: Any) -> dict[str, Any] | None:
        event = wait(self, wanted, *arguments)
        if wanted != {"serving"}:
            return event
        wait_for(lambda: live(service) == 2, "its door has noted it", 10 * FACTOR)
        if interrupted:
            raise KeyboardInterrupt
        return None

    monkeypatch.setattr(docker_rollout.Follower, "wait", deaf)
    with pytest.raises(KeyboardInterrupt) if interrupted else nullcontext():
        deploy("two")
    assert service.score("1") == ["two", "1"]
    assert (service.state, service.revision) == ("Healthy", 2)
    assert [item.state for item in service.revisions()] == ["superseded", "live"]
    wait_for(lambda: len(parts(service)) == 2, "the end of the replaced revision", 60 * FACTOR)


def test_who_interrupts_is_told_so_whatever_the_dismissal_says(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    service = deploy("one")
    until_it_serves = docker_rollout.Rollout._until_it_serves

    def interrupted(*arguments: Any, **more: Any) -> None:
        until_it_serves(*arguments, **more)
        wait_for(lambda: live(service) == 2, "its door has noted it", 10 * FACTOR)
        raise KeyboardInterrupt

    def gone(*_: Any) -> None:
        raise StopIteration

    monkeypatch.setattr(docker_rollout.Rollout, "_until_it_serves", interrupted)
    monkeypatch.setattr(docker_target, "dismiss", gone)
    with pytest.raises(KeyboardInterrupt):
        deploy("two")
    wait_for(lambda: service.score("1") == ["two", "1"], "an answer of the new revision")


def live(service: Service) -> int:
    with engine_client() as engine:
        return docker_observe.View.of(engine, service.record.uid).live
