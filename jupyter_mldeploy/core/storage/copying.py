"""Copying bytes the cheapest way the file system offers, hashing them where they pass."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

Advance = Callable[[int], None]
"""Called with the number of bytes done since the last call."""

_CHUNK = 1 << 20
_FICLONE = 0x40049409
# What a file system answers that cannot share blocks (between these files); anything else is a real failure.
_CANNOT_CLONE = frozenset(
    {errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.ETXTBSY, errno.EBADF}
)


class UnreadableError(Exception):
    """The source could not be read; it is no OSError, so that nobody takes it for a failure of the target."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror or str(error))


def clone(source: int, target: int) -> bool:
    """Let ``target`` share the blocks of ``source`` (Linux FICLONE: btrfs, XFS, …); return False where it cannot."""
    if sys.platform != "linux":
        return False
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as error:
        if error.errno in _CANNOT_CLONE:
            return False
        raise
    return True


def hash_descriptor(descriptor: int, advance: Advance | None = None) -> tuple[str, int]:
    """Return the digest and the number of bytes from the descriptor's position to its end."""
    return _pump(descriptor, None, advance)


def copy_hashed(
    source: int, target: int, advance: Advance | None = None, *, expected: int | None = None
) -> tuple[str, int]:
    """Copy ``source`` in one pass and return the digest and number of the bytes copied.

    Copying ends soon after ``expected`` bytes: a log that grows as fast as it is copied has no end.
    """
    return _pump(source, target, advance, expected)


def _pump(source: int, target: int | None, advance: Advance | None, expected: int | None = None) -> tuple[str, int]:
    hasher = hashlib.sha256()
    buffer = bytearray(_CHUNK)
    view = memoryview(buffer)
    total = 0
    while count := _read(source, buffer):
        piece = view[:count]
        hasher.update(piece)
        if target is not None:
            write_all(target, piece)
        total += count
        if advance is not None:
            advance(count)
        if expected is not None and total > expected:
            break
    return f"sha256:{hasher.hexdigest()}", total


def read_small(source: int, expected: int, advance: Advance | None = None) -> bytes:
    """Return the bytes of a file of ``expected`` bytes, or more than that when it has grown."""
    pieces: list[bytes] = []
    total = 0
    while total <= expected:
        try:
            piece = os.read(source, expected + 1 - total)
        except OSError as error:
            raise UnreadableError(error) from error
        if not piece:
            break
        pieces.append(piece)
        total += len(piece)
    if advance is not None:
        advance(total)
    return b"".join(pieces)


def _read(source: int, buffer: bytearray) -> int:
    try:
        return os.readv(source, [buffer])
    except OSError as error:
        raise UnreadableError(error) from error


def write_all(target: int, data: bytes | memoryview) -> None:
    """Write all of ``data``, however many system calls that takes."""
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]


def flush(descriptor: int) -> None:
    """Return when the file's bytes are on the disk, not merely on their way."""
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        try:
            fcntl.fcntl(descriptor, full)
        except OSError:
            os.fsync(descriptor)
    else:
        os.fsync(descriptor)


def make_directories(path: Path) -> list[Path]:
    """Make a directory and those above it, and return the directories that have to be flushed for it to last."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for directory in reversed(missing):
        directory.mkdir(exist_ok=True)
    return [directory.parent for directory in reversed(missing)]


def flush_directory(path: Path) -> None:
    """Return when the names in a directory are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        flush(descriptor)
    except OSError as error:
        # Some network file systems refuse to flush a directory because they do so on every rename.
        if error.errno not in (errno.EINVAL, errno.EBADF, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
