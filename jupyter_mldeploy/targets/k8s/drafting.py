"""From a job to a blueprint: keys and certificates are read, and what a cluster decides is asked of it."""

from __future__ import annotations

import getpass
import json
import socket
from contextlib import suppress
from pathlib import Path

from ...core.keys import KeyFile
from ...core.secrets import resolve_secrets
from ...core.target import Job
from ...errors import (
    ConflictError,
    DeploymentError,
    InvalidConfigurationError,
    InvalidInputError,
    TargetUnavailableError,
)
from .blueprint import Blueprint
from .cluster import IN_CLUSTER, Cluster
from .config import KubernetesConfig
from .kinds import EXTENSIONS
from .names import SERVICE, UID, labels_of
from .place import Clusters, Place
from .preflight import present_extensions
from .supply import Supplied, pull_login


def config_of(job: Job) -> KubernetesConfig:
    """Return the job's configuration."""
    if not isinstance(job.config, KubernetesConfig):
        raise DeploymentError(
            f"The Kubernetes target got a {type(job.config).__name__} instead of its own configuration."
        )
    return job.config


def namespace_of(config: KubernetesConfig, cluster: Cluster) -> str:
    """Return the namespace to run in."""
    return config.namespace or cluster.default_namespace


def place_of(job: Job, config: KubernetesConfig, cluster: Cluster) -> Place:
    """Return where the service lies once the job is applied."""
    return Place(
        namespace=namespace_of(config, cluster),
        kubeconfig=cluster.kubeconfig,
        # By its name: whoever switches to another context later has not moved the service.
        context=cluster.context_name if cluster.context_name not in ("", IN_CLUSTER) else None,
        access=config.access,
        host=config.host,
        prefix=config.path_prefix(job.service.name),
        tls=config.tls,
        authority=config.tls_certificate_file and str(Path(config.tls_certificate_file).expanduser()),
        keys_file=str(job.keys_file) if job.keys_file is not None else None,
        token_keys_file=str(job.token_keys_file) if job.token_keys_file is not None else None,
    )


def refuse_move(job: Job, cluster: Cluster, clusters: Clusters) -> None:
    """Refuse to take a service that serves to another namespace or cluster: its address would change, unsaid.

    Raises:
        InvalidConfigurationError: it would move.
    """
    place = Place.read(job.service)
    if place is None or job.live_revision is None:
        return
    problems = []
    if place.namespace != namespace_of(config_of(job), cluster):
        problems.append({"field": "namespace", "message": f"the service is in {place.namespace!r}"})
    server = None
    with suppress(TargetUnavailableError):  # its kubeconfig is gone: nobody can say where it was
        server = clusters.of(place).server
    if server not in (None, cluster.server):
        problems.append({"field": "context", "message": f"the service is in the cluster at {server}"})
    if problems:
        raise InvalidConfigurationError(
            f"An update does not move service {job.service.name!r} to another namespace or cluster.",
            problems=problems,
            hint="Name the one where it is; or deploy it under another name there, and delete this one afterwards.",
        )


def draft(job: Job, cluster: Cluster, image: Supplied, *, replicas: int | None = None) -> Blueprint:
    """Return the blueprint of the job's revision.

    Args:
        replicas: how many to begin with; None is what the configuration says.

    Raises:
        InvalidInputError: a certificate cannot be read, or a secret's reference leads nowhere.
    """
    config = config_of(job)
    return Blueprint(
        service=job.service.name,
        uid=job.service.uid,
        namespace=namespace_of(config, cluster),
        revision=job.revision,
        config=config,
        bundle=job.bundle.digest,
        image=image.reference,
        image_digest=image.digest,
        pull_policy=image.pull_policy,
        replicas=replicas or config.replicas,
        owner=owner(),
        keys={"keys.json": _text(job.keys_file)} if job.keys_file is not None else {},
        token_keys={"token_keys.json": _text(job.token_keys_file)} if job.token_keys_file is not None else {},
        variables=dict(job.secrets),
        tls=certificate_files(config),
        registry_login=pull_login(config),
        apis=present_extensions(cluster.groups()),
    )


def draft_for_export(job: Job, image: str) -> Blueprint:
    """Return the blueprint of an export: it belongs to no workspace, and holds nothing secret."""
    config = config_of(job)
    return Blueprint(
        service=job.service.name,
        uid="",
        namespace=config.namespace or "default",
        revision=job.revision,
        config=config,
        bundle=job.bundle.digest,
        image=image,
        replicas=config.replicas,
        registry_login="named by the export's first lines" if config.registry_username else "",
        apis=EXTENSIONS,
    )


def owner() -> str:
    """Return who deploys, for people who find the objects in the cluster."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def certificate_files(config: KubernetesConfig) -> dict[str, str]:
    """Return what a TLS Secret holds, {} where the configuration names no files."""
    if config.tls_certificate_file is None or config.tls_key_file is None:
        return {}
    return {
        "tls.crt": _file(config.tls_certificate_file, "tls_certificate_file"),
        "tls.key": _file(config.tls_key_file, "tls_key_file"),
    }


def set_given_keys(job: Job, config: KubernetesConfig) -> None:
    """Put the keys that the configuration refers to into the service's key file."""
    if job.keys_file is None:
        return
    given = {"primary": config.primary_key, "secondary": config.secondary_key}
    values = resolve_secrets({which: reference for which, reference in given.items() if reference is not None})
    present = KeyFile(job.keys_file).ensure()
    for which, value in values.items():
        if getattr(present, which) != value:
            KeyFile(job.keys_file).regenerate(which, value)


def refuse_foreign(cluster: Cluster, blueprint: Blueprint) -> None:
    """Refuse a name that belongs to somebody else in that namespace.

    Raises:
        ConflictError: an object of the service's name exists that is not this service's.
    """
    for kind in ("Service", "Deployment"):
        name = blueprint.service if kind == "Service" else blueprint.name
        found = cluster.get(kind, blueprint.namespace, name)
        if found is None or (labels_of(found).get(UID) == blueprint.uid and blueprint.uid):
            continue
        theirs = labels_of(found).get(SERVICE)
        whose = "another workspace's service" if theirs else "not made by jupyter_mldeploy"
        raise ConflictError(
            f"{kind} {name!r} exists in namespace {blueprint.namespace!r} and is {whose}.",
            hint="Choose another name or namespace.",
        )


def _file(path: str, field: str) -> str:
    try:
        return Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{field}: {path} cannot be read: {error}.", field=field) from None


def _text(path: Path | None) -> str:
    """Return a key file's JSON in one line, so that the same keys are the same bytes."""
    return json.dumps(json.loads(path.read_bytes()), sort_keys=True) if path is not None else ""
