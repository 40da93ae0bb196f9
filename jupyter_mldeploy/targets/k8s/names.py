"""Names, labels and annotations of everything that belongs to a service in a cluster."""

from __future__ import annotations

from collections.abc import Mapping

#: Who applies our fields (server-side apply), and the value of ``app.kubernetes.io/managed-by``.
MANAGER = "jupyter-mldeploy"

MANAGED_BY = "app.kubernetes.io/managed-by"
SERVICE = f"{MANAGER}/service"
UID = f"{MANAGER}/service-uid"
REVISION = f"{MANAGER}/revision"

#: Annotations.
DIGEST = f"{MANAGER}/bundle"
IMAGE_DIGEST = f"{MANAGER}/image-digest"
OWNER = f"{MANAGER}/owner"
TAGS = f"{MANAGER}/tags"
PROPERTIES = f"{MANAGER}/properties"
DESCRIPTION = f"{MANAGER}/description"
#: Written to pods when a Secret has changed: kubelet then brings the mounted files up to date at once.
REFRESHED = f"{MANAGER}/secrets-refreshed"
#: Replicas that a stopped Deployment goes back to.
REPLICAS = f"{MANAGER}/replicas-before-stop"

#: The selector that finds everything of ours.
OURS = f"{MANAGED_BY}={MANAGER}"

CONTAINER = "scoring"
PORT = 5001


def revision_name(service: str, revision: int) -> str:
    """Return the name of what belongs to one revision (Deployment, autoscaler, disruption budget)."""
    return f"{service}-r{revision}"


def object_name(service: str, what: str) -> str:
    """Return the name of an object that all revisions of a service share, such as its Secret of keys."""
    return f"{service}-{what}"


def service_labels(service: str, uid: str) -> dict[str, str]:
    """Return the labels of everything that belongs to a service; ``uid`` is empty in exported manifests."""
    labels = {
        "app.kubernetes.io/name": service,
        "app.kubernetes.io/component": "scoring",
        MANAGED_BY: MANAGER,
        SERVICE: service,
    }
    return {**labels, UID: uid} if uid else labels


def selector(service: str, uid: str, revision: int) -> dict[str, str]:
    """Return the labels that tell the pods of one revision from all others."""
    found = {SERVICE: service, REVISION: str(revision)}
    return {**found, UID: uid} if uid else found


def service_query(uid: str) -> str:
    """Return the label selector of everything that belongs to the service with ``uid``."""
    return f"{OURS},{UID}={uid}"


def labels_of(item: Mapping[str, object]) -> dict[str, str]:
    """Return an object's labels."""
    metadata = item.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, Mapping) else None
    return {str(key): str(value) for key, value in labels.items()} if isinstance(labels, Mapping) else {}
