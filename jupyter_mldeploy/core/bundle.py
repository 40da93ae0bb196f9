"""Content-addressed bundles: the one thing that every target runs.

>>> bundle = workspace.bundles.create(entry_script="score.py", source={"score.py": b"..."}, models=[model])
>>> bundle.digest
'sha256:…'
>>> workspace.bundles.materialise(bundle, directory)
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CorruptStoreError, InUseError, InvalidInputError, NotFoundError
from .bundles.format import Bundle, BundleModel, bundle_of_manifest
from .models.record import Model
from .storage.blobs import Batch
from .storage.canonical import canonical_json
from .storage.tree import FileEntry, Tree, normal_path
from .storage.tree_rows import (
    forget_owner,
    load_tree,
    referenced_blobs,
    save_tree,
)
from .store import Store

if TYPE_CHECKING:
    from .bundles.diff import BundleDiff

__all__ = ["Bundle", "BundleModel", "BundleStore"]

SourceFile = str | PathLike[str] | bytes | FileEntry
"""A file on disk, its content, or a file that is stored already."""

GRACE_S = 3600.0
"""Garbage collection leaves alone what was added in the last hour, in case somebody is about to refer to it."""


class BundleStore:
    """The bundles of one workspace.

    Attributes:
        in_use_by: names who needs a bundle (by digest), so that it cannot be deleted; None asks nobody.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.in_use_by: Callable[[str], list[str]] | None = None

    def create(
        self,
        *,
        entry_script: str,
        source: Mapping[str, SourceFile],
        models: Sequence[Model | BundleModel] = (),
        environment: Mapping[str, Any],
        schema: Mapping[str, Any] | None = None,
        origin: Mapping[str, Any] | None = None,
    ) -> Bundle:
        """Store a bundle and return it; the same content is the same bundle, whoever made it.

        Args:
            entry_script: a key of ``source`` that ends in ``.py``.
            source: path within the bundle → file.
            models: registered models, unregistered ones, or those of another bundle.
            environment: the environment's specification, JSON-ready.
            schema: the schema of requests and answers, JSON-ready.
            origin: where the source came from, JSON-ready; stored beside the content, the latest wins.

        Raises:
            InvalidInputError: a value breaks its rule; ``field`` names it.
            NotFoundError: a model's files are not stored any more.
            StoreFullError: there is no room.
        """
        with self._store.adding_content():
            with self._store.blobs.batch() as batch:
                entries = [_add(batch, path, file) for path, file in source.items()]
            bundle = Bundle(
                entry_script,
                Tree(tuple(entries)),
                tuple(_bundle_model(model) for model in models),
                _plain(environment, "environment"),
                None if schema is None else _plain(schema, "schema"),
                None if origin is None else _plain(origin, "origin"),
            )
            return self._save(bundle)

    def get(self, digest: str) -> Bundle:
        """Return a bundle by its digest, or by a beginning of it of at least 8 hex digits that only one bundle has."""
        wanted = digest.removeprefix("sha256:").lower() if isinstance(digest, str) else ""
        if not re.fullmatch(r"[0-9a-f]{8,64}", wanted):
            raise InvalidInputError(
                f"{digest!r} is not a bundle digest.", field="digest", hint="Give at least 8 of its hex digits."
            )
        with self._store.read() as db:
            rows = db.execute("SELECT * FROM bundles WHERE digest GLOB ? LIMIT 2", (f"sha256:{wanted}*",)).fetchall()
            if not rows:
                raise NotFoundError("bundle", digest)
            if len(rows) > 1:
                raise InvalidInputError(
                    f"More than one bundle begins with {digest!r}.", field="digest", hint="Give more of its digits."
                )
            return _bundle(db, rows[0])

    def list(self) -> list[Bundle]:
        """Return all bundles, oldest first."""
        with self._store.read() as db:
            return [_bundle(db, row) for row in db.execute("SELECT * FROM bundles ORDER BY created, digest").fetchall()]

    def read_bytes(self, bundle: Bundle, path: str) -> bytes:
        """Return a source file's bytes, checked against their digest."""
        entry = bundle.source.by_path.get(normal_path(path))
        if entry is None:
            raise NotFoundError("source file", path, hint=f"The bundle has:\n{bundle.source.listing()}")
        return self._store.blobs.read_bytes(entry.digest)

    def read_text(self, bundle: Bundle, path: str) -> str:
        """Return a source file as text (UTF-8)."""
        try:
            return self.read_bytes(bundle, path).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidInputError(f"The source file {path!r} is not UTF-8 text.", field="path") from error

    def text_of(self, entry: FileEntry) -> str | None:
        """Return the text of one of a bundle's files, or None for what is not text (or more than 1 MiB)."""
        from .bundles.diff import text_of

        return text_of(self._store.blobs, entry)

    def materialise(self, bundle: Bundle, dest: str | PathLike[str]) -> Path:
        """Lay a bundle out as a directory and return its path.

        ::

            dest/app/<source files>                       writable copies
            dest/azureml-models/<name>/<version>/<root…>  links into the store where the file system has them
            dest/bundle.json                              what it consists of
            dest/line_map.json                            the origin, if there is one

        The directory appears complete or not at all. If it is there and complete, nothing happens; if it is the same
        bundle but damaged, it is replaced.

        Raises:
            AlreadyExistsError: ``dest`` holds something else.
            CorruptStoreError: a stored file is missing.
            StoreFullError: there is no room.
        """
        from .bundles.layout import materialise

        return materialise(self._store, bundle, Path(dest))

    def verify(self, bundle: Bundle) -> None:
        """Read every stored file of the bundle; CorruptStoreError names those that are missing or changed."""
        problems: dict[str, CorruptStoreError] = {}
        checked: dict[str, CorruptStoreError | None] = {}
        for path, entry in bundle.files().items():
            if entry.digest not in checked:
                try:
                    self._store.blobs.verify(entry.digest)
                    checked[entry.digest] = None
                except CorruptStoreError as error:
                    checked[entry.digest] = error
            found = checked[entry.digest]
            if found is not None:
                problems[path] = found
        if problems:
            first = next(iter(problems))
            more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
            raise CorruptStoreError(
                f"Bundle {bundle.short} is damaged: {first}{more}. {problems[first].message}",
                hint=problems[first].hint,
                details={"files": list(problems)},
            )

    def export(self, bundle: Bundle, path: str | PathLike[str]) -> Path:
        """Write the bundle to a tar file that is the same, byte for byte, wherever it is written."""
        from .bundles.tar import save_tar

        return save_tar(self._store.blobs, bundle, Path(path))

    def import_(self, path: str | PathLike[str]) -> Bundle:
        """Store the bundle of a tar file that :meth:`export` wrote; everything in it is checked first.

        Raises:
            InvalidInputError: the file is missing or is no bundle archive.
            CorruptStoreError: what it holds does not match what it announces.
        """
        from .bundles.tar import load_tar

        with self._store.adding_content():
            return self._save(load_tar(self._store.blobs, Path(path)))

    def diff(self, before: Bundle, after: Bundle) -> BundleDiff:
        """Return the differences in source files, models, environment and schema."""
        from .bundles.diff import diff_bundles

        return diff_bundles(self._store.blobs, before, after)

    def delete(self, digest: str) -> None:
        """Forget a bundle (full digest); deleting it again is no error. Its files go with the next :meth:`gc`.

        Raises:
            InUseError: a service still needs it.
        """
        with self._store.write() as db:
            users = self.in_use_by(digest) if self.in_use_by is not None else []
            if users:
                raise InUseError(f"Bundle {digest[:19]} is in use by {', '.join(users)}.", used_by=users)
            db.execute("DELETE FROM bundles WHERE digest = ?", (digest,))
            forget_owner(db, f"bundle:{digest}")

    def gc(self, *, grace_s: float = GRACE_S, timeout_s: float = 5.0) -> tuple[int, int]:
        """Remove stored files that no model, bundle or other owner refers to.

        Args:
            grace_s: seconds for which a newly added file is left alone in any case.
            timeout_s: seconds to wait for registrations that are under way.

        Returns:
            How many files went, and their bytes together.

        Raises:
            BusyError: something was being registered all the time.
        """
        with self._store.collecting_garbage(timeout_s=timeout_s):
            with self._store.write() as db:
                keep = referenced_blobs(db)
            return self._store.blobs.gc(keep, grace_s=grace_s)

    def _save(self, bundle: Bundle) -> Bundle:
        owner = f"bundle:{bundle.digest}"
        for model in bundle.models:
            for entry in model.tree.files:
                if not self._store.blobs.has(entry.digest):
                    raise NotFoundError(
                        "stored model file",
                        entry.path,
                        message=f"The file {entry.path!r} of model {model.id} is not stored any more.",
                        hint="Register it again.",
                    )
        created = datetime.now(UTC)
        origin = None if bundle.origin is None else canonical_json(dict(bundle.origin), what="origin").decode()
        with self._store.write() as db:
            # The same content from another cell is the same bundle, which then leads back to the newer cell. It is as
            # young as a new one: whoever removes old bundles that nobody uses must not take it from its new user.
            db.execute(
                "INSERT INTO bundles (digest, created, manifest, origin) VALUES (?, ?, ?, ?) ON CONFLICT (digest)"
                " DO UPDATE SET created = excluded.created, origin = coalesce(excluded.origin, origin)",
                (bundle.digest, created.isoformat(), bundle.manifest_bytes.decode(), origin),
            )
            save_tree(db, bundle.source, owner)
            for model in bundle.models:
                save_tree(db, model.tree, owner)
                db.execute(
                    "INSERT INTO bundle_models (bundle, name, version, tree) VALUES (?, ?, ?, ?)"
                    " ON CONFLICT DO NOTHING",
                    (bundle.digest, model.name, model.version, model.tree.digest),
                )
        return replace(bundle, created=created)


