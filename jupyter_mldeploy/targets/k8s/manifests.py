"""All manifests of one revision, in the order in which they are applied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from .blueprint import Blueprint
from .network import certificate, ingress, network_policy, route, service
from .secrets import secrets
from .workload import account, autoscaler, deployment, disruption_budget, scaled_object, uses_keda

Manifest = dict[str, Any]


def foundation(blueprint: Blueprint) -> list[Manifest]:
    """Return what the pods need before they can start."""
    config = blueprint.config
    found = [] if config.service_account else [account(blueprint)]
    found += secrets(blueprint)
    if config.tls_issuer is not None:
        found.append(certificate(blueprint))
    if config.network_policy != "off":
        found.append(network_policy(blueprint))
    return found


def workload(blueprint: Blueprint) -> list[Manifest]:
    """Return what runs the pods of this revision."""
    return [deployment(blueprint)]


def upkeep(blueprint: Blueprint) -> list[Manifest]:
    """Return what changes or guards the number of running pods; it comes once they run."""
    config = blueprint.config
    found = []
    if config.autoscales:
        found.append(scaled_object(blueprint) if uses_keda(blueprint) else autoscaler(blueprint))
    if config.replicas > 1:
        found.append(disruption_budget(blueprint))
    return found


def doors(blueprint: Blueprint) -> list[Manifest]:
    """Return what leads callers to this revision: applying it is the swap."""
    config = blueprint.config
    found = [service(blueprint)]
    if config.access == "ingress":
        found.append(ingress(blueprint))
    elif config.access == "gateway":
        found.append(route(blueprint))
    return found


def all_manifests(blueprint: Blueprint) -> list[Manifest]:
    """Return everything of one revision, in the order in which it is applied."""
    return [*foundation(blueprint), *workload(blueprint), *upkeep(blueprint), *doors(blueprint)]


def to_yaml(manifests: Iterable[Mapping[str, Any]]) -> str:
    """Return manifests as one canonical YAML text: the same bytes for the same content, whoever writes it."""
    return "---\n".join(
        yaml.safe_dump(dict(item), sort_keys=False, default_flow_style=False, allow_unicode=True, width=120)
        for item in manifests
    )


def identity(manifest: Mapping[str, Any]) -> tuple[str, str]:
    """Return kind and name."""
    return str(manifest["kind"]), str(manifest["metadata"]["name"])


def identities(manifests: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Return kind and name of each."""
    return {identity(item) for item in manifests}
