"""One version of an image as the workspace knows it."""

from __future__ import annotations

import enum
import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any


class CreationState(enum.StrEnum):
    """v1's states of an image."""

    NOT_STARTED = "NotStarted"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


@dataclass(frozen=True)
class Image:
    """One version of an image.

    Attributes:
        name: 3-32 lower-case letters, digits, ``-`` and ``.``.
        version: 1, 2, … in the order of creation.
        kind: ``image``, ``service`` (made by a deployment), ``package`` or ``environment``.
        state: see :class:`CreationState`; ``reason`` says why it failed.
        builder: who built it and holds it.
        context: digest of the build context.
        bundle: digest of the bundle in it, "" for an environment.
        reference: what the builder's engine calls it.
        digest: the engine's id of it, or None.
        size: bytes on the engine's disk, or None.
        stages: references of the stages that it stands on, base first.
        locations: where it was pushed to: ``registry/repository@sha256:…``, the latest last.
        facts: the build's times and the like.
        created, finished: epoch seconds.
    """

    name: str
    version: int
    kind: str
    state: CreationState
    reason: str | None
    builder: str
    context: str
    bundle: str
    reference: str
    digest: str | None
    size: int | None
    stages: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)
    description: str | None = None
    tags: Mapping[str, Any] = field(default_factory=dict, hash=False)
    properties: Mapping[str, Any] = field(default_factory=dict, hash=False)
    created: float = 0.0
    finished: float | None = None
    deleted: float | None = None

    @property
    def id(self) -> str:
        """``name:version``."""
        return f"{self.name}:{self.version}"

    @property
    def location(self) -> str:
        """Where to get it: the registry's location by digest once it was pushed, before that the engine's reference."""
        return self.locations[-1] if self.locations else self.reference

    def to_dict(self) -> dict[str, Any]:
        """Return the image as JSON."""
        return {
            "id": self.id,
            "name": self.name,
            "version": self.version,
            "kind": self.kind,
            "creation_state": str(self.state),
            "reason": self.reason,
            "location": self.location,
            "reference": self.reference,
            "digest": self.digest,
            "size": self.size,
            "builder": self.builder,
            "context": self.context,
            "bundle": self.bundle or None,
            "locations": list(self.locations),
            "facts": dict(self.facts),
            "description": self.description,
            "tags": dict(self.tags),
            "properties": dict(self.properties),
            "created": _moment(self.created),
            "finished": _moment(self.finished),
        }


def image_of_row(row: sqlite3.Row) -> Image:
    """Return the image that a row of the catalogue holds."""
    values = dict(row)
    for key in ("facts", "tags", "properties"):
        values[key] = json.loads(values[key])
    for key in ("stages", "locations"):
        values[key] = tuple(json.loads(values[key]))
    values["state"] = CreationState(values["state"])
    return Image(**values)


def image_name_of(name: str) -> str:
    """Return the name of an environment's image: in lower case, 3 to 32 characters."""
    plain = re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-.")[:32].strip("-.")
    return plain if len(plain) > 2 else f"{plain or 'x'}-environment"


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
