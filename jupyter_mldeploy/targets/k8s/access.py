"""Where callers reach a service, and how this process does."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ...core.probe import exchange
from ...core.target import Connection, Progress, ServiceRef
from ...core.tokens import TokenKeyFile
from ...errors import ForbiddenError, TargetUnavailableError
from .cluster import Cluster, in_cluster
from .place import Place
from .preflight import may
from .snapshot import Parts, Snapshots
from .trouble import is_ready, pod_name
from .tunnel import Tunnel

#: Seconds to find out whether an address can be reached from here.
_PROBE_S = 0.5
#: Seconds within which nodes lead to a port that is new, and how often they are tried.
_NODES_S, _EVERY_S, _ANSWER_S = 20.0, 0.1, 2.0
#: Seconds within which controllers lead requests to new pods; how long the nodes get after an outage of the API server
#: that was less than a minute ago.
_LED_S, _CATCH_UP_S, _AWAY_S = 30.0, 10.0, 60.0
#: Which revision answers, among the figures of its server.
_REVISION = re.compile(rb'^mldeploy_info\{revision="(\d+)"\} 1$', re.MULTILINE)


def scoring_uri(place: Place, service: str, live: Mapping[str, Any] | None, node: str | None = None) -> str | None:
    """Return the URI for callers, from the Service as the cluster has it.

    Args:
        node: address of a node, for ``node-port``.
    """
    base = base_uri(place, service, live, node)
    return f"{base}{place.prefix}/score" if base is not None else None


def base_uri(place: Place, service: str, live: Mapping[str, Any] | None, node: str | None) -> str | None:
    """Return scheme, host and port for callers; inside the cluster's network where nothing leads in from outside."""
    scheme = "https" if place.tls else "http"
    if live is None:
        return None
    if place.access in ("ingress", "gateway") and place.host:
        return f"{scheme}://{place.host}"
    if place.access == "load-balancer":
        given = ((live.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
        address = next((item.get("hostname") or item.get("ip") for item in given), None)
        if address:
            return f"{scheme}://{place.host or address}"
    if place.access == "node-port" and node:
        port = next((item.get("nodePort") for item in live["spec"].get("ports") or ()), None)
        if port:
            return f"{scheme}://{place.host or node}:{port}"
    return f"{scheme}://{service}.{place.namespace}.svc"


def wait_until_it_answers(
    cluster: Cluster, place: Place, service: ServiceRef, revision: int, progress: Progress
) -> None:
    """Return when the revision answers at the service's own address.

    Nodes and balancers lead to it a moment after the cluster says so; until then to the revision before, or nowhere.
    An address that nobody reaches from here (another network) is not waited for, and one that goes on refusing is no
    failure: the pods take requests, and the report says so.
    """
    if place.access not in ("node-port", "load-balancer"):
        return
    live = cluster.get("Service", place.namespace, service.name)
    base = base_uri(place, service.name, live, node_address(cluster) if place.access == "node-port" else None)
    if base is None or base.endswith(".svc"):
        return  # a balancer gets its address when its cloud has made it
    headers = _authorization(place, service)
    begun, told = time.monotonic(), False
    while not _answers_or_is_elsewhere(Connection(f"{base}{place.prefix}", headers, verify=False), revision):
        if not told:
            told = True
            progress.step("address", f"waiting for the nodes to lead to {base}")
        if time.monotonic() - begun > min(_NODES_S, progress.remaining):
            progress.step("address", f"{base} does not answer from here yet; the pods take requests")
            return
        time.sleep(_EVERY_S)


def wait_until_led_there(cluster: Cluster, namespace: str, service: str, revision: str) -> None:
    """Return when requests are led to a revision's pods alone, so that those before it can go; within half a minute.

    Usually that is at once. After an outage of the API server its controllers and the nodes take seconds to hear of a
    change, and a pod that goes before they have would take requests along.

    Args:
        revision: name of the revision's Deployment, with which its pods' names begin.
    """
    until = time.monotonic() + _LED_S
    while not _is_led_there(cluster, namespace, service, revision) and time.monotonic() < until:
        time.sleep(_EVERY_S)
    if cluster.away_at is not None:
        time.sleep(max(0.0, min(_CATCH_UP_S, cluster.away_at + _AWAY_S - time.monotonic())))


def _is_led_there(cluster: Cluster, namespace: str, service: str, revision: str) -> bool:
    try:
        found = cluster.get("Endpoints", namespace, service)
    except ForbiddenError:
        return True  # who may not look trusts that it does not take longer than a pod's grace
    addresses = [item for subset in (found or {}).get("subsets") or () for item in subset.get("addresses") or ()]
    names = [str((item.get("targetRef") or {}).get("name")) for item in addresses]
    return bool(names) and all(name.startswith(f"{revision}-") for name in names)


def _answers_or_is_elsewhere(connection: Connection, revision: int) -> bool:
    try:
        _connect(connection.base_uri)
    except ConnectionRefusedError:
        return False
    except OSError:
        return True
    try:
        answer = exchange(connection, "GET", "/metrics", None, {}, _ANSWER_S)
    except TargetUnavailableError:
        return False  # a node may hold a port that it does not serve yet: connected, and silent
    told = _REVISION.search(answer.body)
    return told is None or told[1] == b"%d" % revision  # an image of others may say nothing


def _connect(base: str) -> None:
    """Connect to a base address and hang up; OSError when that cannot be done."""
    parts = urlsplit(base)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    socket.create_connection((str(parts.hostname), port), _PROBE_S).close()


class Doors:
    """How this process reaches services; tunnels are opened once a service and live as long as the process."""

    def __init__(self, snapshots: Snapshots) -> None:
        self._snapshots = snapshots
        self._lock = threading.Lock()
        self._tunnels: dict[str, Tunnel] = {}
        self._allowed: dict[tuple[int, str], bool] = {}

    def connect(self, cluster: Cluster, place: Place, service: ServiceRef, node: str | None) -> Connection:
        """Return address and key.

        Raises:
            TargetUnavailableError: no pod takes requests.
            ForbiddenError: the account may not forward ports, and nothing else leads there from here.
        """
        parts = self._parts(cluster, place.namespace, service.uid)
        if not ready_pods(parts):
            raise TargetUnavailableError(
                f"No pod of service {service.name!r} takes requests.",
                hint=f"`mldeploy status {service.name}` says why.",
            )
        headers = _authorization(place, service)
        direct = base_uri(place, service.name, parts.service, node)
        if direct is not None and _reachable(direct) and (not place.tls or place.host is not None):
            return Connection(f"{direct}{place.prefix}", headers, place.authority or True)
        if not self._may_forward(cluster, place.namespace):
            raise ForbiddenError(
                f"Service {service.name!r} cannot be reached from here: the account of the kubeconfig may not create "
                f"pods/portforward in namespace {place.namespace!r}.",
                hint="Ask for that verb, or open the service with access='load-balancer', 'ingress' or 'node-port'.",
            )
        scheme = "https" if place.tls else "http"
        tunnel = self._tunnel(cluster, place.namespace, service.uid)
        # The certificate is for another name than 127.0.0.1, and the way to the pod is the API server's own TLS.
        return Connection(f"{scheme}://127.0.0.1:{tunnel.port}", headers, not place.tls)

    def close(self, uid: str) -> None:
        """Close the tunnel of a service that is gone."""
        with self._lock:
            tunnel = self._tunnels.pop(uid, None)
        if tunnel is not None:
            tunnel.close()

    def _parts(self, cluster: Cluster, namespace: str, uid: str) -> Parts:
        """Return what there is of a service, read once more before it counts as having no pod that takes requests.

        Services and pods are read by themselves: a swap between the two shows the old revision live, its pods gone.
        """
        parts = self._snapshots.parts(cluster, namespace, uid)
        if not ready_pods(parts):
            self._snapshots.forget(cluster, namespace)
            parts = self._snapshots.parts(cluster, namespace, uid)
        return parts

    def _tunnel(self, cluster: Cluster, namespace: str, uid: str) -> Tunnel:
        with self._lock:
            found = self._tunnels.get(uid)
            if found is None:

                def pods() -> list[str]:
                    return ready_pods(self._parts(cluster, namespace, uid))

                found = self._tunnels[uid] = Tunnel(cluster, namespace, pods)
            return found

    def _may_forward(self, cluster: Cluster, namespace: str) -> bool:
        key = (id(cluster), namespace)
        if not self._allowed.get(key):
            self._allowed[key] = may(cluster, namespace, "create", "Pod", "portforward")
        return self._allowed[key]


def ready_pods(parts: Parts) -> list[str]:
    """Return the names of the live revision's pods that take requests."""
    return [pod_name(pod) for pod in parts.pods_of(parts.live_revision) if is_ready(pod)]


def node_address(cluster: Cluster) -> str | None:
    """Return the address of a node that takes pods: the external one, else the internal one."""
    try:
        nodes = cluster.list("Node", None, cached=True)
    except ForbiddenError:
        return None
    for kind in ("ExternalIP", "InternalIP"):
        for node in nodes:
            for item in (node.get("status") or {}).get("addresses") or ():
                if item.get("type") == kind:
                    return str(item["address"])
    return None


def _reachable(base: str) -> bool:
    if str(urlsplit(base).hostname).endswith(".svc") and not in_cluster():
        return False
    try:
        _connect(base)
    except OSError:
        return False
    return True


def _authorization(place: Place, service: ServiceRef) -> dict[str, str]:
    secret = None
    if place.keys_file:
        secret = _primary(Path(place.keys_file))
    elif place.token_keys_file:
        secret = TokenKeyFile(Path(place.token_keys_file)).issue(service.name, life_s=600).access_token
    return {"authorization": f"Bearer {secret}"} if secret else {}


def _primary(path: Path) -> str | None:
    try:
        return str(json.loads(path.read_bytes())["primary"])
    except (OSError, ValueError, KeyError):
        return None
