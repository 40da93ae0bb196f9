"""Content-addressed files: what a file holds is its name, so equal content is stored once.

A blob is written beside its place, hashed while it passes, flushed to the disk and renamed; so a blob that has its
name is complete, also after ``kill -9`` and after the power failed. Blobs are read-only (mode 0444).
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Literal

from ...errors import (
    AlreadyExistsError,
    CorruptStoreError,
    InvalidInputError,
    MldeployError,
)
from .blob_batch import Batch, Blob, FileDigests
from .canonical import DIGEST_PREFIX, digest_of_bytes, is_digest
from .copying import Advance, UnreadableError, clone, copy_hashed, hash_descriptor
from .failures import storage_errors
from .scan import Ignore, scan_folder
from .tree import Tree

__all__ = ["Batch", "Blob", "BlobStore"]

Placed = Literal["hardlink", "reflink", "copy"]
_CANNOT_LINK = frozenset({errno.EXDEV, errno.EMLINK, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EACCES})


class BlobStore:
    """The files below one directory.

    Args:
        directory: where blobs lie, as ``sha256/<2 hex digits>/<62 hex digits>``; it is made when needed.
        work_dir: gives a temporary directory on the same file system for a purpose.
        digests: what is known of files outside, or None to read them every time.
    """

    def __init__(
        self,
        directory: Path,
        work_dir: Callable[[str], AbstractContextManager[Path]],
        digests: FileDigests | None = None,
    ) -> None:
        self._directory = directory / "sha256"
        self._work_dir = work_dir
        self._digests = digests

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
            work_dir = self._work_dir
            batch = Batch(self._directory, self.path, lambda: stack.enter_context(work_dir("blobs")), self._digests)
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
            found = hash_descriptor(reader)[0]
        except UnreadableError as error:
            raise CorruptStoreError(f"The stored file {source} cannot be read: {error}.") from error
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
        # Without a grace period the clock, which may have been set back, is not asked.
        limit = time.time() - grace_s if grace_s > 0 else float("inf")
        for path, digest in self._listed():
            if digest in keep:
                continue
            status = path.stat()
            if status.st_mtime <= limit:
                path.unlink()
                count += 1
                freed += status.st_size
        return count, freed

    def _listed(self) -> Iterator[tuple[Path, str]]:
        for path in self._directory.glob("??/*"):
            digest = f"{DIGEST_PREFIX}{path.parent.name}{path.name}"
            if is_digest(digest):
                yield path, digest


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
