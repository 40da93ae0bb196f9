"""AKS by name: the Kubernetes target with a kubeconfig that Azure gives.

Everything but the way to the cluster is the Kubernetes target's. The kubeconfig is fetched at each deployment and lies
in the service's own folder, readable by its owner alone.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, model_validator

from ..core.config import DeploymentConfig
from ..core.target import Availability, Job, Observation, PlanStep, Progress
from ..errors import InvalidInputError
from .aks_compute import AksProvider, AttachSettings, facts_of
from .k8s.config import KubernetesConfig
from .k8s.drafting import config_of
from .k8s.place import Clusters
from .kubernetes import KubernetesTarget

_OF_AZURE = ("resource_id", "subscription_id", "resource_group", "cluster_name", "azure_endpoint")


class AksConfig(KubernetesConfig):
    """How a service runs in AKS: the Kubernetes target's configuration, and which cluster."""

    compute_target_name: str | None = None
    """Name that the cluster was attached or created under (``mldeploy compute attach aks NAME …``)."""
    resource_id: str | None = None
    """Id of the cluster in Azure, instead of an attached name."""
    subscription_id: str | None = None
    """Subscription; left out, ``$AZURE_SUBSCRIPTION_ID``."""
    resource_group: str | None = None
    """Resource group of the cluster, with ``cluster_name``."""
    cluster_name: str | None = None
    """Name of the cluster in Azure, instead of an attached name."""
    azure_endpoint: str | None = Field(None, pattern=r"^https://")
    """Azure Resource Manager of a sovereign cloud; left out, the public one."""

    @model_validator(mode="after")
    def _which(self) -> AksConfig:
        named = [self.compute_target_name, self.resource_id, self.cluster_name]
        if sum(item is not None for item in named) != 1 and self.kubeconfig is None:
            raise ValueError(
                "give exactly one of compute_target_name, resource_id, and cluster_name with resource_group"
            )
        if self.cluster_name is not None and self.resource_group is None:
            raise ValueError("cluster_name needs resource_group")
        return self


class AksTarget(KubernetesTarget):
    """Runs services in AKS clusters. See the module's docstring."""

    name: ClassVar[str] = "aks"
    title: ClassVar[str] = "Azure Kubernetes Service"
    summary: ClassVar[str] = "Replicas in an AKS cluster that is named, not described by a kubeconfig."
    config_type: ClassVar[type[DeploymentConfig]] = AksConfig

    def available(self) -> Availability:
        """Say whether the clients are installed; Azure itself is not asked."""
        for module, extra in (("kubernetes", "kubernetes"), ("azure.identity", "azure"), ("azure.mgmt", "azure")):
            with contextlib.suppress(ModuleNotFoundError):
                if importlib.util.find_spec(module) is not None:
                    continue
            return Availability(
                False, f"the package {module!r} is not installed", f'pip install "jupyter_mldeploy[{extra}]"'
            )
        return Availability(True)

    def plan(self, job: Job) -> Sequence[PlanStep]:
        """See ``Target.plan``."""
        return super().plan(self._with_kubeconfig(job))

    def apply(self, job: Job, progress: Progress) -> Observation:
        """See ``Target.apply``."""
        progress.step("credentials", "asking Azure for the way to the cluster")
        return super().apply(self._with_kubeconfig(job), progress)

    def start(self, job: Job, progress: Progress) -> Observation:
        """See ``Target.start``."""
        return super().start(self._with_kubeconfig(job), progress)

    def _with_kubeconfig(self, job: Job) -> Job:
        """Return the job with a kubeconfig in its configuration."""
        config = config_of(job)
        if not isinstance(config, AksConfig) or config.kubeconfig is not None:
            return job
        path = self._write(job, AksProvider().credentials(self._where(job, config)))
        nothing = dict.fromkeys(("compute_target_name", *_OF_AZURE))
        return replace(job, config=config.model_copy(update={**nothing, "kubeconfig": str(path), "context": None}))

    @staticmethod
    def _where(job: Job, config: AksConfig) -> Mapping[str, Any]:
        if config.compute_target_name is None:
            values = {name: getattr(config, name) for name in _OF_AZURE}
            return facts_of(AttachSettings.model_validate(values))
        if job.compute is None:
            raise InvalidInputError(
                "Attached clusters are not known here; name resource_id.", field="compute_target_name"
            )
        kind, facts = job.compute(config.compute_target_name)
        if kind != "aks":
            raise InvalidInputError(
                f"{config.compute_target_name!r} is a compute target of kind {kind!r}, not aks.",
                field="compute_target_name",
            )
        return facts

    def _write(self, job: Job, text: str) -> Path:
        """Keep the kubeconfig where only its owner can read it; for a plan, only as long as this process lives."""
        folder = job.service.directory
        if not job.service.uid:
            folder = Path(tempfile.mkdtemp(prefix="mldeploy-aks-"))
        path = folder / "kubeconfig"
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            return path
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        self._clusters = Clusters()  # those known spoke with the credentials of before
        return path
