"""Writes collected rows in a thread of its own: CSV or Parquet, into a folder of this machine or through fsspec.

Scoring never waits for it: what does not fit into the queue is dropped and counted. One sink serves a whole process.

CSV in a folder is appended to one file a period, by all workers in turn. Object stores cannot append, and neither can
Parquet: there each flush is a file of its own, ``<name>-<time>-<process>-<number>``, at most once a minute.
"""

from __future__ import annotations

import atexit
import csv
import fcntl
import io
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from .collected_rows import Batch, Place, text

logger = logging.getLogger("mldeploy.scoring")

#: Rows and bytes (about) that may wait; a batch beyond that is dropped.
MOST_ROWS = 100_000
MOST_BYTES = 64 * 2**20

_APPEND_S = 0.5
_PART_S = 60.0
_TELL_S = 60.0

Table = tuple[tuple[str, ...], list[list[Any]]]


class Storage(Protocol):
    """Where tables go."""

    flush_s: float

    def write(self, place: Place, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Write rows of one kind."""


class AppendedCsv:
    """One CSV file per place in a folder of this machine, which all workers append to."""

    flush_s = _APPEND_S

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, place: Place, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Append rows; a file with other columns is left alone and the next one taken (``data.1.csv``)."""
        folder = self._root.joinpath(*place.folders)
        folder.mkdir(parents=True, exist_ok=True)
        head, body = csv_bytes([columns]), csv_bytes(rows)
        number = 0
        while True:
            name = f"{place.stem}.csv" if not number else f"{place.stem}.{number}.csv"
            descriptor = os.open(folder / name, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                length = os.fstat(descriptor).st_size
                if length and os.pread(descriptor, len(head), 0) != head:
                    number += 1
                    continue
                cut_off = length and os.pread(descriptor, 1, length - 1) != b"\n"  # a process that was killed
                write_all(descriptor, (b"" if length else head) + (b"\n" if cut_off else b"") + body)
                return
            finally:
                os.close(descriptor)


class Parts:
    """A new file for each flush.

    Args:
        put: stores bytes below a path relative to the storage's root.
        parquet: write Parquet instead of CSV.
    """

    flush_s = _PART_S

    def __init__(self, put: Callable[[str, bytes], None], *, parquet: bool) -> None:
        self._put = put
        self._parquet = parquet
        self._number = 0

    def write(self, place: Place, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Write rows to a new file."""
        self._number += 1
        clock = time.strftime("%H%M%S", time.gmtime())
        suffix = "parquet" if self._parquet else "csv"
        name = f"{place.stem}-{clock}-{os.getpid()}-{self._number}.{suffix}"
        data = parquet_bytes(columns, rows) if self._parquet else csv_bytes([columns, *rows])
        self._put("/".join((*place.folders, name)), data)


class DataSink:
    """The queue and the thread behind it. Thread-safe; a forked child begins with an empty queue and its own thread."""

    def __init__(self, storage: Storage, *, debug: bool = False) -> None:
        self._storage = storage
        self._debug = debug
        self._changed = threading.Condition()
        self._queue: deque[tuple[Batch, int]] = deque()
        self._rows = self._bytes = 0
        self._busy = False
        self._hurry = False
        self._thread: threading.Thread | None = None
        self.dropped = 0
        self._told = float("-inf")
        os.register_at_fork(after_in_child=self._begin_again)
        atexit.register(self.flush)

    def has_room(self, rows: int, size: int) -> bool:
        """Return whether a batch may be put; when not, its rows count as dropped."""
        if self._rows + rows <= MOST_ROWS and self._bytes + size <= MOST_BYTES:
            return True
        self.drop(rows, "they come faster than they can be written")
        return False

    def put(self, batch: Batch, size: int) -> None:
        """Hand a batch over; it is written soon."""
        with self._changed:
            self._queue.append((batch, size))
            self._rows += batch.rows
            self._bytes += size
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="mldeploy-model-data", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def drop(self, rows: int, why: str) -> None:
        """Count rows that are lost, and say so: at once the first time, then once a minute at most."""
        self.dropped += rows
        now = time.monotonic()
        if now - self._told >= _TELL_S:
            self._told = now
            logger.warning("Model data is being lost: %d rows up to now, because %s.", self.dropped, why)

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until all that was put is written; return False when that takes longer than ``timeout_s``."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            done = self._changed.wait_for(lambda: not self._queue and not self._busy, timeout_s)
            self._hurry = False
            return done

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._queue))
                # Others may come in a moment, and one write is cheaper than two.
                self._changed.wait_for(
                    lambda: self._hurry or self._rows > MOST_ROWS // 4 or self._bytes > MOST_BYTES // 4,
                    self._storage.flush_s,
                )
                taken = list(self._queue)
                self._queue.clear()
                self._rows = self._bytes = 0
                self._busy = True
            self._write([batch for batch, _ in taken])
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _write(self, batches: list[Batch]) -> None:
        tables: dict[tuple[Place, tuple[str, ...]], list[list[Any]]] = {}
        for batch in batches:
            try:
                columns, rows = batch.table()
            except Exception as error:  # noqa: BLE001 - a script's own type may fail in any way
                self.drop(batch.rows, f"a {type(batch.data).__name__} cannot be written ({describe(error)})")
                continue
            tables.setdefault((batch.place, columns), []).extend(rows)
        for (place, columns), rows in tables.items():
            try:
                self._storage.write(place, columns, rows)
            except Exception as error:  # noqa: BLE001 - whatever the storage does, scoring goes on
                self.drop(len(rows), f"the storage failed ({describe(error)})")
            else:
                if self._debug:
                    logger.info("Model data: %d rows were written to %s.", len(rows), "/".join(place.folders))

    def _begin_again(self) -> None:
        self._changed = threading.Condition()
        self._queue.clear()  # the parent writes them
        self._rows = self._bytes = 0
        self._busy = self._hurry = False
        self._thread = None


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of ``data``, however often the system stops short."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def csv_bytes(rows: Sequence[Sequence[Any]]) -> bytes:
    """Return rows as CSV."""
    stream = io.StringIO(newline="")
    csv.writer(stream, lineterminator="\n").writerows([text(value) for value in row] for row in rows)
    return stream.getvalue().encode()


def parquet_bytes(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    """Return rows as a Parquet file; a column of mixed kinds becomes text."""
    import pyarrow
    from pyarrow import parquet

    arrays = []
    for index in range(len(columns)):
        values = [text(row[index]) for row in rows]
        try:
            arrays.append(pyarrow.array(values))
        except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError):
            arrays.append(pyarrow.array([None if value is None else str(value) for value in values]))
    stream = io.BytesIO()
    parquet.write_table(pyarrow.table(arrays, names=list(columns)), stream)
    return stream.getvalue()


def describe(error: BaseException) -> str:
    """Return an error in one line."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
