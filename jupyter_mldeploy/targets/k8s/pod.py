"""The pod of one replica: container, probes, security, devices, volumes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..container_settings import (
    CERTIFICATE_FILE,
    CERTIFICATE_KEY_FILE,
    KEYS_FILE,
    MODEL_DATA,
    TOKEN_KEYS_FILE,
    container_variables,
)
from .blueprint import Blueprint
from .config import MARGIN_S, PRE_STOP_S, KubernetesConfig, Toleration
from .names import CONTAINER, PORT, selector

#: Seconds between two questions whether a container has started, and whether it may have requests.
_STARTUP_PERIOD_S = 1
_READINESS_PERIOD_S = 1


def pod_template(blueprint: Blueprint) -> dict[str, Any]:
    """Return the template of a Deployment's pods. It fits the ``restricted`` Pod Security Standard."""
    config = blueprint.config
    spec: dict[str, Any] = {
        "serviceAccountName": config.service_account or blueprint.account_name,
        # An account with rights is somebody's choice; ours has none, and its token is not even mounted.
        "automountServiceAccountToken": config.service_account is not None,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": PRE_STOP_S + config.drain_seconds + MARGIN_S,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": config.run_as_user,
            "runAsGroup": config.run_as_user,
            "fsGroup": config.run_as_user,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(blueprint)],
        "volumes": _volumes(blueprint),
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": key,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": blueprint.selector},
            }
            for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
        ],
    }
    optional: Mapping[str, Any] = {
        "nodeSelector": dict(config.node_selector),
        "tolerations": [_toleration(item) for item in config.tolerations],
        "affinity": dict(config.affinity),
        "priorityClassName": config.priority_class,
        "runtimeClassName": config.runtime_class,
        "imagePullSecrets": [{"name": blueprint.pull_secret}] if blueprint.pull_secret else [],
    }
    spec.update({key: value for key, value in optional.items() if value})
    return {
        "metadata": {
            "labels": {**blueprint.labels, **selector(blueprint.service, blueprint.uid, blueprint.revision)},
            "annotations": {**blueprint.revision_annotations, **_scraping(config)},
        },
        "spec": spec,
    }


def _container(blueprint: Blueprint) -> dict[str, Any]:
    config = blueprint.config
    return {
        "name": CONTAINER,
        "image": blueprint.image,
        "imagePullPolicy": blueprint.pull_policy,
        "ports": [
            {"name": "http", "containerPort": PORT, "protocol": "TCP"},
            *({"name": name, "containerPort": port, "protocol": "TCP"} for name, port in config.extra_ports.items()),
        ],
        "env": _environment(blueprint),
        "resources": resources(config),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
        },
        **_probes(config),
        # A pod that is told to end goes on until every router has noticed; then SIGTERM makes the server finish what it
        # has begun and close its connections with the answers.
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", str(PRE_STOP_S)]}}},
        "volumeMounts": _mounts(blueprint),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }


def _probes(config: KubernetesConfig) -> dict[str, Any]:
    """Return the probes. The server listens from when init() has returned; until then only the start-up probe asks."""
    question = {"path": "/", "port": "http", "scheme": "HTTPS" if config.tls else "HTTP"}
    startup = max(config.startup_seconds, config.initial_delay_seconds)
    return {
        "startupProbe": {
            "httpGet": question,
            "periodSeconds": _STARTUP_PERIOD_S,
            "timeoutSeconds": config.timeout_seconds,
            "failureThreshold": math.ceil(startup / _STARTUP_PERIOD_S),
        },
        "readinessProbe": {
            "httpGet": question,
            "periodSeconds": _READINESS_PERIOD_S,
            "timeoutSeconds": config.timeout_seconds,
            "failureThreshold": 5,
        },
        "livenessProbe": {
            "httpGet": question,
            "periodSeconds": config.period_seconds,
            "timeoutSeconds": config.timeout_seconds,
            "successThreshold": config.success_threshold,
            "failureThreshold": config.failure_threshold,
        },
    }


def resources(config: KubernetesConfig) -> dict[str, Any]:
    """Return requests and limits; devices are both, as Kubernetes wants it."""
    devices = {name: str(count) for name, count in config.extended_resources.items()}
    if config.gpu_cores:
        devices["nvidia.com/gpu"] = str(config.gpu_cores)
    requests = {"cpu": cpu_quantity(config.cpu_cores), "memory": memory_quantity(config.memory_gb), **devices}
    limits = dict(devices)
    if config.cpu_cores_limit is not None:
        limits["cpu"] = cpu_quantity(config.cpu_cores_limit)
    if config.memory_gb_limit is not None:
        limits["memory"] = memory_quantity(config.memory_gb_limit)
    return {"requests": requests, "limits": limits} if limits else {"requests": requests}


