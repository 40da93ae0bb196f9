"""Noticing that files were changed: a renewed certificate, keys of a Secret that is mounted into a container."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # what typing.TYPE_CHECKING means to type checkers, without the import of typing
if TYPE_CHECKING:
    from collections.abc import Iterable


def file_stamps(paths: Iterable[str]) -> tuple[int, ...]:
    """Return what differs when one of the files is changed or replaced; a missing one counts as empty."""
    stamps: list[int] = []
    for path in paths:
        try:
            found = os.stat(path)  # noqa: PTH116 - once a second
            stamps += [found.st_mtime_ns, found.st_ino, found.st_size]
        except OSError:
            stamps.append(0)
    return tuple(stamps)
