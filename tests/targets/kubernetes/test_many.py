"""However many services there are, a list of them costs three requests to the cluster."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.records import State
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.targets.k8s import snapshot
from jupyter_mldeploy.targets.k8s.cluster import Cluster
from tests.patience import FACTOR
from tests.targets.kubernetes.many_services import make

pytestmark = pytest.mark.kubernetes

#: ``python -m tests.benchmarks kubernetes`` measures two hundred.
SERVICES = 40


def test_a_list_of_services_costs_three_requests(
    tmp_path: Path, cluster: Cluster, namespace: str, base: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path / "many")
    make(workspace, cluster, namespace, SERVICES, base)
    deadline = time.monotonic() + 60 * FACTOR
    while any(len(cluster.list(kind, namespace, cached=True)) < SERVICES for kind in ("Deployment", "Service")):
        assert time.monotonic() < deadline, "the API server's memory does not hold what was written"
        time.sleep(0.1)
    asked: list[tuple[str, bool]] = []
    raw = Cluster.raw

    def counted(self: Cluster, method: str, path: str, **options: Any) -> bytes:
        asked.append((f"{method} {path}", (options.get("query") or {}).get("resourceVersion") == "0"))
        return raw(self, method, path, **options)

    monkeypatch.setattr(Cluster, "raw", counted)
    monkeypatch.setattr(snapshot, "_FRESH_S", 600.0)  # one list takes less than that, however busy the machine is
    found = workspace.services()
    assert len(found) == SERVICES
    assert {service.record.state for service in found} == {State.STOPPED}
    space = f"/namespaces/{namespace}"
    assert sorted(asked) == [  # all from the API server's memory
        (f"GET /api/v1{space}/pods", True),
        (f"GET /api/v1{space}/services", True),
        (f"GET /apis/apps/v1{space}/deployments", True),
    ]
