"""``ComputeTarget``: clusters that services run on."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from ..core.compute import Compute
from ..core.target import Progress
from .exceptions import ComputeTargetException, raising
from .workspace import Workspace

__all__ = ["AksCompute", "ComputeTarget"]

#: v1 waited twenty minutes for a cluster.
_DEADLINE_S = 1200.0
_TLS = (
    "TLS belongs to the service here, not to the cluster: AksWebservice.deploy_configuration(tls_certificate_file=…,"
    " tls_key_file=…), or tls_issuer and host with cert-manager."
)
_INTERNAL = (
    "Load balancers belong to the service here: AksWebservice.deploy_configuration(access='load-balancer',"
    " service_annotations={'service.beta.kubernetes.io/azure-load-balancer-internal': 'true'})."
)
#: What v1's configurations took and ours do not → what to write instead.
_INSTEAD = {
    **dict.fromkeys(("ssl_cname", "ssl_cert_pem_file", "ssl_key_pem_file", "leaf_domain_label"), _TLS),
    **dict.fromkeys(("load_balancer_type", "load_balancer_subnet"), _INTERNAL),
    **dict.fromkeys(
        ("vnet_resourcegroup_name", "vnet_name", "subnet_name"),
        "Give the network as subnet_id='/subscriptions/…/virtualNetworks/…/subnets/…'.",
    ),
    "docker_bridge_cidr": "AKS has no Docker bridge any more: leave it out.",
}


class ComputeConfiguration:
    """What attaching or creating a cluster takes.

    Raises:
        ComputeTargetException: a setting of v1 has no place here; says what to write instead.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = {name: value for name, value in settings.items() if value is not None}
        if self.settings.get("load_balancer_type") == "PublicIp":  # v1's default
            del self.settings["load_balancer_type"]
        for name in self.settings:
            if name in _INSTEAD:
                raise ComputeTargetException(f"{name}: {_INSTEAD[name]}")

    def enable_ssl(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: TLS belongs to the service.

        Raises:
            ComputeTargetException: always; it says what to write instead.
        """
        raise ComputeTargetException(_TLS)

    def within(self, workspace: Workspace) -> dict[str, Any]:
        """Return the settings; as in v1 the workspace's subscription counts where no other is named."""
        if workspace.subscription_id is None or "resource_id" in self.settings:
            return dict(self.settings)
        return {"subscription_id": workspace.subscription_id, **self.settings}


class ComputeTarget:
    """A cluster that is known under a name.

    Attributes:
        provisioning_state: how the cluster was when it was last asked, such as ``Succeeded``.
        provisioning_errors: why it could not be created; a failure is raised here, so it is empty.
        cluster_resource_id: its id in Azure.
        cluster_location: its region.

    Raises:
        ComputeTargetException: there is none of that name.
    """

    provisioning_errors: list[str]

    def __new__(cls, workspace: Workspace, name: str) -> ComputeTarget:
        """Choose the class: there is one kind of cluster."""
        return super().__new__(AksCompute if cls is ComputeTarget else cls)

    def __init__(self, workspace: Workspace, name: str) -> None:
        with raising(ComputeTargetException):
            self._record: Compute = workspace.core.computes.get(name)
        self.workspace = workspace
        self.name = name
        self.type = self._record.kind.upper()
        self.provisioning_errors = []
        self._state: Mapping[str, Any] | None = None

    @staticmethod
    def list(workspace: Workspace) -> list[ComputeTarget]:
        """Return all clusters that are known."""
        return [AksCompute(workspace, item.name) for item in workspace.core.computes.list()]

    @staticmethod
    def attach(workspace: Workspace, name: str, attach_configuration: ComputeConfiguration) -> ComputeTarget:
        """Keep a cluster that exists under a name."""
        with raising(ComputeTargetException):
            workspace.core.computes.attach("aks", name, attach_configuration.within(workspace))
        return AksCompute(workspace, name)

    @staticmethod
    def create(workspace: Workspace, name: str, provisioning_configuration: ComputeConfiguration) -> ComputeTarget:
        """Create a cluster, wait for it, and keep it under a name.

        As in v1 it comes into the resource group, and the location, of the workspace where none is named.
        """
        of_the_workspace = {"resource_group": workspace.resource_group, "location": workspace.location}
        settings = {
            **{key: value for key, value in of_the_workspace.items() if value is not None},
            **provisioning_configuration.within(workspace),
        }
        with raising(ComputeTargetException):
            workspace.core.computes.create("aks", name, settings, Progress(_DEADLINE_S))
        return AksCompute(workspace, name)

    def wait_for_completion(self, show_output: bool = False, is_delete_operation: bool = False) -> None:
        """Return at once: :meth:`create`, :meth:`attach` and :meth:`delete` have waited."""
        if show_output and not is_delete_operation:
            sys.stdout.write(f"{self.name}: {self.provisioning_state}\n")

    @property
    def provisioning_state(self) -> str:
        """How the cluster was when it was last asked."""
        return str(self._seen()["provisioning_state"])

    @property
    def cluster_resource_id(self) -> str:
        """Its id in Azure."""
        facts = self._record.facts
        return (
            f"/subscriptions/{facts['subscription_id']}/resourceGroups/{facts['resource_group']}"
            f"/providers/Microsoft.ContainerService/managedClusters/{facts['cluster_name']}"
        )

    @property
    def cluster_location(self) -> str | None:
        """Its region."""
        return self._record.facts.get("location")

    def get_status(self) -> str:
        """Ask Azure, and return the state of the cluster."""
        self.refresh_state()
        return self.provisioning_state

    def refresh_state(self) -> None:
        """Ask Azure how the cluster is now."""
        with raising(ComputeTargetException):
            self._state = self.workspace.core.computes.state(self.name)

    def _seen(self) -> Mapping[str, Any]:
        if self._state is None:
            self.refresh_state()
        return self._state or {}

    def serialize(self) -> dict[str, Any]:
        """Return v1's keys of a cluster, as far as they mean something here."""
        seen = self._seen()
        return {
            "name": self.name,
            "computeType": self.type,
            "computeLocation": self.cluster_location,
            "resourceId": self.cluster_resource_id,
            "provisioningState": self.provisioning_state,
            "provisioningErrors": self.provisioning_errors,
            "isAttachedCompute": not self._record.owned,
            "properties": {
                "agentCount": seen.get("nodes"),
                "clusterFqdn": seen.get("fqdn"),
                "clusterPurpose": self._record.facts.get("cluster_purpose"),
            },
        }

    def detach(self) -> None:
        """Forget it; it goes on running."""
        with raising(ComputeTargetException):
            self.workspace.core.computes.detach(self.name)

    def delete(self) -> None:
        """Delete a cluster that was created here, with all that runs in it."""
        with raising(ComputeTargetException):
            self.workspace.core.computes.delete(self.name, Progress(_DEADLINE_S))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name}, type={self.type})"


