"""Content-addressed files: what a file holds is its name, so equal content is stored once.

A blob is written beside its place, hashed while it passes, flushed to the disk and renamed; so a blob that has its
name is complete, also after ``kill -9`` and after the power failed. Blobs are read-only (mode 0444).

The file that a user hands over is never hard-linked *into* the store: the user may overwrite it in place, and the
blob would change with it. It is cloned (btrfs, XFS, …) or copied. Outwards a blob may be hard-linked, see
:meth:`BlobStore.place`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from ..errors import AlreadyExistsError, CorruptStoreError, InvalidInputError, MldeployError
from .canonical import DIGEST_PREFIX, digest_of_bytes, is_digest
from .copying import Advance, clone, copy_hashed, flush, flush_directory, hash_descriptor, write_all
from .scan import Ignore, refuse_special, scan_folder
from .storage_errors import free_bytes, full, human_size, storage_errors
from .tree import FileEntry, Tree

Placed = Literal["hardlink", "reflink", "copy"]
_CANNOT_LINK = frozenset({errno.EXDEV, errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES})


@dataclass(frozen=True)
class Blob:
    """Stored content: ``digest`` is ``sha256:…``, ``size`` in bytes; ``executable``: how the source was marked."""

    digest: str
    size: int
    executable: bool = False


class BlobStore:
    """The files below one directory.

    Args:
        directory: where blobs lie, as ``sha256/<2 hex digits>/<62 hex digits>``; it is made when needed.
        work_dir: gives a temporary directory on the same file system for a purpose.
    """

    def __init__(self, directory: Path, work_dir: Callable[[str], AbstractContextManager[Path]]) -> None:
        self._directory = directory / "sha256"
        self._work_dir = work_dir

    def path(self, digest: str) -> Path:
        """Return where the blob lies or would lie; InvalidInputError when ``digest`` is not a digest."""
        if not is_digest(digest):
            raise InvalidInputError(f"{digest!r} is not a digest.", hint="A digest is 'sha256:' and 64 hex digits.")
        text = digest.removeprefix(DIGEST_PREFIX)
        return self._directory / text[:2] / text[2:]

    def has(self, digest: str) -> bool:
        """Return whether the blob is stored (its bytes are not read)."""
        return self.path(digest).is_file()

    @contextmanager
    def batch(self) -> Iterator[Batch]:
        """Add several files and flush them together; they are stored when the block has ended without an exception."""
        with ExitStack() as stack:
            batch = Batch(self, self._directory, lambda: stack.enter_context(self._work_dir("blobs")))
            yield batch
            batch.settle()

    def add_file(self, path: str | Path, *, advance: Advance | None = None, adopt: bool = False) -> Blob:
        """Store what a file holds.

        Args:
            path: a regular file, or a link to one.
            advance: called with the number of bytes done since the last call.
            adopt: take the file itself instead of a copy, where it lies on the same file system; it is gone afterwards.

        Raises:
            InvalidInputError: the file is missing, cannot be read, is no file, or changed while it was read.
            StoreFullError: there is no room.
        """
        with self.batch() as batch:
            return batch.add_file(Path(path), advance=advance, adopt=adopt)

    def add_bytes(self, data: bytes) -> Blob:
        """Store bytes."""
        with self.batch() as batch:
            return batch.add_bytes(data)

    def add_tree(self, path: str | Path, ignore: Ignore = (), *, advance: Advance | None = None) -> Tree:
        """Store the files of a folder; paths in the tree are relative to it. See :func:`.scan.scan_folder`."""
        with self.batch() as batch:
            return batch.add_files(scan_folder(Path(path), ignore), advance=advance)

    def place(self, digest: str, dest: Path, *, executable: bool = False, private: bool = False) -> Placed:
        """Make a file with the blob's content at ``dest``, which must not exist yet.

        A hard link needs neither time nor room, whatever the size, and comes first; then blocks shared by the file
        system; then a copy. A link shares the blob's read-only mode, so an executable file is never one.

        Args:
            digest: the blob.
            dest: the new file; its directory must exist.
            executable: make it executable (mode 0755).
            private: never link: the file will be writable (0644) and its reader may change it.

        Returns:
            ``"hardlink"``, ``"reflink"`` or ``"copy"``.

        Raises:
            CorruptStoreError: the blob is missing, or the bytes copied do not match the digest.
            AlreadyExistsError: there is something at ``dest``.
        """
        source = self.path(digest)
        with storage_errors(dest, f"place {dest.name!r}"):
            try:
                if not executable and not private:
                    try:
                        os.link(source, dest)
                    except OSError as error:
                        if error.errno not in _CANNOT_LINK:
                            raise
                    else:
                        return "hardlink"
                return self._copy_out(digest, source, dest, 0o755 if executable else 0o644 if private else 0o444)
            except FileNotFoundError:
                if source.exists():
                    raise
                raise _missing(digest) from None
            except FileExistsError:
                raise AlreadyExistsError(f"There is already something at {str(dest)!r}.") from None

    def _copy_out(self, digest: str, source: Path, dest: Path, mode: int) -> Placed:
        reader = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        try:
            writer = os.open(dest, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                how: Placed = "reflink"
                if not clone(reader, writer):
                    how = "copy"
                    if copy_hashed(reader, writer)[0] != digest:
                        raise _changed(digest, source)
                os.fchmod(writer, mode)
            except BaseException:
                dest.unlink(missing_ok=True)
                raise
            finally:
                os.close(writer)
        finally:
            os.close(reader)
        return how

    def read_bytes(self, digest: str) -> bytes:
        """Return a blob's bytes, checked against the digest; meant for small ones."""
        source = self.path(digest)
        try:
            data = source.read_bytes()
        except FileNotFoundError:
            raise _missing(digest) from None
        if digest_of_bytes(data) != digest:
            raise _changed(digest, source)
        return data

    def verify(self, digest: str) -> None:
        """Read the blob and compare; CorruptStoreError when it is missing or its bytes do not match."""
        source = self.path(digest)
        try:
            reader = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise _missing(digest) from None
        try:
            with storage_errors(source, "read a stored file"):
                found = hash_descriptor(reader)[0]
        finally:
            os.close(reader)
        if found != digest:
            raise _changed(digest, source)

    def delete(self, digest: str) -> None:
        """Remove the blob if it is there; files placed from it stay as they are."""
        with storage_errors(self._directory, "delete a stored file"):
            self.path(digest).unlink(missing_ok=True)

    def gc(self, keep: Collection[str], *, grace_s: float = 0.0) -> tuple[int, int]:
        """Remove every blob that is not in ``keep`` and has not been added again for ``grace_s`` seconds.

        The caller holds ``Store.collecting_garbage()`` and has read ``keep`` inside it.

        Returns:
            How many blobs went, and their bytes together.
        """
        count = freed = 0
        limit = time.time() - grace_s
        for path, digest in list(self._listed()):
            status = path.stat()
            if digest not in keep and status.st_mtime <= limit:
                path.unlink()
                count += 1
                freed += status.st_size
        return count, freed

    def _listed(self) -> Iterator[tuple[Path, str]]:
        for path in self._directory.glob("??/*"):
            digest = f"{DIGEST_PREFIX}{path.parent.name}{path.name}"
            if is_digest(digest):
                yield path, digest


