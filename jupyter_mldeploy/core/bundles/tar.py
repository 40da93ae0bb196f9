"""A bundle as one file: a tar archive that is the same, byte for byte, wherever it is written."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path
from typing import IO

from ...errors import CorruptStoreError, InvalidInputError
from ..storage.blobs import BlobStore
from ..storage.failures import storage_errors
from ..storage.tree import FileEntry
from .format import DESCRIPTION, Bundle, read_description

_LARGEST_DESCRIPTION = 256 << 20


def write_tar(blobs: BlobStore, bundle: Bundle, stream: IO[bytes]) -> None:
    """Write ``bundle.json`` and then every file, sorted; nothing of the machine, the time or the user is in it.

    Raises:
        CorruptStoreError: a stored file does not match its digest (what has been written so far is to be discarded).
    """
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        description = bundle.description()
        archive.addfile(_header(DESCRIPTION, len(description), executable=False), io.BytesIO(description))
        for path, entry in sorted(bundle.files().items()):
            source = blobs.path(entry.digest)
            if not source.is_file():
                blobs.verify(entry.digest)
            with source.open("rb") as file:
                checked = _Hashing(file)
                try:
                    archive.addfile(_header(path, entry.size, executable=entry.executable), checked)
                except OSError as error:
                    # tarfile says so of a file that is shorter than its header.
                    if error.errno is not None:
                        raise
                    blobs.verify(entry.digest)
                    raise
                if checked.digest != entry.digest:
                    blobs.verify(entry.digest)
                    raise CorruptStoreError(f"The stored file {source} changed while it was exported.")


def save_tar(blobs: BlobStore, bundle: Bundle, path: Path) -> Path:
    """Write the archive to a file, which appears whole or not at all; one of that name is replaced."""
    path = path.expanduser().absolute()
    partial = path.with_name(f".{path.name[:200]}.{os.urandom(4).hex()}.part")
    with storage_errors(path, f"export bundle {bundle.short}"):
        try:
            with partial.open("xb") as stream:
                write_tar(blobs, bundle, stream)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    return path


def load_tar(blobs: BlobStore, path: Path) -> Bundle:
    """Store the files of an archive and return the bundle it describes. Nothing in it is trusted.

    No path of the archive is ever used to write: members must be those that ``bundle.json`` announces, and their bytes
    go to the store under their own digest.

    Raises:
        InvalidInputError: the file is missing or is not a bundle's archive.
        CorruptStoreError: a member is missing, unexpected, doubled or does not match its digest.
    """
    path = path.expanduser()
    try:
        with path.open("rb") as stream, tarfile.open(fileobj=stream, mode="r|*") as archive:
            return _load(blobs, archive, path)
    except (tarfile.TarError, EOFError) as error:
        raise InvalidInputError(f"{str(path)!r} is not a complete bundle archive: {error}.", field="path") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise InvalidInputError(f"The bundle archive {str(path)!r} cannot be read: {reason}.", field="path") from error


def _load(blobs: BlobStore, archive: tarfile.TarFile, path: Path) -> Bundle:
    first = archive.next()
    if first is None or first.name != DESCRIPTION or not first.isreg() or first.size > _LARGEST_DESCRIPTION:
        raise InvalidInputError(
            f"{str(path)!r} is not a bundle archive: it does not begin with {DESCRIPTION}.",
            field="path",
            hint="Make one with `export`.",
        )
    bundle = read_description(_open(archive, first).read())
    expected = bundle.files()
    with blobs.batch() as batch:
        while (member := archive.next()) is not None:
            entry = expected.pop(member.name, None)
            _check(member, entry, path)
            assert entry is not None  # noqa: S101
            blob = batch.add_stream(_open(archive, member), f"{path.name}/{member.name}", member.size)
            if blob.digest != entry.digest:
                raise CorruptStoreError(f"{member.name!r} in {str(path)!r} does not match its digest.")
        if expected:
            raise CorruptStoreError(f"{str(path)!r} lacks {min(expected)!r}.")
    return bundle


def _check(member: tarfile.TarInfo, entry: FileEntry | None, path: Path) -> None:
    if entry is None:
        raise CorruptStoreError(f"{str(path)!r} holds {member.name!r}, which its {DESCRIPTION} does not announce.")
    if not member.isreg() or member.size != entry.size:
        raise CorruptStoreError(f"{member.name!r} in {str(path)!r} is not the file that {DESCRIPTION} announces.")


def _open(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(member)
    assert stream is not None, "only asked for regular files"  # noqa: S101
    return stream


def _header(name: str, size: int, *, executable: bool) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size = size
    header.mode = 0o755 if executable else 0o644
    return header


class _Hashing(io.RawIOBase):
    """Reads through to a file and hashes what passes, so that exporting needs one pass."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._hasher = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._hasher.update(data)
        return data

    @property
    def digest(self) -> str:
        return f"sha256:{self._hasher.hexdigest()}"
