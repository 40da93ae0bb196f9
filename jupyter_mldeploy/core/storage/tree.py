"""What a model or a bundle's source consists of: files with a path, a digest, a size and the executable bit.

Nothing else counts: times, owners, the umask and the order of a directory differ between machines that hold the
same content, and so they are not in the digest.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ...errors import InvalidInputError
from .canonical import canonical_json, digest_of_bytes, is_digest


@dataclass(frozen=True)
class FileEntry:
    """One file of a tree.

    Attributes:
        path: where it lies in the tree, with ``/``, relative, in Unicode normal form C, without ``.`` and ``..``.
        digest: ``sha256:…`` of its bytes.
        size: in bytes.
        executable: whether its owner may run it.
    """

    path: str
    digest: str
    size: int
    executable: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", normal_path(self.path))
        if not is_digest(self.digest):
            raise InvalidInputError(f"The file {self.path!r} has no valid digest: {self.digest!r}.", field="digest")
        if isinstance(self.size, bool) or not isinstance(self.size, int) or self.size < 0:
            raise InvalidInputError(f"The file {self.path!r} has no valid size: {self.size!r}.", field="size")

    def to_json(self) -> dict[str, Any]:
        """Return the entry as JSON-ready values."""
        return {"path": self.path, "digest": self.digest, "size": self.size, "executable": self.executable}


@dataclass(frozen=True)
class Tree:
    """Files sorted by path (by code point).

    Raises:
        InvalidInputError: two files have the same path, or one lies below another as if that were a folder.
    """

    files: tuple[FileEntry, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", tuple(sorted(self.files, key=lambda entry: entry.path)))
        paths = {entry.path for entry in self.files}
        if len(paths) != len(self.files):
            seen: set[str] = set()
            double = next(entry.path for entry in self.files if entry.path in seen or seen.add(entry.path))  # type: ignore[func-returns-value]
            raise InvalidInputError(
                f"There are two files {double!r}.", field="files", hint="Their names may differ in Unicode form only."
            )
        for path in paths:
            folder = path
            while "/" in folder:
                folder = folder.rpartition("/")[0]
                if folder in paths:
                    raise InvalidInputError(f"{folder!r} is both a file and the folder of {path!r}.", field="files")

    def __len__(self) -> int:
        return len(self.files)

    @cached_property
    def digest(self) -> str:
        """``sha256:…`` of the canonical JSON of :meth:`to_json`."""
        return digest_of_bytes(self.canonical)

    @cached_property
    def canonical(self) -> bytes:
        """The canonical JSON of :meth:`to_json`."""
        return canonical_json(self.to_json())

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(entry.size for entry in self.files)

    @cached_property
    def by_path(self) -> Mapping[str, FileEntry]:
        """The files by their paths."""
        return {entry.path: entry for entry in self.files}

    def to_json(self) -> list[dict[str, Any]]:
        """Return the files as JSON-ready values, in their order."""
        return [entry.to_json() for entry in self.files]

    @classmethod
    def from_json(cls, value: Sequence[Mapping[str, Any]]) -> Tree:
        """Return the tree that :meth:`to_json` described; InvalidInputError when the value is something else."""
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise InvalidInputError("A list of files is not a list of objects.", field="files")
        entries = []
        for item in value:
            if set(item) != {"path", "digest", "size", "executable"} or not isinstance(item["executable"], bool):
                raise InvalidInputError(f"{item!r} does not describe a file.", field="files")
            entries.append(FileEntry(item["path"], item["digest"], item["size"], item["executable"]))
        return cls(tuple(entries))

    def below(self, folder: str) -> Tree:
        """Return the same files, moved into ``folder``."""
        return Tree(tuple(FileEntry(f"{folder}/{e.path}", e.digest, e.size, e.executable) for e in self.files))

    def listing(self, *, limit: int = 20) -> str:
        """Return the paths as an indented text for messages, cut after ``limit`` lines."""
        return format_paths([entry.path for entry in self.files], limit=limit)


def format_paths(paths: Iterable[str], *, limit: int = 20) -> str:
    """Return paths one below the other, indented, with a last line that counts what was cut."""
    names = list(paths)
    lines = [f"  {name}" for name in names[:limit]]
    if len(names) > limit:
        lines.append(f"  … and {len(names) - limit} more")
    return "\n".join(lines)


def normal_path(path: str) -> str:
    """Return a relative path in the form that trees use, or raise InvalidInputError saying what is wrong with it."""
    if not isinstance(path, str) or not path:
        raise InvalidInputError(f"{path!r} is not a path of a file.", field="path")
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidInputError(
            f"The file name {path!r} is not valid Unicode.", field="path", hint="Rename the file."
        ) from None
    if "\0" in path:
        raise InvalidInputError(f"The path {path!r} holds a zero character.", field="path")
    if path.startswith("/"):
        raise InvalidInputError(f"The path {path!r} is absolute; it must be relative.", field="path")
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise InvalidInputError(f"The path {path!r} may not have empty parts, '.' or '..'.", field="path")
    return unicodedata.normalize("NFC", path)
