"""AKS clusters by name: attach, create, delete, credentials, through Azure's management SDK.

Who asks is found by ``DefaultAzureCredential``: environment variables, workload or managed identity, ``az login``.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..core.target import Progress
from ..errors import ForbiddenError, InvalidInputError, MldeployError, NotFoundError, TargetUnavailableError

_ID = re.compile(
    r"/subscriptions/([^/]+)/resourceGroups/([^/]+)/providers/Microsoft\.ContainerService/managedClusters/([^/]+)", re.I
)
_CLUSTER = r"^([a-zA-Z0-9]|[a-zA-Z0-9][-_a-zA-Z0-9]{0,61}[a-zA-Z0-9])$"
#: Nodes of a cluster that is created; v1's FastProd asked for 12 cores on at least three.
_NODES = {"FastProd": 3, "DevTest": 1}
_WAIT_S = 5.0


class AttachSettings(BaseModel):
    """A cluster that exists: ``resource_id``, or ``resource_group`` and ``cluster_name``."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    resource_id: str | None = None
    """``/subscriptions/…/resourceGroups/…/providers/Microsoft.ContainerService/managedClusters/…``."""
    subscription_id: str | None = None
    """Subscription; left out, ``$AZURE_SUBSCRIPTION_ID``."""
    resource_group: str | None = None
    """Resource group of the cluster."""
    cluster_name: str | None = Field(None, pattern=_CLUSTER)
    """Name of the cluster in Azure."""
    cluster_purpose: Literal["FastProd", "DevTest"] = "FastProd"
    """v1's purpose; it is kept for lists and asks for no minimum of nodes or cores."""
    azure_endpoint: str | None = Field(None, pattern=r"^https://")
    """Azure Resource Manager of a sovereign cloud; left out, the public one."""

    @model_validator(mode="after")
    def _one(self) -> AttachSettings:
        if (self.resource_id is None) == (self.cluster_name is None):
            raise ValueError("give either resource_id, or resource_group and cluster_name")
        if self.cluster_name is not None and self.resource_group is None:
            raise ValueError("cluster_name needs resource_group")
        if self.resource_id is not None and not _ID.fullmatch(self.resource_id):
            raise ValueError("resource_id is not the id of a managed cluster of Microsoft.ContainerService")
        return self


class CreateSettings(BaseModel):
    """A cluster to create, v1's ``provisioning_configuration``."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    resource_group: str
    """Resource group; it must exist."""
    location: str
    """Region, such as ``westeurope``."""
    cluster_name: str | None = Field(None, pattern=_CLUSTER)
    """Name in Azure; left out, the compute target's."""
    subscription_id: str | None = None
    """Subscription; left out, ``$AZURE_SUBSCRIPTION_ID``."""
    agent_count: int | None = Field(None, ge=1, le=1_000)
    """Nodes; left out, 3, or 1 for ``DevTest``."""
    vm_size: str = "Standard_D3_v2"
    """Size of the nodes."""
    cluster_purpose: Literal["FastProd", "DevTest"] = "FastProd"
    """v1's purpose; it sets how many nodes there are when ``agent_count`` does not."""
    subnet_id: str | None = None
    """Id of the subnet that the nodes join."""
    service_cidr: str | None = None
    """Addresses of Services."""
    dns_service_ip: str | None = None
    """Address of the cluster's DNS, inside ``service_cidr``."""
    tags: dict[str, str] = Field(default_factory=dict)
    """Tags of the resource."""
    azure_endpoint: str | None = Field(None, pattern=r"^https://")
    """Azure Resource Manager of a sovereign cloud; left out, the public one."""

    @model_validator(mode="after")
    def _network(self) -> CreateSettings:
        if (self.service_cidr is None) != (self.dns_service_ip is None):
            raise ValueError("service_cidr and dns_service_ip belong together")
        return self


