"""The event stream: the only way in which changes are announced.

Events are rows of the catalogue, so every process that opens the workspace sees the same stream, and a reader that
comes back with the last sequence number it saw misses nothing.
"""

from __future__ import annotations

import enum
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .store import Store


class EventKind(enum.StrEnum):
    """What an event tells."""

    SERVICE_CREATED = "service_created"
    SERVICE_STATE = "service_state"
    SERVICE_DELETED = "service_deleted"
    REVISION_CREATED = "revision_created"
    REVISION_LIVE = "revision_live"
    REVISION_FAILED = "revision_failed"
    PROGRESS = "progress"
    WORKER = "worker"
    KEYS = "keys"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        seq: position in the stream, strictly increasing.
        time: epoch seconds.
        service_uid, service: the service, or None.
        revision: its revision, or None.
        message: one sentence for people.
        data: facts for programs; its keys depend on ``kind``.
    """

    seq: int
    time: float
    kind: str
    service_uid: str | None
    service: str | None
    revision: int | None
    message: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the event as JSON."""
        return {
            "seq": self.seq,
            "time": self.time,
            "kind": self.kind,
            "service": self.service,
            "service_uid": self.service_uid,
            "revision": self.revision,
            "message": self.message,
            "data": dict(self.data),
        }


class EventStream:
    """Append to and read from the workspace's events."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def append(
        self,
        kind: str,
        message: str,
        *,
        service_uid: str | None = None,
        service: str | None = None,
        revision: int | None = None,
        data: Mapping[str, Any] | None = None,
        at: float | None = None,
        key: str | None = None,
    ) -> None:
        """Add one event; one with a ``key`` that is in the stream already is dropped."""
        with self._store.write() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO events (time, kind, service_uid, service, revision, message, data, dedupe) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    time.time() if at is None else at,
                    kind,
                    service_uid,
                    service,
                    revision,
                    message,
                    json.dumps(dict(data or {}), sort_keys=True),
                    key,
                ),
            )

    def read(
        self, after: int = 0, *, service: str | None = None, service_uid: str | None = None, limit: int = 1000
    ) -> list[Event]:
        """Return up to ``limit`` events with ``seq > after``, oldest first."""
        query = "SELECT * FROM events WHERE seq > ?"
        values: list[Any] = [after]
        if service is not None:
            query += " AND service = ?"
            values.append(service)
        if service_uid is not None:
            query += " AND service_uid = ?"
            values.append(service_uid)
        with self._store.read() as connection:
            rows = connection.execute(query + " ORDER BY seq LIMIT ?", [*values, limit]).fetchall()
        return [
            Event(
                row["seq"],
                row["time"],
                row["kind"],
                row["service_uid"],
                row["service"],
                row["revision"],
                row["message"],
                json.loads(row["data"]),
            )
            for row in rows
        ]

    def last_seq(self) -> int:
        """Return the sequence number of the newest event, 0 when there is none."""
        with self._store.read() as connection:
            (last,) = connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()
        return int(last)

    def follow(self, after: int | None = None, *, poll_s: float = 0.1) -> Iterator[Event]:
        """Yield events as they come, forever; stop by closing the generator."""
        seq = self.last_seq() if after is None else after
        while True:
            batch = self.read(seq)
            for event in batch:
                seq = event.seq
                yield event
            if not batch:
                time.sleep(poll_s)
