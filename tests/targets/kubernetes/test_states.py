"""Each way to fail in a cluster, provoked for real: state and reason. How soon they come, the benchmark says."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from jupyter_mldeploy.core.records import State
from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import (
    DeadlineExceededError,
    DeploymentError,
    ForbiddenError,
    MldeployError,
    TargetUnavailableError,
)
from jupyter_mldeploy.targets.k8s.cluster import Cluster
from tests.patience import FACTOR
from tests.targets.kubernetes.provoked import CRASH, ECHO, NO_IMAGE, NO_MEMORY, NO_QUOTA, QUOTA, set_quota
from tests.targets.time_limits import HANGS, LIMITS, check_time_limits

pytestmark = [pytest.mark.kubernetes, pytest.mark.docker]

Deploy = Callable[..., Service]


def eventually(service: Service, state: State, seconds: float = 60.0, words: str = "") -> str:
    """Return the reason once the service is in a state, and says why in words that match.

    Args:
        seconds: longest time, on a machine that has nothing else to do.
    """
    deadline = time.monotonic() + seconds * FACTOR
    while True:
        record = service.refresh()
        if record.state is state and re.search(words, str(record.reason)):
            return str(record.reason)
        assert time.monotonic() < deadline, f"still {record.state}: {record.reason}"
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"cpu_cores": 900}, r"no room for 1 replica of 900 cores.*cpu is short on 1 of 1 nodes"),
        ({"gpu_cores": 3}, r"no room.*nvidia\.com/gpu is short on 1 of 1 nodes"),
        ({"node_selector": {"pool": "none"}}, r"no room.*1 of 1 nodes lack the label pool=none"),
        ({"memory_gb": 0.06, "num_replicas": 900}, r"no room for 900 replicas"),
    ],
)
def test_a_request_that_no_node_can_take_is_refused_before_anything_is_built(
    deploy: Deploy, workspace: Workspace, config: dict[str, Any], words: str
) -> None:
    with pytest.raises(DeploymentError, match=words) as failure:
        deploy(ECHO, **config)
    assert failure.value.state == "Unschedulable"
    assert workspace.services() == []


def test_waiting_for_nodes_ends_with_the_deadline_and_the_scheduler_s_reason(deploy: Deploy) -> None:
    # With an image that is there already, as nobody pulls it: the deadline is for the nodes alone. It passes in any
    # case, so it is no longer than a machine with much to do needs to have the pod judged.
    with pytest.raises(DeadlineExceededError, match=r"no node takes .*cpu is short on 1 of 1 nodes") as failure:
        deploy(ECHO, **NO_IMAGE.config, cpu_cores=900, wait_for_nodes=True, timeout_s=30)
    assert failure.value.state == "Unschedulable"


def test_an_image_that_cannot_be_pulled(deploy: Deploy) -> None:
    with pytest.raises(DeploymentError, match=NO_IMAGE.words):
        deploy(NO_IMAGE.text, **NO_IMAGE.config)


def test_a_crash_carries_the_user_s_traceback(deploy: Deploy, workspace: Workspace) -> None:
    with pytest.raises(DeploymentError, match=CRASH.words) as failure:
        deploy(CRASH.text)
    error = failure.value
    assert error.postmortem is not None
    assert error.postmortem["stage"] == "init"
    assert error.postmortem["traceback"][-1]["text"] == "return weights['absent']"
    assert any("return weights['absent']" in line for line in error.log_tail)
    (service,) = workspace.services()
    assert service.state is State.FAILED
    assert "KeyError" in str(service.logs())


def test_a_container_that_runs_out_of_memory(deploy: Deploy) -> None:
    with pytest.raises(DeploymentError, match=NO_MEMORY.words) as failure:
        deploy(NO_MEMORY.text, **NO_MEMORY.config)
    assert "memory" in str(failure.value.hint)


def test_an_init_that_takes_too_long_is_named(deploy: Deploy) -> None:
    text = (
        "import os\nimport time\n\n\ndef init():\n    time.sleep(float(os.environ['SLEEP_S']))\n\n\n"
        "def run(data):\n    return data\n"
    )
    quick = deploy(text, environment_variables={"SLEEP_S": "0"})
    image = quick.workspace.deployer.look(quick.name)[1].facts["image"]  # the deadline is not for building and pulling
    given = {"image": image, "registry": None, "load_command": None}
    with pytest.raises(DeadlineExceededError, match=r"imports and init\(\)") as failure:
        deploy(text, **given, environment_variables={"SLEEP_S": "600"}, timeout_s=60)
    assert failure.value.state == "Failed"


def test_a_slow_init_is_never_killed(deploy: Deploy) -> None:
    text = "import time\n\n\ndef init():\n    time.sleep(12)\n\n\ndef run(data):\n    return 'slow'\n"
    service = deploy(text, period_seconds=1, failure_threshold=5, timeout_seconds=2)
    assert service.score("1") == "slow"
    pods = service.workspace.deployer.look(service.name)[1].facts["pods"]
    assert [pod["restarts"] for pod in pods] == [0]


@pytest.fixture
def quota(cluster: Cluster, namespace: str) -> Iterator[Callable[..., None]]:
    """Sets a quota for the module's namespace."""

    yield partial(set_quota, cluster, namespace)
    cluster.delete("ResourceQuota", namespace, "tight")


