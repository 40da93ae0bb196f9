"""Rows of services and revisions: the only module that reads and writes those tables."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ..errors import AlreadyExistsError, NotFoundError
from .records import (
    Origin,
    RevisionRecord,
    RevisionState,
    ServiceRecord,
    State,
)
from .store import Store


class Catalogue:
    """Services and revisions of one workspace."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create_service(
        self,
        name: str,
        target: str,
        *,
        description: str | None,
        tags: Mapping[str, str],
        properties: Mapping[str, str],
    ) -> ServiceRecord:
        """Add a service in state Transitioning; AlreadyExistsError when the name is taken."""
        uid, now = uuid.uuid4().hex, time.time()
        try:
            with self._store.write() as connection:
                connection.execute(
                    "INSERT INTO services (uid, name, target, state, created, updated, description, tags, properties,"
                    " runtime) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '{}')",
                    (uid, name, target, State.TRANSITIONING, now, now, description, _json(tags), _json(properties)),
                )
        except sqlite3.IntegrityError:
            raise AlreadyExistsError(f"There is a service named {name!r} already.") from None
        return self.service_by_uid(uid)

    def adopt_service(
        self,
        uid: str,
        name: str,
        target: str,
        *,
        revision: int,
        bundle: str,
        config: Mapping[str, Any],
        origin: Origin,
        description: str | None,
        tags: Mapping[str, str],
        properties: Mapping[str, str],
        runtime: Mapping[str, Any],
    ) -> ServiceRecord:
        """Add a service that lives already, with the revision that serves; AlreadyExistsError for a known name."""
        now = time.time()
        try:
            with self._store.write() as connection:
                connection.execute("DELETE FROM revisions WHERE service_uid = ?", (uid,))
                connection.execute("DELETE FROM services WHERE uid = ? AND deleted IS NOT NULL", (uid,))
                connection.execute(
                    "INSERT INTO services (uid, name, target, state, created, updated, description, tags, properties,"
                    " runtime, live_revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (uid, name, target, State.TRANSITIONING, now, now, description, _json(tags), _json(properties),
                     _json(runtime), revision),
                )  # fmt: skip
                connection.execute(
                    "INSERT INTO revisions (service_uid, number, bundle, config, state, created, origin, facts)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (uid, revision, bundle, _json(config), RevisionState.LIVE, now, _json(asdict(origin)),
                     _json({"adopted": True})),
                )  # fmt: skip
        except sqlite3.IntegrityError:
            raise AlreadyExistsError(f"There is a service named {name!r} already.") from None
        return self.service_by_uid(uid)

    def service(self, name: str) -> ServiceRecord:
        """Return the service that has the name now; NotFoundError lists the names there are."""
        with self._store.read() as connection:
            row = connection.execute("SELECT * FROM services WHERE name = ? AND deleted IS NULL", (name,)).fetchone()
            if row is not None:
                return _service(row)
            gone = connection.execute("SELECT 1 FROM services WHERE name = ?", (name,)).fetchone()
            names = [
                item["name"]
                for item in connection.execute("SELECT name FROM services WHERE deleted IS NULL ORDER BY name LIMIT 20")
            ]
        raise NotFoundError(
            "service",
            name,
            message=f"Service {name!r} was deleted." if gone else f"There is no service named {name!r}.",
            hint=f"There are: {', '.join(names)}." if names else "There are no services in this workspace.",
        )

    def require_free(self, name: str, *, hint: str) -> None:
        """Raise AlreadyExistsError when a service has the name now; ``hint`` says how to go on all the same."""
        try:
            record = self.service(name)
        except NotFoundError:
            return
        raise AlreadyExistsError(f"There is a service {record.name!r} already ({record.state}).", hint=hint)

    def last_service(self, name: str) -> ServiceRecord:
        """Return the service that has the name now, or else the one deleted last; its logs are kept."""
        with self._store.read() as connection:
            row = connection.execute(
                "SELECT * FROM services WHERE name = ? ORDER BY deleted IS NULL DESC, deleted DESC LIMIT 1", (name,)
            ).fetchone()
        return _service(row) if row is not None else self.service(name)

    def service_by_uid(self, uid: str) -> ServiceRecord:
        """Return one service, deleted or not."""
        with self._store.read() as connection:
            row = connection.execute("SELECT * FROM services WHERE uid = ?", (uid,)).fetchone()
        if row is None:
            raise NotFoundError("service", uid)
        return _service(row)

    def services(self, *, target: str | None = None, tags: Mapping[str, str] | None = None) -> list[ServiceRecord]:
        """Return the services by name, filtered by target and tags (all must match)."""
        with self._store.read() as connection:
            rows = connection.execute("SELECT * FROM services WHERE deleted IS NULL ORDER BY name").fetchall()
        records = [_service(row) for row in rows]
        return [
            record
            for record in records
            if (target is None or record.target == target)
            and all(record.tags.get(key) == value for key, value in (tags or {}).items())
        ]

    def splits(self) -> dict[str, dict[str, Any]]:
        """Return the facts of the live revisions that divide requests among versions, by the service's uid."""
        query = (
            "SELECT services.uid, revisions.facts FROM services JOIN revisions"
            " ON revisions.service_uid = services.uid AND revisions.number = services.live_revision"
            " WHERE services.deleted IS NULL AND instr(revisions.facts, '\"split\"') > 0"
        )
        with self._store.read() as connection:
            rows = connection.execute(query).fetchall()
        found = {row["uid"]: json.loads(row["facts"]) for row in rows}
        return {uid: facts for uid, facts in found.items() if isinstance(facts.get("split"), dict)}

    def change_service(self, uid: str, **values: Any) -> ServiceRecord:
        """Change columns of one service; mappings are stored as JSON."""
        columns = {key: _json(value) if isinstance(value, Mapping) else value for key, value in values.items()}
        columns["updated"] = time.time()
        assignments = ", ".join(f"{key} = ?" for key in columns)
        with self._store.write() as connection:
            connection.execute(f"UPDATE services SET {assignments} WHERE uid = ?", [*columns.values(), uid])  # noqa: S608
        return self.service_by_uid(uid)

    def add_revision(
        self, uid: str, bundle: str, config: Mapping[str, Any], origin: Origin, facts: Mapping[str, Any]
    ) -> RevisionRecord:
        """Add the next revision of a service as a candidate."""
        with self._store.write() as connection:
            (number,) = connection.execute(
                "SELECT coalesce(max(number), 0) + 1 FROM revisions WHERE service_uid = ?", (uid,)
            ).fetchone()
            connection.execute(
                "INSERT INTO revisions (service_uid, number, bundle, config, state, created, origin, facts)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    uid,
                    number,
                    bundle,
                    _json(config),
                    RevisionState.CANDIDATE,
                    time.time(),
                    _json(asdict(origin)),
                    _json(facts),
                ),
            )
        return self.revision(uid, number)

    def revision(self, uid: str, number: int) -> RevisionRecord:
        """Return one revision; NotFoundError names those there are."""
        with self._store.read() as connection:
            row = connection.execute(
                "SELECT * FROM revisions WHERE service_uid = ? AND number = ?", (uid, number)
            ).fetchone()
        if row is None:
            have = ", ".join(str(item.number) for item in self.revisions(uid)) or "none"
            raise NotFoundError("revision", str(number), hint=f"There are: {have}.")
        return _revision(row)

    def revisions(self, uid: str) -> list[RevisionRecord]:
        """Return all revisions of a service, oldest first."""
        with self._store.read() as connection:
            rows = connection.execute(
                "SELECT * FROM revisions WHERE service_uid = ? ORDER BY number", (uid,)
            ).fetchall()
        return [_revision(row) for row in rows]

    def live_revisions(self, bundle: str) -> list[RevisionRecord]:
        """Return the live revisions that serve a bundle, in the order of their services' names."""
        with self._store.read() as connection:
            rows = connection.execute(
                "SELECT r.* FROM revisions r JOIN services s ON s.uid = r.service_uid AND s.live_revision = r.number"
                " WHERE s.deleted IS NULL AND r.bundle = ? ORDER BY s.name",
                (bundle,),
            ).fetchall()
        return [_revision(row) for row in rows]

    def settle_live(self, uid: str, number: int, facts: Mapping[str, Any]) -> None:
        """Make one revision the live one; the one before is superseded."""
        with self._store.write() as connection:
            connection.execute(
                "UPDATE revisions SET state = ? WHERE service_uid = ? AND state = ? AND number != ?",
                (RevisionState.SUPERSEDED, uid, RevisionState.LIVE, number),
            )
            (known,) = connection.execute(
                "SELECT facts FROM revisions WHERE service_uid = ? AND number = ?", (uid, number)
            ).fetchone()
            connection.execute(
                "UPDATE revisions SET state = ?, reason = NULL, facts = ? WHERE service_uid = ? AND number = ?",
                (RevisionState.LIVE, _json({**json.loads(known), **facts}), uid, number),
            )
            connection.execute("UPDATE services SET live_revision = ? WHERE uid = ?", (number, uid))

    def settle_failed(self, uid: str, number: int, reason: str) -> None:
        """Record that a candidate did not come to life."""
        with self._store.write() as connection:
            connection.execute(
                "UPDATE revisions SET state = ?, reason = ? WHERE service_uid = ? AND number = ?",
                (RevisionState.FAILED, reason, uid, number),
            )

    def bundles_in_use(self) -> dict[str, list[str]]:
        """Return {bundle digest: ["service revision", …]} for the revisions of services that are not deleted."""
        with self._store.read() as connection:
            rows = connection.execute(
                "SELECT r.bundle, s.name, r.number FROM revisions r JOIN services s ON s.uid = r.service_uid"
                " WHERE s.deleted IS NULL AND r.state != ? ORDER BY s.name, r.number",
                (RevisionState.FAILED,),
            ).fetchall()
        used: dict[str, list[str]] = {}
        for row in rows:
            used.setdefault(row["bundle"], []).append(f"service {row['name']} revision {row['number']}")
        return used


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), sort_keys=True, default=str)


def _service(row: sqlite3.Row) -> ServiceRecord:
    values = dict(row)
    for key in ("tags", "properties", "runtime"):
        values[key] = json.loads(values[key])
    values["state"] = State(values["state"])
    return ServiceRecord(**values)


def _revision(row: sqlite3.Row) -> RevisionRecord:
    values = dict(row)
    values["config"] = json.loads(values["config"])
    values["facts"] = json.loads(values["facts"])
    values["origin"] = Origin(**json.loads(values["origin"]))
    values["state"] = RevisionState(values["state"])
    return RevisionRecord(**values)
