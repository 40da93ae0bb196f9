"""Kubernetes: how soon failures are told, and how long a list of two hundred services takes; needs the test cluster.

python -m tests.benchmarks kubernetes
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import DeploymentError
from jupyter_mldeploy.targets.k8s.cluster import Cluster
from jupyter_mldeploy.targets.k8s.names import OURS
from tests.real_parts import kubeconfig
from tests.targets.kubernetes.conftest import way
from tests.targets.kubernetes.many_services import make
from tests.targets.kubernetes.provoked import (
    CRASH,
    NO_IMAGE,
    NO_MEMORY,
    NO_QUOTA,
    QUOTA,
    Failure,
    seconds_until_recognised,
    set_quota,
)

SERVICES = 200


Row = tuple[str, str, str]


def measure(rounds: int = 7) -> Iterator[Row]:
    """Yield (what, figure, goal)."""
    path = kubeconfig()
    if path is None:
        yield "a list of services", "there is no test cluster", "≤ 1 s"
        return
    with _namespace(Cluster(str(path))) as (cluster, namespace):
        yield from _failures(cluster, namespace)
    with _namespace(Cluster(str(path))) as (cluster, namespace):
        yield from _list(cluster, namespace, path, rounds)


@contextmanager
def _namespace(cluster: Cluster) -> Iterator[tuple[Cluster, str]]:
    name = f"bench-{uuid.uuid4().hex[:8]}"
    cluster.create("Namespace", None, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    try:
        yield cluster, name
    finally:
        cluster.delete("Namespace", None, name)


def _failures(cluster: Cluster, namespace: str) -> Iterator[Row]:
    """Yield the seconds from when everything is applied until a failure is told with its reason."""
    base = {"kubeconfig": cluster.kubeconfig, "namespace": namespace, **way()}
    size = {"num_replicas": 1, "cpu_cores": 0.05, "memory_gb": 0.06}
    kinds = {"an image that cannot be pulled": NO_IMAGE, "a crash in init()": CRASH, "no memory left": NO_MEMORY}
    with tempfile.TemporaryDirectory(prefix="mldeploy-bench-") as name:
        workspace, script = Workspace(Path(name) / "home"), Path(name) / "score.py"

        def told(failure: Failure, number: int) -> float:
            script.write_text(failure.text)
            config = {key: value for key, value in {**base, **size, **failure.config}.items() if value is not None}
            service = f"bench-{number}-{os.getpid()}"
            try:
                workspace.deploy(service, script, target="kubernetes", config=config, timeout_s=120)
            except DeploymentError as error:
                if not re.search(failure.words, str(error)):
                    raise
                return seconds_until_recognised(error)
            finally:
                workspace.deployer.delete(service)
            raise RuntimeError(f"{service} runs, and must not")

        for number, (what, failure) in enumerate(kinds.items()):
            yield f"{what}: told after", f"{told(failure, number):.1f} s", "≤ 10 s"
        set_quota(cluster, namespace, **QUOTA)
        yield "a quota that only the cluster counts: told after", f"{told(NO_QUOTA, len(kinds)):.1f} s", "≤ 10 s"


def _list(cluster: Cluster, namespace: str, path: Path, rounds: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory(prefix="mldeploy-bench-") as name:
        workspace = Workspace(Path(name))
        make(workspace, cluster, namespace, SERVICES, {"kubeconfig": str(path), "image": "none:1"})
        workspace.services()  # the first look settles every record
        ours, theirs, processor = [], [], []
        for _ in range(rounds):
            time.sleep(0.6)  # what was read before counts no more
            begun, used = time.perf_counter(), time.process_time()
            assert len(workspace.services()) == SERVICES
            ours.append(time.perf_counter() - begun)
            processor.append(time.process_time() - used)
            theirs.append(_kubectl(path, namespace))
    seconds = statistics.median(ours)
    yield f"{SERVICES} services listed with their states", f"{seconds:.2f} s", "≤ 1 s"
    yield "the same, over `kubectl get` of their objects", f"{seconds / statistics.median(theirs):.2f} ×", "≤ 1 ×"
    yield "processor time of this process for it", f"{statistics.median(processor):.2f} s", "(context)"


def _kubectl(path: Path, namespace: str) -> float:
    command = ["kubectl", "--kubeconfig", str(path), "-n", namespace, "get", "deployments,pods,services", "-l", OURS]
    begun = time.perf_counter()
    subprocess.run([*command, "-o", "json"], check=True, capture_output=True)
    return time.perf_counter() - begun