class Batch:
    """Files on their way into the store; made by :meth:`BlobStore.batch`."""

    def __init__(self, store: BlobStore, directory: Path, work_dir: Callable[[], Path]) -> None:
        self._store = store
        self._directory = directory
        self._new_work_dir = work_dir
        self._work_dir: Path | None = None
        self._staged: list[tuple[Path, str]] = []
        self._count = 0

    def add_file(self, path: Path, *, advance: Advance | None = None, adopt: bool = False) -> Blob:
        """See :meth:`BlobStore.add_file`; the blob is in its place when the batch has ended."""
        reader = _open_source(path)
        try:
            before = os.fstat(reader)
            executable = bool(before.st_mode & stat.S_IXUSR)
            staged = self._next()
            if adopt and self._rename(path, staged):
                digest, size = hash_descriptor(reader, advance)
            else:
                digest, size = self._copy_in(reader, staged, before.st_size, path, advance)
            after = os.fstat(reader)
        except OSError as error:
            raise InvalidInputError(f"{str(path)!r} cannot be read: {error.strerror}.", field="path") from error
        finally:
            os.close(reader)
        if size != before.st_size or (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise InvalidInputError(
                f"{str(path)!r} was changed by another program while it was being read.",
                field="path",
                hint="Wait until it is written completely, then try again.",
            )
        self._stage(staged, digest, size)
        return Blob(digest, size, executable)

    def add_bytes(self, data: bytes) -> Blob:
        """See :meth:`BlobStore.add_bytes`; the blob is in its place when the batch has ended."""
        digest = digest_of_bytes(data)
        if not self._known(digest, len(data)):
            staged = self._next()
            with storage_errors(self._directory, "store a file"):
                writer = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
                try:
                    write_all(writer, data)
                finally:
                    os.close(writer)
            self._stage(staged, digest, len(data))
        return Blob(digest, len(data))

    def add_stream(self, stream: IO[bytes], name: str, size: int) -> Blob:
        """Store what a stream of ``size`` bytes holds; errors call it ``name``."""
        staged = self._next()
        hasher = hashlib.sha256()
        total = 0
        with storage_errors(self._directory, f"store {name!r} ({human_size(size)})"):
            writer = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            while data := stream.read(1 << 20):
                hasher.update(data)
                total += len(data)
                with storage_errors(self._directory, f"store {name!r} ({human_size(size)})"):
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
        """Flush what was staged and give it its place."""
        touched: dict[Path, None] = {}
        with storage_errors(self._directory, "store files"):
            for staged, digest in self._staged:
                final = self._store.path(digest)
                descriptor = os.open(staged, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    os.fchmod(descriptor, 0o444)
                    flush(descriptor)
                finally:
                    os.close(descriptor)
                if not final.parent.is_dir():
                    final.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                    touched[final.parent.parent] = None
                staged.replace(final)
                touched[final.parent] = None
            for directory in touched:
                flush_directory(directory)

    def _copy_in(self, reader: int, staged: Path, size: int, path: Path, advance: Advance | None) -> tuple[str, int]:
        with storage_errors(self._directory, f"store {path.name!r} ({human_size(size)})"):
            writer = os.open(staged, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with storage_errors(self._directory, f"store {path.name!r} ({human_size(size)})"):
                # A clone is one moment's state of the file, so it is the clone that is hashed.
                if clone(reader, writer):
                    return hash_descriptor(writer, advance)
                free = free_bytes(self._directory)
                if free is not None and size > free:
                    raise full(self._directory, f"store {path.name!r} ({human_size(size)})", "No space left on device")
                return copy_hashed(reader, writer, advance)
        finally:
            os.close(writer)

    def _rename(self, path: Path, staged: Path) -> bool:
        try:
            path.rename(staged)
        except OSError:
            return False
        return True

    def _stage(self, staged: Path, digest: str, size: int) -> None:
        if self._known(digest, size):
            staged.unlink()
        else:
            self._staged.append((staged, digest))

    def _known(self, digest: str, size: int) -> bool:
        final = self._store.path(digest)
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


def _missing(digest: str) -> MldeployError:
    return CorruptStoreError(
        f"The stored file {digest} is missing.", hint="Register or deploy its source again to put it back."
    )


def _changed(digest: str, path: Path) -> MldeployError:
    return CorruptStoreError(
        f"The stored file {path} does not match its digest any more.",
        hint="Some program has written to it; register or deploy its source again after deleting that file.",
        details={"digest": digest},
    )