def test_a_quota_without_room_is_told_before_anything_is_built(
    deploy: Deploy, workspace: Workspace, quota: Callable[..., None]
) -> None:
    quota(hard={"requests.memory": "10Mi"})
    with pytest.raises(DeploymentError, match=r"quota 'tight'.*requests\.memory allows 0\.00977 GiB"):
        deploy(ECHO)
    assert workspace.services() == []


def test_a_quota_that_only_the_cluster_knows_is_told_by_the_cluster(deploy: Deploy, quota: Callable[..., None]) -> None:
    quota(**QUOTA)
    with pytest.raises(DeploymentError, match=NO_QUOTA.words):
        deploy(NO_QUOTA.text)


def test_missing_rights_are_named_before_anything_is_built(
    deploy: Deploy, workspace: Workspace, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    cluster.create("ServiceAccount", namespace, {"metadata": {"name": "nobody"}})
    deadline = time.monotonic() + 60 * FACTOR
    token = ""
    while not token:  # 1.20 puts a token into a Secret of its own accord
        for item in cluster.list("Secret", namespace):
            if (item["metadata"].get("annotations") or {}).get("kubernetes.io/service-account.name") == "nobody":
                token = base64.b64decode((item.get("data") or {}).get("token", "")).decode()
        assert time.monotonic() < deadline, "the account gets no token"
    content = yaml.safe_load(Path(str(cluster.kubeconfig)).read_text())
    content["users"] = [{"name": "nobody", "user": {"token": token}}]
    content["contexts"][0]["context"]["user"] = "nobody"
    path = tmp_path / "nobody.conf"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ForbiddenError, match=r"may not .*patch deployments.*in namespace 'test-") as failure:
        deploy(ECHO, kubeconfig=str(path))
    assert token not in str(failure.value.to_dict())
    assert workspace.services() == []


def test_a_pod_that_is_killed_comes_back(deploy: Deploy, cluster: Cluster, namespace: str) -> None:
    # The state between is there for a while.
    service = deploy("import time\n\n\ndef init():\n    time.sleep(10)\n\n\ndef run(data):\n    return data\n")
    look = service.workspace.deployer.look
    (pod,) = look(service.name)[1].facts["pods"]
    cluster.delete("Pod", namespace, pod["name"], grace_s=0)
    assert "0 of 1 replica answers" in eventually(service, State.UNHEALTHY)
    eventually(service, State.HEALTHY, 90)
    assert service.score("1") == "1"
    assert look(service.name)[1].facts["pods"][0]["name"] != pod["name"]


def test_a_run_that_hangs_is_ended_and_a_server_that_hangs_fails_its_probes(deploy: Deploy) -> None:
    text = (
        "import os\nimport signal\nimport time\n\n\ndef init():\n    pass\n\n\n"
        f"def run(data):\n    {HANGS}\n"
        "    if data == '\"stop\"':\n        os.kill(os.getpid(), signal.SIGSTOP)\n    return data\n"
    )
    service = deploy(text, timeout_seconds=1, **LIMITS)
    check_time_limits(service)
    with pytest.raises(TargetUnavailableError, match="did not answer"):
        service.score('"stop"', timeout_s=10)
    eventually(service, State.UNHEALTHY, words="does not answer: (Readiness|Liveness) probe failed")


def test_a_crash_loop_shows_the_crashed_container_s_log(deploy: Deploy) -> None:
    # It starts once, and never again: what a changed dependency or an expired credential does to a running service.
    text = (
        "import os\n\n\ndef init():\n    if os.path.exists('/tmp/seen'):\n"
        "        raise RuntimeError('the licence has run out')\n    open('/tmp/seen', 'w').close()\n\n\n"
        "def run(data):\n    os.kill(os.getpid(), 9)\n"
    )
    service = deploy(text, period_seconds=1, timeout_seconds=1)
    with pytest.raises(MldeployError):
        service.score("1", timeout_s=10)
    eventually(service, State.FAILED, 90, words="exit code 3")
    assert "the licence has run out" in str(service.logs())


@pytest.mark.whole_node
def test_a_closed_node_is_named(deploy: Deploy, cluster: Cluster, namespace: str) -> None:
    service = deploy(ECHO)
    node = cluster.list("Node", None)[0]["metadata"]["name"]
    (pod,) = service.workspace.deployer.look(service.name)[1].facts["pods"]
    cluster.patch("Node", None, node, {"spec": {"unschedulable": True}})
    try:
        cluster.delete("Pod", namespace, pod["name"], grace_s=0)
        assert "1 of 1 nodes is closed for new pods (cordoned)" in eventually(service, State.UNSCHEDULABLE)
    finally:
        cluster.patch("Node", None, node, {"spec": {"unschedulable": None}})
    eventually(service, State.HEALTHY, 60)
    assert service.score("1") == "1"
