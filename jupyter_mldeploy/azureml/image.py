"""``Image``, ``ContainerImage``: the images that v1 made on their own, before services were made of models."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..core.azure_files.v1inference import InferenceFile, read_inference_values
from ..core.image import Image as Built
from ..core.images.packaging import read_bundle
from ..core.progress import Progress
from ..errors import NotFoundError
from .background import Background
from .environment import ContainerRegistry
from .exceptions import WebserviceException, raising
from .model import Model, given
from .workspace import Workspace

__all__ = ["ContainerImage", "ContainerImageConfig", "Image"]

_Filters = Sequence[Any] | Mapping[str, Any] | None
#: Seconds that a build may take.
_TIMEOUT_S = 3600.0


@dataclass
class ContainerImageConfig:
    """What an image is made of. Everything may be changed until the image is created.

    Attributes:
        execution_script: the entry script.
        runtime: ``python``, or ``spark-py`` for one with PySpark.
        conda_file: its packages. docker_file: further Dockerfile steps.
        schema_file: a Swagger document of the service; it has to be called ``swagger*.json``.
        dependencies: files and folders that go with the script.
        enable_gpu, cuda_version: a base image with CUDA.
        base_image, base_image_registry: what it stands on; the password is a reference, ``${NAME}``.
        tags, properties, description: of the image.
    """

    execution_script: str
    runtime: str
    conda_file: str | None = None
    docker_file: str | None = None
    schema_file: str | None = None
    dependencies: Sequence[str] | None = None
    enable_gpu: bool | None = None
    tags: Mapping[str, Any] | None = None
    properties: Mapping[str, Any] | None = None
    description: str | None = None
    base_image: str | None = None
    base_image_registry: ContainerRegistry = field(default_factory=ContainerRegistry)
    allow_absolute_path: bool = False
    cuda_version: str | None = None

    def validate_configuration(self) -> None:
        """Find the files and read them.

        Raises:
            WebserviceException: something in it cannot be used, or a file is not there.
        """
        self.read()

    def read(self) -> InferenceFile:
        """Find the files, and return what the core deploys."""
        if self.schema_file and not (name := Path(self.schema_file).name).startswith("swagger"):
            raise WebserviceException(f"schema_file: a service shows files called swagger*.json, not {name!r}.")
        registry = self.base_image_registry
        values = {
            "entryScript": self.execution_script,
            "runtime": self.runtime,
            "condaFile": self.conda_file,
            "extraDockerFileSteps": self.docker_file,
            "enableGpu": self.enable_gpu,
            "cudaVersion": self.cuda_version,
            "baseImage": self.base_image,
            "baseImageRegistry": None
            if registry.address is None
            else {"address": registry.address, "username": registry.username, "password": registry.password},
        }
        with raising(WebserviceException):
            found = read_inference_values(values, Path("ContainerImageConfig"))
        more = [*(self.dependencies or ()), *([self.schema_file] if self.schema_file else ())]
        return replace(found, include=tuple(str(item) for item in more))


class Image:
    """One version of an image.

    Args:
        workspace: where it is.
        name: its name; the newest version that fits is meant.
        id: ``name:version``, in place of a name.

    Raises:
        WebserviceException: there is none.
    """

    image_type = "Docker"
    image_flavor = "WebApiContainer"

    def __init__(
        self,
        workspace: Workspace,
        name: str | None = None,
        id: str | None = None,  # noqa: A002  v1's name
        tags: _Filters = None,
        properties: _Filters = None,
        version: int | None = None,
    ) -> None:
        self.workspace = workspace
        self._work: Background[Built] | None = None
        with raising(WebserviceException):
            if id is None and name is None:
                raise WebserviceException("Image() needs a name or an id.")
            if id is not None or version is not None:
                self._item: Built | None = workspace.core.images.get(id or f"{name}:{version}")
            else:
                found = workspace.core.images.list(name, kind="image", tags=tags, properties=properties)
                if not found:
                    raise NotFoundError("image", str(name))
                self._item = found[0]
            self._name, self._bundle = self._item.name, self._item.bundle

    @staticmethod
    def _of(
        workspace: Workspace,
        name: str,
        bundle: str,
        *,
        item: Built | None = None,
        work: Background[Built] | None = None,
    ) -> ContainerImage:
        made = ContainerImage.__new__(ContainerImage)
        made.workspace, made._name, made._bundle, made._item, made._work = workspace, name, bundle, item, work
        return made

    @staticmethod
    def create(
        workspace: Workspace, name: str, models: Sequence[Model | str | Path], image_config: ContainerImageConfig
    ) -> ContainerImage:
        """Make an image as the next version of a name; returns at once, and ``wait_for_creation()`` waits.

        Script, files and packages are checked before. The same content keeps its version.

        Raises:
            WebserviceException: something given is wrong.
        """
        core = workspace.core
        with raising(WebserviceException):
            bundle = read_bundle(core, [given(model) for model in models], image_config.read())
            core.images.context(bundle)  # what no image can have is refused before anything is built
        work = Background(
            f"image-{name}",
            lambda report: core.images.build(
                name, bundle, progress=Progress(_TIMEOUT_S, report),
                description=image_config.description, tags=image_config.tags, properties=image_config.properties,
            ),
        )  # fmt: skip
        return Image._of(workspace, name, bundle.digest, work=work)

    @staticmethod
    def list(
        workspace: Workspace,
        image_name: str | None = None,
        model_name: str | None = None,
        model_id: str | None = None,
        tags: _Filters = None,
        properties: _Filters = None,
    ) -> list[Image]:
        """Return images, the newest version of a name first; filters are ``'key'`` or ``['key', 'value']``."""
        with raising(WebserviceException):
            found = workspace.core.images.list(
                image_name, kind="image", model=model_id or model_name, tags=tags, properties=properties
            )
        return [Image._of(workspace, item.name, item.bundle, item=item) for item in found]

    def wait_for_creation(self, show_output: bool = False) -> None:
        """Wait until it is built; with ``show_output`` print the steps.

        Raises:
            WebserviceException: it failed; the message names the cause, ``__cause__`` has the end of the build log.
        """
        if self._work is not None:
            self._item = self._work.wait(show_output, WebserviceException)
        if show_output:
            sys.stdout.write(f"{self.id}: {self.creation_state}\n")

    def update_creation_state(self) -> None:
        """Do nothing: every property asks the truth."""

    # What it is.

    def _found(self) -> Built | None:
        """Return what the workspace knows of it; None until its build has begun."""
        images = self.workspace.core.images
        with raising(WebserviceException):
            if self._item is not None:
                return images.get(self._item.id)
            found = [item for item in images.list(self._name, kind="image") if item.bundle == self._bundle]
        return found[0] if found else None

    def built(self) -> Built:
        """Return what the core knows of it, once it is built."""
        self.wait_for_creation()
        found = self._found()
        if found is None:
            raise WebserviceException(f"There is no image {self._name!r} of this content any more.")
        return found

    @property
    def name(self) -> str:
        """Its name."""
        return self._name

    @property
    def version(self) -> int | None:
        """Its version, from 1; None until its build has begun."""
        found = self._found()
        return None if found is None else found.version

    @property
    def id(self) -> str | None:
        """``name:version``; None until its build has begun."""
        found = self._found()
        return None if found is None else found.id

    @property
    def creation_state(self) -> str:
        """``NotStarted``, ``Running``, ``Succeeded`` or ``Failed``."""
        if self._work is not None and self._work.error:
            return "Failed"
        found = self._found()
        return "NotStarted" if found is None else str(found.state)

    @property
    def creation_error(self) -> str | None:
        """Why it failed."""
        failed = None if self._work is None else self._work.error
        found = self._found()
        return failed or (None if found is None else found.reason)

    @property
    def image_location(self) -> str | None:
        """Where to get it: its address by digest in a registry once it was pushed, before that the engine's name."""
        found = self._found()
        return None if found is None else found.location

    @property
    def image_digest(self) -> str | None:
        """The engine's id of it."""
        found = self._found()
        return None if found is None else found.digest

    @property
    def image_build_log_uri(self) -> str | None:
        """Where its build log is, a ``file:`` address."""
        found = self._found()
        return None if found is None else self.workspace.core.images.log_path(found).as_uri()

    @property
    def models(self) -> Sequence[Model]:
        """Its models that are registered."""
        bundle = self.workspace.core.bundles.get(self._bundle)
        known = {item.id for item in self.workspace.core.models.list()}
        ids = [f"{model.name}:{model.version}" for model in bundle.models]
        return [Model(self.workspace, id=item) for item in ids if item in known]

    @property
    def description(self) -> str | None:
        """For people."""
        found = self._found()
        return None if found is None else found.description

    @property
    def tags(self) -> dict[str, Any]:
        """Labels that may change."""
        found = self._found()
        return {} if found is None else dict(found.tags)

    @property
    def properties(self) -> dict[str, Any]:
        """Labels that can only be added."""
        found = self._found()
        return {} if found is None else dict(found.properties)

    @property
    def created_time(self) -> datetime | None:
        """When its build began, in UTC."""
        found = self._found()
        return None if found is None else datetime.fromtimestamp(found.created, UTC)

    def serialize(self) -> dict[str, Any]:
        """Return v1's keys of an image, as far as they mean something here."""
        found = self._found()
        known = {} if found is None else found.to_dict()
        return {
            "id": known.get("id"),
            "name": self.name,
            "version": known.get("version"),
            "description": known.get("description"),
            "tags": known.get("tags", {}),
            "properties": known.get("properties", {}),
            "createdTime": None if found is None else datetime.fromtimestamp(found.created, UTC).isoformat(),
            "creationState": self.creation_state,
            "creationError": self.creation_error,
            "imageLocation": known.get("location"),
            "imageDigest": known.get("digest"),
            "imageBuildLogUri": None if found is None else self.workspace.core.images.log_path(found).as_uri(),
            "imageType": self.image_type,
            "imageFlavor": self.image_flavor,
            "modelIds": [model.id for model in self.models],
        }

    # Changing it.

    def update(self, tags: Mapping[str, Any]) -> None:
        """Replace its tags."""
        images, item = self.workspace.core.images, self.built()
        gone = [key for key in item.tags if key not in tags]
        with raising(WebserviceException):
            if gone:
                images.remove_tags(item, gone)
            images.add_tags(item, tags)

    def add_tags(self, tags: Mapping[str, Any]) -> None:
        """Add tags, or give those that exist another value."""
        with raising(WebserviceException):
            self.workspace.core.images.add_tags(self.built(), tags)

    def remove_tags(self, tags: Sequence[str]) -> None:
        """Remove tags by key."""
        with raising(WebserviceException):
            self.workspace.core.images.remove_tags(self.built(), tags)

    def add_properties(self, properties: Mapping[str, Any]) -> None:
        """Add properties, which never change afterwards."""
        with raising(WebserviceException):
            self.workspace.core.images.add_properties(self.built(), properties)

    def run(self, input_data: Any) -> Any:
        """Start a container of it on this machine's engine, send a request, remove the container, return the answer.

        Raises:
            WebserviceException: it did not start, or the answer was not a success.
        """
        core, name = self.workspace.core, f"run-{uuid.uuid4().hex[:12]}"
        with raising(WebserviceException):
            try:
                core.deployer.deploy_image(name, self.built())
                return core.service(name).score(input_data)
            finally:
                with suppress(NotFoundError):  # it was refused before it was there
                    core.service(name).delete()

    def delete(self) -> None:
        """Delete it; refused while a service needs it."""
        with raising(WebserviceException):
            self.workspace.core.images.delete(self.built())

    def __repr__(self) -> str:
        return f"{type(self).__name__}(workspace={self.workspace!r}, name={self.name}, id={self.id})"


class ContainerImage(Image):
    """An image with a scoring server in it: the only kind there is here."""

    @staticmethod
    def image_configuration(
        execution_script: str,
        runtime: str,
        conda_file: str | None = None,
        docker_file: str | None = None,
        schema_file: str | None = None,
        dependencies: Sequence[str] | None = None,
        enable_gpu: bool | None = None,
        tags: Mapping[str, Any] | None = None,
        properties: Mapping[str, Any] | None = None,
        description: str | None = None,
        base_image: str | None = None,
        base_image_registry: ContainerRegistry | None = None,
        cuda_version: str | None = None,
    ) -> ContainerImageConfig:
        """Return what an image is made of; see :class:`ContainerImageConfig`."""
        made = ContainerImageConfig(
            execution_script, runtime, conda_file, docker_file, schema_file, dependencies, enable_gpu, tags, properties,
            description, base_image, base_image_registry or ContainerRegistry(), cuda_version=cuda_version,
        )  # fmt: skip
        made.validate_configuration()
        return made
