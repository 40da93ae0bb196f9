"""From the path that a user names to the files of a model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from ...errors import InvalidInputError, NotFoundError
from ..names import did_you_mean
from ..storage.scan import scan_folder
from ..storage.tree import format_paths, normal_path


@dataclass(frozen=True)
class ModelSource:
    """The files of a model before they are stored.

    Attributes:
        kind: what the path was.
        root: the single entry below the version's directory: the name of the file or of the folder.
        files: path below the version's directory → file.
        size: bytes of all files.
    """

    kind: Literal["file", "folder"]
    root: str
    files: dict[str, Path]
    size: int


def read_source(path: str | os.PathLike[str], child_paths: Sequence[str] | None = None) -> ModelSource:
    """Return what lies at ``path``.

    Args:
        path: a file or a folder; ``~`` is the home directory.
        child_paths: for a folder, the files and folders below it that are to be taken; None takes all.

    Raises:
        InvalidInputError: nothing is there (the message lists what is near by), it is empty or holds what cannot be
            stored.
    """
    if not isinstance(path, (str, os.PathLike)) or not str(path):
        raise InvalidInputError(f"{path!r} is not a path of a model file or folder.", field="path")
    given = Path(path).expanduser()
    if not given.exists():
        raise missing_path(given)
    root = normal_path(given.name or given.resolve().name) if given.name != ".." else given.resolve().name
    if given.is_dir():
        files = scan_folder(given)
        if child_paths is not None:
            files = _only(files, child_paths, given)
        if not files:
            raise InvalidInputError(f"The model folder {str(given)!r} holds no files.", field="path")
        files = {f"{root}/{name}": file for name, file in files.items()}
        return ModelSource("folder", root, files, sum(file.stat().st_size for file in files.values()))
    if child_paths is not None:
        raise InvalidInputError(
            f"child_paths was given, but {str(given)!r} is a file, not a folder.", field="child_paths"
        )
    return ModelSource("file", root, {root: given}, given.stat().st_size)


def missing_path(path: Path) -> NotFoundError:
    """Return the error for a model path where nothing is, with what lies near by and the likely meaning."""
    folder = path.parent
    while not folder.is_dir():
        folder = folder.parent
    try:
        names = sorted(entry.name + "/" * entry.is_dir() for entry in folder.iterdir() if entry.name[0] != ".")
    except OSError:
        names = []
    wanted = path.relative_to(folder).parts[0]
    dangling = " It is a symbolic link to nothing." if path.is_symlink() else ""
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    listed = f"In {str(folder.resolve())!r} there are {', '.join(names[:12])}{more}." if names else ""
    hints = [did_you_mean(wanted, [name.rstrip("/") for name in names]), listed]
    return NotFoundError(
        "model file or folder",
        str(path),
        message=f"There is no model file or folder {str(path)!r}.{dangling}",
        hint=" ".join(hint for hint in hints if hint) or f"The folder {str(folder.resolve())!r} is empty.",
    )


def _only(files: dict[str, Path], child_paths: Sequence[str], folder: Path) -> dict[str, Path]:
    if isinstance(child_paths, str):
        raise InvalidInputError("child_paths must be a list of paths, not one text.", field="child_paths")
    chosen: dict[str, Path] = {}
    for child in child_paths:
        wanted = normal_path(PurePosixPath(str(child)).as_posix())
        below = {name: file for name, file in files.items() if name == wanted or name.startswith(f"{wanted}/")}
        if not below:
            raise InvalidInputError(
                f"child_paths names {child!r}, but the folder {str(folder)!r} has no such file or folder.",
                field="child_paths",
                hint=f"It has:\n{format_paths(sorted(files), limit=12)}",
            )
        chosen.update(below)
    return chosen
