"""Digests of big files outside the store, so that deploying an unchanged 5 GB file again does not read it again.

A file counts as unchanged when device, inode, size and both times (contents and metadata) are what they were. The
change time cannot be set by programs. A file that was touched within two seconds of being read is not remembered:
a later change within the clock's resolution could go unnoticed, as git found with its index.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path

from ...errors import StoreError

SMALLEST = 1 << 20
"""Bytes; reading a smaller file costs no more than asking the catalogue."""

_SETTLED_NS = 2 * 10**9

Transaction = Callable[[], AbstractContextManager[sqlite3.Connection]]


class CatalogueFileDigests:
    """File digests in the catalogue's table ``file_digests``. It is a cache: what cannot be noted is read again."""

    def __init__(self, read: Transaction, write: Transaction) -> None:
        self._reading = read
        self._writing = write

    def recall(self, path: Path, status: os.stat_result) -> str | None:
        """Return the digest of a file whose status is ``status`` now, or None when it is new, changed or small."""
        if status.st_size < SMALLEST:
            return None
        with self._reading() as db:
            row = db.execute("SELECT * FROM file_digests WHERE path = ?", (_key(path),)).fetchone()
        return str(row["digest"]) if row is not None and tuple(row)[1:6] == _stamp(status) else None

    def remember(self, files: Iterable[tuple[Path, os.stat_result, str, int]]) -> None:
        """Note the digests of files; small and fresh ones are left out.

        Args:
            files: path, status before it was read, digest, and when that was (nanoseconds since the epoch).
        """
        rows = [
            (_key(path), *_stamp(status), digest)
            for path, status, digest, read_ns in files
            if status.st_size >= SMALLEST and max(status.st_mtime_ns, status.st_ctime_ns) < read_ns - _SETTLED_NS
        ]
        if not rows:
            return
        try:
            with self._writing() as db:
                db.executemany("INSERT OR REPLACE INTO file_digests VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        except StoreError:
            # If the catalogue cannot be written, what follows will say so.
            return


def _key(path: Path) -> str:
    # A link's own name may come to mean another file, but then device and inode differ.
    return os.fsencode(path.absolute()).decode("utf-8", "backslashreplace")


def _stamp(status: os.stat_result) -> tuple[int, int, int, int, int]:
    # SQLite's integers are signed; a few file systems number their inodes with all 64 bits.
    inode = status.st_ino if status.st_ino < 1 << 63 else status.st_ino - (1 << 64)
    return status.st_dev, inode, status.st_size, status.st_mtime_ns, status.st_ctime_ns
