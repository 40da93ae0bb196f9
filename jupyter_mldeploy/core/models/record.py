"""One version of a model as it is handed around, and as it lies in the catalogue."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from ..storage.failures import human_size
from ..storage.tree import Tree
from ..storage.tree_rows import load_tree


@dataclass(frozen=True)
class Model:
    """One version of a model.

    Attributes:
        name: 1-255 letters, digits and ``-._``.
        version: 1, 2, … in the order of registration; 0 for a path that was never registered.
        created: when it was registered, in UTC.
        description: for people, or None.
        tags: labels that may change.
        properties: labels that can only be added.
        framework: one of v1's names (``ScikitLearn``, ``Onnx``, …) or None.
        framework_version: only with a framework.
        resource_configuration: ``{"cpu": cores, "memory_in_gb": GB, "gpu": number}`` or None.
        kind: whether a file or a folder was registered.
        root: the single entry below the version's directory, the name of the file or folder.
        tree: its files; their paths begin with ``root``.
        sample_input: reference to a sample request, or None.
        sample_output: reference to a sample answer, or None.
    """

    name: str
    version: int
    created: datetime
    kind: Literal["file", "folder"]
    root: str
    tree: Tree = field(repr=False)
    description: str | None = None
    tags: Mapping[str, Any] = field(default_factory=dict, hash=False)
    properties: Mapping[str, Any] = field(default_factory=dict, hash=False)
    framework: str | None = None
    framework_version: str | None = None
    resource_configuration: Mapping[str, float] | None = field(default=None, hash=False)
    sample_input: str | None = None
    sample_output: str | None = None

    @property
    def id(self) -> str:
        """``name:version``."""
        return f"{self.name}:{self.version}"

    @property
    def registered(self) -> bool:
        """False for a path that is used without having been registered (version 0)."""
        return self.version > 0

    @property
    def digest(self) -> str:
        """``sha256:…`` of what the model consists of."""
        return self.tree.digest

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return self.tree.size

    def to_dict(self) -> dict[str, Any]:
        """Return the model as JSON-ready values, without the single files."""
        return {
            "id": self.id,
            "name": self.name,
            "version": self.version,
            "created": self.created.isoformat(),
            "description": self.description,
            "tags": dict(self.tags),
            "properties": dict(self.properties),
            "framework": self.framework,
            "framework_version": self.framework_version,
            "resource_configuration": dict(self.resource_configuration) if self.resource_configuration else None,
            "kind": self.kind,
            "root": self.root,
            "files": len(self.tree),
            "size": self.size,
            "digest": self.digest,
            "sample_input": self.sample_input,
            "sample_output": self.sample_output,
        }

    def __repr__(self) -> str:
        return f"<Model {self.id} ({self.kind} {self.root!r}, {human_size(self.size)})>"

    def _repr_html_(self) -> str:
        return _html(self)


_COLUMNS = (
    "name", "version", "created", "description", "tags", "properties", "framework", "framework_version",
    "resource_configuration", "sample_input", "sample_output", "kind", "root", "tree", "size",
)  # fmt: skip


def insert_model(db: sqlite3.Connection, model: Model) -> None:
    """Add the row of a model; its tree is in the catalogue already."""
    values = {
        **model.to_dict(),
        "tree": model.digest,
        "tags": json.dumps(model.tags),
        "properties": json.dumps(model.properties),
        "resource_configuration": json.dumps(model.resource_configuration) if model.resource_configuration else None,
    }
    marks = ", ".join("?" * len(_COLUMNS))
    db.execute(
        f"INSERT INTO models ({', '.join(_COLUMNS)}) VALUES ({marks})",  # noqa: S608
        [values[column] for column in _COLUMNS],
    )


def model_of_row(db: sqlite3.Connection, row: sqlite3.Row) -> Model:
    """Return the model that a row of the table ``models`` describes."""
    resources = row["resource_configuration"]
    return Model(
        name=row["name"],
        version=row["version"],
        created=datetime.fromisoformat(row["created"]),
        kind=row["kind"],
        root=row["root"],
        tree=load_tree(db, row["tree"]),
        description=row["description"],
        tags=json.loads(row["tags"]),
        properties=json.loads(row["properties"]),
        framework=row["framework"],
        framework_version=row["framework_version"],
        resource_configuration=json.loads(resources) if resources else None,
        sample_input=row["sample_input"],
        sample_output=row["sample_output"],
    )


def _html(model: Model) -> str:
    from html import escape

    def labels(values: Mapping[str, Any]) -> str:
        return ", ".join(f"{key}={value}" for key, value in values.items())

    framework = " ".join(part for part in (model.framework, model.framework_version) if part)
    facts = {
        "Model": model.id if model.registered else f"{model.name} (not registered)",
        "Content": f"{model.kind} {model.root}, {human_size(model.size)} in {len(model.tree)} file"
        + "s" * (len(model.tree) != 1),
        "Digest": model.digest[:19],
        "Framework": framework,
        "Tags": labels(model.tags),
        "Properties": labels(model.properties),
        "Description": model.description or "",
        "Registered": model.created.strftime("%Y-%m-%d %H:%M:%S UTC") if model.registered else "",
    }
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(key)}</th><td style='text-align:left'>{escape(value)}</td></tr>"
        for key, value in facts.items()
        if value
    )
    return f"<table>{rows}</table>"