class AksCompute(ComputeTarget):
    """An AKS cluster."""

    class ClusterPurpose:
        """What a cluster is for."""

        DEV_TEST = "DevTest"
        FAST_PROD = "FastProd"

    def get_credentials(self) -> dict[str, Any]:
        """Return what opens the cluster: ``userKubeConfig``, a kubeconfig as text."""
        with raising(ComputeTargetException):
            return {"userKubeConfig": self.workspace.core.computes.credentials(self.name)}

    def update(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: v1 changed the cluster's TLS with it.

        Raises:
            ComputeTargetException: always; it says what to write instead.
        """
        raise ComputeTargetException(_TLS)

    @staticmethod
    def attach_configuration(
        resource_group: str | None = None,
        cluster_name: str | None = None,
        resource_id: str | None = None,
        cluster_purpose: str | None = None,
        **more: Any,
    ) -> ComputeConfiguration:
        """Name a cluster: resource group and name, or resource id."""
        return ComputeConfiguration(
            {
                "resource_group": resource_group,
                "cluster_name": cluster_name,
                "resource_id": resource_id,
                "cluster_purpose": cluster_purpose,
                **more,
            }
        )

    @staticmethod
    def provisioning_configuration(
        agent_count: int | None = None, vm_size: str | None = None, **settings: Any
    ) -> ComputeConfiguration:
        """Describe a cluster to create: ``agent_count``, ``vm_size``, ``location``, ``cluster_purpose``, …"""
        return ComputeConfiguration({"agent_count": agent_count, "vm_size": vm_size, **settings})
