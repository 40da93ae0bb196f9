"""Deployment, autoscaler and disruption budget of one revision, and the account that its pods run under."""

from __future__ import annotations

from typing import Any

from .blueprint import Blueprint
from .pod import pod_template

#: Seconds of lower load before replicas are taken away; more are added without delay.
_SCALE_DOWN_AFTER_S = 60

#: A rollout without progress for this long is reported by the cluster as failed.
_PROGRESS_DEADLINE_MARGIN_S = 60


def deployment(blueprint: Blueprint) -> dict[str, Any]:
    """Return the Deployment. Each revision has its own: the one that serves is never touched by its successor."""
    config = blueprint.config
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": blueprint.name,
            "namespace": blueprint.namespace,
            "labels": blueprint.revision_labels,
            "annotations": {**blueprint.service_annotations, **blueprint.revision_annotations},
        },
        "spec": {
            "replicas": blueprint.replicas,
            "revisionHistoryLimit": 2,
            "progressDeadlineSeconds": config.startup_seconds + _PROGRESS_DEADLINE_MARGIN_S,
            # Repairs of this same revision replace its pods without a gap.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "selector": {"matchLabels": blueprint.selector},
            "template": pod_template(blueprint),
        },
    }


def autoscaler(blueprint: Blueprint) -> dict[str, Any]:
    """Return the HorizontalPodAutoscaler, for clusters without KEDA, which makes its own (see ``scaled_object``)."""
    config = blueprint.config
    if config.autoscale_metric == "cpu":
        metric: dict[str, Any] = {
            "type": "Resource",
            "resource": {
                "name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": config.autoscale_target_utilization},
            },
        }
    else:
        # Requests in run() for each replica; 70 % of two at once are 1400 thousandths.
        allowed = config.replica_max_concurrent_requests * config.workers
        target = max(1, round(10 * config.autoscale_target_utilization * allowed))
        metric = {
            "type": "Pods",
            "pods": {
                "metric": {"name": "mldeploy_busy"},
                "target": {"type": "AverageValue", "averageValue": f"{target}m"},
            },
        }
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": _revision_metadata(blueprint),
        "spec": {
            "scaleTargetRef": _reference(blueprint),
            "minReplicas": config.autoscale_min_replicas,
            "maxReplicas": config.autoscale_max_replicas,
            "metrics": [metric],
            "behavior": _behaviour(),
        },
    }


def scaled_object(blueprint: Blueprint) -> dict[str, Any]:
    """Return KEDA's ScaledObject for the share of busy replicas, from Prometheus."""
    config = blueprint.config
    allowed = config.replica_max_concurrent_requests * config.workers
    labels = f'namespace="{blueprint.namespace}",pod=~"{blueprint.name}-.*"'
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": _revision_metadata(blueprint),
        "spec": {
            "scaleTargetRef": _reference(blueprint),
            "pollingInterval": config.autoscale_refresh_seconds,
            "cooldownPeriod": _SCALE_DOWN_AFTER_S,
            "minReplicaCount": config.autoscale_min_replicas,
            "maxReplicaCount": config.autoscale_max_replicas,
            "advanced": {"horizontalPodAutoscalerConfig": {"behavior": _behaviour()}},
            "triggers": [
                {
                    "type": "prometheus",
                    "metricType": "AverageValue",
                    "metadata": {
                        "serverAddress": config.prometheus_address or "",
                        "query": f"sum(mldeploy_busy{{{labels}}})",
                        "threshold": f"{config.autoscale_target_utilization * allowed / 100:g}",
                    },
                }
            ],
        },
    }


def uses_keda(blueprint: Blueprint) -> bool:
    """Whether KEDA scales this revision: it is there, and knows where to look."""
    config = blueprint.config
    return config.autoscale_metric == "busy" and "keda.sh" in blueprint.apis and config.prometheus_address is not None


def disruption_budget(blueprint: Blueprint) -> dict[str, Any]:
    """Return the PodDisruptionBudget: a drained node takes one replica at a time."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _revision_metadata(blueprint),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": blueprint.selector}},
    }


def account(blueprint: Blueprint) -> dict[str, Any]:
    """Return the ServiceAccount; it has no rights, and no token of it is ever mounted."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": blueprint.account_name, "namespace": blueprint.namespace, "labels": blueprint.labels},
        "automountServiceAccountToken": False,
    }


def _behaviour() -> dict[str, Any]:
    return {
        "scaleUp": {
            "stabilizationWindowSeconds": 0,
            "selectPolicy": "Max",
            "policies": [
                {"type": "Percent", "value": 100, "periodSeconds": 15},
                {"type": "Pods", "value": 4, "periodSeconds": 15},
            ],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": _SCALE_DOWN_AFTER_S,
            "selectPolicy": "Max",
            "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
        },
    }


def _reference(blueprint: Blueprint) -> dict[str, str]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "name": blueprint.name}


def _revision_metadata(blueprint: Blueprint) -> dict[str, Any]:
    return {"name": blueprint.name, "namespace": blueprint.namespace, "labels": blueprint.revision_labels}
