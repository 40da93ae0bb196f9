"""A service's log: segments that only the supervisor writes, fed from one spool file per process.

A worker's stdout and stderr are a *spool*: a plain file opened for appending. Writing to it never blocks, never fails
with a broken pipe, and goes on when the supervisor is killed; whatever a crashing process wrote is there afterwards.
The supervisor copies new lines from the spools into the *book* a few times a second (and at once when a worker ends),
adding where each line came from. As the book has one writer, a segment that is full is simply followed by the next one,
and a reader's place is (segment, offset), which no rotation ever moves.

Book line: one JSON object, ``{"source": "worker-1", "revision": 3, "time": 1712.5, "level": "info", "message": …}``.
Lines that the worker wrote in that form already (``{"time":…``) keep their fields; raw lines get time and level here.
"""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path

PREFIX = "service-"
SUFFIX = ".log"
STRUCTURED = b'{"time":'

#: Bytes copied from one spool per round, and the backlog beyond which lines are dropped rather than copied.
_ROUND = 2 * 1024 * 1024
_LONGEST_BACKLOG = 16 * 1024 * 1024
_LONGEST_LINE = 64 * 1024

#: Shorter values than this are too common to be blotted out everywhere.
_SHORTEST_SECRET = 4


def segments(directory: Path) -> list[tuple[int, Path]]:
    """Return (number, path) of the log's segments, oldest first."""
    found = []
    try:
        names = os.listdir(directory)  # noqa: PTH208
    except OSError:
        return []
    for name in names:
        number = name.removeprefix(PREFIX).removesuffix(SUFFIX)
        if name.startswith(PREFIX) and name.endswith(SUFFIX) and number.isdecimal():
            found.append((int(number), directory / name))
    return sorted(found)


