"""The Secrets of a service: keys, signing keys, secret variables, certificate, registry login."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from .blueprint import Blueprint


def secrets(blueprint: Blueprint) -> list[dict[str, Any]]:
    """Return the Secrets that the revision's pods need and that are ours to fill."""
    config = blueprint.config
    found = []
    if config.auth_enabled:
        found.append(_secret(blueprint, blueprint.keys_secret, blueprint.keys))
    if config.token_auth_enabled:
        found.append(_secret(blueprint, blueprint.token_keys_secret, blueprint.token_keys))
    if config.secrets:
        found.append(_secret(blueprint, blueprint.variables_secret, blueprint.variables, revision=True))
    if config.tls_certificate_file is not None:
        found.append(_secret(blueprint, blueprint.tls_secret, blueprint.tls, kind="kubernetes.io/tls"))
    if blueprint.registry_login and not config.image_pull_secret:
        login = {".dockerconfigjson": blueprint.registry_login}
        found.append(_secret(blueprint, blueprint.pull_secret, login, kind="kubernetes.io/dockerconfigjson"))
    return found


def registry_login(registry: str, username: str, password: str) -> str:
    """Return what a ``.dockerconfigjson`` holds for one registry."""
    host = registry.partition("/")[0]
    auth = base64.b64encode(f"{username}:{password}".encode()).decode()
    return json.dumps({"auths": {host: {"username": username, "password": password, "auth": auth}}}, sort_keys=True)


def blanked(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest to show: a Secret's values are left out, its keys stay."""
    if manifest.get("kind") != "Secret":
        return dict(manifest)
    return {**manifest, "data": dict.fromkeys(manifest.get("data") or {}, "")}


def _secret(
    blueprint: Blueprint, name: str, content: Mapping[str, str], *, kind: str = "Opaque", revision: bool = False
) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": blueprint.namespace,
            "labels": blueprint.revision_labels if revision else blueprint.labels,
        },
        "type": kind,
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in sorted(content.items())},
    }
