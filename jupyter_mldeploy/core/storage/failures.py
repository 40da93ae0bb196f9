"""Turning what the file system and SQLite say into one sentence with a way out."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import (
    CorruptStoreError,
    MldeployError,
    StoreError,
    StoreFullError,
)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_OTHER_HOME = "Make it writable, or choose another workspace directory with MLDEPLOY_HOME or Workspace(path)."
BUSY_CODES = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})


@contextmanager
def storage_errors(place: Path, doing: str) -> Iterator[None]:
    """Raise StoreFullError or StoreError instead of an OSError that ends the block.

    Args:
        place: the file or directory of the store that is being worked on.
        doing: what was attempted, as in "store the model file".
    """
    try:
        yield
    except OSError as error:
        raise explain_os_error(error, place, doing) from error


@contextmanager
def catalogue_errors(place: Path, doing: str) -> Iterator[None]:
    """Raise StoreError instead of a sqlite3.Error that ends the block, unless it is a mistake in a statement.

    The block holds a caller's code, so an OSError passes, except one that says that the disk is full.
    """
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise explain_os_error(error, place, doing) from error
    except sqlite3.Error as error:
        explained = explain_sqlite_error(error, place, doing)
        if explained is None:
            raise
        raise explained from error


def is_full(error: OSError) -> bool:
    """Return whether the error says that disk space, a quota or the file size limit is used up."""
    return error.errno in _FULL


def explain_os_error(error: OSError, place: Path, doing: str) -> MldeployError:
    """Return the error to raise for what the file system said."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    if is_full(error):
        return full(place, doing, reason)
    if error.errno in _DENIED:
        return StoreError(f"Could not {doing}: {place} cannot be written ({reason}).", hint=_OTHER_HOME)
    return StoreError(f"Could not {doing} in {place}: {reason}.")


def full(place: Path, doing: str, reason: str) -> StoreFullError:
    """Return the error for a full disk, with the space that is left where the store lies."""
    free = free_bytes(place)
    left = "" if free is None else f", {human_size(free)} left"
    return StoreFullError(
        f"Could not {doing}: there is no room at {place} ({reason}{left}).",
        hint="Free some space, delete models or bundles and collect garbage, or move the workspace with MLDEPLOY_HOME.",
        details={"free_bytes": free},
    )


def explain_sqlite_error(error: sqlite3.Error, place: Path, doing: str) -> MldeployError | None:
    """Return the error to raise for what SQLite said, or None when it is a mistake in a statement."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return None
    primary = code & 0xFF
    if primary in BUSY_CODES:
        return StoreError(
            f"Could not {doing}: another process kept the catalogue {place} busy for too long.",
            hint="Try again; if it stays so, look for a stopped or hanging process that uses this workspace.",
        )
    if primary == sqlite3.SQLITE_FULL or (primary == sqlite3.SQLITE_IOERR and (free_bytes(place) or 0) < 1 << 16):
        return full(place, doing, str(error))
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return CorruptStoreError(
            f"Could not {doing}: the catalogue {place} is damaged ({error}).",
            hint="Move that file away to start an empty catalogue, or rescue it with `sqlite3 FILE .recover`; "
            "the model files beside it are not affected.",
        )
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH):
        return StoreError(
            f"Could not {doing}: the catalogue {place} cannot be opened for writing ({error}).", hint=_OTHER_HOME
        )
    if primary == sqlite3.SQLITE_IOERR:
        return StoreError(
            f"Could not {doing}: reading or writing the catalogue {place} failed ({error}).", hint=_OTHER_HOME
        )
    return None


def free_bytes(place: Path) -> int | None:
    """Return the bytes that may still be written where ``place`` is or would be, or None when unknown."""
    for directory in (place, *place.parents):
        try:
            status = os.statvfs(directory)
        except OSError:
            continue
        return status.f_bavail * status.f_frsize
    return None


def human_size(size: int) -> str:
    """Return ``size`` bytes as text for people, for example ``"1.4 GB"`` (powers of 1000)."""
    if size < 1000:
        return f"{size} B"
    value, units = size / 1000, ["kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.1f} {units[0]}" if value < 10 else f"{value:.0f} {units[0]}"
