"""What can be known before anything is built: whether the account may, whether the nodes have room, what quotas say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ...errors import DeploymentError, ForbiddenError, MldeployError, NotSupportedError
from .blueprint import Blueprint
from .cluster import Cluster
from .kinds import EXTENSIONS, KINDS
from .manifests import all_manifests
from .pod import resources
from .quantity import amount, shown
from .trouble import Cause, shortage

#: What a deployment does besides applying its manifests.
_READING = (
    ("list", "Pod", ""),
    ("get", "Pod", "log"),
    ("list", "Deployment", ""),
    ("list", "Service", ""),
    ("delete", "Deployment", ""),
)


@dataclass(frozen=True, slots=True)
class Room:
    """Whether the nodes have room: how many replicas fit, and what is short where they do not."""

    fits: int
    nodes: int
    short: str = ""


def check_apis(blueprint: Blueprint) -> None:
    """Refuse what needs an extension that the cluster does not serve.

    Raises:
        NotSupportedError: names the extension and the way out.
    """
    config = blueprint.config
    needs = {
        "gateway.networking.k8s.io": (config.access == "gateway", "access 'gateway'", "access='ingress'"),
        "cert-manager.io": (config.tls_issuer is not None, "tls_issuer", "tls_certificate_file and tls_key_file"),
        "keda.sh": (
            config.autoscale_metric == "busy" and "custom.metrics.k8s.io" not in blueprint.apis,
            "autoscale_metric 'busy'",
            "autoscale_metric='cpu', or install KEDA (with prometheus_address) or a custom-metrics adapter",
        ),
    }
    for group, (wanted, setting, instead) in needs.items():
        if wanted and group not in blueprint.apis:
            raise NotSupportedError(
                f"The cluster does not serve {group}, which {setting} needs.", hint=f"Use {instead}."
            )


def check_rights(cluster: Cluster, blueprint: Blueprint, *, new_namespace: bool) -> None:
    """Ask the API server whether the account may do everything that the deployment needs.

    Raises:
        ForbiddenError: names every verb that is missing.
    """
    kinds = sorted({str(item["kind"]) for item in all_manifests(blueprint)})
    asked = [(verb, kind, "") for kind in kinds for verb in ("patch", "create")]
    asked += _READING
    if new_namespace:
        asked.append(("create", "Namespace", ""))
    with ThreadPoolExecutor(8) as pool:
        allowed = list(pool.map(lambda item: may(cluster, blueprint.namespace, *item), asked))
    missing = [item for item, yes in zip(asked, allowed, strict=True) if not yes]
    if missing:
        named = ", ".join(f"{verb} {KINDS[kind].plural}{'/' + part if part else ''}" for verb, kind, part in missing)
        raise ForbiddenError(
            f"The account of the kubeconfig may not {named} in namespace {blueprint.namespace!r}.",
            hint="Ask for a Role with these verbs in the namespace, or use another namespace.",
            details={"missing": [list(item) for item in missing]},
        )


def may(cluster: Cluster, namespace: str, verb: str, kind: str, part: str = "") -> bool:
    """Return whether the account may do something; True where the cluster does not tell."""
    found = KINDS[kind]
    attributes = {"verb": verb, "group": found.group, "resource": found.plural, "subresource": part}
    if found.namespaced:
        attributes["namespace"] = namespace
    body = {
        "apiVersion": KINDS["SelfSubjectAccessReview"].api_version,
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {name: value for name, value in attributes.items() if value}},
    }
    try:
        answer = cluster.create("SelfSubjectAccessReview", None, body)
    except ForbiddenError:
        return True
    return bool((answer.get("status") or {}).get("allowed"))


def check_room(cluster: Cluster, blueprint: Blueprint) -> str:
    """Compare the request with what is free on the nodes; return a sentence for the plan.

    Raises:
        DeploymentError: the state is ``Unschedulable``; says which resource is short, and on how many nodes.
    """
    try:
        nodes = cluster.list("Node", None, cached=True)
        pods = cluster.list("Pod", None, cached=True)
    except ForbiddenError:
        return "not checked: the account may not list nodes and pods"
    request = {name: amount(value) for name, value in resources(blueprint.config)["requests"].items()}
    found = room(nodes, pods, request, blueprint)
    wanted = blueprint.replicas
    if found.fits >= wanted:
        nodes_now = "1 node" if found.nodes == 1 else f"{found.nodes} nodes"
        return f"{found.fits} replicas of that size would fit on {nodes_now} now"
    if blueprint.config.wait_for_nodes:
        return f"{found.fits} of {wanted} replicas fit now; the rest waits for nodes: {found.short}"
    size = " and ".join(
        f"{shown(name, value)}{'' if '/' not in name else f' {name}'}" for name, value in request.items()
    )
    raise DeploymentError(
        f"The cluster has no room for {wanted} {'replica' if wanted == 1 else 'replicas'} of {size}: "
        f"{found.fits} would fit ({found.short}).",
        hint="Ask for less (cpu_cores, memory_gb, num_replicas), free something, or set wait_for_nodes where nodes "
        "are added by themselves.",
        state=Cause.UNSCHEDULABLE.value,
    )


def room(
    nodes: Sequence[Mapping[str, Any]],
    pods: Sequence[Mapping[str, Any]],
    request: Mapping[str, float],
    blueprint: Blueprint,
) -> Room:
    """Count how many replicas fit, as the scheduler would: what is asked for counts, not what is used."""
    used: dict[str, dict[str, float]] = {}
    for pod in pods:
        if (pod.get("status") or {}).get("phase") in {"Succeeded", "Failed"}:
            continue
        node = str((pod.get("spec") or {}).get("nodeName") or "")
        taken = used.setdefault(node, {})
        for name, value in _pod_request(pod).items():
            taken[name] = taken.get(name, 0.0) + value
    fits = 0
    reasons: dict[str, int] = {}
    for candidate in nodes:
        closed = _closed(candidate, blueprint)
        if closed:
            reasons[closed] = reasons.get(closed, 0) + 1
            continue
        taken = used.get(str(candidate["metadata"]["name"]), {})
        free = {
            name: amount(value) - taken.get(name, 0.0)
            for name, value in ((candidate.get("status") or {}).get("allocatable") or {}).items()
        }
        here = min(
            (int((free.get(name, 0.0) + 1e-9) // value) for name, value in {**request, "pods": 1.0}.items() if value),
            default=0,
        )
        fits += max(0, here)
        for name, value in request.items():
            if free.get(name, 0.0) + 1e-9 < value * (here + 1):
                reasons[f"Insufficient {name}"] = reasons.get(f"Insufficient {name}", 0) + 1
    parts = [f"{count} {text if text.startswith('Insuff') else f'node(s) {text}'}" for text, count in reasons.items()]
    short = shortage(f"0/{len(nodes)} nodes are available: {', '.join(parts)}.") if parts else ""
    return Room(fits, len(nodes), short)


def _closed(node: Mapping[str, Any], blueprint: Blueprint) -> str:
    """Return why a node takes no pod of ours, "" when it does."""
    spec, labels = node.get("spec") or {}, node["metadata"].get("labels") or {}
    if spec.get("unschedulable"):
        return "were unschedulable"
    wrong = [key for key, value in blueprint.config.node_selector.items() if labels.get(key) != value]
    if wrong:
        return f"lack the label {wrong[0]}={blueprint.config.node_selector[wrong[0]]}"
    for taint in spec.get("taints") or ():
        if taint.get("effect") != "PreferNoSchedule" and not _tolerated(taint, blueprint):
            return f"have the taint {taint.get('key')}"
    conditions = (node.get("status") or {}).get("conditions") or ()
    ready = any(item.get("type") == "Ready" and item.get("status") == "True" for item in conditions)
    return "" if ready else "are not ready"


def _tolerated(taint: Mapping[str, Any], blueprint: Blueprint) -> bool:
    for item in blueprint.config.tolerations:
        same_key = item.key is None or item.key == taint.get("key")
        same_value = item.operator == "Exists" or (item.value or "") == (taint.get("value") or "")
        if same_key and same_value and item.effect in (None, taint.get("effect")):
            return True
    return False


def _pod_request(pod: Mapping[str, Any]) -> dict[str, float]:
    """Return what the scheduler counts for a pod: the sum of its containers, or the largest of those that run first."""
    spec = pod.get("spec") or {}
    total: dict[str, float] = {"pods": 1.0}
    for container in spec.get("containers") or ():
        for name, value in ((container.get("resources") or {}).get("requests") or {}).items():
            total[name] = total.get(name, 0.0) + amount(value)
    for container in spec.get("initContainers") or ():
        for name, value in ((container.get("resources") or {}).get("requests") or {}).items():
            total[name] = max(total.get(name, 0.0), amount(value))
    for name, value in (spec.get("overhead") or {}).items():
        total[name] = total.get(name, 0.0) + amount(value)
    return total


def check_quota(cluster: Cluster, blueprint: Blueprint) -> None:
    """Compare the request with the namespace's quotas.

    Raises:
        DeploymentError: a quota has no room; says which one, how much it allows and how much is used.
    """
    try:
        quotas = cluster.list("ResourceQuota", blueprint.namespace)
    except (ForbiddenError, MldeployError):
        return  # it will tell when pods are made
    wanted = resources(blueprint.config)
    asked = {"pods": 1.0, "count/pods": 1.0}
    for name, value in wanted["requests"].items():
        asked[f"requests.{name}"] = asked[name] = amount(value)
    for name, value in (wanted.get("limits") or {}).items():
        asked[f"limits.{name}"] = amount(value)
    for quota in quotas:
        if (quota.get("spec") or {}).get("scopes") or (quota.get("spec") or {}).get("scopeSelector"):
            continue
        status = quota.get("status") or {}
        for name, hard in (status.get("hard") or {}).items():
            more = asked.get(str(name), 0.0) * blueprint.replicas
            used = amount((status.get("used") or {}).get(name, 0))
            if more and used + more > amount(hard) + 1e-9:
                raise DeploymentError(
                    f"The quota {quota['metadata']['name']!r} of namespace {blueprint.namespace!r} has no room: "
                    f"{name} allows {shown(name, amount(hard))}, used are {shown(name, used)}, "
                    f"and {shown(name, more)} more is needed.",
                    hint="Ask for less, delete something in the namespace, or have the quota raised.",
                    state="Failed",
                )


def present_extensions(groups: frozenset[str]) -> frozenset[str]:
    """Return the extensions that matter to us among a cluster's API groups."""
    return groups & (EXTENSIONS | {"custom.metrics.k8s.io"})
