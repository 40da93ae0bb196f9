"""The AKS target: credentials from Azure's emulator lead to the real test cluster."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from jupyter_mldeploy.cli import main
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import InvalidConfigurationError, NotFoundError
from tests.azure.emulator import Azure
from tests.targets.kubernetes.conftest import way

SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"


@pytest.mark.kubernetes
@pytest.mark.docker
@pytest.mark.timeout(400)
def test_a_cluster_by_name_serves(
    azure: Azure, workspace: Workspace, tmp_path: Path, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure.add("rg", "prod")
    workspace.computes.attach(
        "aks", "cluster1", {"resource_group": "rg", "cluster_name": "prod", "azure_endpoint": azure.url}
    )
    monkeypatch.delenv("KUBECONFIG", raising=False)
    (tmp_path / "score.py").write_text(SCRIPT)
    config = {
        "compute_target_name": "cluster1", "namespace": namespace, **way(), "num_replicas": 1, "cpu_cores": 0.05,
        "memory_gb": 0.06,
    }  # fmt: skip
    service = workspace.deploy("byname", tmp_path / "score.py", target="aks", config=config, timeout_s=300)
    assert service.score({"a": 1}) == '{"a": 1}'
    found = next((workspace.home / "services").rglob("kubeconfig"))
    assert stat.S_IMODE(found.stat().st_mode) == 0o600
    assert found.read_text() == azure.kubeconfig
    # Another process needs neither Azure nor the name again to look at it.
    azure.requests.clear()
    assert Workspace(workspace.home).service("byname").state == "Healthy"
    assert azure.requests == []
    service.delete()
    assert not list((workspace.home / "services").rglob("kubeconfig"))


def test_which_cluster_must_be_said_and_be_there(azure: Azure, workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(SCRIPT)
    with pytest.raises(InvalidConfigurationError, match="exactly one of compute_target_name"):
        workspace.deploy("nowhere", tmp_path / "score.py", target="aks")
    with pytest.raises(NotFoundError, match="compute target"):
        workspace.deploy("nowhere", tmp_path / "score.py", target="aks", config={"compute_target_name": "none"})
    assert workspace.catalogue.services() == []


def test_compute_on_the_command_line(azure: Azure, workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    azure.add("rg", "prod")

    def run(*words: str) -> str:
        code = main([*words, "--workspace", str(workspace.home)])
        seen = capsys.readouterr()
        assert code == 0, seen.err
        return seen.out

    said = run("compute", "attach", "aks", "c1", "--set", "resource_group=rg", "--set", "cluster_name=prod",
               "--set", f"azure_endpoint={azure.url}")  # fmt: skip
    assert said == "c1 is attached: prod in rg (westeurope)\n"
    run("compute", "create", "aks", "c2", "--set", "resource_group=rg", "--set", "location=westeurope",
        "--set", "agent_count=2", "--set", "tags.team=a", "--set", f"azure_endpoint={azure.url}")  # fmt: skip
    assert "Succeeded" in run("compute", "show", "c2")
    assert [line.split()[0] for line in run("compute", "list").splitlines()[1:]] == ["c1", "c2"]
    assert "apiVersion" in run("compute", "credentials", "c1")
    assert run("compute", "delete", "c2") == "c2 is deleted\n"
    assert "goes on running" in run("compute", "detach", "c1")