def cpu_quantity(cores: float) -> str:
    """Return a number of cores as Kubernetes writes it.

    >>> cpu_quantity(0.1), cpu_quantity(2)
    ('100m', '2')
    """
    return str(int(cores)) if cores == int(cores) else f"{math.ceil(cores * 1000)}m"


def memory_quantity(gib: float) -> str:
    """Return GiB as Kubernetes writes them.

    >>> memory_quantity(0.5), memory_quantity(2)
    ('512Mi', '2Gi')
    """
    return f"{int(gib)}Gi" if gib == int(gib) else f"{math.ceil(gib * 1024)}Mi"


def _environment(blueprint: Blueprint) -> list[dict[str, Any]]:
    config = blueprint.config
    values = container_variables(
        config, blueprint.service, blueprint.revision, workers=config.workers, drain_s=config.drain_seconds
    )
    if prefix := config.path_prefix(blueprint.service):
        values["SERVICE_PATH_PREFIX"] = prefix
    if config.tls:
        values["MLDEPLOY_TLS_CERTIFICATE_FILE"] = CERTIFICATE_FILE
        values["MLDEPLOY_TLS_KEY_FILE"] = CERTIFICATE_KEY_FILE
    if config.collect_model_data:
        values |= {"AML_MODEL_DC_STORAGE_ENABLED": "true", "AML_MODEL_DC_STORAGE": MODEL_DATA}
    if config.autoscale_metric == "busy" or blueprint.scraped:
        values["MLDEPLOY_OPEN_METRICS"] = "true"  # Prometheus has no key; figures hold no data of callers
    plain = [{"name": name, "value": value} for name, value in sorted(values.items())]
    secret = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": blueprint.variables_secret, "key": name}}}
        for name in sorted(config.secrets)
    ]
    return [*plain, *secret]


def _scraping(config: KubernetesConfig) -> dict[str, str]:
    if config.autoscale_metric != "busy" and not config.prometheus_address:
        return {}
    scheme = "https" if config.tls else "http"
    return {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(PORT),
        "prometheus.io/path": "/metrics",
        "prometheus.io/scheme": scheme,
    }


def _volumes(blueprint: Blueprint) -> list[dict[str, Any]]:
    config = blueprint.config
    volumes: list[dict[str, Any]] = [{"name": "tmp", "emptyDir": {}}]
    for name, secret in _secret_volumes(blueprint).items():
        volumes.append({"name": name, "secret": {"secretName": secret, "defaultMode": 0o440}})
    if config.collect_model_data:
        claim = {"persistentVolumeClaim": {"claimName": config.data_claim}} if config.data_claim else {"emptyDir": {}}
        volumes.append({"name": "model-data", **claim})
    if config.gpu_cores:
        # What PyTorch's data loaders share between processes; the default of 64 MiB is too small for them.
        volumes.append({"name": "shared-memory", "emptyDir": {"medium": "Memory"}})
    return volumes


def _mounts(blueprint: Blueprint) -> list[dict[str, Any]]:
    config = blueprint.config
    paths = {"keys": KEYS_FILE, "token-keys": TOKEN_KEYS_FILE, "tls": CERTIFICATE_FILE}
    mounts: list[dict[str, Any]] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108  the container's own
    mounts += [
        {"name": name, "mountPath": paths[name].rpartition("/")[0], "readOnly": True}
        for name in _secret_volumes(blueprint)
    ]
    if config.collect_model_data:
        mounts.append({"name": "model-data", "mountPath": MODEL_DATA})
    if config.gpu_cores:
        mounts.append({"name": "shared-memory", "mountPath": "/dev/shm"})  # noqa: S108
    return mounts


def _secret_volumes(blueprint: Blueprint) -> dict[str, str]:
    config = blueprint.config
    found = {}
    if config.auth_enabled:
        found["keys"] = blueprint.keys_secret
    if config.token_auth_enabled:
        found["token-keys"] = blueprint.token_keys_secret
    if config.tls:
        found["tls"] = blueprint.tls_secret
    return found


def _toleration(item: Toleration) -> dict[str, Any]:
    return item.model_dump(exclude_none=True)
