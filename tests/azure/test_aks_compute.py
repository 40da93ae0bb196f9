"""AKS clusters by name: attach, create, delete, through the real SDK over HTTPS."""

from __future__ import annotations

import stat

import pytest

from jupyter_mldeploy.core.target import Progress
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import (
    AlreadyExistsError,
    ForbiddenError,
    InvalidInputError,
    InvalidNameError,
    NotFoundError,
)
from tests.azure.emulator import Azure


def test_attach_look_and_detach(azure: Azure, workspace: Workspace) -> None:
    resource_id = azure.add("rg", "prod")
    found = workspace.computes.attach(
        "aks", "cluster1", {"resource_group": "rg", "cluster_name": "prod", "azure_endpoint": azure.url}
    )
    assert (found.facts["location"], found.facts["cluster_purpose"], found.owned) == ("westeurope", "FastProd", False)
    assert workspace.computes.state("cluster1")["provisioning_state"] == "Succeeded"
    assert workspace.computes.credentials("cluster1") == azure.kubeconfig
    other = workspace.computes.attach("aks", "cluster2", {"resource_id": resource_id, "azure_endpoint": azure.url})
    assert other.facts["cluster_name"] == "prod"
    assert [item.name for item in Workspace(workspace.home).computes.list()] == ["cluster1", "cluster2"]
    with pytest.raises(AlreadyExistsError, match="'cluster1' already"):
        workspace.computes.attach("aks", "cluster1", {"resource_id": resource_id, "azure_endpoint": azure.url})
    with pytest.raises(InvalidInputError, match="attached, not created here"):
        workspace.computes.delete("cluster1", Progress(5))
    workspace.computes.detach("cluster1")
    with pytest.raises(NotFoundError):
        workspace.computes.get("cluster1")
    assert len(azure.clusters) == 1
    kept = workspace.home / "computes" / "cluster2.json"
    assert "BEGIN" not in kept.read_text()
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700


def test_create_wait_and_delete(azure: Azure, workspace: Workspace) -> None:
    steps: list[str] = []
    settings = {
        "resource_group": "rg", "location": "westeurope", "cluster_purpose": "DevTest", "tags": {"team": "a"},
        "service_cidr": "10.0.0.0/16", "dns_service_ip": "10.0.0.10", "azure_endpoint": azure.url,
    }  # fmt: skip
    made = workspace.computes.create("aks", "newone", settings, Progress(60, lambda _, text: steps.append(text)))
    assert made.owned
    [cluster] = azure.clusters.values()
    assert cluster["properties"]["agentPoolProfiles"][0]["count"] == 1
    assert cluster["tags"] == {"team": "a", "mldeploy": "newone"}
    assert steps[0] == "creating newone with 1 nodes of Standard_D3_v2 in westeurope"
    assert workspace.computes.state("newone")["provisioning_state"] == "Succeeded"
    workspace.computes.delete("newone", Progress(60))
    assert azure.clusters == {}
    assert workspace.computes.list() == []


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "give either resource_id"),
        ({"cluster_name": "prod"}, "cluster_name needs resource_group"),
        ({"resource_id": "/subscriptions/x"}, "not the id of a managed cluster"),
        ({"resource_group": "rg", "cluster_name": "-x"}, "cluster_name: "),
        ({"cluster": "prod"}, "cluster: "),
    ],
)
def test_settings_that_cannot_be(azure: Azure, workspace: Workspace, settings: dict[str, str], says: str) -> None:
    with pytest.raises(InvalidInputError, match=says):
        workspace.computes.attach("aks", "cluster1", settings)
    assert azure.requests == []


def test_what_is_not_there_and_who_is_not_known(
    azure: Azure, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"resource_group": "rg", "cluster_name": "gone", "azure_endpoint": azure.url}
    with pytest.raises(NotFoundError, match="no AKS cluster 'gone' in 'rg'"):
        workspace.computes.attach("aks", "cluster1", settings)
    with pytest.raises(InvalidNameError):
        workspace.computes.attach("aks", "x", settings)
    with pytest.raises(NotFoundError, match="kind of compute target"):
        workspace.computes.attach("aksx", "cluster1", settings)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "wrong")
    with pytest.raises(ForbiddenError, match="does not know who asks"):
        workspace.computes.attach("aks", "cluster1", settings)
    monkeypatch.delenv("AZURE_SUBSCRIPTION_ID")
    with pytest.raises(InvalidInputError, match="No Azure subscription"):
        workspace.computes.attach("aks", "cluster1", settings)
    assert workspace.computes.list() == []
