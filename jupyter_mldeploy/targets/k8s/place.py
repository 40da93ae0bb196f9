"""Where a service lies: cluster and namespace, remembered in the service's own folder, and the clusters in use."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ...core.target import ServiceRef
from .cluster import Cluster
from .config import KubernetesConfig

_FILE = "kubernetes.json"


@dataclass(frozen=True, slots=True)
class Place:
    """Where one service lies.

    Attributes:
        tls: whether its pods serve over TLS; ``authority`` is a file with the certificate to trust for it.
        keys_file, token_keys_file: files of this machine that open the service.
        settings: the configuration of the revision that was applied last, for what is asked later.
    """

    namespace: str
    kubeconfig: str | None = None
    context: str | None = None
    access: str = "cluster"
    host: str | None = None
    prefix: str = ""
    tls: bool = False
    authority: str | None = None
    keys_file: str | None = None
    token_keys_file: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def write(self, directory: Path) -> None:
        """Remember it, whole or not at all."""
        temporary = directory / f".{_FILE}.{os.getpid()}.{threading.get_ident()}"
        temporary.write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")
        temporary.replace(directory / _FILE)

    @classmethod
    def read(cls, service: ServiceRef) -> Place | None:
        """Return where a service lies, None when it was never deployed."""
        try:
            values = json.loads((service.directory / _FILE).read_bytes())
            return cls(**values)
        except (OSError, ValueError, TypeError):
            return None

    def with_extra(self, **values: Any) -> Place:
        """Return the place with further facts."""
        return replace(self, extra={**self.extra, **values})


class Clusters:
    """The clusters that this process has talked to. Safe for many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[tuple[str | None, str | None, str | None], Cluster] = {}

    def get(self, kubeconfig: str | None, context: str | None) -> Cluster:
        """Return a cluster; its file is read again when another one is meant by ``$KUBECONFIG`` now.

        Raises:
            TargetUnavailableError: there is no such file or context.
        """
        kubeconfig = str(Path(kubeconfig).expanduser()) if kubeconfig else None
        named = None if kubeconfig else os.environ.get("KUBECONFIG")
        with self._lock:
            found = self._found.get((kubeconfig, context, named))
            if found is None:
                made = Cluster(kubeconfig, context)
                # One for the current context and the same by its name: what is known of a cluster is known once.
                found = self._found.setdefault((kubeconfig, made.context_name, named), made)
                self._found[(kubeconfig, context, named)] = found
            return found

    def of(self, place: Place) -> Cluster:
        """Return the cluster of a place."""
        return self.get(place.kubeconfig, place.context)

    def for_config(self, config: KubernetesConfig) -> Cluster:
        """Return the cluster that a configuration names."""
        return self.get(config.kubeconfig, config.context or config.compute_target_name)
