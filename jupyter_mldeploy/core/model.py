"""Models: named, versioned files or folders that deployments use.

>>> model = workspace.models.register("ridge.pkl", "ridge", tags={"area": "diabetes"})
>>> model.id
'ridge:1'
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from ..errors import AlreadyExistsError, InUseError, InvalidInputError
from .models.download import download_files
from .models.fields import (
    Filter,
    check_description,
    check_framework,
    check_labels,
    check_resources,
    matches,
    read_filters,
)
from .models.layout import path_layout
from .models.missing import model_not_found, nothing_of_that_name
from .models.record import Model, insert_model, model_of_row
from .models.source import read_source
from .names import check_model_name, is_model_id, split_model_id, unregistered_name
from .storage.tree import Tree
from .storage.tree_rows import forget_owner, save_tree
from .store import Store

__all__ = ["Model", "ModelRegistry", "path_layout"]

Progress = Callable[[int, int], None]
"""Called with the bytes done so far and the bytes in all."""


class ModelRegistry:
    """The models of one workspace.

    Attributes:
        in_use_by: names who needs a model, so that it cannot be deleted; None asks the bundles alone.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.in_use_by: Callable[[Model], list[str]] | None = None

    def register(
        self,
        path: str | PathLike[str],
        name: str,
        *,
        tags: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
        description: str | None = None,
        framework: str | None = None,
        framework_version: str | None = None,
        resource_configuration: Mapping[str, float] | None = None,
        child_paths: Sequence[str] | None = None,
        sample_input: str | None = None,
        sample_output: str | None = None,
        progress: Progress | None = None,
        adopt: bool = False,
    ) -> Model:
        """Store a file or folder as the next version of ``name``.

        The version is visible in the moment when this returns and not before, whatever kills the process, and
        processes that register at once get different versions.

        Args:
            path: the file or folder.
            name: its name in the registry.
            tags: labels that may change later.
            properties: labels that can only be added later.
            description: for people.
            framework: one of ``Custom, TensorFlow, ScikitLearn, Onnx, TfKeras, PyTorch, Multi``.
            framework_version: only together with a framework.
            resource_configuration: ``{"cpu": …, "memory_in_gb": …, "gpu": …}``, what it needs to run.
            child_paths: of a folder, only these files and folders below it.
            sample_input: reference to a sample request.
            sample_output: reference to a sample answer.
            progress: called with the bytes done and the bytes in all.
            adopt: take the file itself where possible instead of copying it; it is gone afterwards. For files that
                were only written to be registered.

        Raises:
            NotFoundError: nothing is at ``path``.
            InvalidInputError: one of the values breaks its rule; ``field`` names it.
            StoreFullError: there is no room for it.
        """
        check_model_name(name)
        check_framework(framework, framework_version)
        model = Model(
            name=name,
            version=0,
            created=datetime.now(UTC),
            kind="file",
            root="",
            tree=Tree(()),
            description=check_description(description),
            tags=check_labels(tags, "tags"),
            properties=check_labels(properties, "properties"),
            framework=framework,
            framework_version=framework_version,
            resource_configuration=check_resources(resource_configuration),
            sample_input=sample_input,
            sample_output=sample_output,
        )
        with self._store.adding_content():
            kind, root, tree = self._add(path, child_paths, progress, adopt=adopt)
            with self._store.write() as db:
                # Version numbers count up for ever: a number that was deleted never comes to mean other content.
                (version,) = db.execute(
                    "INSERT INTO model_counters (name, last_version) VALUES (?, 1)"
                    " ON CONFLICT (name) DO UPDATE SET last_version = last_version + 1 RETURNING last_version",
                    (name,),
                ).fetchone()
                model = replace(model, version=version, kind=kind, root=root, tree=tree)
                save_tree(db, tree, f"model:{model.id}")
                insert_model(db, model)
        return model

    def unregistered(
        self, path: str | PathLike[str], *, progress: Progress | None = None, adopt: bool = False
    ) -> Model:
        """Return a file or folder as a model of version 0, named after its base name cut to 30 characters, as v1 did.

        Its content is stored, but it is in no list and lives only as long as a bundle uses it. ``progress`` and
        ``adopt`` are those of :meth:`register`.
        """
        with self._store.adding_content():
            kind, root, tree = self._add(path, None, progress, adopt=adopt)
        return Model(unregistered_name(root), 0, datetime.now(UTC), kind, root, tree)

    def resolve(self, reference: str | PathLike[str] | Model) -> Model:
        """Return the model that is meant by a model object, an id ``name:version``, a name or a path.

        A path that is not registered is used unregistered. A text that is both a registered name and a path here is
        taken as the registered model when both have the same content.

        Raises:
            NotFoundError: it is nothing of these, or the model has been deleted.
            InvalidInputError: it could be a registered model or a different file.
        """
        if isinstance(reference, Model):
            return self._still_there(reference) if reference.registered else reference
        if not isinstance(reference, str):
            return self.unregistered(reference)
        path = Path(reference).expanduser()
        there = path.exists()
        if is_model_id(reference) and not there:
            return self.get_id(reference)
        named = self._latest(reference) if "/" not in reference else None
        if named is None:
            if there:
                return self.unregistered(path)
            raise nothing_of_that_name(self._store, reference, path)
        if not there:
            return named
        file = self.unregistered(path)
        if file.tree == named.tree:
            return named
        raise InvalidInputError(
            f"{reference!r} is a registered model and also a different {file.kind} here.",
            field="models",
            hint=f"Write {named.id!r} for the registered one or './{reference}' for the {file.kind}.",
        )

    def get(self, name: str, version: int | None = None) -> Model:
        """Return one version of a model, or the newest; NotFoundError says what there is."""
        where, values = ("version = ?", (name, version)) if version is not None else ("1", (name,))
        with self._store.read() as db:
            row = db.execute(
                f"SELECT * FROM models WHERE name = ? AND {where} ORDER BY version DESC LIMIT 1",  # noqa: S608
                values,
            ).fetchone()
            if row is not None:
                return model_of_row(db, row)
        raise model_not_found(self._store, name, version)

    def get_id(self, model_id: str) -> Model:
        """Return the model of an id like ``"ridge:3"``."""
        return self.get(*split_model_id(model_id))

    def list(
        self,
        name: str | None = None,
        *,
        tags: Iterable[Filter] | Mapping[str, Any] | None = None,
        properties: Iterable[Filter] | Mapping[str, Any] | None = None,
        framework: str | None = None,
        latest: bool = False,
    ) -> list[Model]:
        """Return models by name and version, filtered.

        Args:
            name: only this one.
            tags: each ``"key"`` or ``["key", "value"]``; all must fit.
            properties: the same for properties.
            framework: only this one.
            latest: of each name the newest version that fits.
        """
        tag_filters = read_filters(tags, "tags")
        property_filters = read_filters(properties, "properties")
        with self._store.read() as db:
            rows = db.execute(
                "SELECT * FROM models WHERE (?1 IS NULL OR name = ?1) AND (?2 IS NULL OR framework = ?2)"
                " ORDER BY name, version",
                (name, framework),
            ).fetchall()
            rows = [
                row
                for row in rows
                if matches(json.loads(row["tags"]), tag_filters)
                and matches(json.loads(row["properties"]), property_filters)
            ]
            if latest:
                rows = list({row["name"]: row for row in rows}.values())
            return [model_of_row(db, row) for row in rows]

    def update(
        self,
        model: Model | str,
        *,
        tags: Mapping[str, Any] | None = None,
        description: str | None = None,
        resource_configuration: Mapping[str, float] | None = None,
        sample_input: str | None = None,
        sample_output: str | None = None,
    ) -> Model:
        """Replace what is given (``tags`` as a whole), leave the rest, and return the model as it is now."""
        given = {
            "tags": None if tags is None else check_labels(tags, "tags"),
            "description": check_description(description),
            "resource_configuration": check_resources(resource_configuration),
            "sample_input": sample_input,
            "sample_output": sample_output,
        }
        return self._change(model, lambda _: {key: value for key, value in given.items() if value is not None})

    def add_tags(self, model: Model | str, tags: Mapping[str, Any]) -> Model:
        """Add tags, or give those that exist another value."""
        new = check_labels(tags, "tags")
        return self._change(model, lambda current: {"tags": {**current.tags, **new}})

    def remove_tags(self, model: Model | str, tags: Iterable[str]) -> Model:
        """Remove tags by key; a key that is not there is no error."""
        gone = {tags} if isinstance(tags, str) else set(tags)
        return self._change(
            model, lambda current: {"tags": {key: value for key, value in current.tags.items() if key not in gone}}
        )

    def add_properties(self, model: Model | str, properties: Mapping[str, Any]) -> Model:
        """Add properties; AlreadyExistsError when one of the keys is there, because properties never change."""
        new = check_labels(properties, "properties")

        def add(current: Model) -> dict[str, Any]:
            double = sorted(set(new) & set(current.properties))
            if double:
                raise AlreadyExistsError(
                    f"Model {current.id} has the property {double[0]!r} already, and properties cannot be changed.",
                    hint="Use another key, or a tag, which may change.",
                    details={"properties": double},
                )
            return {"properties": {**current.properties, **new}}

        return self._change(model, add)

    def download(self, model: Model | str, target_dir: str | PathLike[str] = ".", *, exist_ok: bool = False) -> Path:
        """Copy a model's file or folder into a directory and return its path there.

        Args:
            model: the model or its id.
            target_dir: is made when it is not there.
            exist_ok: replace files that exist. Others in an existing folder stay.

        Raises:
            AlreadyExistsError: the file or folder exists and ``exist_ok`` is false.
            CorruptStoreError: the stored bytes do not match their digest.
        """
        wanted = self.resolve(model) if isinstance(model, Model) else self.get_id(model)
        return download_files(
            self._store.blobs, wanted.tree, wanted.root, Path(target_dir).expanduser(), exist_ok=exist_ok
        )

    def users(self, model: Model) -> Sequence[str]:
        """Return who needs a model, as texts for people (``"service diabetes revision 2"``)."""
        if self.in_use_by is not None:
            return self.in_use_by(model)
        with self._store.read() as db:
            rows = db.execute(
                "SELECT bundle FROM bundle_models WHERE name = ? AND version = ? ORDER BY bundle",
                (model.name, model.version),
            )
            return [f"bundle {row['bundle'][:19]}" for row in rows]

    def delete(self, model: Model | str) -> None:
        """Delete one version; deleting it again is no error. Its files go with the next garbage collection.

        Raises:
            InUseError: a deployment still needs it; ``used_by`` lists them.
        """
        name, version = (model.name, model.version) if isinstance(model, Model) else split_model_id(model)
        with self._store.write() as db:
            row = db.execute("SELECT * FROM models WHERE name = ? AND version = ?", (name, version)).fetchone()
            if row is None:
                return
            users = self.users(model_of_row(db, row))
            if users:
                raise InUseError(
                    f"Model {name}:{version} is in use by {', '.join(users)}.",
                    used_by=users,
                    hint="Delete these first.",
                )
            db.execute("DELETE FROM models WHERE name = ? AND version = ?", (name, version))
            forget_owner(db, f"model:{name}:{version}")

    def _add(
        self,
        path: str | PathLike[str],
        child_paths: Sequence[str] | None,
        progress: Progress | None,
        *,
        adopt: bool = False,
    ) -> tuple[Literal["file", "folder"], str, Tree]:
        source = read_source(path, child_paths)
        done = 0

        def advance(count: int) -> None:
            nonlocal done
            done += count
            if progress is not None:
                progress(done, source.size)

        with self._store.blobs.batch() as batch:
            tree = batch.add_files(source.files, advance=advance, adopt=adopt)
        return source.kind, source.root, tree

    def _still_there(self, model: Model) -> Model:
        current = self.get(model.name, model.version)
        if current.tree != model.tree:
            raise InvalidInputError(
                f"The model object {model.id} comes from another workspace, where this id stands for other content.",
                field="models",
                hint=f"Use {model.id!r} for this workspace's model, or register the file here.",
            )
        return current

    def _latest(self, name: str) -> Model | None:
        with self._store.read() as db:
            row = db.execute("SELECT * FROM models WHERE name = ? ORDER BY version DESC LIMIT 1", (name,)).fetchone()
            return None if row is None else model_of_row(db, row)

    def _change(self, model: Model | str, change: Callable[[Model], dict[str, Any]]) -> Model:
        name, version = (model.name, model.version) if isinstance(model, Model) else split_model_id(model)
        with self._store.write() as db:
            current = self.get(name, version)
            changed = replace(current, **change(current))
            db.execute("DELETE FROM models WHERE name = ? AND version = ?", (name, version))
            insert_model(db, changed)
        return changed
