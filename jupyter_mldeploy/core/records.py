"""Records of services and revisions: what the catalogue keeps, without anything that acts.

A *service* is a name with a live revision; a *revision* is one bundle with one target configuration, numbered from 1
per service. ``uid`` tells apart two services that had the same name one after the other, so that the logs of a deleted
service stay readable.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

#: A fact of a revision that was deployed from a named image: ``name:version``.
FROM_IMAGE = "from_image"


class State(enum.StrEnum):
    """States of a service, v1's names and two more (``Deleting`` was v1's too; ``Stopped`` is new)."""

    TRANSITIONING = "Transitioning"
    HEALTHY = "Healthy"
    UNHEALTHY = "Unhealthy"
    UNSCHEDULABLE = "Unschedulable"
    FAILED = "Failed"
    DELETING = "Deleting"
    STOPPED = "Stopped"


class RevisionState(enum.StrEnum):
    """States of one revision."""

    CANDIDATE = "candidate"
    LIVE = "live"
    SUPERSEDED = "superseded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a revision's script came from; shown to people, never part of a digest."""

    notebook: str | None = None
    cell_id: str | None = None
    execution_count: int | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True)
class RevisionRecord:
    """One revision of a service.

    Attributes:
        service_uid: the service it belongs to.
        number: 1, 2, … within the service.
        bundle: digest of the bundle, ``sha256:…``.
        config: the target configuration as given, JSON.
        state: see :class:`RevisionState`; ``reason`` says why when it failed.
        created: epoch seconds.
        facts: what the target reported when it became live (times of sub-steps in seconds, …).
    """

    service_uid: str
    number: int
    bundle: str
    config: Mapping[str, Any]
    state: RevisionState
    reason: str | None
    created: float
    origin: Origin = field(default_factory=Origin)
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """One service as the catalogue knows it.

    Attributes:
        runtime: the target's own facts (ports, ids, …), JSON; only the target reads them.
        deleted: epoch seconds of the deletion, or None.
    """

    uid: str
    name: str
    target: str
    state: State
    reason: str | None
    live_revision: int | None
    scoring_uri: str | None
    created: float
    updated: float
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    runtime: Mapping[str, Any] = field(default_factory=dict)
    deleted: float | None = None

    def live_in(self, revisions: Iterable[RevisionRecord]) -> RevisionRecord | None:
        """Return the live one of the service's revisions, None when there is none."""
        return next((item for item in revisions if item.number == self.live_revision), None)
