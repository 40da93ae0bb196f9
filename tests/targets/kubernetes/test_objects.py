"""What lies in the cluster: exactly ours, repaired when others change it, whole after a kill or an outage."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from jupyter_mldeploy.core.records import RevisionState, State
from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import ConflictError, InvalidConfigurationError
from jupyter_mldeploy.targets.k8s.cluster import Cluster
from jupyter_mldeploy.targets.k8s.kinds import EXTENSIONS, KINDS, OWNED
from jupyter_mldeploy.targets.k8s.place import Clusters
from jupyter_mldeploy.targets.k8s.secrets import blanked
from tests.patience import FACTOR

pytestmark = [pytest.mark.kubernetes, pytest.mark.docker]

ECHO = "def init():\n    print('ready to echo')\n\n\ndef run(data):\n    return data\n"
Deploy = Callable[..., Service]
#: Name of a Secret that the cluster makes for an account of ours, or its default one.
_TOKEN = re.compile("(default|.*-scoring)-token-")


def objects(cluster: Cluster, namespace: str) -> set[tuple[str, str]]:
    """Return kind and name of everything in a namespace that is of a kind we make."""
    return {
        (kind, item["metadata"]["name"])
        for kind in OWNED
        if KINDS[kind].group not in EXTENSIONS
        for item in cluster.list(kind, namespace)
    }


def test_delete_removes_exactly_what_is_ours(
    deploy: Deploy, cluster: Cluster, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_SECRET", "very-hidden-value")
    before = objects(cluster, namespace)
    service = deploy(
        ECHO, num_replicas=2, network_policy="namespace", secrets={"S": "env:THE_SECRET"},
        access="ingress", host="a.example.com",
    )  # fmt: skip
    # Somebody else's, with a name and labels that look like ours.
    labels = {"jupyter-mldeploy/service": service.name, "jupyter-mldeploy/service-uid": service.record.uid}
    body = {"metadata": {"name": f"{service.name}-own", "labels": labels}, "data": {}}
    cluster.create("Secret", namespace, body)
    made = {kind for kind, name in objects(cluster, namespace) - before if name != f"{service.name}-own"}
    assert made == {
        "Deployment", "Service", "Secret", "ServiceAccount", "PodDisruptionBudget", "NetworkPolicy", "Ingress",
    }  # fmt: skip
    service.delete()
    left = objects(cluster, namespace) - before
    # The cluster's own, of ours and of its default account; they come and go a moment later.
    tokens = {(kind, name) for kind, name in left if kind == "Secret" and _TOKEN.match(name)}
    assert left - tokens == {("Secret", f"{service.name}-own")}
    cluster.delete("Secret", namespace, f"{service.name}-own")


def test_the_objects_say_what_they_are_and_are_what_was_written(
    deploy: Deploy, cluster: Cluster, namespace: str, base: dict[str, Any], tmp_path: Path
) -> None:
    service = deploy(ECHO, tags={"team": "red"}, properties={"run": "7"}, description="Echoes")
    found = cluster.get("Deployment", namespace, f"{service.name}-r1")
    assert found is not None
    labels, annotations = found["metadata"]["labels"], found["metadata"]["annotations"]
    assert labels["app.kubernetes.io/managed-by"] == "jupyter-mldeploy"
    assert labels["jupyter-mldeploy/service-uid"] == service.record.uid
    assert annotations["jupyter-mldeploy/bundle"] == service.revisions()[0].bundle
    assert json.loads(annotations["jupyter-mldeploy/tags"]) == {"team": "red"}
    assert annotations["jupyter-mldeploy/description"] == "Echoes"
    assert annotations["jupyter-mldeploy/owner"]
    managers = {item["manager"] for item in found["metadata"]["managedFields"]}
    assert "jupyter-mldeploy" in managers
    # The test cluster drops fields that it does not know without a word: drift would show them.
    assert service.workspace.deployer.look(service.name)[1].facts["drift"] == []
    # Another workspace's service is not taken over.
    other = Workspace(tmp_path / "other")
    with pytest.raises(ConflictError, match="another workspace's service"):
        other.deploy(service.name, tmp_path / "score.py", target="kubernetes", config=base, timeout_s=100 * FACTOR)
    assert other.services() == []
    assert service.score("1") == "1"


def test_a_change_by_somebody_else_is_shown_and_repaired(deploy: Deploy, cluster: Cluster, namespace: str) -> None:
    service = deploy(ECHO)
    name = f"{service.name}-r1"
    container = {"name": "scoring", "image": "127.0.0.1:5000/other:1"}
    change = {"spec": {"template": {"spec": {"containers": [container]}}}}
    cluster.call(
        "PATCH", KINDS["Deployment"].path(namespace, name), query={"fieldManager": "kubectl-edit"},
        body=change, content_type="application/strategic-merge-patch+json",
    )  # fmt: skip
    deadline = time.monotonic() + 60 * FACTOR
    while not (drift := service.workspace.deployer.look(service.name)[1].facts["drift"]):
        assert time.monotonic() < deadline
    assert "image is '127.0.0.1:5000/other:1' instead of" in drift[0]
    record = service.refresh()
    assert record.state is State.HEALTHY  # the old pods serve until the new ones are ready
    assert "Somebody changed it" in str(record.reason)
    service.start(timeout_s=100 * FACTOR)
    assert service.refresh().reason is None
    assert service.score("1") == "1"


def test_a_service_stays_in_its_namespace_and_cluster(
    deploy: Deploy, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """An update does not leave pods behind elsewhere, and another current context does not lose the service."""
    config = yaml.safe_load(Path(str(cluster.kubeconfig)).read_text())
    (known,) = (item for item in config["clusters"] if item["cluster"]["server"] == cluster.server)
    elsewhere = {**known["cluster"], "server": "https://127.0.0.1:1"}
    config["clusters"].append({"name": "elsewhere", "cluster": elsewhere})
    user = config["contexts"][0]["context"]["user"]
    config["contexts"].append({"name": "elsewhere", "context": {"cluster": "elsewhere", "user": user}})
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(yaml.safe_dump(config))
    service = deploy(ECHO, kubeconfig=str(kubeconfig))

    with pytest.raises(InvalidConfigurationError) as refused:
        service.update(config={"namespace": "another"}, timeout_s=100 * FACTOR)
    assert refused.value.field == "namespace"
    assert cluster.get("Namespace", None, "another") is None

    kubeconfig.write_text(yaml.safe_dump({**config, "current-context": "elsewhere"}))
    again = Workspace(service.workspace.home).service(service.name)
    assert again.state is State.HEALTHY
    with pytest.raises(InvalidConfigurationError) as refused:
        Workspace(service.workspace.home).service(service.name).update(
            config={"description": "new"}, timeout_s=100 * FACTOR
        )
    assert refused.value.field == "context"
    again.delete()
    assert [name for _, name in objects(cluster, namespace) if name.startswith(service.name)] == []


def test_a_cluster_by_its_context_is_the_current_one(cluster: Cluster) -> None:
    """What a deployment has changed is known to whoever asks by the remembered name, without a moment's delay."""
    clusters = Clusters()
    assert clusters.get(cluster.kubeconfig, cluster.context_name) is clusters.get(cluster.kubeconfig, None)
    other = Clusters()
    assert other.get(cluster.kubeconfig, None) is other.get(cluster.kubeconfig, cluster.context_name)


