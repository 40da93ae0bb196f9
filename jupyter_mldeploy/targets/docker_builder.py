"""Builds images with a Docker Engine, stage by stage, through its HTTP interface."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from ..core.images.builder import Log
from ..core.images.built import BuiltImage, PushedImage
from ..core.images.context import BuildContext, Stage, write_tar
from ..core.images.credentials import blot_out, build_secrets, resolve_credentials
from ..core.progress import Progress
from ..core.target import Availability
from ..errors import EnvironmentBuildError, InUseError
from .docker_build_log import BuildLog, failed_step
from .docker_engine import availability, broken_off
from .docker_engine import engine as engine_for
from .docker_registry import pull_image, push_image

#: A build says nothing for as long as a compiler or a download takes.
_LONGEST_SILENCE_S = 3600.0
#: Seconds that the engine may take to end the step of a build that was broken off.
_STEP_ENDS_S = 30.0
#: How often what a build stands on may be removed under it, and how an engine says so.
_ATTEMPTS = 3
_GONE = re.compile(r"unknown parent image|failed to set parent|layer does not exist|failed to get destination image")
_LAYER = re.compile(r"\s*---> ([0-9a-f]{12,64})\s*")


class _GoneError(EnvironmentBuildError):
    """What a stage stands on was removed while it was built, for example with another workspace's last service."""


