"""The kinds of services that v1 had: on this machine, in a Kubernetes cluster, in container instances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from .configurations import aci_configuration, aks_configuration, local_configuration
from .exceptions import WebserviceException, raising
from .webservice import Webservice

__all__ = ["AciWebservice", "AksEndpoint", "AksWebservice", "LocalWebservice"]


@dataclass(frozen=True)
class AutoScaler:
    """How the number of replicas is chosen; the utilisation is in percent."""

    autoscale_enabled: bool
    min_replicas: int
    max_replicas: int
    refresh_period_seconds: int
    target_utilization: int


@dataclass(frozen=True)
class ContainerResourceRequirements:
    """What a replica is sure to get, and what it may use at most: cores and GiB."""

    cpu: float
    memory_in_gb: float
    cpu_limit: float | None
    memory_in_gb_limit: float | None
    gpu: int


@dataclass(frozen=True)
class LivenessProbeRequirements:
    """How a replica is asked whether it lives; times in seconds."""

    period_seconds: int
    initial_delay_seconds: int
    timeout_seconds: int
    success_threshold: int
    failure_threshold: int


class LocalWebservice(Webservice):
    """A service on this machine."""

    _v1_type = "LOCAL"

    deploy_configuration = staticmethod(local_configuration)

    @property
    def port(self) -> int | None:
        """The port on this machine."""
        uri = self.scoring_uri
        return None if uri is None else int(uri.split("/")[2].rpartition(":")[2])

    def reload(self, wait: bool = False) -> None:
        """Deploy the entry script anew from the file that it came from."""
        revisions = self._service().revisions()
        path = revisions[-1].origin.path if revisions else None
        if path is None:
            raise WebserviceException(f"The script of {self.name} did not come from a file.")
        with raising(WebserviceException):
            self._service().update(path)


class AksWebservice(Webservice):
    """A service on a Kubernetes cluster, an AKS cluster among them."""

    _v1_type = "AKS"
    deploy_configuration = staticmethod(aks_configuration)

    @property
    def _values(self) -> dict[str, Any]:
        return self._config().model_dump()

    @property
    def autoscaler(self) -> AutoScaler:
        """How the number of replicas is chosen."""
        config = self._config()
        found = config.model_dump()
        return AutoScaler(
            bool(getattr(config, "autoscales", False)), found["autoscale_min_replicas"],
            found["autoscale_max_replicas"], found["autoscale_refresh_seconds"], found["autoscale_target_utilization"],
        )  # fmt: skip

    @property
    def num_replicas(self) -> int | None:
        """The fixed number of replicas, None with autoscaling."""
        number: int | None = self._values["num_replicas"]
        return number

    @property
    def container_resource_requirements(self) -> ContainerResourceRequirements:
        """What a replica gets."""
        found = self._values
        return ContainerResourceRequirements(
            found["cpu_cores"], found["memory_gb"], found["cpu_cores_limit"], found["memory_gb_limit"],
            found["gpu_cores"],
        )  # fmt: skip

    @property
    def liveness_probe_requirements(self) -> LivenessProbeRequirements:
        """How a replica is asked whether it lives."""
        found = self._values
        return LivenessProbeRequirements(**{name: found[name] for name in LivenessProbeRequirements.__annotations__})

    @property
    def namespace(self) -> str | None:
        """Namespace that it was deployed to, None for the cluster's default."""
        name: str | None = self._values["namespace"]
        return name

    @property
    def compute_name(self) -> str | None:
        """Name that the cluster was attached under, None for the cluster of the kubeconfig."""
        name: str | None = self._values["compute_target_name"]
        return name

    @property
    def scoring_timeout_ms(self) -> int:
        """Longest time for one call of run(), in milliseconds."""
        return int(self._values["scoring_timeout_ms"])

    @property
    def max_concurrent_requests_per_container(self) -> int:
        """Calls of run() that a replica executes at once."""
        return int(self._values["replica_max_concurrent_requests"])

    @property
    def max_request_wait_time(self) -> int:
        """Longest time a request waits in the queue, in milliseconds."""
        return int(self._values["max_request_wait_time"])

    @property
    def enable_app_insights(self) -> bool:
        """It tells of requests, log lines and exceptions."""
        return bool(self._values["enable_app_insights"])

    @property
    def collect_model_data(self) -> bool:
        """It keeps what ``ModelDataCollector`` is given."""
        return bool(self._values["collect_model_data"])

    def serialize(self) -> dict[str, Any]:
        """Return v1's keys of a service in a cluster."""
        scaler, resources, probe = (
            self.autoscaler,
            self.container_resource_requirements,
            self.liveness_probe_requirements,
        )
        return {
            **super().serialize(),
            "computeName": self.compute_name,
            "namespace": self.namespace,
            "numReplicas": self.num_replicas,
            "autoScaler": {
                "autoscaleEnabled": scaler.autoscale_enabled, "minReplicas": scaler.min_replicas,
                "maxReplicas": scaler.max_replicas, "targetUtilization": scaler.target_utilization,
                "refreshPeriodInSeconds": scaler.refresh_period_seconds,
            },
            "containerResourceRequirements": {
                "cpu": resources.cpu, "cpuLimit": resources.cpu_limit, "memoryInGB": resources.memory_in_gb,
                "memoryInGBLimit": resources.memory_in_gb_limit, "gpu": resources.gpu,
            },
            "maxConcurrentRequestsPerContainer": self.max_concurrent_requests_per_container,
            "maxQueueWaitMs": self.max_request_wait_time,
            "scoringTimeoutMs": self.scoring_timeout_ms,
            "aadAuthEnabled": self.token_auth_enabled,
            "appInsightsEnabled": self.enable_app_insights,
            "dataCollection": {"storageEnabled": self.collect_model_data},
            "livenessProbeRequirements": {
                "periodSeconds": probe.period_seconds, "initialDelaySeconds": probe.initial_delay_seconds,
                "timeoutSeconds": probe.timeout_seconds, "successThreshold": probe.success_threshold,
                "failureThreshold": probe.failure_threshold,
            },
        }  # fmt: skip

    def _switched(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings with those that the other way of choosing replicas leaves without meaning taken back."""
        more: dict[str, Any] = {}
        if settings.get("autoscale_enabled") and "num_replicas" not in settings:
            more["num_replicas"] = None
        elif "num_replicas" in settings and not settings.get("autoscale_enabled"):
            more = dict.fromkeys(name for name in self._values if name in _AUTOSCALE and name not in settings)
        return {**more, **super()._switched(settings)}


class AksEndpoint:
    """v1's preview of endpoints with versions: refused, with what to write instead."""

    @staticmethod
    def deploy_configuration(*_: Any, **__: Any) -> NoReturn:
        """Refuse.

        Raises:
            WebserviceException: always; it says what to write instead.
        """
        raise WebserviceException(
            "Any service can have versions here: deploy it with AksWebservice.deploy_configuration(), and then"
            " ws.core.endpoint(name).create_version('green', 'score.py', models=['ridge:2'], traffic=10);"
            " set_traffic, update_version and delete_version change them."
        )


class AciWebservice(Webservice):
    """A service on Azure's container instances."""

    _v1_type = "ACI"
    deploy_configuration = staticmethod(aci_configuration)


_AUTOSCALE = (
    "autoscale_enabled", "autoscale_min_replicas", "autoscale_max_replicas", "autoscale_refresh_seconds",
    "autoscale_target_utilization",
)  # fmt: skip
_KINDS = {"local": LocalWebservice, "aks": AksWebservice, "kubernetes": AksWebservice, "aci": AciWebservice}


def kind_for(target: str) -> type[Webservice]:
    """Return the class for services on a target."""
    return _KINDS.get(target, Webservice)
