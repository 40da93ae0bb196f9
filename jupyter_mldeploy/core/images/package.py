"""Packages: a model with everything that serves it, as an image or as the files to build one (v1's ``Model.package``).

package = workspace.package([model], "inferenceconfig.json")
package.wait_for_creation(show_output=True)
print(package.location)
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import DeadlineExceededError, MldeployError, NotSupportedError
from ..progress import Progress
from .credentials import ContainerRegistry, resolve_credentials
from .dockerfile_builder import explain
from .record import CreationState, Image

if TYPE_CHECKING:
    from ..bundle import Bundle
    from ..workspace import Workspace

#: v1's names of what a package is.
DOCKER_IMAGE = "DockerImage"
DOCKER_BUILD_CONTEXT = "DockerBuildContext"


class ModelPackage:
    """A package that is being made, or is there. It is made in a thread; a program waits for it before it ends.

    Attributes:
        bundle: what is in it.
        package_type: ``DockerImage`` or ``DockerBuildContext``.
    """

    def __init__(
        self,
        workspace: Workspace,
        name: str,
        bundle: Bundle,
        *,
        generate_dockerfile: bool,
        push_to: str | None = None,
        credentials: Mapping[str, str] | None = None,
        timeout_s: float,
        details: Mapping[str, Any],
    ) -> None:
        self._workspace = workspace
        self._name = name
        self._push_to = push_to
        self._credentials = credentials
        self._details = details
        self._image: Image | None = None
        self._error: BaseException | None = None
        self._saved: Path | None = None
        self._lines: list[str] = []
        self._listener: Callable[[str], None] | None = None
        self._lock = threading.Lock()
        self._progress = Progress(timeout_s, lambda _step, message: self._say(message))
        self.bundle = bundle
        self.package_type = DOCKER_BUILD_CONTEXT if generate_dockerfile else DOCKER_IMAGE
        if push_to is not None and generate_dockerfile:
            raise NotSupportedError(
                "A package of files is not pushed to a registry.", hint="Leave generate_dockerfile or the registry out."
            )
        # Refused at once, not in the thread: what can be known now.
        self._context = workspace.images.context(bundle)
        workspace.images.builders.usable(self._builder)
        self._thread = threading.Thread(target=self._make, name=f"package-{name}")
        self._thread.start()

    @property
    def _builder(self) -> str | None:
        return "dockerfile" if self.package_type == DOCKER_BUILD_CONTEXT else None

    def _make(self) -> None:
        images = self._workspace.images
        try:
            image = images.build(
                self._name,
                self.bundle,
                kind="package",
                builder=self._builder,
                progress=self._progress,
                **self._details,
            )
            if self._push_to is not None:
                images.push_named(image, self._push_to, credentials=self._credentials, progress=self._progress)
                image = images.get(image.id)
            self._image = image
        except BaseException as error:  # noqa: BLE001  it is raised where somebody waits
            self._error = error

    def _say(self, line: str) -> None:
        with self._lock:
            self._lines.append(line)
            if self._listener is not None:
                self._listener(line)

    @property
    def state(self) -> str:
        """``Running``, ``Succeeded`` or ``Failed``."""
        if self._thread.is_alive():
            return str(CreationState.RUNNING)
        return str(CreationState.FAILED if self._error is not None else CreationState.SUCCEEDED)

    @property
    def image(self) -> Image:
        """The image in the workspace's registry; waits for it."""
        return self._done()

    @property
    def location(self) -> str:
        """What ``docker run`` takes: the registry's location by digest, or the engine's name; waits for the package.

        For a package of files it is the folder where they were saved last, or the digest of what will be saved.
        """
        image = self._done()
        if self.package_type == DOCKER_IMAGE:
            return image.location
        return str(self._saved) if self._saved is not None else image.context

    def wait_for_creation(self, show_output: bool = False, *, timeout_s: float | None = None) -> None:
        """Wait until the package is there.

        Args:
            show_output: print what the build says.
            timeout_s: seconds to wait; the build goes on when they are over.

        Raises:
            EnvironmentBuildError, TargetUnavailableError, …: why it could not be made.
            DeadlineExceededError: it is not ready yet.
        """
        try:
            if show_output:
                with self._lock:
                    for line in self._lines:
                        _print(line)
                    self._listener = _print
            self._thread.join(timeout_s)
        finally:
            with self._lock:
                self._listener = None
        if self._thread.is_alive():
            raise DeadlineExceededError(
                f"The package {self._name} is not ready after {timeout_s:g} s.", state="Running"
            )
        image = self._done()
        if show_output:
            _print(f"Package creation Succeeded: {image.id} ({self.location})")

    def get_logs(self, decode: bool = True, offset: int = 0) -> str | bytes:
        """Return the build log from a byte on; bytes where it is not to be decoded."""
        image = self._image or next(iter(self._workspace.images.list(self._name)), None)
        text = "" if image is None else self._workspace.images.read_log(image, offset=offset)
        return text if decode else text.encode("utf-8")

    def pull(self) -> str:
        """Make the image be on this machine's engine and return its name there, which is printed too.

        Raises:
            NotSupportedError: it is a package of files.
        """
        if self.package_type != DOCKER_IMAGE:
            raise NotSupportedError("A package of files has no image to pull.", hint="Use save(directory).")
        reference = self._workspace.images.pull(self._done(), credentials=self._credentials)
        _print(f"Status: Image is here: {reference}")
        return reference

    def save(self, output_directory: str | Path) -> Path:
        """Write Dockerfile and everything that it copies into a folder, print what to do with it, and return its path.

        Raises:
            AlreadyExistsError: something is in the folder.
        """
        self._done()
        self._saved = self._context.write(Path(output_directory))
        for line in explain(self._context, Path(output_directory)):
            _print(line)
        return self._saved

    def get_container_registry(self) -> ContainerRegistry:
        """Return the registry that the package needs: where it was pushed to, or that of its base image.

        Raises:
            InvalidInputError: a reference to a secret leads nowhere.
        """
        image = self._done()
        registry: Mapping[str, str]
        if image.locations:
            address = image.location.partition("/")[0]
            registry = self._credentials or {}
        else:
            registry = dict(self._context.registry)
            address = registry.get("address") or _registry_of(self._context.base_images[0])
        found = resolve_credentials(registry, field="registry") or {}
        return ContainerRegistry(address, found.get("username") or None, found.get("password") or None)

    def serialize(self) -> dict[str, Any]:
        """Return v1's keys."""
        ready = self.state == CreationState.SUCCEEDED
        return {
            "generateDockerfile": self.package_type == DOCKER_BUILD_CONTEXT,
            "packageType": self.package_type,
            "state": self.state,
            "location": self.location if ready else None,
        }

    def __repr__(self) -> str:
        return f"<ModelPackage {self._name}: {self.package_type}, {self.state}>"

    def _done(self) -> Image:
        self._thread.join()
        if self._error is not None:
            if isinstance(self._error, MldeployError):
                raise self._error
            raise MldeployError(f"The package could not be made: {self._error}.") from self._error
        assert self._image is not None  # noqa: S101 - the thread has ended without an error
        return self._image


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _registry_of(image: str) -> str:
    """Return the registry of an image's name, by Docker's rule."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else "docker.io"
