"""What clients send about images; see ``bodies``."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from .bodies import Body


class ImageBody(Body):
    """What an image is built of: the live revision of ``service``, another ``revision`` of it, or a ``bundle``."""

    name: str | None = None
    """The image; left out, the service's name."""
    service: str | None = None
    """A service."""
    revision: int | None = Field(None, ge=1)
    """With ``service``: one of its revisions."""
    bundle: str | None = None
    """Digest of a bundle."""
    builder: str | None = None
    """Who builds it; left out, the Docker Engine."""
    description: str | None = None
    tags: dict[str, Any] = Field(default_factory=dict)
    timeout_s: float = Field(3600.0, gt=0, le=86_400)
    """Deadline in seconds."""

    @model_validator(mode="after")
    def _one(self) -> ImageBody:
        if (self.service is None) == (self.bundle is None):
            raise ValueError("give a service or a bundle")
        if self.bundle is not None and self.name is None:
            raise ValueError("a bundle's image needs a name")
        return self


class ImageChangesBody(Body):
    """What changes of an image."""

    add_tags: dict[str, Any] = Field(default_factory=dict)
    remove_tags: list[str] = Field(default_factory=list)
    add_properties: dict[str, Any] = Field(default_factory=dict)


class PushBody(Body):
    """Where an image goes, and as whom."""

    destination: str
    """``registry/repository[:tag]``; without a tag the version is the tag."""
    username: str | None = None
    """The user, or a reference (``env:NAME``, ``file:PATH``); left out, the Docker configuration's login."""
    password: str | None = None
    """A reference to the password, never the password itself."""
    timeout_s: float = Field(3600.0, gt=0, le=86_400)
    """Deadline in seconds."""


class DeployImageBody(Body):
    """Where an image's bytes go."""

    service: str
    """The service: 3 to 32 lower-case letters, digits and dashes, starting with a letter."""
    target: str = "docker"
    """The target."""
    config: dict[str, Any] = Field(default_factory=dict)
    """Keys of the target's configuration."""
    timeout_s: float = Field(300.0, gt=0, le=86_400)
    """Deadline in seconds."""