class LogBook:
    """The segments of one service's log.

    Args:
        directory: where they lie; made when it does not exist.
        max_bytes: what all segments together may hold, roughly.
        keep: number of segments that share ``max_bytes``.
    """

    def __init__(self, directory: Path, max_bytes: int = 50 * 1024 * 1024, keep: int = 5) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._keep = max(2, keep)
        self._limit = max(4096, max_bytes // self._keep)
        existing = segments(directory)
        self._number = existing[-1][0] if existing else 1
        self._open()

    def set_limit(self, max_bytes: int) -> None:
        """Change the size that all segments together may have."""
        self._limit = max(4096, max_bytes // self._keep)

    def _open(self) -> None:
        path = self._directory / f"{PREFIX}{self._number:06d}{SUFFIX}"
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._fd).st_size

    def write(self, source: str, text: str, *, revision: int | None = None, level: str = "info") -> None:
        """Add lines of the supervisor's own."""
        now = time.time()
        for line in text.splitlines() or [""]:
            self.append(_wrap(source, revision, level, now, line))

    def append(self, data: bytes) -> None:
        """Add whole lines. A disk that is full costs log lines, never the service."""
        while data:
            fits = len(data) <= self._limit - self._size
            cut = len(data) if fits else data.rfind(b"\n", 0, max(0, self._limit - self._size)) + 1
            if not cut and self._size:
                self._next_segment()
                continue
            cut = cut or data.find(b"\n") + 1 or len(data)  # one line that is longer than a segment
            try:
                self._size += os.write(self._fd, data[:cut])
            except OSError:
                return
            data = data[cut:]

    def _next_segment(self) -> None:
        os.close(self._fd)
        self._number += 1
        self._open()
        for _, path in segments(self._directory)[: -self._keep]:
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the current segment."""
        os.close(self._fd)


def _wrap(source: str, revision: int | None, level: str, when: float, text: str) -> bytes:
    line = {"source": source, "revision": revision, "time": round(when, 3), "level": level, "message": text}
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


class Spool:
    """What one process writes to its stdout and stderr.

    ``fileno()`` is the descriptor to hand over; :meth:`drain` copies what is new into the book, with ``secrets``
    blotted out.
    """

    def __init__(self, path: Path, source: str, revision: int | None, secrets: Iterable[str] = ()) -> None:
        self.path = path
        self.source = source
        self.revision = revision
        self._secrets = [secret.encode() for secret in secrets if len(secret) >= _SHORTEST_SECRET]
        self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # How far the spool was copied, on disk: after a kill nothing is copied twice.
        self._place = os.open(path.with_suffix(".place"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._offset = int.from_bytes(os.pread(self._place, 8, 0), "little")
        self._rest = b""
        self._recent: deque[bytes] = deque(maxlen=200)

    def fileno(self) -> int:
        """Return the descriptor (append mode)."""
        return self._fd

    def drain(self, book: LogBook, *, final: bool = False) -> bool:
        """Copy new whole lines (with ``final`` the unfinished last one too). Return whether anything was new."""
        moved = False
        while True:
            size = os.fstat(self._fd).st_size
            if size - self._offset > _LONGEST_BACKLOG:
                dropped = size - self._offset - _ROUND
                self._offset += dropped
                self._rest = b""
                book.write(self.source, f"[{dropped} bytes of output dropped: it came faster than it can be kept]",
                           revision=self.revision, level="warning")  # fmt: skip
            chunk = os.pread(self._fd, min(_ROUND, size - self._offset), self._offset) if size > self._offset else b""
            self._offset += len(chunk)
            moved = moved or bool(chunk)
            if chunk:
                self._copy(self._rest + chunk, book)
            if not (final and chunk):
                break
        if final and self._rest:
            self._copy(self._rest + b"\n", book)
        if self._offset > _ROUND and os.fstat(self._fd).st_size == self._offset:
            # Appending writers go on at the new end. A line written between the two calls is lost; that is the price
            # of a bound that holds whatever the process does.
            os.ftruncate(self._fd, 0)
            self._offset = 0
            moved = True
        if moved:
            os.pwrite(self._place, (self._offset - len(self._rest)).to_bytes(8, "little"), 0)
        return moved

    def _copy(self, data: bytes, book: LogBook) -> None:
        end = data.rfind(b"\n") + 1
        if not end and len(data) > _LONGEST_LINE:
            data += b"\n"
            end = len(data)
        self._rest = data[end:]
        text = data[:end]
        for secret in self._secrets:
            text = text.replace(secret, b"***")
        lines = text.splitlines()
        if not lines:
            return
        self._recent.extend(lines[-200:])
        now = time.time()
        head = b'{"source":%s,"revision":%s,' % (json.dumps(self.source).encode(), json.dumps(self.revision).encode())
        book.append(
            b"".join(
                head + line[1:] + b"\n"
                if line.startswith(STRUCTURED) and line.endswith(b"}")
                else _wrap(self.source, self.revision, "info", now, line[:_LONGEST_LINE].decode("utf-8", "replace"))
                for line in lines
            )
        )

    def recent(self, limit: int = 40) -> list[str]:
        """Return the text of the last lines that were drained."""
        return [line_text(line) for line in list(self._recent)[-limit:]]

    def close(self, book: LogBook) -> None:
        """Copy what is left and remove the file."""
        self.drain(book, final=True)
        os.close(self._fd)
        os.close(self._place)
        self.path.unlink(missing_ok=True)
        self.path.with_suffix(".place").unlink(missing_ok=True)


def line_text(line: bytes) -> str:
    """Return what a person reads of a worker's line: the message of a structured one, a raw one as it is."""
    if line.startswith(b"{"):
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if isinstance(found, dict) and isinstance(found.get("message"), str):
            return str(found["message"])
    return line.decode("utf-8", "replace")


def salvage(spools: Iterable[Path], book: LogBook) -> None:
    """Take over what processes of a killed supervisor wrote after its end."""
    for path in spools:
        name, _, revision = path.stem.partition("~")
        number = revision.partition(".")[0]
        spool = Spool(path, name, int(number) if number.isdecimal() else None)
        spool.close(book)
