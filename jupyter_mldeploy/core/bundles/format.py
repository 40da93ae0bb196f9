"""What a bundle consists of, its digest, and its description ``bundle.json``.

The digest is the sha256 of the canonical JSON of the *manifest*::

    {"format": 1,
     "entry_script": "score.py",
     "source": "sha256:…",                         digest of the tree of source files
     "models": [{"name", "version", "root", "tree": "sha256:…"}, …],      sorted by name and version
     "environment": {…}, "schema": {…} or null}

Trees are named by their own digests, so the whole is a Merkle tree: a new bundle over the same 10,000-file model
costs one small row. ``bundle.json`` is the canonical JSON of ``{"format", "manifest", "trees"}`` and needs nothing
else to be checked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from ...errors import CorruptStoreError, InvalidInputError
from ..models.layout import path_layout, version_directory
from ..names import check_entry_script_name, check_model_name
from ..storage.canonical import canonical_json, digest_of_bytes
from ..storage.failures import human_size
from ..storage.tree import FileEntry, Tree, normal_path

FORMAT = 1
DESCRIPTION = "bundle.json"
LINE_MAP = "line_map.json"
SOURCE_DIRECTORY = "app"


@dataclass(frozen=True)
class BundleModel:
    """A model inside a bundle: a copy of what it was, which outlives its registration.

    Attributes:
        name: the model's name, a directory at run time.
        version: its version, 0 when it was not registered.
        root: the single entry below the version's directory.
        tree: its files; their paths begin with ``root``.
    """

    name: str
    version: int
    root: str
    tree: Tree = field(repr=False)

    def __post_init__(self) -> None:
        check_model_name(self.name, field="models")
        if isinstance(self.version, bool) or not isinstance(self.version, int) or self.version < 0:
            raise InvalidInputError(f"The version of model {self.name!r} is {self.version!r}.", field="models")
        if "/" in normal_path(self.root):
            raise InvalidInputError(f"The root of model {self.name!r} is not one name: {self.root!r}.", field="models")
        if not self.tree.files:
            raise InvalidInputError(f"Model {self.id!r} has no files.", field="models")
        for entry in self.tree.files:
            if entry.path.partition("/")[0] != self.root:
                raise InvalidInputError(
                    f"The file {entry.path!r} of model {self.id!r} lies outside of {self.root!r}.", field="models"
                )

    @property
    def id(self) -> str:
        """``name:version``."""
        return f"{self.name}:{self.version}"

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return self.tree.size


@dataclass(frozen=True)
class Bundle:
    """Everything that runs: code, models, environment and schema, under one digest.

    Attributes:
        entry_script: path of the script within ``source``.
        source: the source files.
        models: the models, sorted by name and version.
        environment: the environment's specification, JSON.
        schema: the schema of requests and answers, JSON, or None.
        origin: where the source came from (notebook, cells, line map), JSON, or None. It is not part of the content:
            the same code from another cell is the same bundle.
        created: when the bundle was last made on this machine, in UTC, or None.
    """

    entry_script: str
    source: Tree = field(repr=False)
    models: tuple[BundleModel, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict, hash=False, repr=False)
    schema: Mapping[str, Any] | None = field(default=None, hash=False, repr=False)
    origin: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    created: datetime | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "entry_script", normal_path(check_entry_script_name(self.entry_script)))
        object.__setattr__(self, "models", tuple(sorted(self.models, key=lambda model: (model.name, model.version))))
        path_layout(self.models)
        if self.entry_script not in self.source.by_path:
            raise InvalidInputError(
                f"The entry script {self.entry_script!r} is not among the source files.",
                field="entry_script",
                hint=f"They are:\n{self.source.listing()}" if self.source.files else "There are none.",
            )

    @cached_property
    def digest(self) -> str:
        """``sha256:…`` of the manifest, the same on every machine for the same content."""
        return digest_of_bytes(self.manifest_bytes)

    @cached_property
    def manifest_bytes(self) -> bytes:
        """The manifest as canonical JSON."""
        return canonical_json(self.manifest(), what="bundle")

    @property
    def short(self) -> str:
        """The first 12 hex digits of the digest, for people."""
        return self.digest[7:19]

    @property
    def line_map(self) -> Mapping[str, Any] | None:
        """Where the entry script's lines came from: what was given as ``origin``."""
        return self.origin

    @property
    def size(self) -> int:
        """Bytes of all files, models included."""
        return self.source.size + sum(model.size for model in self.models)

    def manifest(self) -> dict[str, Any]:
        """Return what the digest is made of."""
        return {
            "format": FORMAT,
            "entry_script": self.entry_script,
            "source": self.source.digest,
            "models": [
                {"name": model.name, "version": model.version, "root": model.root, "tree": model.tree.digest}
                for model in self.models
            ],
            "environment": dict(self.environment),
            "schema": None if self.schema is None else dict(self.schema),
        }

    def files(self) -> dict[str, FileEntry]:
        """Return every file by its path in a materialised bundle: ``app/…`` and ``azureml-models/…``."""
        placed = {f"{SOURCE_DIRECTORY}/{entry.path}": entry for entry in self.source.files}
        for model in self.models:
            placed.update({f"{version_directory(model)}/{entry.path}": entry for entry in model.tree.files})
        return placed

    def description(self) -> bytes:
        """Return ``bundle.json``."""
        trees = {tree.digest: tree.to_json() for tree in self.trees()}
        return canonical_json({"format": FORMAT, "manifest": self.manifest(), "trees": trees}, what="bundle")

    def trees(self) -> Iterable[Tree]:
        """Return the tree of the source and those of the models."""
        return (self.source, *(model.tree for model in self.models))

    def to_dict(self) -> dict[str, Any]:
        """Return the bundle as JSON-ready values for frontends."""
        return {
            "digest": self.digest,
            "entry_script": self.entry_script,
            "created": self.created.isoformat() if self.created else None,
            "size": self.size,
            "source": self.source.to_json(),
            "models": [
                {"id": model.id, "root": model.root, "size": model.size, "digest": model.tree.digest}
                for model in self.models
            ],
            "environment": dict(self.environment),
            "schema": None if self.schema is None else dict(self.schema),
        }

    def __repr__(self) -> str:
        models = f", models {', '.join(model.id for model in self.models)}" if self.models else ""
        return f"<Bundle {self.short} ({self.entry_script}{models}, {human_size(self.size)})>"


