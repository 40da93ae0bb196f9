"""Files on their way into the content store: copied and hashed in one pass, flushed together, then named.

The file that a user hands over is never hard-linked *into* the store: the user may overwrite it in place, and the
stored content would change with it. It is cloned (btrfs, XFS, …) or copied.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from ...errors import InvalidInputError
from .canonical import DIGEST_PREFIX, digest_of_bytes
from .copying import (
    Advance,
    UnreadableError,
    clone,
    copy_hashed,
    flush,
    flush_directory,
    hash_descriptor,
    make_directories,
    read_small,
    write_all,
)
from .failures import (
    free_bytes,
    full,
    human_size,
    storage_errors,
)
from .scan import refuse_special
from .tree import FileEntry, Tree

# Flushing waits for the disk; several at once share one wait.
_FLUSHING_THREADS = 8
_MANY = 16
# Up to this many bytes a file is held in memory rather than written before its digest is known.
_SMALL = 1 << 18


@dataclass(frozen=True)
class Blob:
    """Stored content: ``digest`` is ``sha256:…``, ``size`` in bytes; ``executable``: how the source was marked."""

    digest: str
    size: int
    executable: bool = False


class FileDigests(Protocol):
    """Remembers what files outside the store held, see ``file_digests``."""

    def recall(self, path: Path, status: os.stat_result) -> str | None:
        """Return the digest of an unchanged file, or None."""

    def remember(self, files: Iterable[tuple[Path, os.stat_result, str, int]]) -> None:
        """Note digests: path, status, digest and the time of reading in nanoseconds of each."""


class Batch:
    """Some files that are stored together; made by ``BlobStore.batch``.

    Args:
        directory: the content store's directory, for messages and for the room that is left.
        path_of: where a digest's blob lies.
        work_dir: gives a temporary directory on the same file system; called when the first file needs it.
        digests: what is known of files outside, or None.
    """

    def __init__(
        self,
        directory: Path,
        path_of: Callable[[str], Path],
        work_dir: Callable[[], Path],
        digests: FileDigests | None,
    ) -> None:
        self._directory = directory
        self._path_of = path_of
        self._new_work_dir = work_dir
        self._digests = digests
        self._work_dir: Path | None = None
        self._count = 0
        self._staged: dict[str, Path] = {}
        self._read: list[tuple[Path, os.stat_result, str, int]] = []

    def add_file(self, path: Path, *, advance: Advance | None = None, adopt: bool = False) -> Blob:
        """See ``BlobStore.add_file``; the blob is in its place when the batch has ended."""
        reader = _open_source(path)
        try:
            before, read_ns = os.fstat(reader), time.time_ns()
            staged: Path | None = None
            data = b""
            executable = bool(before.st_mode & stat.S_IXUSR)
            known = self._digests.recall(path, before) if self._digests is not None and not adopt else None
            if known is not None and self._is_stored(known, before.st_size):
                if advance is not None:
                    advance(before.st_size)
                return Blob(known, before.st_size, executable)
            if before.st_size <= _SMALL and not adopt:
                # Hashed before it is written: most small files of a changed folder are stored already.
                data = read_small(reader, before.st_size, advance)
                size, digest = len(data), digest_of_bytes(data)
            else:
                staged = self._next()
                if adopt and _take(path, before, staged):
                    digest, size = hash_descriptor(reader, advance)
                else:
                    digest, size = self._copy_in(reader, staged, before.st_size, path, advance)
            after = os.fstat(reader)
        except UnreadableError as error:
            raise InvalidInputError(f"{str(path)!r} cannot be read: {error}.", field="path") from error
        finally:
            os.close(reader)
        if size != before.st_size or (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise InvalidInputError(
                f"{str(path)!r} was changed by another program while it was being read.",
                field="path",
                hint="Wait until it is written completely, then try again.",
            )
        if staged is None:
            self._write(data, digest)
        else:
            self._stage(staged, digest, size)
        if not adopt:
            self._read.append((path, before, digest, read_ns))
        return Blob(digest, size, executable)

    def add_bytes(self, data: bytes) -> Blob:
        """See ``BlobStore.add_bytes``; the blob is in its place when the batch has ended."""
        digest = digest_of_bytes(data)
        self._write(data, digest)
        return Blob(digest, len(data))

    def add_stream(self, stream: IO[bytes], name: str, size: int) -> Blob:
        """Store what a stream of about ``size`` bytes holds; messages call it ``name``."""
        staged = self._next()
        doing = f"store {name!r} ({human_size(size)})"
        hasher = hashlib.sha256()
        total = 0
        with storage_errors(self._directory, doing):
            writer = _create(staged)
        try:
            while data := stream.read(1 << 20):
                hasher.update(data)
                total += len(data)
                with storage_errors(self._directory, doing):
                    write_all(writer, data)
        finally:
            os.close(writer)
        digest = DIGEST_PREFIX + hasher.hexdigest()
        self._stage(staged, digest, total)
        return Blob(digest, total)

    def add_files(self, files: Mapping[str, Path], *, advance: Advance | None = None, adopt: bool = False) -> Tree:
        """Store files under the paths given and return their tree."""
        entries = []
        for name in sorted(files):
            blob = self.add_file(files[name], advance=advance, adopt=adopt)
            entries.append(FileEntry(name, blob.digest, blob.size, blob.executable))
        return Tree(tuple(entries))

    def settle(self) -> None:
        """Flush what was staged and give it its name."""
        with storage_errors(self._directory, "store files"):
            self._flush_staged()
            touched: dict[Path, None] = {}
            for digest, staged in self._staged.items():
                final = self._path_of(digest)
                touched |= dict.fromkeys(make_directories(final.parent))
                staged.replace(final)
                touched[final.parent] = None
            for directory in touched:
                flush_directory(directory)
        if self._digests is not None and self._read:
            self._digests.remember(self._read)

    def _flush_staged(self) -> None:
        if len(self._staged) < _MANY:
            for staged in self._staged.values():
                _flush_file(staged)
            return
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(_FLUSHING_THREADS) as pool:
            for _ in pool.map(_flush_file, self._staged.values()):
                pass

    def _copy_in(self, reader: int, staged: Path, size: int, path: Path, advance: Advance | None) -> tuple[str, int]:
        doing = f"store {path.name!r} ({human_size(size)})"
        with storage_errors(self._directory, doing):
            writer = _create(staged)
            try:
                # A clone is one moment's state of the file, so it is the clone that is hashed.
                if clone(reader, writer):
                    return hash_descriptor(writer, advance)
                free = free_bytes(self._directory)
                if free is not None and size > free:
                    raise full(self._directory, doing, os.strerror(errno.ENOSPC))
                return copy_hashed(reader, writer, advance, expected=size)
            finally:
                os.close(writer)

    def _write(self, data: bytes, digest: str) -> None:
        if digest in self._staged or self._is_stored(digest, len(data)):
            return
        staged = self._next()
        with storage_errors(self._directory, "store a file"):
            writer = _create(staged)
            try:
                write_all(writer, data)
            finally:
                os.close(writer)
        self._staged[digest] = staged

    def _stage(self, staged: Path, digest: str, size: int) -> None:
        if digest in self._staged or self._is_stored(digest, size):
            staged.unlink()
        else:
            self._staged[digest] = staged

    def _is_stored(self, digest: str, size: int) -> bool:
        final = self._path_of(digest)
        try:
            # A blob of the wrong size is damaged, and is replaced by what is being added.
            if final.stat().st_size != size:
                return False
            # Marks it as wanted, for the grace period of a garbage collection.
            os.utime(final)
        except OSError:
            return False
        return True

    def _next(self) -> Path:
        if self._work_dir is None:
            self._work_dir = self._new_work_dir()
        self._count += 1
        return self._work_dir / str(self._count)


def _create(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def _flush_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fchmod(descriptor, 0o444)
        flush(descriptor)
    finally:
        os.close(descriptor)


def _take(path: Path, status: os.stat_result, staged: Path) -> bool:
    # Only a file that has no other name and is ours: through another name it could be changed later.
    if path.is_symlink() or status.st_nlink != 1 or status.st_uid != os.geteuid():
        return False
    try:
        path.rename(staged)
    except OSError:
        return False
    return True


def _open_source(path: Path) -> int:
    try:
        # Without O_NONBLOCK opening a named pipe would wait for a writer that may never come.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENXIO:
            refuse_special(path, path.stat().st_mode)
        raise InvalidInputError(f"{str(path)!r} cannot be read: {error.strerror}.", field="path") from error
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return descriptor
    os.close(descriptor)
    refuse_special(path, mode)
    raise InvalidInputError(f"{str(path)!r} is a folder, not a file.", field="path")
