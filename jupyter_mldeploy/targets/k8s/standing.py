"""The state of a service in a cluster, with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.records import State
from .cluster import Cluster
from .names import REPLICAS
from .snapshot import Parts
from .trouble import Cause, Trouble, container_status, is_ready, pod_name, troubles


@dataclass(frozen=True, slots=True)
class Standing:
    """State and reason; ``trouble`` is what stands in the way of the missing replicas."""

    state: State
    reason: str | None = None
    live_revision: int | None = None
    ready: int = 0
    wanted: int = 0
    trouble: Trouble | None = None


def judge(parts: Parts, events: Mapping[str, Sequence[Mapping[str, Any]]] | None = None) -> Standing:
    """Return how a service stands, from what the cluster has of it."""
    live = parts.live_revision
    deployment = parts.deployment(live)
    if parts.service is None and not parts.deployments:
        return Standing(State.FAILED, "Nothing of it is in the cluster; `start` brings it back.")
    if parts.service is None:
        return Standing(State.TRANSITIONING, "The first revision is starting.")
    if deployment is None:
        return Standing(State.FAILED, f"The Deployment of revision {live} is gone; `start` brings it back.")
    wanted = int(deployment["spec"].get("replicas", 1))
    if wanted == 0:
        if REPLICAS in (deployment["metadata"].get("annotations") or {}):
            return Standing(State.STOPPED, "stopped by the user")
        return Standing(State.FAILED, "Somebody scaled it to zero; `start` brings it back.")
    pods = parts.pods_of(live)
    ready = sum(is_ready(pod) for pod in pods)
    if ready >= wanted:
        return Standing(State.HEALTHY, None, live, ready, wanted)
    found = troubles(deployment, [pod for pod in pods if not is_ready(pod)], events)
    first = found[0] if found else None
    return Standing(_state(ready, first), _reason(ready, wanted, first), live, ready, wanted, first)


def pod_events(cluster: Cluster, namespace: str, pods: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Return the events of some pods by name, oldest first; nothing when they may not be read."""
    found: dict[str, list[dict[str, Any]]] = {}
    for pod in pods[:10]:
        name = pod_name(pod)
        items = cluster.list("Event", namespace, fields=f"involvedObject.name={name}")
        found[name] = sorted(items, key=lambda item: str(item.get("lastTimestamp") or item.get("eventTime") or ""))
    return found


def unready(parts: Parts) -> list[Mapping[str, Any]]:
    """Return the live revision's pods that take no requests."""
    return [pod for pod in parts.pods_of(parts.live_revision) if not is_ready(pod)]


def describe_pods(pods: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what people want to know of pods."""
    return [
        {
            "name": pod_name(pod),
            "node": (pod.get("spec") or {}).get("nodeName"),
            "ready": is_ready(pod),
            "restarts": int((container_status(pod) or {}).get("restartCount") or 0),
        }
        for pod in pods
    ]


def _state(ready: int, trouble: Trouble | None) -> State:
    if ready:
        return State.UNHEALTHY
    if trouble is None:
        return State.UNHEALTHY
    if trouble.cause is Cause.UNSCHEDULABLE:
        return State.UNSCHEDULABLE
    return State.FAILED if trouble.final else State.UNHEALTHY


def _reason(ready: int, wanted: int, trouble: Trouble | None) -> str:
    replicas = f"{ready} of {wanted} {'replica answers' if wanted == 1 else 'replicas answer'}"
    return f"{replicas}: {trouble.text}." if trouble else f"{replicas}; the rest is starting."
