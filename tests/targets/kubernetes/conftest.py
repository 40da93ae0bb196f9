"""A namespace for each test module in the test cluster, and services in it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.target import Report
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.targets.k8s.cluster import Cluster
from tests.patience import FACTOR
from tests.real_parts import SHARED, kubeconfig

LOAD = [str(SHARED / "k8s" / "cluster"), "load", "{image}"]
REGISTRY = "127.0.0.1:5000"


@cache
def way() -> dict[str, Any]:
    """How images get into the test cluster: by the registry of this machine, or straight into its node."""
    try:
        socket.create_connection(("127.0.0.1", 5000), 2).close()
    except OSError:
        return {"load_command": LOAD}
    return {"registry": f"{REGISTRY}/kubernetes-tests"}


@pytest.fixture(scope="session", autouse=True)
def _images_of_these_tests_go() -> Iterator[None]:
    """Services here have this process's number in their names; their images are removed at the end."""
    yield
    if shutil.which("docker") is None:
        return
    command = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    ours = re.compile(rf"(mldeploy|{re.escape(REGISTRY)}/kubernetes-tests)/s[0-9a-f]{{6}}-{os.getpid()}:.*")
    gone = [name for name in listed if ours.fullmatch(name)]
    if gone:
        subprocess.run(["docker", "image", "rm", *gone], capture_output=True, check=False)


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The test cluster."""
    path = kubeconfig()
    assert path is not None
    return Cluster(str(path))


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of the module's own, gone afterwards with all that is in it."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    cluster.create("Namespace", None, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    deadline = time.monotonic() + 60 * FACTOR
    while cluster.get("ServiceAccount", name, "default") is None:  # the cluster makes it a moment later
        assert time.monotonic() < deadline, "the cluster makes no account in a new namespace"
        time.sleep(0.1)
    yield name
    cluster.delete("Namespace", None, name)


@pytest.fixture
def base(cluster: Cluster, namespace: str) -> dict[str, Any]:
    """The smallest configuration for this cluster."""
    return {
        "kubeconfig": cluster.kubeconfig,
        "namespace": namespace,
        **way(),
        "num_replicas": 1,
        "cpu_cores": 0.05,
        "memory_gb": 0.06,
    }


@pytest.fixture
def deploy(workspace: Workspace, tmp_path: Path, base: dict[str, Any]) -> Callable[..., Service]:
    """Deploys a script's text into the module's namespace; keywords are its configuration."""

    def call(
        text: str,
        name: str | None = None,
        timeout_s: float = 100 * FACTOR,
        target: str = "kubernetes",
        report: Report | None = None,
        **config: Any,
    ) -> Service:
        path = tmp_path / "score.py"
        path.write_text(textwrap.dedent(text))
        chosen = name or f"s{uuid.uuid4().hex[:6]}-{os.getpid()}"
        settings = {key: value for key, value in {**base, **config}.items() if value is not None}
        return workspace.deploy(chosen, path, target=target, config=settings, timeout_s=timeout_s, report=report)

    return call
