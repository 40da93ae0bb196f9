"""What a namespace holds of ours, read at once for all services: two hundred services cost three requests, not six
hundred."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ...errors import MldeployError
from .cluster import Cluster
from .names import OURS, REVISION, UID, labels_of

#: Seconds for which what was read counts as the present.
_FRESH_S = 0.5

#: Seconds for which a cluster that did not answer is not asked again.
_FAILED_S = 0.5

#: Seconds after a change of ours for which the API server's memory is not asked: it may lag behind what was read past
#: it, and a service would seem to go back to what it was before.
_SETTLING_S = 5.0

_KINDS = ("Deployment", "Pod", "Service")


@dataclass(frozen=True, slots=True)
class Parts:
    """What the cluster has of one service."""

    service: Mapping[str, Any] | None = None
    deployments: Sequence[Mapping[str, Any]] = ()
    pods: Sequence[Mapping[str, Any]] = ()

    @property
    def live_revision(self) -> int | None:
        """The revision that the Service leads to."""
        selector = ((self.service or {}).get("spec") or {}).get("selector") or {}
        number = str(selector.get(REVISION, ""))
        return int(number) if number.isdecimal() else None

    def deployment(self, revision: int | None) -> Mapping[str, Any] | None:
        """Return the Deployment of a revision."""
        return next((item for item in self.deployments if revision_of(item) == revision), None)

    def pods_of(self, revision: int | None) -> list[Mapping[str, Any]]:
        """Return the pods of a revision that are not on their way out, oldest first."""
        found = [
            item for item in self.pods if revision_of(item) == revision and "deletionTimestamp" not in item["metadata"]
        ]
        return sorted(found, key=lambda item: str(item["metadata"].get("creationTimestamp")))


@dataclass(slots=True)
class _Page:
    lock: threading.Lock = field(default_factory=threading.Lock)
    read: float = 0.0
    changed: float = 0.0
    failed: float = 0.0
    failure: MldeployError | None = None
    parts: dict[str, Parts] = field(default_factory=dict)


class Snapshots:
    """Reads namespaces, and remembers them for a moment. Safe for many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._pages: dict[tuple[int, str], _Page] = {}

    def parts(self, cluster: Cluster, namespace: str, uid: str) -> Parts:
        """Return what the namespace has of a service now, at most half a second ago.

        Raises:
            TargetUnavailableError, ForbiddenError: the cluster does not answer, or does not let us look.
        """
        page = self._page(cluster, namespace)
        with page.lock:
            now = self._clock()
            if page.failure is not None and now - page.failed < _FAILED_S:
                raise page.failure  # two hundred services of a cluster that is away need not wait one after the other
            if now - page.read > _FRESH_S or page.changed >= page.read:
                # From the API server's memory, but for what we have just changed: that must be seen, and stay seen.
                seen = page.changed < page.read and now - page.changed >= _SETTLING_S
                cached = seen or not page.changed
                page.failure = None
                try:
                    page.parts = _read(cluster, namespace, cached=cached)
                except MldeployError as error:
                    page.failure, page.failed = error, self._clock()
                    raise
                page.read = now
            return page.parts.get(uid, Parts())

    def forget(self, cluster: Cluster, namespace: str) -> None:
        """Read anew next time: something was changed."""
        self._page(cluster, namespace).changed = self._clock()

    def _page(self, cluster: Cluster, namespace: str) -> _Page:
        with self._lock:
            return self._pages.setdefault((id(cluster), namespace), _Page())


def read_parts(cluster: Cluster, namespace: str, uid: str) -> Parts:
    """Return what the namespace has of one service, as it is at this moment."""
    labels = f"{OURS},{UID}={uid}"
    deployments, pods, services = (cluster.list(kind, namespace, labels=labels) for kind in _KINDS)
    return Parts(services[0] if services else None, deployments, pods)


def _read(cluster: Cluster, namespace: str, *, cached: bool) -> dict[str, Parts]:
    with ThreadPoolExecutor(len(_KINDS)) as pool:
        deployments, pods, services = pool.map(
            lambda kind: cluster.list(kind, namespace, labels=OURS, cached=cached), _KINDS
        )
    found: dict[str, tuple[list[Any], list[Any], list[Any]]] = {}
    for index, items in enumerate((deployments, pods, services)):
        for item in items:
            found.setdefault(labels_of(item).get(UID, ""), ([], [], []))[index].append(item)
    return {uid: Parts(third[0] if third else None, first, second) for uid, (first, second, third) in found.items()}


def revision_of(item: Mapping[str, Any]) -> int | None:
    """Return the revision that an object belongs to."""
    number = labels_of(item).get(REVISION, "")
    return int(number) if number.isdecimal() else None