def _add(batch: Batch, path: str, file: SourceFile) -> FileEntry:
    path = normal_path(path)
    if isinstance(file, FileEntry):
        return replace(file, path=path)
    blob = batch.add_bytes(file) if isinstance(file, bytes) else batch.add_file(Path(file))
    return FileEntry(path, blob.digest, blob.size, blob.executable)


def _bundle_model(model: Model | BundleModel) -> BundleModel:
    if isinstance(model, BundleModel):
        return model
    return BundleModel(model.name, model.version, model.root, model.tree)


def _plain(value: Mapping[str, Any], what: str) -> dict[str, Any]:
    # Through JSON and back, so that the bundle at hand equals the one that is read from the catalogue later.
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"{what} must be a dictionary, not {type(value).__name__}.", field=what)
    plain: dict[str, Any] = json.loads(canonical_json(dict(value), what=what))
    return plain


def _bundle(db: sqlite3.Connection, row: sqlite3.Row) -> Bundle:
    manifest = json.loads(row["manifest"])
    digests = {manifest["source"], *(model["tree"] for model in manifest["models"])}
    return bundle_of_manifest(
        manifest,
        {digest: load_tree(db, digest) for digest in digests},
        origin=json.loads(row["origin"]) if row["origin"] else None,
        created=datetime.fromisoformat(row["created"]),
    )
