"""Build contexts: everything a container builder needs, in stages, under one digest.

A context is a chain of *stages*, each with a piece of the Dockerfile and the files that it copies: ``base`` (where it
is more than an image to start from), ``environment`` (packages, scoring runtime), ``models``, ``code``. The key of a
stage is the digest of its text, its files and the key of the stage below; so what did not change need not be built,
sent or pushed again. The same content gives the same context, byte for byte, on every machine.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO

from ...errors import AlreadyExistsError
from ..storage.canonical import canonical_json, digest_of_bytes
from ..storage.failures import storage_errors

DOCKERFILE = "Dockerfile"
#: Hex digits of a context's digest that stand in a tag: 64 bits.
_TAG = 16
#: Time of every file in a context: 2020-01-01. Zip files cannot hold 1970.
_MTIME = 1_577_836_800


@dataclass(frozen=True, slots=True)
class ContextFile:
    """A file of a build context: its content in memory (``data``) or in a file (``source``)."""

    path: str
    digest: str
    size: int
    executable: bool = False
    data: bytes | None = field(default=None, repr=False)
    source: Path | None = None

    @classmethod
    def of_bytes(cls, path: str, data: bytes) -> ContextFile:
        """Return a file with the given content."""
        return cls(path, digest_of_bytes(data), len(data), data=data)

    def open(self) -> IO[bytes]:
        """Open it for reading."""
        if self.source is not None:
            return self.source.open("rb")
        return io.BytesIO(self.data or b"")


@dataclass(frozen=True)
class Stage:
    """One stage of a context.

    Attributes:
        name: ``base``, ``environment``, ``models`` or ``code``.
        text: its part of the Dockerfile; that of the first stage has its own ``FROM``.
        files: what the text copies.
        below: the stage that it stands on, or None.
    """

    name: str
    text: str
    files: tuple[ContextFile, ...] = ()
    below: Stage | None = None

    @cached_property
    def key(self) -> str:
        """``sha256:…`` of the stage and all below it."""
        content = {
            "below": self.below.key if self.below is not None else None,
            "text": self.text,
            "files": [[item.path, item.digest, item.executable] for item in sorted(self.files, key=_path)],
        }
        return digest_of_bytes(canonical_json(content, what="build context"))

    @property
    def tag(self) -> str:
        """The first digits of :attr:`key`, for an image's tag."""
        return self.key.removeprefix("sha256:")[:_TAG]

    @property
    def reference(self) -> str:
        """What the engine calls an image of this stage."""
        return f"mldeploy-stages/{self.name}:{self.tag}"

    def dockerfile(self, below: str | None) -> str:
        """Return a Dockerfile for this stage alone, on top of the image ``below``."""
        return self.text if below is None else f"FROM {below} AS base\n\n{self.text}"


@dataclass(frozen=True)
class BuildContext:
    """A whole context: ``stages`` from the base upwards.

    Attributes:
        bundle: digest of the bundle, or "" for an environment alone.
        registry: of the base image: ``address``, ``username``, ``password`` as a reference ``${NAME}``.
        base_images: the images that the Dockerfile starts from.
        build_secrets: names of environment variables that the build needs and the image must not hold.
        notes: what a person should know of it, one sentence each.
    """

    stages: tuple[Stage, ...]
    bundle: str = ""
    registry: tuple[tuple[str, str], ...] = ()
    base_images: tuple[str, ...] = ()
    build_secrets: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """``sha256:…`` of everything in it."""
        return self.stages[-1].key

    @property
    def tag(self) -> str:
        """The tag of an image built from it."""
        return self.stages[-1].tag

    @property
    def below(self) -> tuple[str, ...]:
        """References of the stages that the last one stands on, base first."""
        return tuple(stage.reference for stage in self.stages[:-1])

    @property
    def files(self) -> tuple[ContextFile, ...]:
        """The files of all stages, sorted by path, without the Dockerfile."""
        return tuple(sorted((item for stage in self.stages for item in stage.files), key=_path))

    def dockerfile(self) -> str:
        """Return the whole Dockerfile."""
        return "\n".join(stage.text for stage in self.stages)

    def write(self, directory: Path) -> Path:
        """Write the context to a folder, which must not exist or be empty, and return its absolute path.

        Raises:
            AlreadyExistsError: something is in the folder.
            StoreFullError: there is no room.
        """
        directory = directory.expanduser().absolute()
        with storage_errors(directory, "write the build context"):
            if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
                raise AlreadyExistsError(
                    f"{directory} exists and is not empty.", hint="Choose another folder, or empty this one."
                )
            directory.mkdir(parents=True, exist_ok=True)
            for item in self.files:
                path = directory / item.path
                path.parent.mkdir(parents=True, exist_ok=True)
                with item.open() as source, path.open("wb") as target:
                    while block := source.read(1 << 20):
                        target.write(block)
                path.chmod(0o755 if item.executable else 0o644)
                os.utime(path, (_MTIME, _MTIME))
            # Last, so that a folder with a Dockerfile is whole.
            dockerfile = directory / DOCKERFILE
            dockerfile.write_text(self.dockerfile(), encoding="utf-8")
            dockerfile.chmod(0o644)
            os.utime(dockerfile, (_MTIME, _MTIME))
        return directory


def write_tar(stream: IO[bytes], dockerfile: str, files: Iterable[ContextFile]) -> None:
    """Write a context as a tar archive: sorted, without times, owners or anything else of this machine."""
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for item in [ContextFile.of_bytes(DOCKERFILE, dockerfile.encode("utf-8")), *sorted(files, key=_path)]:
            header = tarfile.TarInfo(item.path)
            header.size = item.size
            header.mode = 0o755 if item.executable else 0o644
            header.mtime = _MTIME
            with item.open() as content:
                archive.addfile(header, content)


def _path(item: ContextFile) -> str:
    return item.path
