"""What a service consists of on an engine: a door, revisions behind it, and a volume that they share.

Everything carries labels, JSON where there is more than one fact to tell, so that any process finds it again with the
engine alone: ``mldeploy.uid`` to look for, ``mldeploy.role`` (``door`` or ``revision``), ``mldeploy.service``,
``mldeploy.revision`` and ``mldeploy.door``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..core.storage.process_identity import has_ended, own_identity
from ..core.target import Job, ServiceRef
from .docker_config import DockerConfig

LABEL_UID = "mldeploy.uid"
LABEL_ROLE = "mldeploy.role"
LABEL_SERVICE = "mldeploy.service"
LABEL_REVISION = "mldeploy.revision"
LABEL_DOOR = "mldeploy.door"

#: Where the shared volume is mounted, and the folder in it that belongs to the service's user.
MOUNT = "/run/mldeploy"
FOLDER = f"{MOUNT}/service"
#: End of the name of a door that is being removed: no file is read from it any more.
GONE = "-gone"
#: The user of our images (docs/images.md).
USER_ID = 10_001
PORT = 5001


def moment(stamp: str) -> float | None:
    """Return seconds since the epoch of an engine's time, which has nine digits after the point; None if it is none."""
    try:
        return datetime.fromisoformat(f"{stamp[:26].rstrip('Z')}+00:00").timestamp()
    except ValueError:
        return None


def started_at(inspected: Mapping[str, Any]) -> float | None:
    """Return when a container was last started, in epoch seconds by the engine's clock; None if it is not said."""
    return moment(str(inspected["State"].get("StartedAt") or ""))


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a service's parts; six digits of its uid keep two workspaces on one engine apart."""

    base: str

    @classmethod
    def of(cls, service: ServiceRef) -> Names:
        """Return the names for a service."""
        return cls(f"mldeploy-{service.name}-{service.uid[:6]}")

    @property
    def door(self) -> str:
        """The door's container."""
        return self.base

    @property
    def volume(self) -> str:
        """The volume that door and revisions share."""
        return self.base

    def revision(self, number: int) -> str:
        """The container of a revision."""
        return f"{self.base}-{number}"


@dataclass(frozen=True, slots=True)
class Part:
    """A container of a service, as the engine lists it."""

    id: str
    name: str
    role: str
    state: str
    revision: int
    facts: Mapping[str, Any]
    image: str

    @classmethod
    def of(cls, listed: Mapping[str, Any]) -> Part:
        """Read one entry of the engine's list of containers."""
        labels = listed.get("Labels") or {}
        role = str(labels.get(LABEL_ROLE) or "")
        facts = read_label(labels, LABEL_DOOR if role == "door" else LABEL_REVISION)
        return cls(
            str(listed["Id"]),
            str((listed.get("Names") or ["/?"])[0]).lstrip("/"),
            role,
            str(listed.get("State") or ""),
            int(facts.get("number") or 0),
            facts,
            str(listed.get("Image") or ""),
        )

    @property
    def running(self) -> bool:
        """The engine says that its first process is there (or is being started again right now)."""
        return self.state in ("running", "restarting", "paused")

    @property
    def door_name(self) -> str:
        """What the door's files in the volume are called."""
        return str(self.facts.get("name") or "door")

    @property
    def port(self) -> int:
        """The door's published port."""
        return int(self.facts.get("port") or 0)

    @property
    def orphaned(self) -> bool:
        """Its deploying process is known to be dead: it ran on this machine and is no more."""
        return has_ended(self.facts.get("owner") or {})


@dataclass(frozen=True, slots=True)
class Household:
    """All containers of one service."""

    parts: tuple[Part, ...]

    @classmethod
    def find(cls, engine: Any, uid: str) -> Household:
        """Ask the engine for everything that carries the service's label."""
        listed = engine.containers(all=True, filters={"label": f"{LABEL_UID}={uid}"})
        return cls(tuple(Part.of(item) for item in listed))

    @property
    def doors(self) -> tuple[Part, ...]:
        """The doors; there are two while the port is being changed."""
        return tuple(part for part in self.parts if part.role == "door")

    @property
    def open_door(self) -> Part | None:
        """The running door; with two of them the one that was made last."""
        running = [part for part in self.doors if part.running]
        return max(running, key=lambda part: int(part.door_name.partition("-")[2] or 0), default=None)

    def revision(self, number: int) -> Part | None:
        """The container of that revision."""
        return next((part for part in self.revisions if part.revision == number), None)

    @property
    def revisions(self) -> tuple[Part, ...]:
        """All containers but the door, oldest revision first."""
        found = (part for part in self.parts if part.role == "revision")
        return tuple(sorted(found, key=lambda part: part.revision))


def read_label(labels: Mapping[str, str], name: str) -> dict[str, Any]:
    """Return a label's JSON object, {} when there is none that can be read."""
    try:
        value = json.loads(labels.get(name) or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def labels_of(job: Job, role: str) -> dict[str, str]:
    """Return the labels of one container: who it belongs to, never a secret."""
    service = {"uid": job.service.uid, "name": job.service.name}
    found = {LABEL_UID: job.service.uid, LABEL_ROLE: role, LABEL_SERVICE: json.dumps(service)}
    if role == "revision":
        config = job.config
        if not isinstance(config, DockerConfig):
            raise TypeError(type(config).__name__)
        facts = {
            "number": job.revision,
            "bundle": job.bundle.digest,
            "entry_script": job.bundle.entry_script,
            "drain_s": config.drain_timeout_s,
            "config": config.model_dump(mode="json", exclude_unset=True),
            "origin": dict(job.origin),
            "owner": own_identity(),
        }
        found[LABEL_REVISION] = json.dumps(facts, default=str)
    return found
