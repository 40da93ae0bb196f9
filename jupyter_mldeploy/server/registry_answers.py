"""What the API answers about targets, models and environments; see ``answers``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict

from .answers import Answer, File


class Target(Answer):
    """A place where services run."""

    name: str
    title: str | None = None
    summary: str | None = None
    available: bool
    """It can be used here and now."""
    reason: str | None = None
    """Why it cannot."""
    hint: str | None = None
    """What to do about it."""
    allowed: bool
    """This Jupyter server may deploy to it."""
    capabilities: dict[str, Any] | None = None
    """What it can do; ``why_not`` has the reason for what it cannot."""
    configuration: dict[str, Any] | None = None
    """JSON schema of its configuration."""
    profiles: dict[str, bool] | None = None
    """Whether a profile there can limit ``cpu`` and ``memory_gb``; null where its services cannot be measured."""


class Targets(Answer):
    """All installed targets."""

    targets: list[Target]


class Sizing(Answer):
    """What an expected load needs."""

    rps: float
    latency_s: float
    concurrent: float
    """Requests that are executed at the same time."""
    utilization: float
    """How busy the replicas shall be, 0 to 1."""
    per_replica: int
    """Requests that one replica executes at once."""
    replicas: int
    text: str
    """The same in a sentence."""


class Permission(Answer):
    """One thing that verbs of this API ask for."""

    resource: str
    """``jupyter_mldeploy:services``, ``…:logs``, ``…:secrets``, ``…:invoke`` or ``…:lint``."""
    action: Literal["read", "write", "execute"]
    allowed: bool
    reason: str | None
    """Why not, in one sentence for people."""


class Permissions(Answer):
    """What the user who asks may do, as of now."""

    read_only: bool
    """This Jupyter server changes nothing, whoever asks."""
    permissions: list[Permission]


class Model(Answer):
    """One version of a model."""

    model_config = ConfigDict(extra="allow")

    id: str
    name: str
    version: int
    size: int
    digest: str


class Models(Answer):
    """Models by name and version."""

    models: list[Model]


class ModelInFull(Model):
    """One version of a model, with its files and users."""

    content: list[File]
    used_by: list[str]


class Environment(Answer):
    """An environment."""

    model_config = ConfigDict(extra="allow")

    name: str
    version: str | None
    digest: str


class RegisteredEnvironment(Answer):
    """A row of the list of environments."""

    name: str
    version: str
    digest: str
    created: str


class Environments(Answer):
    """Environments by name, the newest version first."""

    environments: list[RegisteredEnvironment]


class Done(Answer):
    """What was deleted."""

    deleted: str


class Image(Answer):
    """One version of a container image."""

    id: str
    name: str
    version: int
    kind: str
    """``image``, ``service``, ``package`` or ``environment``."""
    creation_state: str
    """``NotStarted``, ``Running``, ``Succeeded`` or ``Failed``."""
    reason: str | None
    """Why it failed."""
    location: str
    """Where to get it: in a registry by digest once it was pushed, before that on the engine."""
    reference: str
    """What the engine calls it."""
    digest: str | None
    """The engine's id of it."""
    size: int | None
    """Bytes on the engine's disk."""
    builder: str
    context: str
    """Digest of the build context."""
    bundle: str | None
    """Digest of the bundle in it; null for an environment."""
    locations: list[str]
    """All places where it was pushed to."""
    facts: dict[str, Any]
    description: str | None
    tags: dict[str, Any]
    properties: dict[str, Any]
    created: str
    finished: str | None


class Images(Answer):
    """Images by name, the newest version first."""

    images: list[Image]


class ImageInFull(Image):
    """One version of an image, with its users."""

    used_by: list[str]


class ImageLog(Answer):
    """A build log from a byte on."""

    log: str
    offset: int
    """Where to go on from."""
    creation_state: str


class Builder(Answer):
    """Who builds images."""

    name: str
    title: str | None = None
    summary: str | None = None
    runs: bool | None = None
    """What it builds can be run."""
    ok: bool
    """It can be used now."""
    reason: str | None = None
    """Why it cannot."""
    hint: str | None = None


class Builders(Answer):
    """All installed builders."""

    builders: list[Builder]
