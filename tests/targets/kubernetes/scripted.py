"""A cluster that answers as written, for what a real one does only in unlucky moments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jupyter_mldeploy.targets.k8s.cluster import Cluster

#: Answers with the objects of a kind; called for every question.
Objects = Callable[[], list[dict[str, Any]]]


class ScriptedCluster(Cluster):
    """Answers from functions.

    Args:
        objects: what there is of a kind, by its name.
        log: what the pod's container has written; asked with ``previous``.
    """

    def __init__(
        self, objects: Mapping[str, Objects] | None = None, log: Callable[[bool], bytes] | None = None
    ) -> None:
        self._objects, self._log = objects or {}, log
        self.away_at = None
        #: Whether each list could come from the API server's memory.
        self.cached: list[bool] = []

    def get(self, kind: str, namespace: str | None, name: str) -> dict[str, Any] | None:
        """Return an object by its name."""
        return next((item for item in self._of(kind) if item["metadata"]["name"] == name), None)

    def _of(self, kind: str) -> list[dict[str, Any]]:
        return self._objects.get(kind, list)()

    def list(
        self, kind: str, namespace: str | None, *, labels: str | None = None, fields: str | None = None,
        cached: bool = False,
    ) -> list[dict[str, Any]]:  # fmt: skip
        """Return all objects of a kind, whatever their labels."""
        self.cached.append(cached)
        return self._of(kind)

    def pod_log(
        self, namespace: str, pod: str, container: str, *, since: str | None = None, previous: bool = False,
        lines: int | None = None,
    ) -> bytes:  # fmt: skip
        """Return what the script says, from the second ``since`` on."""
        data = self._log(previous) if self._log else b""
        kept = [line for line in data.splitlines(keepends=True) if since is None or line >= since[:-1].encode()]
        return b"".join(kept[-lines:] if lines else kept)
