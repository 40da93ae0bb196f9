"""New keys for running pods: the Secret is changed, kubelet brings the files up to date, the servers read them."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...core.target import Connection, ServiceRef
from ...core.tokens import TokenKeyFile
from ...errors import MldeployError, NotFoundError, TargetUnavailableError
from .cluster import Cluster
from .names import REFRESHED, object_name
from .place import Place
from .trouble import pod_name
from .tunnel import Tunnel

#: Kubelet looks at a pod's Secrets at least every minute or so, and at once where the pod is touched.
_LONGEST_S = 100.0
_EVERY_S = 0.25


def write_keys(cluster: Cluster, place: Place, service: ServiceRef, keys_file: Path) -> None:
    """Put a key file's content into the service's Secret."""
    content = json.loads(keys_file.read_bytes())
    signing = "token_keys" in content
    name = object_name(service.name, "token-keys" if signing else "keys")
    key = "token_keys.json" if signing else "keys.json"
    text = json.dumps(content, sort_keys=True)
    data = {key: base64.b64encode(text.encode()).decode()}
    cluster.patch("Secret", place.namespace, name, {"data": data})


def touch(cluster: Cluster, place: Place, pods: Sequence[Mapping[str, Any]]) -> None:
    """Make kubelet look at the pods' Secrets now, by a change of the pods that restarts nothing."""
    for pod in pods:
        change = {"metadata": {"annotations": {REFRESHED: f"{time.time():.3f}"}}}
        try:
            cluster.patch("Pod", place.namespace, pod_name(pod), change)
        except NotFoundError:
            continue  # it has just gone; its successor starts with the new keys


def wait_until_taken(
    cluster: Cluster, place: Place, service: ServiceRef, keys_file: Path, pods: Sequence[Mapping[str, Any]]
) -> None:
    """Return when every pod opens for the newest key.

    Raises:
        TargetUnavailableError: a pod did not take it over in time.
    """
    secrets = _secrets(service, keys_file)
    scheme = "https" if place.tls else "http"
    deadline = time.monotonic() + _LONGEST_S
    for pod in pods:
        name = pod_name(pod)
        tunnel = Tunnel(cluster, place.namespace, lambda name=name: [name])  # type: ignore[misc]
        try:
            connection = Connection(f"{scheme}://127.0.0.1:{tunnel.port}", {}, verify=not place.tls)
            while not all(_opens(connection, secret) for secret in secrets):
                if cluster.get("Pod", place.namespace, name) is None:
                    break
                if time.monotonic() > deadline:
                    raise TargetUnavailableError(
                        f"Pod {name} has not taken the new key within {_LONGEST_S:g} s.",
                        hint="The key is in its Secret; pods that start from now on have it.",
                    )
                time.sleep(_EVERY_S)
        finally:
            tunnel.close()


def _secrets(service: ServiceRef, keys_file: Path) -> list[str]:
    content = json.loads(keys_file.read_bytes())
    if "token_keys" in content:
        return TokenKeyFile(keys_file).trials(service.name)
    return [str(key) for key in (content["primary"], content["secondary"], *content.get("further", ()))]


def _opens(connection: Connection, secret: str) -> bool:
    """Whether the server lets this key or token in: its Swagger document is guarded and costs nothing."""
    from ...core.probe import exchange

    try:
        answer = exchange(connection, "GET", "/swagger.json", None, {"authorization": f"Bearer {secret}"}, 5.0)
    except MldeployError:
        return False
    return answer.status != 401
