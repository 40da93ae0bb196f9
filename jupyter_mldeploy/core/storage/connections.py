"""SQLite connections of one catalogue: kept for reuse, never shared by a parent and its forked child, patient."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ...errors import StoreError
from .failures import BUSY_CODES

T = TypeVar("T")

BUSY_WAIT_S = 30.0
"""Seconds that a reader or writer waits for the catalogue before it gives up."""

# SQLite waits in C code, where a notebook's interrupt is not seen; so it waits in slices and `patiently` repeats them.
_BUSY_SLICE_S = 0.5

# Connections inherited by a forked child. Closing one there could harm the parent's, so they are kept for ever.
_inherited: list[sqlite3.Connection] = []


class Connections:
    """Open connections of one catalogue that no thread is using now."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._free: list[sqlite3.Connection] = []
        self._file: tuple[int, int] | None = None

    def take(self) -> sqlite3.Connection:
        """Return a connection for the caller alone; it must be given back."""
        self._notice_fork()
        self._notice_removal()
        with self._lock:
            if self._free:
                return self._free.pop()
        connection = sqlite3.connect(self._path, timeout=_BUSY_SLICE_S, isolation_level=None, check_same_thread=False)
        try:
            self._set_up(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_up(self, connection: sqlite3.Connection) -> None:
        connection.row_factory = sqlite3.Row
        # FULL: a commit that was acknowledged is on the disk, also when the power fails. fullfsync is macOS's own word
        # for the same thing and means nothing elsewhere.
        for pragma in ("synchronous = FULL", "fullfsync = ON", "foreign_keys = ON"):
            patiently(lambda pragma=pragma: connection.execute(f"PRAGMA {pragma}"))  # type: ignore[misc]
        if self._file is None:
            status = self._path.stat()
            self._file = (status.st_dev, status.st_ino)

    def give_back(self, connection: sqlite3.Connection) -> None:
        """Take a connection back for reuse, undoing what it has not committed."""
        if self._pid != os.getpid():
            _inherited.append(connection)
            return
        try:
            if connection.in_transaction:
                connection.rollback()
        except sqlite3.Error:
            connection.close()
            return
        with self._lock:
            self._free.append(connection)

    def close(self) -> None:
        """Close the connections that nobody is using."""
        self._notice_fork()
        with self._lock:
            free, self._free = self._free, []
        for connection in free:
            connection.close()

    def _notice_removal(self) -> None:
        # An open connection would go on writing to a file without a name, and acknowledge what nobody will ever read.
        if self._file is None:
            return
        try:
            status = self._path.stat()
        except FileNotFoundError:
            status = None
        if status is None or (status.st_dev, status.st_ino) != self._file:
            raise StoreError(
                f"The catalogue {self._path} was removed or replaced while it was in use.",
                hint="Open the workspace again.",
            )

    def _notice_fork(self) -> None:
        if self._pid != os.getpid():
            _inherited.extend(self._free)
            self._pid, self._lock, self._free = os.getpid(), threading.Lock(), []


def patiently(action: Callable[[], T]) -> T:
    """Return what ``action`` returns, repeating it for up to 30 s while SQLite says that it is busy.

    Busy has kinds (BUSY_SNAPSHOT, BUSY_RECOVERY) for which SQLite does not wait by itself.
    """
    deadline = time.monotonic() + BUSY_WAIT_S
    while True:
        try:
            return action()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
        time.sleep(0.005)


def is_busy(error: sqlite3.Error) -> bool:
    """Return whether another connection is in the way, so that waiting helps."""
    return (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in BUSY_CODES
