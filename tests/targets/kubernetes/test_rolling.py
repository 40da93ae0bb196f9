"""What a rollout makes of pods that its controller has not dealt with yet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from jupyter_mldeploy.core.config import read_config
from jupyter_mldeploy.core.progress import Progress
from jupyter_mldeploy.core.target import Job, ServiceRef
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import DeploymentError
from jupyter_mldeploy.targets.k8s import rolling
from jupyter_mldeploy.targets.k8s.blueprint import Blueprint
from jupyter_mldeploy.targets.k8s.config import KubernetesConfig
from tests.targets.kubernetes.scripted import ScriptedCluster

NO_IMAGE = {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}


def pod(name: str, state: Mapping[str, Any], ready: bool = False) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": str(ready)}]
    container = {"name": "scoring", "image": "none:1", "restartCount": 0, "state": state, "ready": ready}
    return {"metadata": {"name": name}, "status": {"conditions": conditions, "containerStatuses": [container]}}


class Repair:
    """A Deployment of one replica that is repaired; each look at its pods is one of the steps.

    Args:
        steps: the generation that its controller has seen, and the pods; the last one goes on.
        log: what the pods' containers have written.
    """

    def __init__(self, *steps: tuple[int, list[dict[str, Any]]], log: bytes = b"") -> None:
        self._steps = list(steps)
        self.looks, self.now = 0, 100.0
        self.cluster = ScriptedCluster({"Deployment": self._deployment, "Pod": self._pods}, lambda _: log)

    def _now(self) -> tuple[int, list[dict[str, Any]]]:
        return self._steps[min(self.looks, len(self._steps)) - 1]

    def _deployment(self) -> list[dict[str, Any]]:
        self.looks += 1
        seen, pods = self._now()
        ready = sum(item["status"]["conditions"][0]["status"] == "True" for item in pods)
        status = {"observedGeneration": seen, "readyReplicas": ready, "updatedReplicas": 1}
        return [{"metadata": {"name": "svc-r1", "generation": 2}, "spec": {"replicas": 1}, "status": status}]

    def _pods(self) -> list[dict[str, Any]]:
        return self._now()[1]

    def run(self, workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> float:
        """Wait for it as `start` does, with the pod ``bad`` from before; return for how long."""
        monkeypatch.setattr(rolling, "time", self)
        config = read_config(KubernetesConfig, {"num_replicas": 1, "memory_gb": 0.1, "memory_gb_limit": 0.15})
        blueprint = Blueprint(
            service="svc", uid="u", namespace="default", revision=1, config=config, bundle="sha256:0", image="none:1"
        )
        home = workspace.home
        bundle = workspace.bundles.create(entry_script="score.py", source={"score.py": b""}, environment={})
        job = Job(
            service=ServiceRef("u", "svc", home, home / "logs", {}), revision=1, live_revision=None, bundle=bundle,
            place=lambda path: path, config=config, environment={}, keys_file=None, secrets={},
            interpreter=None, build_environment=_unused, build_image=_unused, push_image=_unused,
        )  # fmt: skip
        rolling.bring_up(self.cluster, blueprint, job, Progress(30), {"bad"})
        return self.now

    def monotonic(self) -> float:
        """Return the time, which passes while one sleeps."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def _unused(*_: object) -> Any:
    raise AssertionError


def test_a_repair_does_not_judge_the_pod_that_it_replaces(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = pod("bad", NO_IMAGE), pod("good", {"running": {}}, ready=True)
    starting = pod("good", {"waiting": {"reason": "ContainerCreating"}})
    repair = Repair((1, [bad]), (1, [bad]), (2, [bad]), (2, [bad, starting]), (2, [bad, good]))
    repair.run(workspace, monkeypatch)
    assert repair.looks == 5


def test_what_was_not_applied_yet_is_not_judged(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    repair = Repair((1, [pod("another", NO_IMAGE)]), (2, [pod("good", {"running": {}}, ready=True)]))
    repair.run(workspace, monkeypatch)


@pytest.mark.parametrize(("name", "seconds"), [("bad", 5), ("new", 0)])
def test_a_pod_that_stays_or_is_new_is_judged(
    name: str, seconds: float, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    repair = Repair((2, [pod(name, NO_IMAGE)]))
    with pytest.raises(DeploymentError, match=f"{name} cannot pull the image none:1"):
        repair.run(workspace, monkeypatch)
    assert 0 <= repair.now - 100 - seconds < 1


def test_a_trouble_that_has_passed_is_not_held_against_a_later_one(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    restarting = {"waiting": {"reason": "ErrImagePull", "message": "connection refused"}}
    creating = {"waiting": {"reason": "ContainerCreating"}}
    waits, goes_on, ready = (
        (2, [pod("a", restarting)]),
        (2, [pod("a", creating)]),
        pod("a", {"running": {}}, ready=True),
    )
    repair = Repair(waits, *[goes_on] * 20, waits, (2, [ready]))
    assert repair.run(workspace, monkeypatch) > 108
    with pytest.raises(DeploymentError, match="connection refused"):
        Repair(waits, goes_on, waits).run(workspace, monkeypatch)


@pytest.mark.parametrize("oom", [True, False])
def test_the_server_tells_of_a_memory_limit_that_the_node_does_not_name(
    oom: bool, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that hears of a container's end first, and of its cause a moment later, gives the reason "Error"."""
    killed = pod("new", {"terminated": {"exitCode": 137, "reason": "Error"}})
    line = {"message": "mldeploy: worker 1 ended by SIGKILL", "event": {"event": "crash", "code": -9, "oom": oom}}
    log = b"2026-01-01T10:00:03.500000000Z " + json.dumps(line).encode() + b"\n"
    with pytest.raises(DeploymentError, match="new ended with exit code 137") as failure:
        Repair((2, [killed]), log=log).run(workspace, monkeypatch)
    assert ("memory limit of 0.15 GB" in failure.value.message) == oom
    assert failure.value.postmortem is not None
    assert (failure.value.postmortem["code"] == "out-of-memory") == oom
