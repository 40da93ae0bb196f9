"""Parts of the cluster die in the middle of a deployment: what serves goes on, and the work is resumed."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from jupyter_mldeploy.core.records import RevisionState, State
from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.errors import DeadlineExceededError, DeploymentError
from jupyter_mldeploy.targets.k8s.cluster import Cluster
from tests.patience import FACTOR
from tests.targets.kubernetes.cluster_parts import LOST_SOCKET, Part, parts
from tests.targets.kubernetes.node_ports import Caller, request

pytestmark = [
    pytest.mark.kubernetes, pytest.mark.docker, pytest.mark.whole_node, pytest.mark.slow, pytest.mark.timeout(420),
    pytest.mark.filterwarnings(f"ignore:{LOST_SOCKET}:ResourceWarning"),
]  # fmt: skip

Deploy = Callable[..., Service]
#: The long ones are for whoever asks for long proofs.
in_full = pytest.mark.skipif(int(os.environ.get("MLDEPLOY_SOAK_S", "15")) < 60, reason="MLDEPLOY_SOAK_S is under 60")


def slow_to_start(answer: str, seconds: float = 3) -> str:
    return f"import time\n\n\ndef init():\n    time.sleep({seconds})\n\n\ndef run(data):\n    return {answer!r}\n"


class At:
    """Does something once, when a deployment comes to a step."""

    def __init__(self, step: str, action: Callable[[], object]) -> None:
        self._step, self._action = step, action
        self.done = False
        self.steps: list[str] = []

    def __call__(self, step: str, _text: str) -> None:
        self.steps.append(step)
        if step == self._step and not self.done:
            self.done = True
            self._action()


@contextmanager
def asked_all_the_time(service: Service) -> Iterator[list[str]]:
    """Ask a service at its node's port without the cluster's help; what fails is in the list."""
    base = str(service.scoring_uri).removeprefix("http://").removesuffix("/score")
    headers = {"authorization": f"Bearer {service.keys().primary}", "content-type": "application/json"}
    failures: list[str] = []
    answers = 0
    stop = threading.Event()

    def ask() -> None:
        nonlocal answers
        with contextlib.closing(Caller(base, lambda: headers)) as caller:
            while not stop.is_set():
                try:
                    status, text = caller.ask("POST", "/score", b"1")
                except (OSError, http.client.HTTPException) as error:
                    failures.append(repr(error))
                else:
                    answers += 1
                    if status != 200:
                        failures.append(f"{status} {text!r}")

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        yield failures
    finally:
        stop.set()
        asker.join(60)
    assert answers > 20


def wait_until_healthy(service: Service) -> None:
    deadline = time.monotonic() + 60 * FACTOR
    while service.refresh().state is not State.HEALTHY:
        assert time.monotonic() < deadline, service.reason
        time.sleep(0.3)


def after(seconds: float, action: Callable[[], object]) -> threading.Timer:
    timer = threading.Timer(seconds, action)
    timer.start()
    return timer


@in_full
@pytest.mark.parametrize(
    ("how", "step"),
    [pytest.param(signal.SIGKILL, "init", id="killed"), pytest.param(signal.SIGTERM, "apply", id="stopped")],
)
def test_the_api_server_goes_in_the_middle_of_an_update(
    deploy: Deploy, cluster: Cluster, how: signal.Signals, step: str, tmp_path: Any
) -> None:
    service = deploy(slow_to_start("one", 0), access="node-port")
    script = tmp_path / "two.py"
    script.write_text(slow_to_start("two"))
    with parts(cluster, "kube-apiserver") as (server,), asked_all_the_time(service) as failures:
        seen: list[tuple[State, str]] = []

        def interrupt() -> None:
            server.end(how)
            deadline = time.monotonic() + 20
            while True:  # what was read half a second ago still counts
                found = service.workspace.deployer.look(service.name)[1]
                if found.state is not State.HEALTHY or time.monotonic() > deadline:
                    break
            seen.append((found.state, str(found.reason)))
            timers.append(after(2, server.start))

        timers: list[threading.Timer] = []
        at = At(step, interrupt)
        service.update(script, timeout_s=200, report=at)
        for timer in timers:
            timer.join()
    assert at.done
    ((state, reason),) = seen
    assert state is State.UNHEALTHY
    assert "Nobody knows how it is: The Kubernetes API server" in reason
    assert failures == []
    assert service.refresh().state is State.HEALTHY
    assert (request(service).result(), service.record.live_revision) == ("two", 2)
    assert [item.state for item in service.revisions()] == [RevisionState.SUPERSEDED, RevisionState.LIVE]


@in_full
def test_the_kubelet_is_killed_in_the_middle_of_a_deployment(deploy: Deploy, cluster: Cluster) -> None:
    with parts(cluster, "kubelet") as (kubelet,):

        def interrupt() -> None:
            kubelet.end()
            timers.append(after(4, kubelet.start))

        timers: list[threading.Timer] = []
        before_the_pod = At("schedule", interrupt)
        first = deploy(slow_to_start("one"), timeout_s=200, report=before_the_pod)
        in_init = At("init", interrupt)
        second = deploy(slow_to_start("two"), timeout_s=200, report=in_init)
        for timer in timers:
            timer.join()
    assert (before_the_pod.done, in_init.done) == (True, True)
    for service in (first, second):  # a kubelet that begins asks its pods before it calls them ready again
        wait_until_healthy(service)
    assert (first.score("1"), second.score("1")) == ("one", "two")
    for service in (first, second):
        pods = service.workspace.deployer.look(service.name)[1].facts["pods"]
        assert [pod["restarts"] for pod in pods] == [0]


@in_full
def test_a_node_whose_kubelet_stays_away_is_named(deploy: Deploy, cluster: Cluster) -> None:
    service = deploy(slow_to_start("one", 0))
    with parts(cluster, "kubelet", "kube-controller-manager") as (kubelet, controllers):
        controllers.end()
        controllers.start("--node-monitor-grace-period=12s")  # instead of 40 s
        kubelet.end()
        with pytest.raises(DeadlineExceededError, match="is placed on k8s-test, which does not report any more"):
            deploy(slow_to_start("two", 0), timeout_s=25)
        record = service.refresh()
        assert record.state is State.UNHEALTHY
        assert "runs on k8s-test, which does not report any more" in str(record.reason)
        with pytest.raises(DeploymentError, match="1 of 1 nodes does not report any more"):
            deploy(slow_to_start("three", 0))
        controllers.end()
    wait_until_healthy(service)
    assert service.score("1") == "one"


@in_full
def test_the_node_is_closed_and_the_pod_killed_in_the_middle_of_a_deployment(
    deploy: Deploy, cluster: Cluster, namespace: str
) -> None:
    node = cluster.list("Node", None)[0]["metadata"]["name"]
    closed = threading.Event()

    def close() -> None:
        cluster.patch("Node", None, node, {"spec": {"unschedulable": True}})
        closed.set()

    def reopen() -> None:
        cluster.patch("Node", None, node, {"spec": {"unschedulable": None}})

    def kill_the_pod() -> None:
        for pod in cluster.list("Pod", namespace):
            cluster.delete("Pod", namespace, pod["metadata"]["name"], grace_s=0)

    try:
        with pytest.raises(DeploymentError, match=r"1 of 1 nodes is closed for new pods \(cordoned\)") as failure:
            deploy(slow_to_start("none"), timeout_s=60, report=At("apply", close))
        assert failure.value.state == "Unschedulable"
        reopen()
        timers: list[threading.Timer] = []

        def close_for_a_while() -> None:
            close()
            timers.append(after(6, reopen))

        waiting = deploy(slow_to_start("one", 0), wait_for_nodes=True, report=At("apply", close_for_a_while))
        assert waiting.score("1") == "one"
        for timer in timers:
            timer.join()
    finally:
        reopen()
    waiting.delete()
    at = At("init", kill_the_pod)
    service = deploy(slow_to_start("two"), report=at)
    assert at.done
    assert service.score("1") == "two"


def test_a_part_that_does_not_run_is_seen(cluster: Cluster) -> None:
    part = Part("kube-scheduler")
    with parts(cluster, "kube-scheduler"):
        part.end()
        assert not part.runs()
    assert Part("kube-scheduler").runs()


def test_an_update_ends_when_the_nodes_lead_to_it(deploy: Deploy, cluster: Cluster) -> None:
    text = "def init():\n    pass\n\n\ndef run(data):\n    return {!r}\n"
    service = deploy(text.format("one"), access="node-port")
    with parts(cluster, "kube-proxy") as (proxy,):
        acts = {"swap": proxy.pause, "address": proxy.go_on}

        def report(step: str, _text: str) -> None:
            acts.pop(step, lambda: None)()

        try:
            deploy(text.format("two"), name=service.name, access="node-port", report=report)
        finally:
            proxy.go_on()
        assert request(service).result() == "two"
        assert acts == {}
