"""A builder whose engine is a dictionary: builds are counted, can fail, and can be held up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

from jupyter_mldeploy.core.images.builder import Builder, Builders, Log
from jupyter_mldeploy.core.images.built import BuiltImage, PushedImage
from jupyter_mldeploy.core.images.context import BuildContext
from jupyter_mldeploy.core.images.dockerfile_builder import DockerfileBuilder
from jupyter_mldeploy.core.progress import Progress
from jupyter_mldeploy.core.storage.canonical import digest_of_bytes
from jupyter_mldeploy.core.target import Availability
from jupyter_mldeploy.errors import EnvironmentBuildError


class MemoryBuilder:
    """See the module's docstring.

    Attributes:
        images: reference → image, as an engine has them.
        built: every reference that was built, in order.
        during: called in the middle of each build.
        discarded: the logs that were handed over to be cleared away.
    """

    name: ClassVar[str] = "docker"
    title: ClassVar[str] = "Memory"
    summary: ClassVar[str] = "For tests."
    runs: ClassVar[bool] = True

    def __init__(self) -> None:
        self.images: dict[str, BuiltImage] = {}
        self.built: list[str] = []
        self.pushed: list[tuple[str, str, Mapping[str, str] | None]] = []
        self.discarded: list[list[str]] = []
        self.during: Callable[[Progress], None] = lambda _progress: None
        self.fails: str | None = None
        self.usable = Availability(True)
        self.lock = threading.Lock()

    def available(self) -> Availability:
        return self.usable

    def find(self, reference: str) -> BuiltImage | None:
        return self.images.get(reference)

    def build(self, context: BuildContext, reference: str, progress: Progress, log: Log) -> BuiltImage:
        progress.step("image", f"Building {reference}")
        log("Step 1/1 : memory")
        self.during(progress)
        if self.fails:
            raise EnvironmentBuildError(self.fails)
        with self.lock:
            self.built.append(reference)
            image = BuiltImage(reference, digest_of_bytes(reference.encode()), 1000, context.digest, builder=self.name)
            self.images[reference] = image
        return image

    def push(
        self, reference: str, destination: str, credentials: Mapping[str, str] | None, progress: Progress, log: Log
    ) -> PushedImage:
        log(f"pushed {destination}")
        self.pushed.append((reference, destination, credentials))
        digest = digest_of_bytes(reference.encode())
        return PushedImage(f"{destination.rpartition(':')[0]}@{digest}", destination, digest)

    def pull(self, location: str, credentials: Mapping[str, str] | None, progress: Progress, log: Log) -> BuiltImage:
        image = BuiltImage(location, digest_of_bytes(location.encode()), 1000, "", builder=self.name)
        self.images[location] = image
        return image

    def remove(self, reference: str) -> bool:
        return self.images.pop(reference, None) is not None

    def discard(self, log: Iterable[str]) -> None:
        self.discarded.append(list(log))


class MemoryBuilders(Builders):
    """The memory builder as ``docker``, and the one that only writes files."""

    def __init__(self) -> None:
        super().__init__({})
        self.memory = MemoryBuilder()
        self._all: dict[str, Builder] = {"docker": self.memory, "dockerfile": DockerfileBuilder()}

    def names(self) -> list[str]:
        return sorted(self._all)

    def get(self, name: str | None = None) -> Builder:
        return self._all[name or "docker"]
