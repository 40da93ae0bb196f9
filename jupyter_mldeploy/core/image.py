"""Container images of a workspace: built from bundles, found again by their content, pushed to registries.

    >>> image = workspace.images.build("ridge", bundle)
    >>> image.id, image.state, image.reference
    ('ridge:1', 'Succeeded', 'mldeploy/ridge:3f2a…')

Images with a name have versions, a state, a build log, tags and properties, as in v1. Their bytes are with the engine
of the builder that made them, under a reference that says what is in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import (
    BusyError,
    InUseError,
    InvalidInputError,
    NotFoundError,
    NotSupportedError,
    TargetUnavailableError,
)
from .environment import EnvironmentSpec
from .images.assembly import bundle_context, environment_context
from .images.builder import Builders
from .images.built import BuiltImage, PushedImage
from .images.catalogue import ImageCatalogue
from .images.collecting import Collecting
from .images.making import Making
from .images.record import CreationState, Image, image_name_of
from .images.shipping import Shipping, with_tag
from .names import check_image_name
from .progress import Progress
from .records import FROM_IMAGE

if TYPE_CHECKING:
    from .bundle import Bundle
    from .images.context import BuildContext
    from .models.fields import Filter
    from .workspace import Workspace

__all__ = ["BuiltImage", "CreationState", "Image", "Images", "PushedImage"]

#: Seconds that a build may take where nobody says otherwise.
DEFAULT_TIMEOUT_S = 3600.0


class Images:
    """The images of one workspace.

    Attributes:
        builders: the installed builders.
    """

    def __init__(self, workspace: Workspace, *, builders: Builders | None = None) -> None:
        self._workspace = workspace
        self._rows = ImageCatalogue(workspace.store)
        self.builders = builders if builders is not None else Builders()

    # Making.

    def context(self, bundle: Bundle, environment: Mapping[str, Any] | None = None) -> BuildContext:
        """Return the build context of a bundle, with another environment than its own where one is given.

        Raises:
            EnvironmentBuildError, InvalidInputError: the environment cannot be had in an image; says what to change.
        """
        spec = EnvironmentSpec.from_dict(bundle.environment if environment is None else environment)
        return bundle_context(bundle, spec, self._workspace.store.blobs)

    def build(
        self,
        name: str,
        bundle: Bundle,
        *,
        kind: str = "image",
        environment: Mapping[str, Any] | None = None,
        builder: str | None = None,
        progress: Progress | None = None,
        description: str | None = None,
        tags: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> Image:
        """Return the image of a bundle as the next version of a name; the same content again keeps its version.

        Args:
            builder: who builds it; None is the default one, the Docker Engine.
            progress: deadline and report; None is an hour and silence.

        Raises:
            InvalidInputError: the name breaks its rule.
            EnvironmentBuildError: a step failed, with the end of the log and its path.
            TargetUnavailableError: no engine answers.
        """
        return self._make(
            name,
            self.context(bundle, environment),
            builder,
            progress,
            kind=kind,
            description=description,
            tags=tags,
            properties=properties,
        )

    def build_environment(
        self, spec: EnvironmentSpec, *, builder: str | None = None, progress: Progress | None = None
    ) -> Image:
        """Return the image of an environment alone, on which those of services stand; it is built once.

        Raises: as :meth:`build`.
        """
        context = environment_context(spec)
        return self._make(image_name_of(spec.name), context, builder, progress, kind="environment", description=None)

    def for_service(
        self, name: str, bundle: Bundle, progress: Progress, environment: Mapping[str, Any] | None = None
    ) -> BuiltImage:
        """Return the image of a service's bundle, building what is missing of it."""
        image = self.build(name, bundle, kind="service", environment=environment, progress=progress)
        log = self.log_path(image)
        return BuiltImage(
            image.reference,
            image.digest or "",
            image.size or 0,
            image.context,
            image.bundle,
            image.builder,
            fresh=bool(image.facts.get("fresh")),
            log=str(log) if log.exists() else None,
        )

    def adopt(self, name: str, bundle: str, reference: str) -> Image | None:
        """Enter the image of a service that was taken over; it goes with the service. None when the engine lacks it."""
        builder = self.builders.usable()
        found = builder.find(reference)
        if found is None:
            return None
        known = [item for item in self._rows.all(name, kind="service") if item.reference == reference]
        if known:
            return known[0]
        values = {"kind": "service", "builder": builder.name, "context": found.digest, "bundle": bundle}
        more = {"reference": reference, "stages": (), "description": None, "tags": None, "properties": None}
        image = self._rows.begin(name, **values, **more)
        return Making(self._workspace.store, self._rows, builder, self.log_path).settle_found(image, found)

    # Finding and changing.

    def get(self, image_id: str) -> Image:
        """Return the image of ``name:version``, or the newest of ``name``; NotFoundError when there is none."""
        return self._settled(self._rows.get_id(image_id))

    def ready(self, image: Image | str) -> Image:
        """Return an image whose bytes are there; InvalidInputError when they are not."""
        item = self._one(image)
        if item.state is not CreationState.SUCCEEDED:
            raise InvalidInputError(
                f"Image {item.id} is not there: its state is {item.state}{f' ({item.reason})' if item.reason else ''}.",
                field="image",
                hint="`mldeploy image logs` shows its build log.",
            )
        return item

    def list(
        self,
        name: str | None = None,
        *,
        kind: str | None = None,
        model: str | None = None,
        tags: Iterable[Filter] | Mapping[str, Any] | None = None,
        properties: Iterable[Filter] | Mapping[str, Any] | None = None,
    ) -> list[Image]:
        """Return images by name, the newest version first.

        Args:
            kind: ``image``, ``service``, ``package`` or ``environment``.
            model: only those with this model, ``name`` or ``name:version``.
        """
        found = [self._settled(item) for item in self._rows.all(name, kind=kind, tags=tags, properties=properties)]
        return [item for item in found if self._has_model(item, model)] if model is not None else found

    def bundles(self) -> Mapping[str, Sequence[str]]:
        """Return {bundle digest: ["image name:version", …]} of the images that were asked for by name."""
        return self._rows.bundles()

    def add_tags(self, image: Image | str, tags: Mapping[str, Any]) -> Image:
        """Add tags, or change them."""
        return self._rows.change_tags(self._one(image), add=tags)

    def remove_tags(self, image: Image | str, keys: Iterable[str]) -> Image:
        """Remove tags; NotFoundError for one that is not there."""
        return self._rows.change_tags(self._one(image), add={}, remove=keys)

    def add_properties(self, image: Image | str, properties: Mapping[str, Any]) -> Image:
        """Add properties; ConflictError for one that is there with another value."""
        return self._rows.add_properties(self._one(image), properties)

    def log_path(self, image: Image) -> Path:
        """Return the file that holds the image's build log; it is there once a build has begun."""
        return self._workspace.home / "images" / image.name / f"{image.version}.log"

    def read_log(self, image: Image | str, *, offset: int = 0) -> str:
        """Return the build log from a byte on, "" when nothing was built."""
        try:
            with self.log_path(self._one(image)).open("rb") as stream:
                stream.seek(offset)
                return stream.read().decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    def users(self, image: Image | str) -> Sequence[str]:
        """Return which services run the image now, or were deployed from it."""
        item = self._one(image)
        if not item.bundle:
            return []
        catalogue, found = self._workspace.catalogue, []
        for live in catalogue.live_revisions(item.bundle):
            record = catalogue.service_by_uid(live.service_uid)
            runs = record.name == item.name and (item.kind == "service" or self._runs_images(record.target))
            if runs or live.facts.get(FROM_IMAGE) == item.id:
                found.append(f"service {record.name} revision {live.number}")
        return found

    def collecting(self) -> Collecting:
        """Return what removes images that nothing uses."""
        return Collecting(self._rows, self._workspace.catalogue, self.builders, self.log_path, self._settled)

    def delete(self, image: Image | str, *, force: bool = False) -> None:
        """Forget a version, and remove its bytes from the engine with the last name that they have.

        Args:
            force: forget it although its engine cannot be asked.

        Raises:
            InUseError: a service or a container needs it.
            BusyError: it is being built.
            TargetUnavailableError: the engine does not answer.
        """
        item = self._one(image)
        users = self.users(item)
        if users:
            raise InUseError(
                f"Image {item.id} is in use by {', '.join(users)}.",
                used_by=users,
                hint="Delete the service, or deploy another revision, first.",
            )
        if item.state is CreationState.RUNNING:
            raise BusyError(f"Image {item.id} is being built.", hint="Wait for it, or end the process that builds it.")
        self.collecting().remove(item, strict=not force)

    # Registries.

    def push(self, image: BuiltImage, destination: str, progress: Progress) -> PushedImage:
        """Push what :meth:`for_service` returned, with the credentials of the user's Docker configuration."""
        builder = self.builders.usable(image.builder or None)
        destination = with_tag(destination, image.reference.rpartition(":")[2])
        progress.step("push", f"Pushing {destination}")
        pushed = builder.push(image.reference, destination, None, progress, lambda _line: None)
        for item in self._rows.all(bundle=image.bundle or None):
            if item.reference == image.reference:
                Shipping(self._rows, builder).note(item, pushed)
        return pushed

    def push_named(
        self,
        image: Image | str,
        destination: str,
        *,
        credentials: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> PushedImage:
        """Push an image to ``registry/repository[:tag]``; without a tag its version is the tag.

        Args:
            credentials: ``username`` and ``password`` as references (``env:NAME``, ``file:PATH``); None: those of the
                user's Docker configuration and its credential helpers.

        Raises:
            ForbiddenError: the registry refuses the credentials.
            TargetUnavailableError: it cannot be reached; what has arrived need not be sent again.
        """
        item = self.ready(image)
        shipping = Shipping(self._rows, self.builders.usable(item.builder))
        progress = progress or Progress(DEFAULT_TIMEOUT_S)
        return shipping.push(item, destination, credentials, progress, self.log_path(item))

    def pull(
        self,
        image: Image | str,
        *,
        credentials: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> str:
        """Make an image be on the engine, from its registry where that is needed, and return its name there.

        Raises:
            NotFoundError: the engine does not have it and it was never pushed.
        """
        item = self.ready(image)
        shipping = Shipping(self._rows, self.builders.usable(item.builder))
        return shipping.pull(item, credentials, progress or Progress(DEFAULT_TIMEOUT_S))

    def save(self, image: Image | str, directory: str | Path) -> Path:
        """Write an image's Dockerfile and everything it copies into a folder, and return its path.

        Raises:
            AlreadyExistsError: something is in the folder.
            NotSupportedError: it is an environment, which `mldeploy environment show` prints.
        """
        item = self._one(image)
        if not item.bundle:
            raise NotSupportedError(
                f"{item.id} is an environment alone.", hint="`mldeploy environment build --save DIR` writes its files."
            )
        return self.context(self._workspace.bundles.get(item.bundle)).write(Path(directory))

    # Inside.

    def _make(
        self,
        name: str,
        context: BuildContext,
        builder: str | None,
        progress: Progress | None,
        *,
        kind: str,
        description: str | None,
        tags: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> Image:
        check_image_name(name)
        chosen = self.builders.usable(builder)
        progress = progress or Progress(DEFAULT_TIMEOUT_S)
        reference = context.stages[-1].reference if kind == "environment" else f"mldeploy/{name}:{context.tag}"
        making = Making(self._workspace.store, self._rows, chosen, self.log_path)
        values = {
            "kind": kind,
            "builder": chosen.name,
            "context": context.digest,
            "bundle": context.bundle,
            "reference": reference,
            "stages": context.below,
            "description": description,
            "tags": tags,
            "properties": properties,
        }
        with ExitStack() as locks:
            lock = self._workspace.store.lock
            locks.enter_context(lock(_lock_name(name, context.digest), timeout_s=progress.remaining))
            stage = next(stage for stage in context.stages if stage.name == "environment")
            if chosen.runs and chosen.find(stage.reference) is None:
                # Whoever needs the same packages at this moment waits for them instead of installing them too.
                locks.enter_context(lock(f"image stage {stage.tag}", timeout_s=progress.remaining))
            return making.make(name, context, values, progress)

    def _one(self, image: Image | str) -> Image:
        return self.get(image if isinstance(image, str) else image.id)

    def _settled(self, item: Image) -> Image:
        """Settle an image whose builder died: nobody holds its lock."""
        if item.state is not CreationState.RUNNING:
            return item
        try:
            with self._workspace.store.lock(_lock_name(item.name, item.context)):
                item = self._rows.get(item.name, item.version)
                if item.state is not CreationState.RUNNING:
                    return item
                making = Making(self._workspace.store, self._rows, None, self.log_path)
                return making.settle_dead(item, self.builders)
        except BusyError:
            return item

    def _runs_images(self, target: str) -> bool:
        try:
            return self._workspace.targets.get(target).capabilities.needs_image
        except (NotFoundError, TargetUnavailableError):
            return True

    def _has_model(self, item: Image, model: str) -> bool:
        if not item.bundle:
            return False
        name, _, version = model.partition(":")
        try:
            models = self._workspace.bundles.get(item.bundle).models
        except NotFoundError:
            return False
        return any(found.name == name and version in ("", str(found.version)) for found in models)


def _lock_name(name: str, context: str) -> str:
    return f"image {name} {context[7:23]}"