class DockerBuilder:
    """See :class:`~jupyter_mldeploy.core.images.builder.Builder`."""

    name: ClassVar[str] = "docker"
    title: ClassVar[str] = "Docker Engine"
    summary: ClassVar[str] = "Builds with this machine's Docker Engine, or the one that DOCKER_HOST names."
    runs: ClassVar[bool] = True

    def available(self) -> Availability:
        """Say whether an engine answers."""
        return availability()

    def find(self, reference: str) -> BuiltImage | None:
        """Return the image of that reference, or None."""
        with engine_for() as engine:
            return _find(engine, reference)

    def build(self, context: BuildContext, reference: str, progress: Progress, log: Log) -> BuiltImage:
        """Build what is missing of the context's stages, each as an image of its own, and tag the last."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return self._build(context, reference, progress, log)
            except _GoneError as error:
                log(f"{error.message} Once more, from what is still there.")
        return self._build(context, reference, progress, log)

    def _build(self, context: BuildContext, reference: str, progress: Progress, log: Log) -> BuiltImage:
        with engine_for(_LONGEST_SILENCE_S) as engine:
            stages = context.stages
            references = [*(stage.reference for stage in stages[:-1]), reference]
            there = [_find(engine, item) is not None for item in references]
            first = max((number for number, found in enumerate(there) if found), default=-1) + 1
            if first:
                log(f"The {stages[first - 1].name} stage is there already: {references[first - 1]}")
            for number in range(first, len(stages)):
                progress.step(f"image-{stages[number].name}", f"Building the {stages[number].name} stage of the image")
                below = references[number - 1] if number else None
                if below is None:
                    self._fetch_bases(engine, context, progress, log)
                secrets = build_secrets(context.build_secrets) if _needs_secrets(stages[number]) else {}
                self._build_stage(engine, stages[number], below, references[number], secrets, progress, log)
            built = _find(engine, reference)
        if built is None:
            raise EnvironmentBuildError(f"The image {reference} is gone right after it was built.")
        return built

    def _fetch_bases(self, engine: Any, context: BuildContext, progress: Progress, log: Log) -> None:
        """Fetch the base images that the engine does not have, with the credentials of the environment."""
        for base in context.base_images:
            if base == "scratch" or "$" in base or _find(engine, base) is not None:
                continue
            registry = dict(context.registry)
            address = registry.get("address", "").removeprefix("https://").rstrip("/")
            own = not address or base.startswith(f"{address}/")
            credentials = resolve_credentials(registry, field="registry") if own else None
            pull_image(engine, base, credentials, progress, log, what="base image")

    def _build_stage(
        self,
        engine: Any,
        stage: Stage,
        below: str | None,
        tag: str,
        secrets: Mapping[str, str],
        progress: Progress,
        log: Log,
    ) -> None:
        said = BuildLog(lambda line: log(blot_out(line, tuple(secrets.values()))), progress)
        try:
            with tempfile.TemporaryFile(prefix="mldeploy-context-") as archive:
                write_tar(archive, stage.dockerfile(below), stage.files)
                archive.seek(0)
                stream = engine.build(
                    fileobj=archive,
                    custom_context=True,
                    tag=tag,
                    rm=True,
                    forcerm=True,
                    decode=True,
                    buildargs=dict(secrets) or None,
                )
                try:
                    said.follow(stream)
                finally:
                    engine.end_streams()  # which ends the build when we leave before it has ended
        except BaseException:
            self._discard(engine, said.layers)
            raise
        if said.error is not None or stage.text.count("FROM ") > 1:
            # What other FROMs of the stage have made is needed no more, and may know the secrets.
            self._discard(engine, said.layers)
        if said.error is not None:
            # An engine that does not have what a stage stands on asks a registry for it, which refuses or is not there.
            asked = below is not None and said.step.startswith(f"FROM {below} ")
            if asked or _GONE.search(said.error) or (below is not None and _find(engine, below) is None):
                raise _GoneError(f"What the {stage.name} stage stands on was removed while it was built.")
            raise failed_step(stage, said)
        if not said.ended:
            raise broken_off(f"it said no more after `{said.step[:80]}`")

    def discard(self, log: Iterable[str]) -> None:
        """Remove the layers that a build had made before it was killed; ``log`` is what it had said."""
        layers = [found.group(1) for line in log if (found := _LAYER.fullmatch(line))]
        if layers:
            with engine_for() as engine:
                self._discard(engine, layers)

    @staticmethod
    def _discard(engine: Any, layers: Iterable[str]) -> None:
        """Remove layers without a name that nothing stands on, and what is below them; all others stay."""
        from docker.errors import APIError

        deadline = time.monotonic() + _STEP_ENDS_S
        for layer in reversed(list(dict.fromkeys(layers))):
            while True:
                try:
                    if not engine.inspect_image(layer)["RepoTags"]:
                        engine.remove_image(layer)
                except APIError as error:  # gone with the one above, or something stands on it
                    # The container of the step that was broken off is removed by the engine in a moment.
                    if "container" in str(error.explanation) and time.monotonic() < deadline:
                        time.sleep(0.1)
                        continue
                break

    def push(
        self, reference: str, destination: str, credentials: Mapping[str, str] | None, progress: Progress, log: Log
    ) -> PushedImage:
        """Push an image."""
        with engine_for(_LONGEST_SILENCE_S) as engine:
            return push_image(engine, reference, destination, credentials, progress, log)

    def pull(self, location: str, credentials: Mapping[str, str] | None, progress: Progress, log: Log) -> BuiltImage:
        """Fetch an image."""
        with engine_for(_LONGEST_SILENCE_S) as engine:
            pull_image(engine, location, credentials, progress, log, what="image")
            found = _find(engine, location)
        if found is None:
            raise EnvironmentBuildError(f"The image {location} is gone right after it was pulled.")
        return found

    def remove(self, reference: str) -> bool:
        """Remove the reference, and the image with its last one."""
        from docker.errors import APIError, ImageNotFound

        with engine_for() as engine:
            try:
                # The engine itself refuses only when it is the last name of what the container runs.
                used = [item for item in engine.containers(all=True) if item.get("Image") == reference]
                if used:
                    raise _in_use(reference, str((used[0].get("Names") or ["?"])[0]).lstrip("/"))
                engine.remove_image(reference)
            except ImageNotFound:
                return False
            except APIError as error:
                if error.status_code != 409:
                    raise
                raise _in_use(reference, str(error.explanation)) from error
        return True


def _in_use(reference: str, by: str) -> InUseError:
    return InUseError(
        f"The image {reference} is used by a container: {by}.",
        hint=f"Remove the container first (`docker ps --all --filter ancestor={reference}` shows it).",
    )


def _needs_secrets(stage: Stage) -> bool:
    return "\nARG " in stage.text


def _find(engine: Any, reference: str) -> BuiltImage | None:
    from docker.errors import ImageNotFound

    try:
        facts = engine.inspect_image(reference)
    except ImageNotFound:
        return None
    return BuiltImage(reference, facts["Id"], int(facts["Size"]), context="", builder=DockerBuilder.name, fresh=False)
