"""Many light services in one namespace: their objects without pods, and their records in a workspace."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from jupyter_mldeploy.core.config import read_config
from jupyter_mldeploy.core.records import Origin
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.targets.k8s import manifests
from jupyter_mldeploy.targets.k8s.blueprint import Blueprint
from jupyter_mldeploy.targets.k8s.cluster import Cluster
from jupyter_mldeploy.targets.k8s.config import KubernetesConfig
from jupyter_mldeploy.targets.k8s.place import Place


def make(workspace: Workspace, cluster: Cluster, namespace: str, count: int, settings: Mapping[str, Any]) -> None:
    """Deploy services by hand and stopped: so many running pods are more than a test machine has room for.

    They are not to be deleted one by one: they go with the namespace.
    """
    config = read_config(KubernetesConfig, settings)

    def one(number: int) -> None:
        name = f"many-{number:03}"
        record = workspace.catalogue.create_service(name, "kubernetes", description=None, tags={}, properties={})
        revision = workspace.catalogue.add_revision(record.uid, "sha256:" + "0" * 64, dict(settings), Origin(), {})
        workspace.catalogue.settle_live(record.uid, revision.number, {})
        reference = workspace.deployer.reference(workspace.catalogue.service(name))
        Place(namespace, cluster.kubeconfig).write(reference.directory)
        plan = Blueprint(
            service=name, uid=record.uid, namespace=namespace, revision=1, config=config, bundle="sha256:0",
            image="none:1", replicas=1,
        )  # fmt: skip
        deployment, service = manifests.workload(plan)[0], manifests.doors(plan)[0]
        deployment["spec"]["replicas"] = 0
        deployment["metadata"]["annotations"]["jupyter-mldeploy/replicas-before-stop"] = "1"
        cluster.apply(deployment)
        cluster.apply(service)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(count)))