def read_description(data: bytes) -> Bundle:
    """Return the bundle that ``bundle.json`` describes, every part checked; what it says is not trusted.

    Raises:
        CorruptStoreError: it is not a bundle's description, or its parts contradict each other.
    """
    try:
        value = json.loads(data)
        if not isinstance(value, dict) or value.get("format") != FORMAT:
            found = value.get("format") if isinstance(value, dict) else None
            raise InvalidInputError(f"its format is {found!r}, and only {FORMAT} is known")
        manifest, trees = value["manifest"], {key: Tree.from_json(item) for key, item in value["trees"].items()}
        bundle = bundle_of_manifest(manifest, trees)
        canonical = bundle.description()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InvalidInputError) as error:
        raise CorruptStoreError(f"{DESCRIPTION} does not describe a bundle: {error}") from error
    if canonical != data:
        raise CorruptStoreError(f"{DESCRIPTION} is not in canonical form or its digests do not match.")
    return bundle


def bundle_of_manifest(manifest: Mapping[str, Any], trees: Mapping[str, Tree], **provenance: Any) -> Bundle:
    """Return the bundle of a manifest and its trees by digest; ``origin`` and ``created`` may be added."""
    models = tuple(
        BundleModel(item["name"], item["version"], item["root"], trees[item["tree"]]) for item in manifest["models"]
    )
    return Bundle(
        manifest["entry_script"],
        trees[manifest["source"]],
        models,
        manifest["environment"],
        manifest["schema"],
        **provenance,
    )
