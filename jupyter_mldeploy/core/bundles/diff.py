"""What is different between two bundles, for people and for programs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ...errors import CorruptStoreError
from ..storage.blobs import BlobStore
from ..storage.failures import human_size
from ..storage.tree import FileEntry
from .format import Bundle

_LARGEST_TEXT = 1 << 20
Status = Literal["added", "removed", "changed"]
_DISTRIBUTION = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")


@dataclass(frozen=True)
class FileChange:
    """A source file that differs; ``text`` is a unified diff, or None for what is not text (or more than 1 MiB)."""

    path: str
    status: Status
    text: str | None
    before: FileEntry | None
    after: FileEntry | None


@dataclass(frozen=True)
class ValueChange:
    """A value that differs, at a dotted path; None stands for "not there"."""

    path: str
    status: Status
    before: Any
    after: Any

    def __str__(self) -> str:
        if self.status == "added":
            return f"+ {self.path}: {self.after}"
        if self.status == "removed":
            return f"- {self.path}: {self.before}"
        return f"~ {self.path}: {self.before} -> {self.after}"


@dataclass(frozen=True)
class BundleDiff:
    """The differences of two bundles.

    Attributes:
        before: digest of the one.
        after: digest of the other.
        entry_script: the change of entry script, or None.
        files: source files that differ.
        models: models that differ; values are ids, with the content's digest where only that differs.
        environment: values of the environment that differ; requirements are paired by distribution.
        schema: values of the schema that differ.
    """

    before: str
    after: str
    entry_script: ValueChange | None
    files: tuple[FileChange, ...]
    models: tuple[ValueChange, ...]
    environment: tuple[ValueChange, ...]
    schema: tuple[ValueChange, ...]

    def __bool__(self) -> bool:
        return bool(self.entry_script or self.files or self.models or self.environment or self.schema)

    def to_dict(self) -> dict[str, Any]:
        """Return the differences as JSON-ready values."""

        def values(changes: tuple[ValueChange, ...]) -> list[dict[str, Any]]:
            return [vars(change) for change in changes]

        return {
            "before": self.before,
            "after": self.after,
            "entry_script": None if self.entry_script is None else vars(self.entry_script),
            "files": [
                {
                    "path": file.path,
                    "status": file.status,
                    "text": file.text,
                    "before": _identity(file.before),
                    "after": _identity(file.after),
                }
                for file in self.files
            ],
            "models": values(self.models),
            "environment": values(self.environment),
            "schema": values(self.schema),
        }

    def __str__(self) -> str:
        if not self:
            return "No difference."
        lines: list[str] = []
        if self.entry_script:
            lines.append(str(self.entry_script))
        for file in self.files:
            if file.text is None:
                entries = [entry for entry in (file.before, file.after) if entry is not None]
                sizes = " -> ".join(f"{human_size(entry.size)}, {entry.digest[:19]}" for entry in entries)
                lines.append(f"{file.path}: {file.status} ({sizes})")
            else:
                lines.append(file.text.rstrip("\n"))
        for title, changes in (("models", self.models), ("environment", self.environment), ("schema", self.schema)):
            if changes:
                lines += [f"{title}:", *(f"  {change}" for change in changes)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        colours = {"+": "#1a7f37", "-": "#cf222e", "@": "#6e7781"}
        lines = (
            f"<span style='color:{colours[line[0]]}'>{escape(line)}</span>" if line[:1] in colours else escape(line)
            for line in str(self).splitlines()
        )
        return f"<pre>{chr(10).join(lines)}</pre>"


def diff_bundles(blobs: BlobStore, before: Bundle, after: Bundle) -> BundleDiff:
    """Compare two bundles; only text of source files that differ is read."""
    script = None
    if before.entry_script != after.entry_script:
        script = ValueChange("entry_script", "changed", before.entry_script, after.entry_script)
    return BundleDiff(
        before.digest,
        after.digest,
        script,
        _files(blobs, before, after),
        _models(before, after),
        tuple(_values("", before.environment, after.environment)),
        tuple(_schema(before.schema, after.schema)),
    )


def _files(blobs: BlobStore, before: Bundle, after: Bundle) -> tuple[FileChange, ...]:
    old, new = before.source.by_path, after.source.by_path
    changes = []
    for path in sorted({*old, *new}):
        one, two = old.get(path), new.get(path)
        if one != two:
            changes.append(FileChange(path, _status(one, two), _text_diff(blobs, path, one, two), one, two))
    return tuple(changes)


def _text_diff(blobs: BlobStore, path: str, one: FileEntry | None, two: FileEntry | None) -> str | None:
    old, new = text_of(blobs, one), text_of(blobs, two)
    if old is None or new is None:
        return None
    head = ""
    if one is not None and two is not None and one.executable != two.executable:
        head = f"{path}: {'executable' if two.executable else 'not executable'} now\n"
    lines = difflib.unified_diff(
        old.splitlines(keepends=True),
        new.splitlines(keepends=True),
        f"before/{path}" if one else "/dev/null",
        f"after/{path}" if two else "/dev/null",
    )
    return head + "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _identity(entry: FileEntry | None) -> dict[str, Any] | None:
    return None if entry is None else {"size": entry.size, "digest": entry.digest}


def text_of(blobs: BlobStore, entry: FileEntry | None) -> str | None:
    """Return a file's text, "" for one that is not there, or None for what is not text (or more than 1 MiB)."""
    if entry is None:
        return ""
    if entry.size > _LARGEST_TEXT:
        return None
    try:
        text = blobs.read_bytes(entry.digest).decode("utf-8")
    except (UnicodeDecodeError, CorruptStoreError):
        return None
    return None if "\0" in text else text


