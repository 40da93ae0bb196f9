"""Changes of an endpoint that are broken off: before the new revision serves, a moment too late, and while waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from jupyter_mldeploy.core.config import DeploymentConfig
from jupyter_mldeploy.core.replaced import see_out
from jupyter_mldeploy.core.target import Job, Observation, Progress, ServiceRef
from jupyter_mldeploy.core.traffic import routing
from jupyter_mldeploy.core.traffic.endpoint import Endpoint
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import DeploymentError
from tests.core.memory_target import MemoryTarget, memory_targets
from tests.patience import FACTOR

Change = Callable[[Endpoint], object]
Apply = Callable[[MemoryTarget, Job, Progress], Observation]


@pytest.fixture
def endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    """An endpoint on a target that can divide requests as far as the core knows."""
    monkeypatch.setattr(MemoryTarget, "capabilities", replace(MemoryTarget.capabilities, traffic_split=True))
    script = tmp_path / "score.py"
    script.write_text("def init():\n    pass\n\n\ndef run(data):\n    return data\n")
    workspace = Workspace(tmp_path / "home", targets=memory_targets())
    workspace.deploy("split", script, target="memory")
    return workspace.endpoint("split")


def services(endpoint: Endpoint) -> set[str]:
    return {record.name for record in endpoint.workspace.catalogue.services()}


def create(*versions: str) -> Change:
    """Return what creates versions of the endpoint's first revision."""
    return lambda endpoint: [endpoint.create_version(version, revision=1) for version in versions]


def finish(endpoint: Endpoint) -> object:
    return endpoint.finish("green")


def delete_last_but_one(endpoint: Endpoint) -> object:
    return endpoint.delete_version("green")


def rollback(endpoint: Endpoint) -> object:
    return endpoint.workspace.deployer.rollback("split")


def break_off(monkeypatch: pytest.MonkeyPatch, *, late: bool, error: BaseException) -> None:
    """Have the target break off what it does to the endpoint itself, before or after the new revision serves."""
    apply = MemoryTarget.apply

    def broken(target: MemoryTarget, job: Job, progress: Progress) -> Observation:
        if job.service.name == "split":
            if late:
                apply(target, job, progress)
            raise error
        return apply(target, job, progress)

    monkeypatch.setattr(MemoryTarget, "apply", broken)


#: What there is before, the change, and the services when it was carried out.
CHANGES = [
    pytest.param(create(), create("green"), {"split", "split-r1", "split-green"}, id="create the first"),
    pytest.param(
        create("green"), create("blue"), {"split", "split-r1", "split-green", "split-blue"}, id="create one more"
    ),
    pytest.param(create("green"), finish, {"split"}, id="finish"),
    pytest.param(create("green"), delete_last_but_one, {"split"}, id="delete the last but one"),
    pytest.param(create("blue", "green"), delete_last_but_one, {"split", "split-r1", "split-blue"}, id="delete"),
    pytest.param(create("blue", "green"), rollback, {"split"}, id="rollback"),
]
ERRORS = [pytest.param(KeyboardInterrupt(), id="interrupt"), pytest.param(DeploymentError("It broke."), id="error")]


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize(("before", "change", "after"), CHANGES)
def test_what_is_broken_off_too_late_is_carried_out_to_its_end(
    endpoint: Endpoint,
    monkeypatch: pytest.MonkeyPatch,
    before: Change,
    change: Change,
    after: set[str],
    error: BaseException,
) -> None:
    before(endpoint)
    break_off(monkeypatch, late=True, error=error)
    with pytest.raises(type(error)):
        change(endpoint)
    assert services(endpoint) == after
    asked = endpoint.split.services.values() if endpoint.split is not None else ()
    assert {"split", *asked} == after


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize(("before", "change", "after"), CHANGES)
def test_what_is_broken_off_in_time_changes_nothing(
    endpoint: Endpoint,
    monkeypatch: pytest.MonkeyPatch,
    before: Change,
    change: Change,
    after: set[str],
    error: BaseException,
) -> None:
    before(endpoint)
    known, split = services(endpoint), endpoint.split
    break_off(monkeypatch, late=False, error=error)
    with pytest.raises(type(error)):
        change(endpoint)
    assert (services(endpoint), endpoint.split) == (known, split)
    assert known != after


def test_a_version_stays_when_only_what_stands_before_the_router_fails(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise DeploymentError("The Gateway refused.")

    monkeypatch.setattr(routing, "divide", refuse)
    with pytest.raises(DeploymentError, match="The Gateway refused"):
        endpoint.create_version("green", revision=1, traffic=20)
    assert endpoint.versions()["green"].weight == 20
    assert services(endpoint) == {"split", "split-r1", "split-green"}


class Draining:
    """A router that goes on answering until it is told to end; every wait for it is noted."""

    def __init__(self, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
        self.end = threading.Event()
        self.seen: list[set[str]] = []
        self._endpoint = endpoint
        monkeypatch.setattr(MemoryTarget, "see_out", self._wait, raising=False)

    def _wait(self, _: ServiceRef, config: DeploymentConfig) -> None:
        assert config.replica_max_concurrent_requests > 1, "the router's configuration says how long it drains"
        self.seen.append(services(self._endpoint))
        assert self.end.wait(60 * FACTOR)


@pytest.mark.parametrize("change", ["finish", "delete", "rollback"])
def test_the_wait_for_the_last_answers_is_told_and_can_be_cancelled(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    create("green")(endpoint)
    draining, cancelled, steps = Draining(endpoint, monkeypatch), threading.Event(), list[str]()

    def report(step: str, _: str) -> None:
        steps.append(step)
        if step == "drain":
            cancelled.set()

    if change == "finish":
        endpoint.finish("green", report=report, cancelled=cancelled)
    elif change == "delete":
        endpoint.delete_version("green", report=report, cancelled=cancelled)
    else:
        endpoint.workspace.deployer.rollback("split", report=report, cancelled=cancelled)
    assert not draining.end.is_set(), "the change returned although the router still answers"
    assert steps[-1] == "drain"
    assert (services(endpoint), endpoint.versions()) == ({"split"}, {})
    draining.end.set()


def test_a_deadline_ends_the_wait_for_the_last_answers(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    create("green")(endpoint)
    draining = Draining(endpoint, monkeypatch)
    router = endpoint.workspace.deployer.live(endpoint.record)
    see_out(endpoint.workspace, endpoint.record, router, Progress(0.5))
    assert not draining.end.is_set(), "it returned although the router still answers"
    draining.end.set()


def test_a_cancellation_that_came_too_late_lets_the_router_finish_its_answers(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    create("green")(endpoint)
    draining, cancelled, apply = Draining(endpoint, monkeypatch), threading.Event(), MemoryTarget.apply

    def overtaken(target: MemoryTarget, job: Job, progress: Progress) -> Observation:
        seen = apply(target, job, progress)
        cancelled.set()
        progress.check()
        return seen

    def report(step: str, _: str) -> None:
        if step == "drain":
            draining.end.set()

    monkeypatch.setattr(MemoryTarget, "apply", overtaken)
    with pytest.raises(DeploymentError, match="was cancelled"):
        endpoint.finish("green", report=report, cancelled=cancelled)
    assert draining.seen == [{"split", "split-r1", "split-green"}]
    assert services(endpoint) == {"split"}


def test_a_target_that_cannot_tell_when_the_router_ends_is_not_waited_for(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object) -> None:
        raise DeploymentError("The place is gone.")

    monkeypatch.setattr(MemoryTarget, "see_out", silent, raising=False)
    create("green")(endpoint)
    finish(endpoint)
    assert services(endpoint) == {"split"}
