"""Manifests as pure functions: right for every Kubernetes from 1.28 on, and for the restricted security standard."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from jupyter_mldeploy.core.config import read_config
from jupyter_mldeploy.errors import InvalidConfigurationError
from jupyter_mldeploy.targets.k8s import manifests
from jupyter_mldeploy.targets.k8s.blueprint import Blueprint
from jupyter_mldeploy.targets.k8s.config import KubernetesConfig
from jupyter_mldeploy.targets.k8s.export import LAYOUTS, export
from jupyter_mldeploy.targets.k8s.preflight import room
from jupyter_mldeploy.targets.k8s.trouble import shortage

VERSIONS = [f"1.{minor}" for minor in range(28, 38)]
EXTENSIONS = {"HTTPRoute", "ScaledObject", "Certificate", "InferenceService", "Kustomization"}

EVERYTHING: dict[str, Any] = {
    "autoscale_min_replicas": 2,
    "autoscale_max_replicas": 5,
    "cpu_cores": 0.5,
    "cpu_cores_limit": 2,
    "memory_gb": 1.5,
    "memory_gb_limit": 3,
    "gpu_cores": 1,
    "extended_resources": {"xilinx.com/fpga-u200": 2},
    "node_selector": {"pool": "gpu"},
    "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {"podAntiAffinity": {}},
    "priority_class": "high",
    "runtime_class": "nvidia",
    "access": "ingress",
    "host": "iris.example.com",
    "ingress_class": "nginx",
    "tls_secret": "iris-cert",
    "network_policy": "namespace",
    "collect_model_data": True,
    "data_claim": "data",
    "image_pull_secret": "pull",
    "secrets": {"TOKEN": "env:HOME"},
    "tags": {"team": "red"},
    "properties": {"a": "b"},
    "description": "Irises",
}
CONFIGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "fixed": {"num_replicas": 3, "auth_enabled": False},
    "tokens": {"token_auth_enabled": True, "access": "node-port", "node_port": 30123},
    "everything": EVERYTHING,
    "gateway": {
        "access": "gateway",
        "gateway": "infra/public",
        "host": "iris.example.com",
        "network_policy": "cluster",
    },
    "keda": {"autoscale_metric": "busy", "prometheus_address": "http://prometheus:9090"},
    "adapter": {"autoscale_metric": "busy", "replica_max_concurrent_requests": 4},
    "cert-manager": {"tls_issuer": "letsencrypt", "host": "iris.example.com", "access": "load-balancer"},
}


def blueprint(config: dict[str, Any], **values: Any) -> Blueprint:
    read = read_config(KubernetesConfig, config)
    apis = frozenset({"keda.sh", "cert-manager.io", "gateway.networking.k8s.io"})
    given = {
        "service": "iris", "uid": "f" * 32, "namespace": "models", "revision": 7, "config": read,
        "bundle": "sha256:" + "a" * 64, "image": "r.example.com/iris@sha256:" + "b" * 64, "replicas": read.replicas,
        "keys": {"keys.json": json.dumps({"primary": "hidden-key-1"})}, "variables": {"TOKEN": "hidden-value"},
        "owner": "ada@desk", "apis": apis,
    }  # fmt: skip
    return Blueprint(**{**given, **values})


def of_kind(items: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = [item for item in items if item["kind"] == kind]
    return found


@pytest.mark.parametrize(
    ("name", "version"),
    [("everything", version) for version in VERSIONS]
    + [(name, version) for name in CONFIGS if name != "everything" for version in (VERSIONS[0], VERSIONS[-1])],
)
def test_they_fit_the_schemas_of_current_releases(name: str, version: str) -> None:
    for item in manifests.all_manifests(blueprint(CONFIGS[name])):
        if item["kind"] not in EXTENSIONS:
            kubernetes_validate.validate(item, version, strict=True)


def test_a_wrong_field_is_noticed() -> None:
    (item,) = manifests.workload(blueprint({}))
    item["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="livenesProbe"):
        kubernetes_validate.validate(item, "1.30", strict=True)


@pytest.mark.parametrize("name", CONFIGS)
def test_pods_fit_the_restricted_pod_security_standard(name: str) -> None:
    pod = of_kind(manifests.all_manifests(blueprint(CONFIGS[name])), "Deployment")["spec"]["template"]["spec"]
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    allowed = {
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "persistentVolumeClaim",
        "projected",
        "secret",
    }
    assert {key for volume in pod["volumes"] for key in volume if key != "name"} <= allowed
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["readOnlyRootFilesystem"] is True
        assert all("hostPort" not in port for port in container["ports"])
    assert pod["automountServiceAccountToken"] is False


def test_everything_asked_for_is_there() -> None:
    items = manifests.all_manifests(blueprint(EVERYTHING))
    pod = of_kind(items, "Deployment")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    devices = {"nvidia.com/gpu": "1", "xilinx.com/fpga-u200": "2"}
    assert container["resources"] == {
        "requests": {"cpu": "500m", "memory": "1536Mi", **devices},
        "limits": {"cpu": "2", "memory": "3Gi", **devices},
    }
    assert container["livenessProbe"]["httpGet"]["scheme"] == "HTTPS"
    assert container["startupProbe"]["failureThreshold"] * container["startupProbe"]["periodSeconds"] == 3600
    variables = {item["name"]: item for item in container["env"]}
    assert variables["TOKEN"]["valueFrom"]["secretKeyRef"] == {"name": "iris-r7-env", "key": "TOKEN"}
    assert variables["SERVICE_PATH_PREFIX"]["value"] == "/api/v1/service/iris"
    scaler = of_kind(items, "HorizontalPodAutoscaler")["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 5)
    assert scaler["behavior"]["scaleUp"]["stabilizationWindowSeconds"] == 0
    assert scaler["behavior"]["scaleDown"]["stabilizationWindowSeconds"] == 60
    assert of_kind(items, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert of_kind(items, "Service")["spec"]["selector"]["jupyter-mldeploy/revision"] == "7"


def test_secrets_are_in_secrets_alone() -> None:
    for item in manifests.all_manifests(blueprint(EVERYTHING)):
        if item["kind"] != "Secret":
            assert "hidden" not in json.dumps(item)
    assert "hidden" not in repr(blueprint(EVERYTHING))


def test_the_same_content_is_the_same_bytes() -> None:
    first, second = (manifests.to_yaml(manifests.all_manifests(blueprint(EVERYTHING))) for _ in range(2))
    assert first == second
    assert list(yaml.safe_load_all(first)) == manifests.all_manifests(blueprint(EVERYTHING))


def test_a_busy_replica_is_v1_s_measure_for_keda_and_for_adapters() -> None:
    trigger = of_kind(manifests.all_manifests(blueprint(CONFIGS["keda"])), "ScaledObject")["spec"]["triggers"][0]
    assert trigger["metadata"]["threshold"] == "0.7"
    assert trigger["metadata"]["query"] == 'sum(mldeploy_busy{namespace="models",pod=~"iris-r7-.*"})'
    scaler = of_kind(manifests.all_manifests(blueprint(CONFIGS["adapter"])), "HorizontalPodAutoscaler")
    assert scaler["spec"]["metrics"][0]["pods"]["target"]["averageValue"] == "2800m"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"num_replicas": 2, "autoscale_enabled": True}, "exclude one another"),
        ({"autoscale_enabled": False}, "num_replicas must say how many"),
        ({"num_replicas": 2, "autoscale_max_replicas": 4}, "only count with autoscaling"),
        ({"autoscale_min_replicas": 5, "autoscale_max_replicas": 4}, "at least autoscale_min_replicas"),
        ({"cpu_cores": 2, "cpu_cores_limit": 1}, r"cpu_cores_limit \(1\) must be at least cpu_cores \(2\)"),
        ({"memory_gb": 2, "memory_gb_limit": 1}, r"memory_gb_limit \(1\) must be at least memory_gb"),
        ({"success_threshold": 2}, "success_threshold"),
        ({"namespace": "Models"}, "lower-case"),
        ({"access": "ingress"}, "need host"),
        ({"registry_password": "hunter2", "registry_username": "me"}, "must be a reference"),
        ({"tls_certificate_file": "a.pem"}, "belong together"),
        ({"load_command": ["kind", "load"]}, r"must contain \{image\}"),
        ({"registy": "r"}, "did you mean 'registry'"),
    ],
)
def test_contradictions_are_named(config: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidConfigurationError, match=words) as failure:
        read_config(KubernetesConfig, config)
    assert "hunter2" not in str(failure.value) or "registry_password" not in config


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", CONFIGS)
def test_exports_are_yaml_without_secrets(name: str, layout: str) -> None:
    files = export(blueprint(CONFIGS[name], uid=""), layout)
    for path, text in files.items():
        assert "hidden" not in text
        if path.endswith(".yaml"):
            for item in yaml.safe_load_all(re.sub(r"\{\{ .*? \}\}", "{}", text)):
                assert item.get("kind") != "Secret"


def test_a_helm_chart_filled_with_its_values_is_the_plain_export(tmp_path: Path) -> None:
    plan = blueprint(CONFIGS["fixed"], uid="")
    files = export(plan, "helm")
    values = yaml.safe_load(files["values.yaml"])

    def fill(match: re.Match[str]) -> str:
        if match[1] == ".Release.Namespace":
            return "models"
        name = match[1].rpartition(".Values.")[2]
        return json.dumps(values[name]) if match[1].startswith("toJson") else str(values[name])

    made = [
        yaml.safe_load(re.sub(r"\{\{ (.*?) \}\}", fill, text))
        for path, text in files.items()
        if path.startswith("templates/") and path.endswith(".yaml")
    ]
    plain = list(yaml.safe_load_all(export(plan, "yaml")["iris.yaml"]))
    assert made == plain


def test_room_counts_what_is_asked_for_as_the_scheduler_does() -> None:
    node = {
        "metadata": {"name": "n1", "labels": {}},
        "spec": {},
        "status": {
            "allocatable": {"cpu": "2", "memory": "4Gi", "pods": "110"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }
    pod = {
        "spec": {"nodeName": "n1", "containers": [{"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}]},
        "status": {"phase": "Running"},
    }
    found = room([node], [pod], {"cpu": 0.5, "memory": 2.0**30}, blueprint({}))
    assert (found.fits, found.short) == (3, "cpu is short on 1 of 1 nodes, memory is short on 1 of 1 nodes")
    closed = {**node, "spec": {"taints": [{"key": "gpu", "effect": "NoSchedule"}]}}
    found = room([closed], [], {"cpu": 0.5}, blueprint({}))
    assert (found.fits, found.short) == (0, "1 of 1 nodes have the taint gpu")
    tolerant = blueprint({"tolerations": [{"key": "gpu", "operator": "Exists"}]})
    assert room([closed], [], {"cpu": 0.5}, tolerant).fits == 4


def test_the_scheduler_s_message_is_told_plainly() -> None:
    message = (
        "0/3 nodes are available: 1 Insufficient nvidia.com/gpu, 1 node(s) were unschedulable, "
        "1 node(s) had taint {a: b}, that the pod didn't tolerate. preemption: 0/3 nodes are available."
    )
    assert shortage(message) == (
        "nvidia.com/gpu is short on 1 of 3 nodes, 1 of 3 nodes is closed for new pods (cordoned), "
        "1 of 3 nodes had taint {a: b}, that the pod didn't tolerate"
    )


def test_telemetry_is_switched_on_by_its_variable() -> None:
    items = manifests.all_manifests(blueprint({"enable_app_insights": True}))
    (container,) = of_kind(items, "Deployment")["spec"]["template"]["spec"]["containers"]
    assert {"name": "AML_APP_INSIGHTS_ENABLED", "value": "true"} in container["env"]
