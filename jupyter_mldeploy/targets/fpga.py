"""The accelerator target: the Kubernetes target on nodes with FPGAs, or other devices that a plug-in advertises.

v1 deployed to Azure's own FPGA service; its model converter, its machines and its device plug-in are no longer
available. What is left of it that makes sense everywhere is this: a service whose pods get a device, a look beforehand
whether any node has one, and a port for gRPC where the container's own runtime speaks TensorFlow Serving's protocol.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field, model_validator

from ..core.config import DeploymentConfig
from ..core.target import Capabilities, Job, PlanStep
from ..errors import DeploymentError, ForbiddenError
from .k8s.cluster import Cluster
from .k8s.config import KubernetesConfig
from .k8s.drafting import config_of
from .k8s.quantity import amount
from .kubernetes import KubernetesTarget

#: Domains under which device plug-ins of accelerators advertise what they have.
DOMAINS = ("fpga.intel.com", "xilinx.com", "amd.com", "nvidia.com", "gpu.intel.com", "habana.ai", "microsoft.com")
_RESOURCE = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")


class FpgaConfig(KubernetesConfig):
    """How a service runs on nodes with accelerators: the Kubernetes target's configuration and the device."""

    resource_name: str
    """The device as its plug-in advertises it, such as ``xilinx.com/fpga-xilinx_u250_gen3x16_xdma_shell_4_1-0``,
    ``fpga.intel.com/af-…``, ``amd.com/ama_u30`` or ``nvidia.com/gpu``."""
    resource_count: int = Field(1, ge=1, le=64)
    """Devices for each replica."""
    grpc_port: int | None = Field(None, ge=1, le=65_535)
    """Port on which the container's own runtime speaks TensorFlow Serving's protocol; the Service offers it too."""
    num_replicas: int | None = Field(1, ge=1, le=1_000)
    """A fixed number of replicas; excludes autoscaling."""

    @model_validator(mode="before")
    @classmethod
    def _devices(cls, values: Any) -> Any:
        """Ask for the device in the way that the Kubernetes target does, and name what is wrong with it."""
        if not isinstance(values, Mapping):
            return values
        name = values.get("resource_name")
        if isinstance(name, str) and not _RESOURCE.fullmatch(name):
            raise ValueError(f"resource_name must be a domain and a name, such as xilinx.com/fpga-u250, not {name!r}")
        if not isinstance(name, str):
            return values
        found = dict(values)
        found["extended_resources"] = {
            **dict(values.get("extended_resources") or {}),
            name: values.get("resource_count", 1),
        }
        if values.get("grpc_port") is not None:
            found["extra_ports"] = {**dict(values.get("extra_ports") or {}), "grpc": values["grpc_port"]}
        if values.get("autoscale_enabled"):
            found.setdefault("num_replicas", None)
        return found


class FpgaTarget(KubernetesTarget):
    """Runs services on nodes with accelerators. See the module's docstring."""

    name: ClassVar[str] = "fpga"
    title: ClassVar[str] = "FPGA and accelerators"
    summary: ClassVar[str] = "Replicas with an FPGA or another device each, on a Kubernetes cluster that has them."
    config_type: ClassVar[type[DeploymentConfig]] = FpgaConfig
    capabilities: ClassVar[Capabilities] = replace(
        KubernetesTarget.capabilities,
        traffic_split=False,
        why_not={
            **KubernetesTarget.capabilities.why_not,
            "traffic_split": "a router among versions would occupy a device; use the kubernetes target with "
            "extended_resources for the versions",
        },
    )

    def plan(self, job: Job) -> Sequence[PlanStep]:
        """Look whether any node has the device; then say what the Kubernetes target would do."""
        config = config_of(job)
        found = [
            PlanStep("keep", f"device {name}", check_advertised(self._cluster(config), name))
            for name in config.extended_resources
        ]
        return [*found, *super().plan(job)]


def check_advertised(cluster: Cluster, resource: str) -> str:
    """Return how many devices the nodes advertise, as a sentence.

    Raises:
        DeploymentError: no node advertises it; says which devices there are.
    """
    try:
        nodes = cluster.list("Node", None, cached=True)
    except ForbiddenError:
        return "not checked: the account may not list nodes"
    have = {str(node["metadata"]["name"]): devices_of(node) for node in nodes}
    with_it = {name: int(found[resource]) for name, found in have.items() if found.get(resource)}
    if with_it:
        nodes_text = f"{len(with_it)} node{'s' * (len(with_it) != 1)}"
        return f"{sum(with_it.values())} on {nodes_text}: {', '.join(sorted(with_it)[:5])}"
    others = sorted({name for found in have.values() for name in found})
    known = f"they advertise {', '.join(others)}" if others else "they advertise no devices at all"
    raise DeploymentError(
        f"No node of the cluster advertises {resource!r}; {known}.",
        hint="Install the vendor's device plug-in and driver on the nodes, or name what `kubectl describe node` shows "
        "under Allocatable.",
        state="Unschedulable",
    )


def devices_of(node: Mapping[str, Any]) -> dict[str, float]:
    """Return the devices that a node advertises: extended resources, which have a domain in their name."""
    allocatable = (node.get("status") or {}).get("allocatable") or {}
    return {
        name: amount(value)
        for name, value in allocatable.items()
        if "/" in name and not name.startswith(("kubernetes.io/", "attachable-volumes"))
    }
