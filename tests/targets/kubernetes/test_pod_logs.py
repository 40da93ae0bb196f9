"""The words of a container that is started again between the look at its pod and the look at its log."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.target import ServiceRef
from jupyter_mldeploy.targets.k8s.names import UID
from jupyter_mldeploy.targets.k8s.place import Clusters, Place
from jupyter_mldeploy.targets.k8s.pod_logs import collect, last_lines
from jupyter_mldeploy.targets.kubernetes import KubernetesTarget
from tests.targets.kubernetes.scripted import ScriptedCluster

FIRST = b"2026-01-01T10:00:00.100000000Z one begins\n"
LAST = b"2026-01-01T10:00:03.500000000Z one gives up\n"
SECOND = b"2026-01-01T10:00:04.700000000Z two begins\n"
RUNS = {"running": {"startedAt": "2026-01-01T10:00:00Z"}}
ENDED = {"terminated": {"exitCode": 3, "startedAt": "2026-01-01T10:00:00Z", "finishedAt": "2026-01-01T10:00:03Z"}}


def pod(state: dict[str, Any], restarts: int = 0, last: dict[str, Any] | None = None) -> dict[str, Any]:
    container = {
        "name": "scoring", "containerID": "x://1", "restartCount": restarts, "state": state, "lastState": last or {},
    }  # fmt: skip
    return {"metadata": {"name": "svc-r1-a", "uid": "u"}, "status": {"containerStatuses": [container]}}


class Node:
    """What the node has: the log of the container that runs, and of the one before it."""

    def __init__(self) -> None:
        self.present, self.before = FIRST, b""
        self.asked = 0
        self.cluster = ScriptedCluster(log=self._log)

    def _log(self, previous: bool) -> bytes:
        self.asked += 1
        return self.before if previous else self.present

    def restart(self, last: bytes = b"") -> None:
        """End the container with its last words, and start the next."""
        self.before, self.present = self.present + last, SECOND


@pytest.fixture
def service(tmp_path: Path) -> ServiceRef:
    return ServiceRef("uid", "svc", tmp_path, tmp_path / "logs", {})


def copied(service: ServiceRef) -> list[str]:
    text = "".join(path.read_text() for path in sorted(service.log_directory.iterdir()))
    return [json.loads(line)["message"] for line in text.splitlines()]


@pytest.mark.parametrize("seen", [pod(RUNS), pod(ENDED)], ids=["while it ran", "when it had ended"])
@pytest.mark.parametrize("copied_before", [True, False])
def test_last_words_are_kept_when_the_container_was_started_again_since_the_pod_was_seen(
    service: ServiceRef, seen: dict[str, Any], copied_before: bool
) -> None:
    node = Node()
    if copied_before:
        collect(node.cluster, "default", service, [pod(RUNS)])
    node.restart(LAST)
    collect(node.cluster, "default", service, [seen])
    assert copied(service) == ["one begins", "one gives up", "two begins"]
    collect(node.cluster, "default", service, [pod(RUNS, 1, ENDED)])
    assert copied(service) == ["one begins", "one gives up", "two begins"]


def test_a_container_that_is_started_again_between_two_looks_at_its_log_loses_nothing(service: ServiceRef) -> None:
    node = Node()

    def log(previous: bool) -> bytes:
        if previous and not node.before:
            node.restart(LAST)
        return node.before if previous else node.present

    collect(ScriptedCluster(log=log), "default", service, [pod(ENDED)])
    assert copied(service) == ["one begins", "one gives up"]
    collect(ScriptedCluster(log=log), "default", service, [pod(RUNS, 1, ENDED)])
    assert copied(service) == ["one begins", "one gives up", "two begins"]


def test_a_container_that_waits_for_its_next_start_is_copied_once(service: ServiceRef) -> None:
    node = Node()
    node.present = node.before = FIRST + LAST  # the kubelet has one log for both questions then
    collect(node.cluster, "default", service, [pod({"waiting": {"reason": "CrashLoopBackOff"}}, 1, ENDED)])
    assert copied(service) == ["one begins", "one gives up"]


def test_a_container_that_goes_on_costs_one_question(service: ServiceRef) -> None:
    node = Node()
    collect(node.cluster, "default", service, [pod(RUNS)])
    node.asked, node.present = 0, FIRST + LAST
    collect(node.cluster, "default", service, [pod(RUNS)])
    assert (node.asked, copied(service)) == (1, ["one begins", "one gives up"])


def test_the_last_lines_are_those_of_the_container_that_ended() -> None:
    node = Node()
    node.present = FIRST + LAST
    words = ["one begins", "one gives up"]
    assert last_lines(node.cluster, "default", pod(ENDED)) == words
    node.restart()
    assert last_lines(node.cluster, "default", pod(ENDED)) == words
    assert last_lines(node.cluster, "default", pod(RUNS, 1, ENDED)) == words
    assert last_lines(node.cluster, "default", pod(RUNS)) == ["two begins"]


def test_last_words_that_the_node_reads_when_the_container_has_ended_are_its_own() -> None:
    node = Node()
    node.present = FIRST + b"2026-01-01T10:00:04.100000000Z one gives up\n"
    words = ["one begins", "one gives up"]
    assert last_lines(node.cluster, "default", pod(ENDED)) == words
    node.restart()
    assert last_lines(node.cluster, "default", pod(ENDED)) == words
    assert last_lines(node.cluster, "default", pod(RUNS, 1, ENDED)) == words


@pytest.mark.parametrize("cursor", [None, "000001:0"])
def test_a_reader_outlasts_the_deletion_of_its_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cursor: str | None
) -> None:
    service = ServiceRef("uid", "svc", tmp_path / "uid" / "target", tmp_path / "logs", {})
    service.directory.mkdir(parents=True)
    Place("default").write(service.directory)

    def log(previous: bool) -> bytes:
        shutil.rmtree(tmp_path / "uid", ignore_errors=True)  # while the pod, which ends slowly, is asked
        return b"" if previous else FIRST

    seen = pod(RUNS)
    seen["metadata"]["labels"] = {UID: "uid"}
    cluster = ScriptedCluster({"Pod": lambda: [seen]}, log)
    monkeypatch.setattr(Clusters, "of", lambda *_: cluster)
    page = KubernetesTarget().logs(service, cursor, 100)
    assert [line.text for line in page.lines] == ["one begins"]
    collect(cluster, "default", service, [seen])
    assert not (tmp_path / "uid").exists(), "what was deleted does not come back"
