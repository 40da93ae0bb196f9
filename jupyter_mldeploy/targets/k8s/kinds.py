"""The kinds of objects that the target deals with, and where an API server keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: its API version, its plural, and whether its objects lie in namespaces."""

    api_version: str
    plural: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        """The API group, "" for the core one."""
        return self.api_version.rpartition("/")[0]

    def path(self, namespace: str | None, name: str | None = None, part: str | None = None) -> str:
        """Return the path of an object, or of all of a kind; ``namespace`` None means all namespaces."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        pieces = [root]
        if self.namespaced and namespace is not None:
            pieces += ["namespaces", quote(namespace, safe="")]
        pieces.append(self.plural)
        if name is not None:
            pieces.append(quote(name, safe=""))
        if part is not None:
            pieces.append(part)
        return "/".join(pieces)


KINDS: Mapping[str, Kind] = {
    "Namespace": Kind("v1", "namespaces", namespaced=False),
    "Node": Kind("v1", "nodes", namespaced=False),
    "Pod": Kind("v1", "pods"),
    "Service": Kind("v1", "services"),
    "Endpoints": Kind("v1", "endpoints"),
    "Secret": Kind("v1", "secrets"),
    "ServiceAccount": Kind("v1", "serviceaccounts"),
    "ResourceQuota": Kind("v1", "resourcequotas"),
    "Event": Kind("v1", "events"),
    "Deployment": Kind("apps/v1", "deployments"),
    "ReplicaSet": Kind("apps/v1", "replicasets"),
    "HorizontalPodAutoscaler": Kind("autoscaling/v2", "horizontalpodautoscalers"),
    "PodDisruptionBudget": Kind("policy/v1", "poddisruptionbudgets"),
    "Ingress": Kind("networking.k8s.io/v1", "ingresses"),
    "NetworkPolicy": Kind("networking.k8s.io/v1", "networkpolicies"),
    "Gateway": Kind("gateway.networking.k8s.io/v1", "gateways"),
    "HTTPRoute": Kind("gateway.networking.k8s.io/v1", "httproutes"),
    "ScaledObject": Kind("keda.sh/v1alpha1", "scaledobjects"),
    "Certificate": Kind("cert-manager.io/v1", "certificates"),
    "SelfSubjectAccessReview": Kind("authorization.k8s.io/v1", "selfsubjectaccessreviews", namespaced=False),
}

#: Kinds of which a service may have objects, in the order in which they are removed: doors first, then what scales,
#: then what runs, then what those needed.
OWNED = (
    "HTTPRoute",
    "Ingress",
    "Service",
    "ScaledObject",
    "HorizontalPodAutoscaler",
    "PodDisruptionBudget",
    "Deployment",
    "NetworkPolicy",
    "Certificate",
    "Secret",
    "ServiceAccount",
)

#: API groups that not every cluster serves.
EXTENSIONS = frozenset({"gateway.networking.k8s.io", "keda.sh", "cert-manager.io"})


def kind_of(manifest: Mapping[str, Any]) -> Kind:
    """Return the kind of a manifest."""
    return KINDS[str(manifest["kind"])]
