"""Listing the files of a folder before they are stored, refusing what a bundle cannot carry."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from ...errors import InvalidInputError
from .tree import normal_path

DEFAULT_IGNORE = (
    ".git", ".hg", ".svn", "__pycache__", "*.pyc", "*.pyo", ".ipynb_checkpoints", ".venv", "venv", "node_modules",
    ".mypy_cache", ".pytest_cache", ".ruff_cache", ".DS_Store",
)  # fmt: skip
"""Names that a folder of source code leaves behind: caches, version control and virtual environments."""

Ignore = Iterable[str] | Callable[[str], bool]
"""Patterns for names or relative paths (``*.log``, ``data/raw``), or a function from a relative path to "leave out"."""

_SPECIAL = (
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISCHR, "a character device"),
)


def scan_folder(folder: Path, ignore: Ignore = ()) -> dict[str, Path]:
    """Return the files below ``folder`` by their relative path (Unicode normal form C), in no certain order.

    Symbolic links are followed as long as they stay inside the folder, so that the result does not depend on how the
    content is laid out.

    Raises:
        InvalidInputError: a link leads outside, to nothing or into a circle; something is neither file nor folder;
            two names are the same in Unicode normal form C; a folder cannot be read.
    """
    root = Path(os.path.realpath(folder))
    found: dict[str, Path] = {}
    leave_out = _ignoring(ignore)
    for relative, path in _walk(root, root, "", leave_out, (root,)):
        name = normal_path(relative)
        if name in found:
            raise InvalidInputError(
                f"The folder {str(folder)!r} has two files that are both called {name!r}; "
                "their names differ in Unicode form only.",
                field="path",
                hint="Rename one of them.",
            )
        found[name] = path
    return found


def refuse_special(path: Path, mode: int) -> None:
    """Raise InvalidInputError when ``mode`` belongs to something that is neither a file nor a folder."""
    for test, kind in _SPECIAL:
        if test(mode):
            raise InvalidInputError(
                f"{str(path)!r} is {kind}; only files and folders can be stored.", field="path", hint="Remove it."
            )


def _walk(
    root: Path, folder: Path, prefix: str, leave_out: Callable[[str, str], bool], above: tuple[Path, ...]
) -> Iterator[tuple[str, Path]]:
    try:
        with os.scandir(folder) as entries:
            listed = list(entries)
    except OSError as error:
        raise InvalidInputError(
            f"The folder {str(folder)!r} cannot be read: {error.strerror}.", field="path"
        ) from error
    for entry in listed:
        relative = prefix + entry.name
        if leave_out(relative, entry.name):
            continue
        path = Path(entry.path)
        if entry.is_symlink():
            path = _follow(root, path, relative)
        try:
            mode = path.stat().st_mode
        except OSError as error:
            raise InvalidInputError(f"{str(path)!r} cannot be read: {error.strerror}.", field="path") from error
        if stat.S_ISDIR(mode):
            if path in above:
                raise InvalidInputError(
                    f"The symbolic link {relative!r} leads back into its own folder.", field="path", hint="Remove it."
                )
            yield from _walk(root, path, relative + "/", leave_out, (*above, path))
        else:
            refuse_special(path, mode)
            yield relative, path


def _follow(root: Path, link: Path, relative: str) -> Path:
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        reason = "is broken" if isinstance(error, FileNotFoundError) else "leads in a circle"
        raise InvalidInputError(
            f"The symbolic link {relative!r} in {str(root)!r} {reason}.", field="path", hint="Repair or remove it."
        ) from error
    if not target.is_relative_to(root):
        raise InvalidInputError(
            f"The symbolic link {relative!r} leads outside of {str(root)!r}, to {str(target)!r}.",
            field="path",
            hint="Copy the folder with its links resolved (`cp -rL`), or put the file inside.",
        )
    return target


def _ignoring(ignore: Ignore) -> Callable[[str, str], bool]:
    if callable(ignore):
        return lambda relative, _: ignore(relative)
    patterns = tuple(ignore)
    return lambda relative, name: any(fnmatchcase(name, p) or fnmatchcase(relative, p) for p in patterns)
