"""What the API answers about targets, models and environments; see ``answers``."""

from __future__ import annotations

from typing import Any

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


class Targets(Answer):
    """All installed targets."""

    targets: list[Target]


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