def test_a_deployment_that_was_removed_comes_back(deploy: Deploy, cluster: Cluster, namespace: str) -> None:
    service = deploy(ECHO)
    cluster.delete("Deployment", namespace, f"{service.name}-r1")
    deadline = time.monotonic() + 60 * FACTOR
    while service.state is not State.FAILED:
        assert time.monotonic() < deadline
    assert "is gone; `start` brings it back" in str(service.reason)
    service.start(timeout_s=100 * FACTOR)
    assert (service.state, service.score("1")) == (State.HEALTHY, "1")


def test_a_deploying_process_that_is_killed_leaves_the_old_revision_and_no_rest(
    deploy: Deploy, workspace: Workspace, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    service = deploy(ECHO)
    slow = tmp_path / "slow.py"
    slow.write_text("import time\n\n\ndef init():\n    time.sleep(600)\n\n\ndef run(data):\n    return 'slow'\n")
    program = textwrap.dedent(f"""
        from jupyter_mldeploy.core.workspace import Workspace
        Workspace({str(workspace.home)!r}).service({service.name!r}).update(
            {str(slow)!r}, timeout_s=300, report=lambda step, text: print(step, flush=True))
    """)
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as steps:
        assert any(line.strip() == "init" for line in steps), "the new pod never ran"
    process.send_signal(signal.SIGKILL)
    process.wait(10 * FACTOR)
    assert service.refresh().state is State.HEALTHY
    assert service.score("1") == "1"
    assert service.revisions()[-1].state is RevisionState.FAILED
    third = tmp_path / "third.py"
    third.write_text(ECHO.replace("return data", "return 'three'"))
    service.update(third, timeout_s=100 * FACTOR)
    assert service.score("1") == "three"
    left = [item["metadata"]["name"] for item in cluster.list("Deployment", namespace)]
    assert [name for name in left if name.startswith(service.name)] == [f"{service.name}-r3"]


def test_images_can_be_loaded_straight_into_nodes(deploy: Deploy, tmp_path: Path) -> None:
    from tests.targets.kubernetes.conftest import LOAD

    # Somebody tidies the engine up just then; what is missing is built once more.
    load = f'if mkdir "$0"; then docker rmi "$1"; exit 1; fi; exec {LOAD[0]} load "$1"'
    service = deploy(ECHO, registry=None, load_command=["sh", "-c", load, str(tmp_path / "tidied"), "{image}"])
    assert service.score("1") == "1"
    assert (tmp_path / "tidied").exists()
    assert service.workspace.deployer.look(service.name)[1].facts["image"].startswith(f"mldeploy/{service.name}:")


def test_secrets_are_not_remembered() -> None:
    shown = blanked({"kind": "Secret", "data": {"keys.json": "c2VjcmV0"}})
    assert shown["data"] == {"keys.json": ""}
