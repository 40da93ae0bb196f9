"""``deploy_configuration`` of each kind of service, with v1's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .compute import ComputeTarget

#: What only some of v1's kinds of services took: where it means nothing a warning says so, and nothing fails.
V1_NAMES = frozenset({"location", "dns_name_label", "compute_target_name"})


@dataclass(frozen=True)
class WebserviceDeploymentConfiguration:
    """Where a service runs and how.

    Attributes:
        target: the target of ours.
        settings: what was given, under the SDK's names, which are those of the targets' configurations.
        keys: ``primary`` and ``secondary`` key of the service's own, where given.
    """

    target: str
    settings: Mapping[str, Any]
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)

    def target_for(self, compute: ComputeTarget | None, settings: Mapping[str, Any]) -> str:
        """Return the target: a configuration for AKS that names no cluster is for the one of the kubeconfig."""
        named = compute is not None or settings.get("compute_target_name")
        return "kubernetes" if self.target == "aks" and not named else self.target


def local_configuration(port: int | None = None) -> WebserviceDeploymentConfiguration:
    """Return a configuration for this machine; without a port a free one is taken."""
    return _made("local", {"port": port})


def aci_configuration(
    cpu_cores: float | None = None,
    memory_gb: float | None = None,
    tags: Mapping[str, str] | None = None,
    properties: Mapping[str, str] | None = None,
    description: str | None = None,
    location: str | None = None,
    auth_enabled: bool | None = None,
    **more: Any,
) -> WebserviceDeploymentConfiguration:
    """Return a configuration for Azure's container instances, with v1's parameters."""
    return _made("aci", _named(locals()))


def aks_configuration(
    autoscale_enabled: bool | None = None,
    autoscale_min_replicas: int | None = None,
    autoscale_max_replicas: int | None = None,
    autoscale_refresh_seconds: int | None = None,
    autoscale_target_utilization: int | None = None,
    collect_model_data: bool | None = None,
    auth_enabled: bool | None = None,
    cpu_cores: float | None = None,
    memory_gb: float | None = None,
    enable_app_insights: bool | None = None,
    scoring_timeout_ms: int | None = None,
    replica_max_concurrent_requests: int | None = None,
    max_request_wait_time: int | None = None,
    num_replicas: int | None = None,
    primary_key: str | None = None,
    secondary_key: str | None = None,
    tags: Mapping[str, str] | None = None,
    properties: Mapping[str, str] | None = None,
    description: str | None = None,
    gpu_cores: int | None = None,
    period_seconds: int | None = None,
    initial_delay_seconds: int | None = None,
    timeout_seconds: int | None = None,
    success_threshold: int | None = None,
    failure_threshold: int | None = None,
    namespace: str | None = None,
    token_auth_enabled: bool | None = None,
    compute_target_name: str | None = None,
    cpu_cores_limit: float | None = None,
    memory_gb_limit: float | None = None,
    blobfuse_enabled: bool | None = None,
    **more: Any,
) -> WebserviceDeploymentConfiguration:
    """Return a configuration for a Kubernetes cluster, with v1's parameters and those of the target itself.

    Args:
        more: what v1 had no name for, such as ``registry``, ``access``, ``tls_secret``; a name that the target does
            not know is refused when it is deployed.
    """
    return _made("aks", _named(locals()))


def _named(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {**{name: value for name, value in arguments.items() if name != "more"}, **arguments["more"]}


def _made(target: str, settings: Mapping[str, Any]) -> WebserviceDeploymentConfiguration:
    given = {name: value for name, value in settings.items() if value is not None}
    keys = {which: given.pop(f"{which}_key") for which in ("primary", "secondary") if f"{which}_key" in given}
    return WebserviceDeploymentConfiguration(target, given, keys)
