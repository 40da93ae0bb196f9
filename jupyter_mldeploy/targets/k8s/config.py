"""The configuration of the Kubernetes target: v1's ``AksWebservice.deploy_configuration``, and what a cluster asks."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ...core.config import DeploymentConfig
from ...core.config_marks import BelongsTo, Needs

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_PORT_NAME = re.compile(r"[a-z]([-a-z0-9]{0,13}[a-z0-9])?")
_TAINT_EFFECTS = Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]

#: Seconds that a pod goes on accepting requests after it was told to end, until every router has noticed.
PRE_STOP_S = 5

#: Seconds that a pod gets to end, beyond those and its time to drain; then kubelet kills it.
MARGIN_S = 10


class Toleration(BaseModel):
    """A taint that the pods tolerate."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    key: str | None = None
    """The taint's key; left out, all keys."""
    operator: Literal["Equal", "Exists"] = "Equal"
    """``Exists`` tolerates every value."""
    value: str | None = None
    """The taint's value."""
    effect: _TAINT_EFFECTS | None = None
    """The taint's effect; left out, all effects."""


class KubernetesConfig(DeploymentConfig):
    """How a service runs in a Kubernetes cluster."""

    # Where.
    kubeconfig: str | None = None
    """Path of the kubeconfig file; left out, ``$KUBECONFIG``, ``~/.kube/config``, or the pod's own account."""
    context: str | None = None
    """Context of the kubeconfig; left out, its current one."""
    namespace: str | None = None
    """Namespace to run in; left out, the context's own, else ``default``. It is made when it does not exist."""

    # How the image gets there.
    image: Annotated[str | None, BelongsTo("script")] = None
    """An image that the cluster can pull already; left out, one is built from the bundle."""
    registry: str | None = None
    """Registry and path that the built image is pushed to, such as ``registry.example.com/team``."""
    registry_username: str | None = None
    """User for the registry; pushing and pulling both use it."""
    registry_password: str | None = None
    """Reference to the registry's password: ``env:NAME`` or ``file:PATH``."""
    image_pull_secret: str | None = None
    """Name of a pull Secret that exists in the namespace."""
    load_command: list[str] | None = None
    """Command that takes the built image into the cluster's nodes instead of a registry, with ``{image}`` in it. Left
    out, it is known for kind, minikube, k3d and Docker Desktop by the context's name."""

    # How many.
    autoscale_enabled: Annotated[bool | None, Needs("autoscale")] = None
    """Let the cluster choose the number of replicas; left out, it does unless ``num_replicas`` is given."""
    autoscale_min_replicas: Annotated[int, Needs("autoscale")] = Field(1, ge=1, le=1_000)
    """Fewest replicas with autoscaling."""
    autoscale_max_replicas: Annotated[int, Needs("autoscale")] = Field(10, ge=1, le=1_000)
    """Most replicas with autoscaling."""
    autoscale_refresh_seconds: Annotated[int, Needs("autoscale")] = Field(1, ge=1, le=3_600)
    """How often KEDA looks at the load, in seconds. The cluster's own autoscaler has an interval of its own."""
    autoscale_target_utilization: Annotated[int, Needs("autoscale")] = Field(70, ge=1, le=100)
    """How busy the replicas shall be, in percent: of the CPU request, or of the requests that they can execute."""
    autoscale_metric: Annotated[Literal["cpu", "busy"], Needs("autoscale")] = "cpu"
    """What counts as busy: ``cpu``, or ``busy`` for executing requests (v1's meaning; needs KEDA or an adapter)."""
    prometheus_address: str | None = None
    """Prometheus that KEDA asks for ``autoscale_metric: busy``, such as ``http://prometheus.monitoring:9090``."""
    num_replicas: Annotated[int | None, Needs("scale")] = Field(None, ge=1, le=1_000)
    """A fixed number of replicas; excludes autoscaling."""

    # What one replica gets.
    cpu_cores: float = Field(0.1, gt=0, le=1_024)
    """Cores that a replica is sure to get."""
    memory_gb: Annotated[float, Needs("memory_limit")] = Field(0.5, gt=0, le=24_576)
    """Memory that a replica is sure to get, in GiB."""
    cpu_cores_limit: float | None = Field(None, gt=0, le=1_024)
    """Most cores a replica may use."""
    memory_gb_limit: Annotated[float | None, Needs("memory_limit")] = Field(None, gt=0, le=24_576)
    """Memory beyond which a replica is ended, in GiB."""
    gpu_cores: Annotated[int, Needs("gpu"), BelongsTo("script")] = Field(0, ge=0, le=64)
    """GPUs for each replica (``nvidia.com/gpu``)."""
    extended_resources: Annotated[dict[str, int], BelongsTo("script")] = Field(default_factory=dict)
    """Further devices for each replica, such as ``{"xilinx.com/fpga-xilinx_u200": 1}``."""
    extra_ports: Annotated[dict[str, int], BelongsTo("script")] = Field(default_factory=dict)
    """Further ports of the container that the Service offers, by name, such as ``{"grpc": 9000}``."""
    workers: Annotated[int, Needs("scale"), BelongsTo("script")] = Field(1, ge=1, le=256)
    """Worker processes in each replica."""

    # Where in the cluster.
    node_selector: dict[str, str] = Field(default_factory=dict)
    """Labels that a node must have."""
    tolerations: list[Toleration] = Field(default_factory=list)
    """Taints that are no obstacle."""
    affinity: dict[str, Any] = Field(default_factory=dict)
    """A pod's ``affinity`` as Kubernetes writes it."""
    priority_class: str | None = None
    """Name of the pods' PriorityClass."""
    runtime_class: str | None = None
    """Name of the pods' RuntimeClass."""
    service_account: str | None = None
    """An account that exists (for workload identity); left out, one of the service's own without any token."""
    run_as_user: int = Field(10_001, ge=1, le=2**31 - 1)
    """Numeric user id of the container's process."""

    # Who reaches it.
    access: Annotated[Literal["cluster", "node-port", "load-balancer", "ingress", "gateway"], BelongsTo("endpoint")] = (
        "cluster"
    )
    """How callers get there; from this machine it always works by the kubeconfig."""
    host: Annotated[str | None, BelongsTo("endpoint")] = None
    """Host name for ``ingress`` and ``gateway``."""
    path: Annotated[str | None, BelongsTo("endpoint")] = None
    """Path prefix for ``ingress`` and ``gateway``; left out, v1's ``/api/v1/service/<name>``."""
    node_port: Annotated[int | None, BelongsTo("endpoint")] = Field(None, ge=1, le=65_535)
    """Port for ``node-port``; left out, the cluster chooses one."""
    ingress_class: Annotated[str | None, BelongsTo("endpoint")] = None
    """Name of the IngressClass; left out, the cluster's default."""
    gateway: Annotated[str | None, BelongsTo("endpoint")] = None
    """``namespace/name`` of the Gateway that the route is attached to."""
    service_annotations: Annotated[dict[str, str], BelongsTo("endpoint")] = Field(default_factory=dict)
    """Annotations for the Service or Ingress (load balancers of clouds are set up by them)."""
    tls_certificate_file: Annotated[str | None, Needs("tls"), BelongsTo("endpoint")] = None
    """Certificate (PEM) that the pods serve with; it is read anew by ``start`` and taken over without a restart."""
    tls_key_file: Annotated[str | None, Needs("tls"), BelongsTo("endpoint")] = None
    """Private key (PEM) of that certificate."""
    tls_secret: Annotated[str | None, Needs("tls"), BelongsTo("endpoint")] = None
    """Name of a TLS Secret that exists in the namespace or that ``tls_issuer`` fills."""
    tls_issuer: Annotated[str | None, Needs("tls"), BelongsTo("endpoint")] = None
    """cert-manager's ClusterIssuer that the certificate comes from; needs ``host``."""
    network_policy: Literal["off", "namespace", "cluster"] = "off"
    """Who may reach the pods inside the cluster: anybody, their own namespace, or all namespaces and nobody outside."""

    # Probes (v1's names; they are the liveness probe's).
    period_seconds: int = Field(10, ge=1, le=3_600)
    """How often the liveness probe asks, in seconds."""
    initial_delay_seconds: int = Field(310, ge=0, le=86_400)
    """Least time that starting may take, in seconds (see ``startup_seconds``)."""
    timeout_seconds: int = Field(2, ge=1, le=300)
    """Time for one answer to the liveness probe, in seconds."""
    success_threshold: int = Field(1, ge=1, le=1)
    """Answers after which the container counts as alive; Kubernetes allows only 1."""
    failure_threshold: int = Field(3, ge=1, le=100)
    """Missing answers after which the container is restarted."""
    startup_seconds: int = Field(3_600, ge=10, le=86_400)
    """Time for imports and init() before a container is restarted, in seconds; a slow init() is never killed before."""
    drain_seconds: int = Field(30, ge=0, le=3_600)
    """Time that an old replica may take to finish its requests, in seconds."""
    revision_history: int = Field(0, ge=0, le=10)
    """Earlier revisions that are kept in the cluster, scaled to zero."""
    wait_for_nodes: bool = False
    """Deploy although no node has room now: a cluster autoscaler adds nodes. Waiting ends with the deadline."""

    # v1's further names.
    collect_model_data: Annotated[bool, BelongsTo("script")] = False
    """Keep what ``ModelDataCollector`` is given, on a volume of each pod (see ``data_claim``)."""
    data_claim: Annotated[str | None, BelongsTo("script")] = None
    """PersistentVolumeClaim for collected model data; left out, it goes with the pod."""
    primary_key: Annotated[str | None, BelongsTo("endpoint")] = Field(None, repr=False)
    """Reference to the primary key (``env:NAME`` or ``file:PATH``); left out, one is generated."""
    secondary_key: Annotated[str | None, BelongsTo("endpoint")] = Field(None, repr=False)
    """Reference to the secondary key; left out, one is generated."""
    compute_target_name: str | None = None
    """v1's name of the cluster; the kubeconfig's context when ``context`` is left out."""
    blobfuse_enabled: bool = True
    """v1's; images bring their models along, so nothing is mounted either way."""

    @model_validator(mode="after")
    def _check(self) -> KubernetesConfig:
        """Name every contradiction at once."""
        problems = [text for text in self._contradictions() if text]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _contradictions(self) -> list[str]:
        chosen = self.model_fields_set
        autoscaling = sorted(name for name in chosen if name.startswith("autoscale_") and name != "autoscale_enabled")
        return [
            "num_replicas and autoscale_enabled exclude one another: leave one of them out"
            if self.num_replicas is not None and self.autoscale_enabled
            else "",
            "autoscale_enabled is off, so num_replicas must say how many"
            if self.autoscale_enabled is False and self.num_replicas is None
            else "",
            f"{', '.join(autoscaling)} only count with autoscaling: leave num_replicas out"
            if autoscaling and not self.autoscales
            else "",
            "autoscale_max_replicas must be at least autoscale_min_replicas"
            if self.autoscale_max_replicas < self.autoscale_min_replicas
            else "",
            _under("cpu_cores_limit", self.cpu_cores_limit, "cpu_cores", self.cpu_cores),
            _under("memory_gb_limit", self.memory_gb_limit, "memory_gb", self.memory_gb),
            "namespace must be lower-case letters, digits and hyphens, at most 63"
            if self.namespace is not None and not _NAMESPACE.fullmatch(self.namespace)
            else "",
            "tls_certificate_file and tls_key_file belong together"
            if (self.tls_certificate_file is None) != (self.tls_key_file is None)
            else "",
            "give tls_certificate_file or tls_secret, not both"
            if self.tls_certificate_file is not None and self.tls_secret is not None
            else "",
            "tls_issuer needs host, the name that the certificate is for"
            if self.tls_issuer is not None and self.host is None
            else "",
            "access 'ingress' and 'gateway' need host" if self.routed and self.host is None else "",
            "access 'gateway' needs gateway, as namespace/name"
            if self.access == "gateway" and not self.gateway
            else "",
            "node_port only counts with access 'node-port'"
            if self.node_port is not None and self.access != "node-port"
            else "",
            "path must begin with a slash" if self.path is not None and not self.path.startswith("/") else "",
            "registry_username and registry_password belong together"
            if (self.registry_username is None) != (self.registry_password is None)
            else "",
            "load_command must contain {image}"
            if self.load_command is not None and not any("{image}" in part for part in self.load_command)
            else "",
            "give registry or load_command, not both" if self.registry and self.load_command else "",
            "image is pulled as it is: leave registry and load_command out"
            if self.image is not None and (self.registry or self.load_command)
            else "",
            *(
                f"{name} must be a reference, env:NAME or file:PATH, never the value itself"
                for name in ("registry_password", "primary_key", "secondary_key")
                if (value := getattr(self, name)) is not None and not value.startswith(("env:", "file:"))
            ),
            *(
                f"extra_ports.{name} must be a short lower-case name and a port from 1 to 65535, and not http or https"
                for name, port in self.extra_ports.items()
                if not _PORT_NAME.fullmatch(name) or name in ("http", "https") or not 1 <= port <= 65_535
            ),
            *(
                f"extended_resources.{name} must be a domain and a name, such as nvidia.com/gpu, and 1 or more"
                for name, count in self.extended_resources.items()
                if "/" not in name or count < 1
            ),
        ]

    @property
    def autoscales(self) -> bool:
        """Whether the cluster chooses the number of replicas."""
        return self.autoscale_enabled if self.autoscale_enabled is not None else self.num_replicas is None

    @property
    def replicas(self) -> int:
        """Replicas to begin with."""
        return self.autoscale_min_replicas if self.autoscales else self.num_replicas or 1

    @property
    def tls(self) -> bool:
        """Whether the pods serve over TLS."""
        return self.tls_certificate_file is not None or self.tls_secret is not None or self.tls_issuer is not None

    @property
    def routed(self) -> bool:
        """Whether an Ingress or a Gateway stands before the service."""
        return self.access in ("ingress", "gateway")

    def path_prefix(self, service: str) -> str:
        """Return the path prefix that callers use, "" where nothing stands before the service."""
        if not self.routed:
            return ""
        return (self.path if self.path is not None else f"/api/v1/service/{service}").rstrip("/")


def _under(limit_name: str, limit: float | None, name: str, value: float) -> str:
    if limit is None or limit >= value:
        return ""
    return f"{limit_name} ({limit:g}) must be at least {name} ({value:g})"
