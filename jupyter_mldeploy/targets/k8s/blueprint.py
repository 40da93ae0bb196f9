"""What the manifests of one revision are made from: a configuration, and what was settled outside of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from .config import KubernetesConfig
from .names import (
    DESCRIPTION,
    DIGEST,
    IMAGE_DIGEST,
    OWNER,
    PROPERTIES,
    REVISION,
    TAGS,
    object_name,
    revision_name,
    selector,
    service_labels,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """One revision of a service in a cluster.

    Attributes:
        uid: the service's identity in its workspace; empty in exported manifests, which belong to nobody's workspace.
        image: what the pods run.
        image_digest: digest of the image, "" where it is not known yet.
        pull_policy: ``IfNotPresent``, or ``Never`` where nothing can be pulled.
        replicas: how many to begin with.
        keys, token_keys, variables, tls: contents of the Secrets, by file or variable name; never shown.
        registry_login: content of a ``.dockerconfigjson``, "" where none is needed.
        apis: API groups of extensions that the cluster serves (``keda.sh``, ``cert-manager.io``, …).
    """

    service: str
    uid: str
    namespace: str
    revision: int
    config: KubernetesConfig
    bundle: str
    image: str
    image_digest: str = ""
    pull_policy: str = "IfNotPresent"
    replicas: int = 1
    owner: str = ""
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    token_keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    tls: Mapping[str, str] = field(default_factory=dict, repr=False)
    registry_login: str = field(default="", repr=False)
    apis: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Name of what belongs to this revision alone."""
        return revision_name(self.service, self.revision)

    @property
    def labels(self) -> dict[str, str]:
        """Labels of everything of the service."""
        return service_labels(self.service, self.uid)

    @property
    def revision_labels(self) -> dict[str, str]:
        """Labels of what belongs to this revision."""
        return {**self.labels, REVISION: str(self.revision), "app.kubernetes.io/version": f"r{self.revision}"}

    @property
    def selector(self) -> dict[str, str]:
        """The labels of this revision's pods."""
        return selector(self.service, self.uid, self.revision)

    @property
    def service_annotations(self) -> dict[str, str]:
        """Annotations of what all revisions share."""
        config = self.config
        values = {
            OWNER: self.owner,
            DESCRIPTION: config.description or "",
            TAGS: json.dumps(config.tags, sort_keys=True) if config.tags else "",
            PROPERTIES: json.dumps(config.properties, sort_keys=True) if config.properties else "",
        }
        return {name: value for name, value in values.items() if value}

    @property
    def revision_annotations(self) -> dict[str, str]:
        """Annotations that say what a revision's pods run; nothing else, as a change of them replaces the pods."""
        values = {DIGEST: self.bundle, IMAGE_DIGEST: self.image_digest}
        return {name: value for name, value in values.items() if value}

    @property
    def account_name(self) -> str:
        """The ServiceAccount without rights."""
        return object_name(self.service, "scoring")

    @property
    def keys_secret(self) -> str:
        """Secret with the callers' keys."""
        return object_name(self.service, "keys")

    @property
    def token_keys_secret(self) -> str:
        """Secret with the keys that tokens are signed with."""
        return object_name(self.service, "token-keys")

    @property
    def variables_secret(self) -> str:
        """Secret with the revision's secret variables: a later revision may have others."""
        return f"{self.name}-env"

    @property
    def tls_secret(self) -> str:
        """Secret with certificate and key."""
        return self.config.tls_secret or object_name(self.service, "tls")

    @property
    def pull_secret(self) -> str:
        """Secret that images are pulled with, "" where none is needed."""
        if self.config.image_pull_secret:
            return self.config.image_pull_secret
        return object_name(self.service, "registry") if self.registry_login else ""

    @property
    def scraped(self) -> bool:
        """Whether Prometheus may read the figures without a key."""
        return self.config.prometheus_address is not None
