"""The rows of images in a workspace's catalogue: nothing here builds or removes anything but rows."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

from ...errors import ConflictError, InvalidInputError, NotFoundError
from ..models.fields import Filter, check_labels, matches, read_filters
from ..names import did_you_mean
from ..store import Store
from .record import CreationState, Image, image_of_row

_JSON = frozenset({"facts", "tags", "properties", "stages", "locations"})


class ImageCatalogue:
    """The images of one workspace, as rows."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, name: str, **values: Any) -> Image:
        """Add the next version of a name, in state Running, and return it."""
        tags, properties = check_labels(values["tags"], "tags"), check_labels(values["properties"], "properties")
        with self._store.write() as db:
            last = db.execute("SELECT MAX(version) AS last FROM images WHERE name = ?", (name,)).fetchone()["last"] or 0
            db.execute(
                "INSERT INTO images (name, version, kind, state, builder, context, bundle, reference, stages,"
                " locations, facts, description, tags, properties, created)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '[]', '{}', ?, ?, ?, ?)",
                (
                    name,
                    last + 1,
                    values["kind"],
                    CreationState.RUNNING,
                    values["builder"],
                    values["context"],
                    values["bundle"],
                    values["reference"],
                    json.dumps(list(values["stages"])),
                    values["description"],
                    json.dumps(tags),
                    json.dumps(properties),
                    time.time(),
                ),
            )
        return self.get(name, last + 1)

    def change(self, image: Image, **values: Any) -> Image:
        """Change columns of a version and return it as it is then."""
        columns = ", ".join(f"{key} = ?" for key in values)
        given = [json.dumps(value) if key in _JSON else value for key, value in values.items()]
        with self._store.write() as db:
            db.execute(
                f"UPDATE images SET {columns} WHERE name = ? AND version = ?",  # noqa: S608 - names of columns
                (*given, image.name, image.version),
            )
            row = db.execute(
                "SELECT * FROM images WHERE name = ? AND version = ?", (image.name, image.version)
            ).fetchone()
        return image_of_row(row)

    def get(self, name: str, version: int | str | None = None) -> Image:
        """Return a version of an image; without one its newest.

        Raises:
            NotFoundError: there is none; the hint lists those that there are.
            InvalidInputError: the version is not a number.
        """
        if version is not None and not str(version).isdigit():
            raise InvalidInputError(
                f"{version!r} is not a version of an image.", field="version", hint="Versions are 1, 2, 3, …"
            )
        number = None if version is None else int(version)
        with self._store.read() as db:
            row = db.execute(
                "SELECT * FROM images WHERE name = ? AND deleted IS NULL AND (? IS NULL OR version = ?)"
                " ORDER BY version DESC LIMIT 1",
                (name, number, number),
            ).fetchone()
            if row is None:
                rows = db.execute("SELECT name, version FROM images WHERE deleted IS NULL ORDER BY name, version")
                known = [(str(item["name"]), str(item["version"])) for item in rows.fetchall()]
                raise _not_found(name, number, known)
        return image_of_row(row)

    def get_id(self, image_id: str) -> Image:
        """Return the image of ``name:version``, or the newest of ``name``."""
        name, _, version = image_id.partition(":")
        return self.get(name, version or None)

    def find(self, name: str, context: str, builder: str) -> Image | None:
        """Return the newest version with a context's content, whatever came of it."""
        with self._store.read() as db:
            row = db.execute(
                "SELECT * FROM images WHERE name = ? AND context = ? AND builder = ? AND deleted IS NULL"
                " ORDER BY version DESC LIMIT 1",
                (name, context, builder),
            ).fetchone()
        return None if row is None else image_of_row(row)

    def all(
        self,
        name: str | None = None,
        *,
        kind: str | None = None,
        bundle: str | None = None,
        tags: Iterable[Filter] | Mapping[str, Any] | None = None,
        properties: Iterable[Filter] | Mapping[str, Any] | None = None,
    ) -> list[Image]:
        """Return images by name, the newest version first."""
        with self._store.read() as db:
            rows = db.execute(
                "SELECT * FROM images WHERE deleted IS NULL AND (? IS NULL OR name = ?) AND (? IS NULL OR kind = ?)"
                " AND (? IS NULL OR bundle = ?) ORDER BY name, version DESC",
                (name, name, kind, kind, bundle, bundle),
            ).fetchall()
        wanted, added = read_filters(tags, "tags"), read_filters(properties, "properties")
        found = [image_of_row(row) for row in rows]
        return [item for item in found if matches(item.tags, wanted) and matches(item.properties, added)]

    def bundles(self) -> dict[str, list[str]]:
        """Return {bundle digest: ["image name:version", …]} of the images that were asked for by name."""
        found: dict[str, list[str]] = {}
        for item in self.all():
            if item.bundle and item.kind != "service" and item.state is not CreationState.FAILED:
                found.setdefault(item.bundle, []).append(f"image {item.id}")
        return found

    def add_properties(self, image: Image, properties: Mapping[str, Any]) -> Image:
        """Add properties; one that is there with another value is refused."""
        given = check_labels(properties, "properties")
        with self._store.write():
            now = self.get(image.name, image.version)
            changed = [key for key, value in given.items() if now.properties.get(key, value) != value]
            if changed:
                raise ConflictError(
                    f"Properties can only be added, and {image.id} has another value for {', '.join(changed)}.",
                    hint="Use tags for what changes.",
                )
            return self.change(now, properties={**now.properties, **given})

    def change_tags(self, image: Image, *, add: Mapping[str, Any], remove: Iterable[str] = ()) -> Image:
        """Add, change and remove tags."""
        given = check_labels(add, "tags")
        with self._store.write():
            now = self.get(image.name, image.version)
            gone = set(remove)
            unknown = sorted(gone - set(now.tags))
            if unknown:
                raise NotFoundError("tag", unknown[0], hint=f"{image.id} has: {', '.join(now.tags) or 'none'}.")
            kept = {key: value for key, value in now.tags.items() if key not in gone}
            return self.change(now, tags={**kept, **given})

    def use_stages(self, references: Iterable[str], builder: str) -> None:
        """Note that stages are used now."""
        with self._store.write() as db:
            db.executemany(
                "INSERT INTO image_stages (reference, builder, used) VALUES (?, ?, ?)"
                " ON CONFLICT (reference) DO UPDATE SET used = excluded.used",
                [(reference, builder, time.time()) for reference in references],
            )

    def idle_stages(self, before: float) -> list[tuple[str, str]]:
        """Return (reference, builder) of the stages that no image stands on and nobody used since ``before``."""
        with self._store.read() as db:
            rows = db.execute("SELECT reference, builder, used FROM image_stages").fetchall()
            images = db.execute("SELECT stages, reference FROM images WHERE deleted IS NULL").fetchall()
        needed = {stage for row in images for stage in (*json.loads(row["stages"]), row["reference"])}
        return [
            (row["reference"], row["builder"])
            for row in rows
            if row["reference"] not in needed and row["used"] < before
        ]

    def forget_stage(self, reference: str) -> None:
        """Forget a stage that was removed."""
        with self._store.write() as db:
            db.execute("DELETE FROM image_stages WHERE reference = ?", (reference,))


def _not_found(name: str, version: int | None, known: list[tuple[str, str]]) -> NotFoundError:
    versions = [number for known_name, number in known if known_name == name]
    names = list(dict.fromkeys(known_name for known_name, _ in known))
    if versions:
        hint = f"Versions of {name} are: {', '.join(versions)}."
    elif names:
        hint = did_you_mean(name, names) or f"There are: {', '.join(names[:20])}."
    else:
        hint = "No image was built yet: `mldeploy image build` or `mldeploy model package` builds one."
    return NotFoundError("image", name if version is None else f"{name}:{version}", hint=hint)
