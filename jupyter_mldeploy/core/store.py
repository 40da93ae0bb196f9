"""The workspace's directory: a SQLite catalogue beside content-addressed files, safe for many processes at once.

    home/catalogue.db     what is known (WAL mode; schema in ``migrations``)
    home/blobs/sha256/…   what files hold (see ``blobs``)
    home/locks/           one file a lock, see :meth:`Store.lock`
    home/tmp/             work in progress; what a dead process left is swept when a store is opened

The order of writes makes it safe to die at any point: files are complete and on the disk before one transaction
of the catalogue refers to them, and nothing is visible without that transaction.
"""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import StoreError
from .storage import locks
from .storage.blobs import BlobStore
from .storage.connections import BUSY_WAIT_S, Connections, patiently
from .storage.copying import flush_directory
from .storage.failures import catalogue_errors, storage_errors
from .storage.file_digests import CatalogueFileDigests
from .storage.migrations import (
    APPLICATION_ID,
    LATEST,
    migrate,
    schema_version,
)
from .storage.workdirs import sweep, work_dir

_OPENING = "open the workspace"
_ELSEWHERE = "choose another workspace directory with MLDEPLOY_HOME or Workspace(path)."


class Store:
    """One workspace directory.

    It may be shared by threads, and an instance goes on working in a forked child (with connections of its own).

    Attributes:
        home: the directory, absolute; it is made with mode 0700 when it is not there.
        blobs: the content-addressed files.

    Raises:
        StoreError: the directory cannot be made or written, or a newer version of this package has used it.
        CorruptStoreError: the catalogue is not a SQLite file or is damaged.
    """

    def __init__(self, home: str | Path) -> None:
        self.home = Path(home).expanduser().absolute()
        self.blobs = BlobStore(self.home / "blobs", self.tmp_dir, CatalogueFileDigests(self.read, self.write))
        self._catalogue = self.home / "catalogue.db"
        self._connections = Connections(self._catalogue)
        self._local = threading.local()
        # Closing the last connection writes the log back into the catalogue; left open, the next process does it.
        weakref.finalize(self, self._connections.close)
        self._make_home()
        self._open_catalogue()
        sweep(self.home / "tmp")

    def __repr__(self) -> str:
        return f"Store({str(self.home)!r})"

    def close(self) -> None:
        """Close the connections that are not in use. The store may be used again afterwards."""
        self._connections.close()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Give a connection that sees one unchanging state of the catalogue for the whole block.

        Inside :meth:`write` it is the writer's own connection and sees what has been written so far. Inside another
        ``read`` of the same thread it is the same state. Rows are ``sqlite3.Row``.

        Raises:
            StoreError: the catalogue cannot be read (StoreFullError, CorruptStoreError). A mistake in a statement
                stays a ``sqlite3.Error``.
        """
        thread = self._thread()
        current = thread.current
        if current is not None:
            yield current
            return
        with catalogue_errors(self._catalogue, "read the catalogue"), self._transaction("BEGIN", thread.readers) as db:
            yield db

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Give a connection inside a transaction that is committed at the end of the block, or undone by an exception.

        Once the block has ended the change survives ``kill -9`` and the loss of power. Nested use in one thread joins
        the outer transaction; an inner block that fails undoes only itself, in case the outer one goes on. A ``write``
        inside a ``read`` is not seen by that ``read``.

        Raises:
            StoreError: another process kept the catalogue busy for 30 s, or it cannot be written (StoreFullError,
                CorruptStoreError). A mistake in a statement stays a ``sqlite3.Error``.
        """
        thread = self._thread()
        if thread.writers:
            with _savepoint(thread.writers[-1]) as db:
                yield db
            return
        with (
            catalogue_errors(self._catalogue, "write the catalogue"),
            self._transaction("BEGIN IMMEDIATE", thread.writers) as db,
        ):
            yield db
            patiently(lambda: db.execute("COMMIT"))

    def lock(self, name: str, *, timeout_s: float = 0.0) -> AbstractContextManager[None]:
        """Hold an exclusive lock between processes (and threads) for a block.

        The operating system releases it when the process dies. A thread that holds it and asks again gets BusyError.

        Args:
            name: what is locked, as it is shown to others, for example ``"service diabetes"``.
            timeout_s: seconds to wait; 0 does not wait.

        Raises:
            BusyError: it is held by someone else, who is named by process number.
        """
        return locks.hold(self._lock_file(name), name, timeout_s=timeout_s)

    def adding_content(self) -> AbstractContextManager[None]:
        """Keep garbage collection away for a block that adds blobs first and refers to them afterwards.

        Any number of processes and threads may be inside, nested too. It is entered before :meth:`write`, never inside
        it: garbage collection takes both in this order.
        """
        return locks.hold(self._lock_file("content"), "the content store", shared=True, timeout_s=BUSY_WAIT_S)

    def collecting_garbage(self, *, timeout_s: float = 0.0) -> AbstractContextManager[None]:
        """Keep :meth:`adding_content` away for a block; BusyError when someone is inside it for all that time."""
        return locks.hold(self._lock_file("content"), "the content store", timeout_s=timeout_s)

    def tmp_dir(self, purpose: str) -> AbstractContextManager[Path]:
        """Give an empty directory ``home/tmp/<purpose>-<pid>-<start>-<random>`` that is removed after the block.

        What a killed process leaves is removed when a store is opened on this directory the next time.
        """
        return work_dir(self.home / "tmp", purpose)

    @contextmanager
    def _transaction(self, begin: str, stack: list[sqlite3.Connection]) -> Iterator[sqlite3.Connection]:
        db = self._connections.take()
        try:
            patiently(lambda: db.execute(begin))
            if begin == "BEGIN":
                # A deferred transaction takes its snapshot at the first read, so read here, where waiting is handled.
                patiently(lambda: db.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone())
            stack.append(db)
            try:
                yield db
            finally:
                stack.remove(db)
        finally:
            self._connections.give_back(db)

    def _thread(self) -> _Thread:
        thread: _Thread | None = getattr(self._local, "thread", None)
        if thread is None or thread.pid != os.getpid():
            thread = self._local.thread = _Thread()
        return thread

    def _make_home(self) -> None:
        if self.home.is_dir():
            if not os.access(self.home, os.W_OK | os.X_OK):
                raise StoreError(
                    f"Could not {_OPENING}: the directory {self.home} cannot be written.",
                    hint=f"Make it writable, or {_ELSEWHERE}",
                )
            return
        with storage_errors(self.home, _OPENING):
            self.home.parent.mkdir(parents=True, exist_ok=True)
            self.home.mkdir(mode=0o700, exist_ok=True)
            flush_directory(self.home.parent)

    def _open_catalogue(self) -> None:
        with catalogue_errors(self._catalogue, _OPENING):
            db = self._connections.take()
            try:
                version = patiently(lambda: schema_version(db))
                if version < LATEST:
                    # One process at a time: SQLite does not wait for others when the journal mode changes.
                    with locks.hold(self._lock_file("catalogue"), "the catalogue", timeout_s=BUSY_WAIT_S):
                        if patiently(lambda: schema_version(db)) < LATEST:
                            self._refuse_foreign(db, may_be_new=True)
                            patiently(lambda: db.execute("PRAGMA journal_mode = WAL").fetchone())
                            patiently(lambda: migrate(db))
                elif version > LATEST:
                    raise StoreError(
                        f"Could not {_OPENING}: a newer jupyter_mldeploy has used {self.home} "
                        f"(catalogue version {version}, this one knows {LATEST}).",
                        hint=f"Upgrade jupyter_mldeploy, or {_ELSEWHERE}",
                        details={"found": version, "known": LATEST},
                    )
                self._refuse_foreign(db)
            finally:
                self._connections.give_back(db)

    def _refuse_foreign(self, db: sqlite3.Connection, *, may_be_new: bool = False) -> None:
        if db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID:
            return
        if may_be_new and not db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            return
        raise StoreError(
            f"Could not {_OPENING}: {self._catalogue} is the database of another program.",
            hint=f"Move it away, or {_ELSEWHERE}",
        )

    def _lock_file(self, name: str) -> Path:
        directory = self.home / "locks"
        if not directory.is_dir():
            with storage_errors(directory, f"lock {name}"):
                directory.mkdir(mode=0o700, exist_ok=True)
        encoded = re.sub(r"[^a-zA-Z0-9_.-]", lambda match: f"%{ord(match.group()):X}", name)
        return directory / f"{encoded[:200]}.lock"


@dataclass
class _Thread:
    """The transactions that one thread has open; a forked child starts with none."""

    pid: int = field(default_factory=os.getpid)
    writers: list[sqlite3.Connection] = field(default_factory=list)
    readers: list[sqlite3.Connection] = field(default_factory=list)

    @property
    def current(self) -> sqlite3.Connection | None:
        stack = self.writers or self.readers
        return stack[-1] if stack else None


@contextmanager
def _savepoint(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    db.execute("SAVEPOINT nested")
    try:
        yield db
    except BaseException:
        # A full disk may have ended the whole transaction already.
        if db.in_transaction:
            db.execute("ROLLBACK TO nested")
            db.execute("RELEASE nested")
        raise
    db.execute("RELEASE nested")
