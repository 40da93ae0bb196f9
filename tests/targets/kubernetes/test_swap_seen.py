"""A swap between the list of Services and that of pods: who asks just then is led to a pod all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.target import ServiceRef
from jupyter_mldeploy.errors import TargetUnavailableError
from jupyter_mldeploy.targets.k8s import access
from jupyter_mldeploy.targets.k8s.access import Doors
from jupyter_mldeploy.targets.k8s.place import Place
from jupyter_mldeploy.targets.k8s.snapshot import Snapshots
from tests.targets.kubernetes.scripted import ScriptedCluster

UID, REVISION = "jupyter-mldeploy/service-uid", "jupyter-mldeploy/revision"


class Swap:
    """A cluster whose Service leads to revision 1 when it is read the first time; its pods are of revision 2."""

    def __init__(self, ready: bool = True) -> None:
        self._ready, self._services_read = ready, 0
        self.cluster = ScriptedCluster({"Service": self._services, "Pod": self._pods})

    def _services(self) -> list[dict[str, Any]]:
        self._services_read += 1
        live = "1" if self._services_read == 1 else "2"
        return [{"metadata": {"name": "svc", "labels": {UID: "u"}}, "spec": {"selector": {REVISION: live}}}]

    def _pods(self) -> list[dict[str, Any]]:
        conditions = [{"type": "Ready", "status": str(self._ready)}]
        labels = {UID: "u", REVISION: "2"}
        return [{"metadata": {"name": "svc-r2-a", "labels": labels}, "status": {"conditions": conditions}}]


@pytest.fixture
def service(tmp_path: Path) -> ServiceRef:
    return ServiceRef("u", "svc", tmp_path, tmp_path / "logs", {})


def test_a_service_in_the_middle_of_a_swap_is_reached(service: ServiceRef, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "may", lambda *_: True)
    swap, doors = Swap(), Doors(Snapshots())
    found = doors.connect(swap.cluster, Place("default", None), service, None)
    doors.close("u")
    assert found.base_uri.startswith("http://127.0.0.1:")
    assert swap.cluster.cached == [True] * 3 + [False] * 3  # not from a memory that may be older still


def test_a_service_without_pods_is_told_after_the_second_look(service: ServiceRef) -> None:
    swap = Swap(ready=False)
    with pytest.raises(TargetUnavailableError, match="No pod of service 'svc' takes requests"):
        Doors(Snapshots()).connect(swap.cluster, Place("default", None), service, None)
    assert len(swap.cluster.cached) == 6