class AksProvider:
    """See the module's docstring and ``core.compute.ComputeProvider``."""

    attach_type: type[BaseModel] = AttachSettings
    create_type: type[BaseModel] = CreateSettings

    def attach(self, name: str, settings: AttachSettings) -> Mapping[str, Any]:  # noqa: ARG002  the protocol's
        """Look for the cluster; there is nothing to create."""
        facts = facts_of(settings)
        with _client(facts) as client:
            found = client.managed_clusters.get(facts["resource_group"], facts["cluster_name"])
        return {**facts, "location": found.location, "cluster_purpose": settings.cluster_purpose}

    def create(self, name: str, settings: CreateSettings, progress: Progress) -> Mapping[str, Any]:
        """Create the cluster and wait for it; one whose creation was given up is left as it is, and named."""
        cluster = settings.cluster_name or name
        facts = _facts(
            _subscription(settings.subscription_id), settings.resource_group, cluster, settings.azure_endpoint
        )
        count = settings.agent_count or _NODES[settings.cluster_purpose]
        pool: dict[str, Any] = {
            "name": "nodepool1", "count": count, "vmSize": settings.vm_size, "mode": "System",
            "type": "VirtualMachineScaleSets", "osType": "Linux",
        }  # fmt: skip
        if settings.subnet_id:
            pool["vnetSubnetID"] = settings.subnet_id
        properties: dict[str, Any] = {"dnsPrefix": cluster.lower(), "agentPoolProfiles": [pool]}
        if settings.service_cidr:
            properties["networkProfile"] = {
                "serviceCidr": settings.service_cidr, "dnsServiceIP": settings.dns_service_ip,
            }  # fmt: skip
        body = {
            "location": settings.location,
            "identity": {"type": "SystemAssigned"},
            "tags": {**settings.tags, "mldeploy": name},
            "properties": properties,
        }
        progress.step("create", f"creating {cluster} with {count} nodes of {settings.vm_size} in {settings.location}")
        with _client(facts) as client:
            poller = client.managed_clusters.begin_create_or_update(
                facts["resource_group"], cluster, body, polling_interval=_polling(settings.azure_endpoint)
            )
            _wait(poller, progress, f"creating {cluster}")
        return {**facts, "location": settings.location, "cluster_purpose": settings.cluster_purpose}

    def delete(self, facts: Mapping[str, Any], progress: Progress) -> None:
        """Delete the cluster and wait."""
        progress.step("delete", f"deleting {facts['cluster_name']}")
        with _client(facts) as client:
            try:
                poller = client.managed_clusters.begin_delete(
                    facts["resource_group"],
                    facts["cluster_name"],
                    polling_interval=_polling(facts.get("azure_endpoint")),
                )
            except Exception as error:
                if getattr(error, "status_code", None) == 404:
                    return
                raise
            _wait(poller, progress, f"deleting {facts['cluster_name']}")

    def state(self, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the cluster's state as Azure tells it."""
        with _client(facts) as client:
            found = client.managed_clusters.get(facts["resource_group"], facts["cluster_name"])
        power = found.power_state.code if found.power_state is not None else None
        return {
            "provisioning_state": found.provisioning_state,
            "power_state": str(power) if power is not None else None,
            "kubernetes_version": found.current_kubernetes_version or found.kubernetes_version,
            "nodes": sum(pool.count or 0 for pool in found.agent_pool_profiles or ()),
            "fqdn": found.fqdn,
        }

    def credentials(self, facts: Mapping[str, Any]) -> str:
        """Return the user's kubeconfig. Clusters with Entra ID put an exec plug-in (``kubelogin``) into it."""
        with _client(facts) as client:
            found = client.managed_clusters.list_cluster_user_credentials(
                facts["resource_group"], facts["cluster_name"]
            )
        if not found.kubeconfigs or found.kubeconfigs[0].value is None:
            raise TargetUnavailableError(f"Azure gave no credentials for the cluster {facts['cluster_name']!r}.")
        return bytes(found.kubeconfigs[0].value).decode()


def facts_of(settings: AttachSettings) -> dict[str, Any]:
    """Return where a cluster is."""
    if settings.resource_id is not None:
        match = _ID.fullmatch(settings.resource_id)
        assert match is not None  # noqa: S101  the settings were checked
        subscription, group, name = match.groups()
        return _facts(subscription, group, name, settings.azure_endpoint)
    return _facts(
        _subscription(settings.subscription_id),
        str(settings.resource_group),
        str(settings.cluster_name),
        settings.azure_endpoint,
    )


def _facts(subscription: str, group: str, cluster: str, endpoint: str | None) -> dict[str, Any]:
    facts = {"subscription_id": subscription, "resource_group": group, "cluster_name": cluster}
    return {**facts, "azure_endpoint": endpoint} if endpoint else facts


def _subscription(given: str | None) -> str:
    found = given or os.environ.get("AZURE_SUBSCRIPTION_ID")
    if not found:
        raise InvalidInputError(
            "No Azure subscription is named.",
            field="subscription_id",
            hint="Set subscription_id, or the variable AZURE_SUBSCRIPTION_ID (`az account show` tells it).",
        )
    return found


def _polling(endpoint: str | None) -> float:
    """Return the seconds between two looks where Azure names none; a cloud of one's own may be quicker."""
    return 30.0 if endpoint is None else 0.2


def _wait(poller: Any, progress: Progress, what: str) -> None:
    while not poller.done():
        progress.step("wait", f"{what}: {poller.status()}")
        poller.wait(min(_WAIT_S, max(0.1, progress.remaining)))
    poller.result()


@contextmanager
def _client(facts: Mapping[str, Any]) -> Iterator[Any]:
    """Give Azure's client; its errors become ours."""
    if importlib.util.find_spec("azure.identity") is None or importlib.util.find_spec("azure.mgmt") is None:
        raise TargetUnavailableError(
            "Azure's SDK is not installed.", hint='Install it with `pip install "jupyter_mldeploy[azure]"`.'
        )
    from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
    from azure.identity import DefaultAzureCredential
    from azure.mgmt.containerservice import ContainerServiceClient

    endpoint = facts.get("azure_endpoint")
    options: dict[str, Any] = {"base_url": endpoint, "credential_scopes": [f"{endpoint}/.default"]} if endpoint else {}
    # Clouds of one's own are not in the public list of authorities, so they are not looked up there.
    credential = DefaultAzureCredential(disable_instance_discovery=endpoint is not None)
    client = ContainerServiceClient(credential, facts["subscription_id"], **options)
    try:
        yield client
    except ClientAuthenticationError as error:
        raise ForbiddenError(
            f"Azure does not know who asks: {_first_line(error)}",
            hint="`az login`, or set AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET.",
        ) from error
    except HttpResponseError as error:
        raise _translated(error, facts) from error
    except AzureError as error:
        raise TargetUnavailableError(f"Azure cannot be reached: {_first_line(error)}") from error
    finally:
        client.close()
        credential.close()


def _translated(error: Any, facts: Mapping[str, Any]) -> MldeployError:
    said = _first_line(error)
    if error.status_code == 404:
        return NotFoundError(
            "AKS cluster", facts["cluster_name"],
            message=f"There is no AKS cluster {facts['cluster_name']!r} in {facts['resource_group']!r}: {said}",
            hint="`az aks list -o table` shows those that you may see.",
        )  # fmt: skip
    if error.status_code in (401, 403):
        return ForbiddenError(
            f"Azure refuses: {said}", hint="The role 'Azure Kubernetes Service Cluster User' is needed."
        )
    return TargetUnavailableError(f"Azure answered {error.status_code}: {said}")


def _first_line(error: BaseException) -> str:
    return str(getattr(error, "message", None) or error).strip().splitlines()[0]
