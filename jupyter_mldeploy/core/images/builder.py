"""Who builds images: the protocol that every builder follows, and how builders are found.

A builder is a class named by an entry point in the group ``jupyter_mldeploy.builders_v1``. It keeps no state: images
are found again by their reference, which says what is in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, ClassVar, Protocol, runtime_checkable

from ...errors import NotFoundError, TargetUnavailableError
from ..progress import Progress
from ..target import Availability
from .built import BuiltImage, PushedImage
from .context import BuildContext

GROUP = "jupyter_mldeploy.builders_v1"
#: The builder that is used where nobody names one.
DEFAULT = "docker"

Log = Callable[[str], None]
"""Takes each line of a build's or a push's output."""


@runtime_checkable
class Builder(Protocol):
    """Builds, finds, pushes, pulls and removes images.

    Attributes:
        name: as in the entry point.
        title, summary: for people.
        runs: whether what it builds can be run; False for one that only writes files.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    runs: ClassVar[bool]

    def available(self) -> Availability:
        """Say whether it can be used here and now, within about a second and without effects."""
        ...

    def build(self, context: BuildContext, reference: str, progress: Progress, log: Log) -> BuiltImage:
        """Build the context's image, tag it ``reference``, and return it; nothing is left behind by a failure.

        Raises:
            EnvironmentBuildError: a step failed; ``details`` hold ``step``, ``log_tail``.
            TargetUnavailableError: the engine or the base image's registry does not answer.
        """
        ...

    def find(self, reference: str) -> BuiltImage | None:
        """Return the image of that reference, or None."""
        ...

    def push(
        self, reference: str, destination: str, credentials: Mapping[str, str] | None, progress: Progress, log: Log
    ) -> PushedImage:
        """Push an image to ``registry/repository:tag`` and return where it is.

        Args:
            credentials: ``username`` and ``password``, or None: those of the user's Docker configuration.

        Raises:
            TargetUnavailableError: the registry does not answer.
            ForbiddenError: it refuses the credentials.
        """
        ...

    def pull(self, location: str, credentials: Mapping[str, str] | None, progress: Progress, log: Log) -> BuiltImage:
        """Fetch an image from its registry."""
        ...

    def remove(self, reference: str) -> bool:
        """Remove the reference, and the image with its last one; False when there is none.

        Raises:
            InUseError: a container uses it.
        """
        ...

    def discard(self, log: Iterable[str]) -> None:
        """Remove what a build that did not end has left on the engine; ``log`` is what it had said."""
        ...


class Builders:
    """The installed builders, loaded when they are asked for."""

    def __init__(self, points: Mapping[str, EntryPoint] | None = None) -> None:
        self._points = {point.name: point for point in entry_points(group=GROUP)} if points is None else dict(points)
        self._loaded: dict[str, Builder] = {}

    def names(self) -> list[str]:
        """Return the names of all installed builders."""
        return sorted(self._points)

    def get(self, name: str | None = None) -> Builder:
        """Return a builder; without a name the default one.

        Raises:
            NotFoundError: there is none of that name.
            TargetUnavailableError: its plug-in cannot be loaded.
        """
        wanted = name or DEFAULT
        if wanted not in self._points:
            raise NotFoundError(
                "builder",
                wanted,
                message=f"There is no image builder named {wanted!r}.",
                hint=f"Installed are: {', '.join(self.names()) or 'none'}.",
            )
        if wanted not in self._loaded:
            self._loaded[wanted] = self._load(self._points[wanted])
        return self._loaded[wanted]

    def usable(self, name: str | None = None) -> Builder:
        """Return a builder that can be used now.

        Raises:
            TargetUnavailableError: it cannot; says why and what to do.
        """
        builder = self.get(name)
        now = builder.available()
        if not now.ok:
            raise TargetUnavailableError(f"Images cannot be built here: {now.reason}.", hint=now.hint)
        return builder

    def describe(self) -> list[dict[str, Any]]:
        """Return each builder's name, title, summary and whether it can be used, as JSON."""
        found = []
        for name in self.names():
            try:
                builder = self.get(name)
            except TargetUnavailableError as error:
                found.append({"name": name, "ok": False, "reason": error.message, "hint": error.hint})
                continue
            now = builder.available()
            found.append(
                {
                    "name": name,
                    "title": builder.title,
                    "summary": builder.summary,
                    "runs": builder.runs,
                    "ok": now.ok,
                    "reason": now.reason,
                    "hint": now.hint,
                }
            )
        return found

    @staticmethod
    def _load(point: EntryPoint) -> Builder:
        package = point.dist.name if point.dist else "unknown"
        try:
            builder = point.load()()
        except Exception as error:
            raise TargetUnavailableError(
                f"The image builder {point.name!r} of package {package!r} could not be loaded: {error}.",
                hint=f"Reinstall or remove {package!r}.",
            ) from error
        if not isinstance(builder, Builder):
            raise TargetUnavailableError(
                f"The image builder {point.name!r} of package {package!r} lacks verbs of the Builder protocol.",
                hint=f"Upgrade or remove {package!r}.",
            )
        return builder
