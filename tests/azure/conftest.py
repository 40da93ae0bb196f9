"""Azure's emulator, and a workspace beside it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.targets.k8s.cluster import Cluster
from tests.azure.emulator import Azure
from tests.azure.specifications import require
from tests.real_parts import kubeconfig


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Azure]:
    """A running emulator, to which the SDK's environment leads; nothing that it complains of may be left."""
    require()
    pytest.importorskip("azure.mgmt.containerservice")
    path = kubeconfig()
    running = Azure(tmp_path, path.read_text() if path is not None else "apiVersion: v1\nkind: Config\n")
    for name, value in running.environment().items():
        monkeypatch.setenv(name, value)
    yield running
    running.close()
    assert not running.complaints


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home")


@pytest.fixture
def namespace() -> Iterator[str]:
    """The name of a namespace of the test's own in the cluster, which is gone afterwards."""
    path = kubeconfig()
    assert path is not None
    cluster, name = Cluster(str(path)), f"aks-{uuid.uuid4().hex[:8]}"
    yield name
    cluster.delete("Namespace", None, name)