def _models(before: Bundle, after: Bundle) -> tuple[ValueChange, ...]:
    old = {model.name: [m for m in before.models if m.name == model.name] for model in before.models}
    new = {model.name: [m for m in after.models if m.name == model.name] for model in after.models}
    changes = []
    for name in sorted({*old, *new}):
        one, two = old.get(name, []), new.get(name, [])
        if one == two:
            continue
        same_ids = [model.id for model in one] == [model.id for model in two]

        def shown(models: list[Any], same_ids: bool = same_ids) -> str | None:
            texts = [f"{model.id} ({model.tree.digest[:19]})" if same_ids else model.id for model in models]
            return ", ".join(texts) or None

        changes.append(ValueChange(name, _status(one, two), shown(one), shown(two)))
    return tuple(changes)


def _schema(one: Mapping[str, Any] | None, two: Mapping[str, Any] | None) -> list[ValueChange]:
    if (one is None) == (two is None) or one or two:
        return _values("", one or {}, two or {})
    # An empty schema accepts everything; none at all says nothing.
    return [ValueChange("(all)", _status(two is None, one is None), one, two)]


def _values(path: str, one: Any, two: Any) -> list[ValueChange]:
    if one == two and type(one) is type(two):
        return []
    before, after = (one, two) if isinstance(one, dict) else (_by_distribution(one), _by_distribution(two))
    changes: list[ValueChange] = []
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            below = f"{path}.{key}" if path else key
            if key not in before:
                changes.append(ValueChange(below, "added", None, after[key]))
            elif key not in after:
                changes.append(ValueChange(below, "removed", before[key], None))
            else:
                changes += _values(below, before[key], after[key])
    # What is left may differ in its order alone, and that is a difference too.
    return changes or [ValueChange(path or "(all)", "changed", one, two)]


def _by_distribution(value: Any) -> dict[str, str] | None:
    """Return requirements by distribution, so that a new pin is one change and not two, or None for other values."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return None
    keyed: dict[str, str] = {}
    for item in value:
        match = _DISTRIBUTION.match(item)
        keyed[re.sub(r"[-_.]+", "-", match[1]).lower() if match else item] = item
    return keyed if len(keyed) == len(value) else None


def _status(one: Any, two: Any) -> Status:
    return "added" if not one else "removed" if not two else "changed"
