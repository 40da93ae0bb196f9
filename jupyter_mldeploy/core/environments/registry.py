"""Registered environments: names with versions, each a specification that never changes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ...errors import InvalidInputError, NotFoundError
from ..names import NameRule, did_you_mean
from ..store import Store

if TYPE_CHECKING:
    import sqlite3

    from ..environment import EnvironmentSpec

NAME = NameRule(
    "environment name",
    r"[a-zA-Z0-9][a-zA-Z0-9\-._]{0,254}",
    1,
    255,
    "made of letters, digits, '-', '.' and '_', starting with a letter or digit",
    lower_case=False,
)


@dataclass(frozen=True, slots=True)
class RegisteredEnvironment:
    """One row of a list: name, version, content digest and when it was registered (ISO 8601, UTC)."""

    name: str
    version: str
    digest: str
    created: str


class EnvironmentRegistry:
    """The environments of one workspace."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def register(self, spec: EnvironmentSpec) -> EnvironmentSpec:
        """Keep a specification under its name and return it with its version.

        Versions are "1", "2", … and are never given out twice. Content that the name has already keeps its version.

        Raises:
            InvalidNameError: the name breaks the rule for environments.
        """
        NAME.check(spec.name)
        with self._store.write() as db:
            row = db.execute(
                "SELECT version FROM environments WHERE name = ? AND digest = ? AND deleted IS NULL"
                " ORDER BY version DESC LIMIT 1",
                (spec.name, spec.digest),
            ).fetchone()
            if row is not None:
                return replace(spec, version=str(row["version"]))
            last = db.execute("SELECT MAX(version) AS last FROM environments WHERE name = ?", (spec.name,)).fetchone()
            version = (last["last"] or 0) + 1
            db.execute(
                "INSERT INTO environments (name, version, digest, created, spec) VALUES (?, ?, ?, ?, ?)",
                (
                    spec.name,
                    version,
                    spec.digest,
                    datetime.now(UTC).isoformat(timespec="seconds"),
                    json.dumps(replace(spec, version=str(version)).to_dict(), sort_keys=True),
                ),
            )
        return replace(spec, version=str(version))

    def get(self, name: str, version: str | int | None = None) -> EnvironmentSpec:
        """Return an environment; without a version its newest.

        Raises:
            NotFoundError: there is none; the hint lists those that there are.
            InvalidInputError: the version is not a number.
        """
        number = _number(version)
        with self._store.read() as db:
            row = db.execute(
                "SELECT spec FROM environments WHERE name = ? AND deleted IS NULL AND (? IS NULL OR version = ?)"
                " ORDER BY version DESC LIMIT 1",
                (name, number, number),
            ).fetchone()
            if row is None:
                raise self._not_found(db, name, number)
        return _spec(row["spec"])

    def list(self, name: str | None = None) -> list[RegisteredEnvironment]:
        """Return all environments, or all versions of one; sorted by name, the newest version first."""
        with self._store.read() as db:
            rows = db.execute(
                "SELECT name, version, digest, created FROM environments"
                " WHERE deleted IS NULL AND (? IS NULL OR name = ?) ORDER BY name, version DESC",
                (name, name),
            ).fetchall()
        return [RegisteredEnvironment(row["name"], str(row["version"]), row["digest"], row["created"]) for row in rows]

    def delete(self, name: str, version: str | int | None = None) -> int:
        """Delete one version, or all; return how many. Services keep what they run with: it is in their bundles.

        Raises:
            NotFoundError: there is none.
        """
        number = _number(version)
        with self._store.write() as db:
            done = db.execute(
                "UPDATE environments SET deleted = ? WHERE name = ? AND deleted IS NULL AND (? IS NULL OR version = ?)",
                (datetime.now(UTC).isoformat(timespec="seconds"), name, number, number),
            )
            if done.rowcount == 0:
                raise self._not_found(db, name, number)
            return int(done.rowcount)

    def diff(self, old: EnvironmentSpec | str, new: EnvironmentSpec | str) -> Sequence[Mapping[str, Any]]:
        """Return ``{"field", "name", "old", "new"}`` for each difference; a text is ``name`` or ``name:version``."""
        from .diff import differences

        return differences(self._resolve(old), self._resolve(new))

    def _resolve(self, given: EnvironmentSpec | str) -> EnvironmentSpec:
        if not isinstance(given, str):
            return given
        name, _, version = given.partition(":")
        return self.get(name, version or None)

    def _not_found(self, db: sqlite3.Connection, name: str, version: int | None) -> NotFoundError:
        rows = db.execute(
            "SELECT name, version FROM environments WHERE deleted IS NULL ORDER BY name, version"
        ).fetchall()
        versions = [str(row["version"]) for row in rows if row["name"] == name]
        names = list(dict.fromkeys(row["name"] for row in rows))
        wanted = name if version is None else f"{name}:{version}"
        if versions:
            hint = f"Versions of {name} are: {', '.join(versions)}."
        elif names:
            hint = did_you_mean(name, names) or f"There are: {', '.join(names[:20])}."
        else:
            hint = "No environment is registered; a conda or requirements file needs a suffix such as .yml or .txt."
        return NotFoundError("environment", wanted, hint=hint)


def _number(version: str | int | None) -> int | None:
    if version is None:
        return None
    if not str(version).isdigit():
        raise InvalidInputError(
            f"{version!r} is not a version of an environment.", field="version", hint="Versions are 1, 2, 3, …"
        )
    return int(version)


def _spec(text: str) -> EnvironmentSpec:
    from ..environment import EnvironmentSpec

    return EnvironmentSpec.from_dict(json.loads(text))
