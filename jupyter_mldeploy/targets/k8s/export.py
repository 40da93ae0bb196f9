"""Manifests as files for people who keep their own GitOps: plain, Kustomize, a Helm chart, KServe. Pure functions.

Secrets are never written: the first lines of the files say which ones must exist and how to make them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from .blueprint import Blueprint
from .manifests import Manifest, all_manifests, to_yaml
from .names import PORT

#: What stands for a value of the chart while the manifest is written; YAML must not need quotes for it.
_MARK = "MLDEPLOY-VALUE-"


def export(blueprint: Blueprint, layout: str) -> dict[str, str]:
    """Return the files of a layout: path → text."""
    return LAYOUTS[layout](blueprint)


def required_secrets(blueprint: Blueprint) -> list[str]:
    """Return a command for each Secret that must exist before the pods can start."""
    config = blueprint.config
    to = f"-n {blueprint.namespace} create secret"
    found = []
    if config.auth_enabled:
        keys = '\'{"primary": "…", "secondary": "…"}\''
        found.append(f"kubectl {to} generic {blueprint.keys_secret} --from-literal=keys.json={keys}")
    if config.token_auth_enabled:
        found.append(f"kubectl {to} generic {blueprint.token_keys_secret} --from-file=token_keys.json")
    if config.secrets:
        names = " ".join(f"--from-literal={name}=…" for name in sorted(config.secrets))
        found.append(f"kubectl {to} generic {blueprint.variables_secret} {names}")
    if config.tls_certificate_file is not None:
        found.append(f"kubectl {to} tls {blueprint.tls_secret} --cert=tls.crt --key=tls.key")
    if config.registry_username and not config.image_pull_secret:
        server = (config.registry or blueprint.image).partition("/")[0]
        name = f"{blueprint.service}-registry"
        found.append(f"kubectl {to} docker-registry {name} --docker-server={server} --docker-username=… …")
    return found


def _public(blueprint: Blueprint) -> list[Manifest]:
    """Return the manifests without Secrets; the pods refer to them all the same."""
    found = [copy.deepcopy(item) for item in all_manifests(blueprint) if item["kind"] != "Secret"]
    for item in found:
        if item["kind"] == "Deployment" and blueprint.config.autoscales:
            del item["spec"]["replicas"]  # applying the files again would undo what the autoscaler has decided
    return found


def _head(blueprint: Blueprint) -> str:
    lines = [
        f"# Service {blueprint.service}, bundle {blueprint.bundle}.",
        f"# Image {blueprint.image}: build and push it before the pods start.",
    ]
    commands = required_secrets(blueprint)
    if commands:
        lines += ["# Secrets are not written into files. Make them first:", *(f"#   {item}" for item in commands)]
    return "\n".join(lines) + "\n"


def _plain(blueprint: Blueprint) -> dict[str, str]:
    return {f"{blueprint.service}.yaml": _head(blueprint) + to_yaml(_public(blueprint))}


def _kustomize(blueprint: Blueprint) -> dict[str, str]:
    items = _public(blueprint)
    files = {f"base/{_file_name(item)}": to_yaml([item]) for item in items}
    base = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [path.removeprefix("base/") for path in sorted(files)],
    }
    name, tag, digest = _image_parts(blueprint.image)
    image: dict[str, str] = {"name": name, **({"digest": digest} if digest else {"newTag": tag})}
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": blueprint.namespace,
        "resources": ["../../base"],
        "images": [image],
    }
    return {
        **files,
        "base/kustomization.yaml": _head(blueprint) + to_yaml([base]),
        "overlays/production/kustomization.yaml": to_yaml([overlay]),
    }


def _helm(blueprint: Blueprint) -> dict[str, str]:
    config = blueprint.config
    values: dict[str, Any] = {"image": blueprint.image, "resources": {}, "serviceType": "ClusterIP"}
    files = {}
    for item in _public(blueprint):
        manifest = copy.deepcopy(item)
        manifest["metadata"]["namespace"] = f"{_MARK}.Release.Namespace-END"
        if item["kind"] == "Deployment":
            container = manifest["spec"]["template"]["spec"]["containers"][0]
            values["resources"] = container["resources"]
            container["image"] = f"{_MARK}.Values.image-END"
            container["resources"] = f"{_MARK}toJson .Values.resources-END"
            if not config.autoscales:
                values["replicas"] = blueprint.replicas
                manifest["spec"]["replicas"] = f"{_MARK}.Values.replicas-END"
        elif item["kind"] == "HorizontalPodAutoscaler":
            spec = manifest["spec"]
            values |= {"minReplicas": spec["minReplicas"], "maxReplicas": spec["maxReplicas"]}
            spec["minReplicas"], spec["maxReplicas"] = (
                f"{_MARK}.Values.{name}-END" for name in ("minReplicas", "maxReplicas")
            )
        elif item["kind"] == "Service":
            values["serviceType"] = item["spec"]["type"]
            manifest["spec"]["type"] = f"{_MARK}.Values.serviceType-END"
        # What is a template already in Helm's eyes (annotations with braces) must come through as it is.
        text = to_yaml([manifest]).replace("{{", '{{ "{{" }}')
        files[f"templates/{_file_name(item)}"] = text.replace(_MARK, "{{ ").replace("-END", " }}")
    chart = {
        "apiVersion": "v2",
        "name": blueprint.service,
        "description": config.description or f"The model service {blueprint.service}",
        "type": "application",
        "version": f"0.1.{blueprint.revision}",
        "appVersion": blueprint.bundle.rpartition(":")[2][:12],
        "kubeVersion": ">=1.28.0-0",
    }
    notes = "\n".join(required_secrets(blueprint))
    return {
        "Chart.yaml": to_yaml([chart]),
        "values.yaml": _head(blueprint) + yaml.safe_dump(values, sort_keys=True),
        "templates/NOTES.txt": f"Secrets that must exist:\n{notes}\n" if notes else "",
        **files,
    }


def _kserve(blueprint: Blueprint) -> dict[str, str]:
    config = blueprint.config
    manifests = {item["kind"]: item for item in _public(blueprint)}
    pod = copy.deepcopy(manifests["Deployment"]["spec"]["template"]["spec"])
    (container,) = pod["containers"]
    container["name"] = "kserve-container"
    container["ports"] = [{"containerPort": PORT, "protocol": "TCP"}]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        container[probe]["httpGet"]["port"] = PORT  # KServe names ports itself
    predictor = {
        "minReplicas": config.autoscale_min_replicas if config.autoscales else blueprint.replicas,
        "maxReplicas": config.autoscale_max_replicas if config.autoscales else blueprint.replicas,
        "timeout": max(1, config.scoring_timeout_ms // 1000),
        "containerConcurrency": 0,
        **pod,
    }
    if config.autoscales:
        predictor |= {"scaleMetric": "cpu", "scaleTarget": config.autoscale_target_utilization}
    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {
            "name": blueprint.service,
            "namespace": blueprint.namespace,
            "labels": blueprint.labels,
            "annotations": {
                **blueprint.service_annotations,
                **blueprint.revision_annotations,
                "serving.kserve.io/deploymentMode": "RawDeployment",
            },
        },
        "spec": {"predictor": predictor},
    }
    account = [manifests["ServiceAccount"]] if "ServiceAccount" in manifests else []
    return {f"{blueprint.service}-kserve.yaml": _head(blueprint) + to_yaml([*account, service])}


LAYOUTS: Mapping[str, Callable[[Blueprint], dict[str, str]]] = {
    "yaml": _plain,
    "kustomize": _kustomize,
    "helm": _helm,
    "kserve": _kserve,
}


def _file_name(manifest: Manifest) -> str:
    return f"{manifest['kind'].lower()}.yaml"


def _image_parts(image: str) -> tuple[str, str, str]:
    """Return name, tag and digest of an image's reference."""
    rest, _, digest = image.partition("@")
    name, colon, tag = rest.rpartition(":")
    if not colon or "/" in tag:
        name, tag = rest, "latest"
    return name, tag, digest
