"""The builder that needs no engine: it writes the Dockerfile and what goes with it, and says what to do with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar

from ...errors import NotSupportedError
from ..progress import Progress
from ..storage.failures import human_size
from ..target import Availability
from .builder import Log
from .built import BuiltImage, PushedImage
from .context import DOCKERFILE, BuildContext

_NO_ENGINE = "The builder 'dockerfile' only writes files"
_HINT = "Save them, and build them where there is an engine: `docker build FOLDER`."


class DockerfileBuilder:
    """See :class:`~.builder.Builder`; images that it "builds" are contexts that can be saved."""

    name: ClassVar[str] = "dockerfile"
    title: ClassVar[str] = "Dockerfile only"
    summary: ClassVar[str] = "Writes a Dockerfile and everything that it copies; needs no engine."
    runs: ClassVar[bool] = False

    def available(self) -> Availability:
        """It always is."""
        return Availability(True)

    def build(self, context: BuildContext, reference: str, progress: Progress, log: Log) -> BuiltImage:
        """Put the context together, which finds everything that can be wrong with it."""
        progress.step("image", "Putting the build context together")
        for line in explain(context):
            log(line)
        size = sum(item.size for item in context.files)
        return BuiltImage(reference, context.digest, size, context.digest, context.bundle, self.name)

    def find(self, reference: str) -> BuiltImage | None:  # noqa: ARG002
        """Contexts are made anew from the bundle each time."""
        return None

    def push(
        self,
        reference: str,  # noqa: ARG002
        destination: str,  # noqa: ARG002
        credentials: Mapping[str, str] | None,  # noqa: ARG002
        progress: Progress,  # noqa: ARG002
        log: Log,  # noqa: ARG002
    ) -> PushedImage:
        """Refuse."""
        raise NotSupportedError(f"{_NO_ENGINE}, and pushes nothing.", hint=_HINT)

    def pull(
        self,
        location: str,  # noqa: ARG002
        credentials: Mapping[str, str] | None,  # noqa: ARG002
        progress: Progress,  # noqa: ARG002
        log: Log,  # noqa: ARG002
    ) -> BuiltImage:
        """Refuse."""
        raise NotSupportedError(f"{_NO_ENGINE}, and pulls nothing.", hint=_HINT)

    def remove(self, reference: str) -> bool:  # noqa: ARG002
        """There is nothing to remove."""
        return False

    def discard(self, log: Iterable[str]) -> None:
        """Nothing is left behind."""


def explain(context: BuildContext, directory: Path | None = None) -> list[str]:
    """Return what is in a context and what to do with it, as lines for people."""
    folder = str(directory) if directory is not None else "FOLDER"
    lines = [f"{DOCKERFILE}: {len(context.stages)} stages, from what changes least to what changes most"]
    for stage in context.stages:
        size = sum(item.size for item in stage.files)
        lines.append(f"  {stage.name}: {len(stage.files)} files, {human_size(size)} ({stage.tag})")
    lines += [f"  note: {note}" for note in context.notes]
    lines.append(f"starts from: {', '.join(context.base_images)}")
    registry = dict(context.registry)
    if registry.get("address"):
        lines.append(f"first: docker login {registry['address']}")
    arguments = "".join(f" --build-arg {name}" for name in context.build_secrets)
    lines += [
        f"build: docker build --tag myimage{arguments} {folder}",
        "run:   docker run --publish 6789:5001 --name mycontainer myimage",
        "score: curl http://localhost:6789/score -H 'Content-Type: application/json' -d '{…}'",
    ]
    return lines
