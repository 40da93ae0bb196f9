"""Deployments as files: for people whose clusters are changed by Git, not by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ..errors import AlreadyExistsError, InvalidInputError, NotSupportedError
from .target import Job

if TYPE_CHECKING:
    from .request import Request
    from .workspace import Workspace


@runtime_checkable
class Exporting(Protocol):
    """A target that can write down what it would do; ``Capabilities.exports`` names its layouts."""

    def export(self, job: Job, layout: str, image: str) -> Mapping[str, str]:
        """Return the files of a layout, path → text, without secrets. Nothing is changed, and nothing is asked.

        Args:
            image: reference that the built image will have, before it is pushed anywhere.
        """
        ...


@dataclass(frozen=True, slots=True)
class Exported:
    """The files of one export, by path below a folder."""

    layout: str
    files: Mapping[str, str]

    @property
    def text(self) -> str:
        """The only file's text.

        Raises:
            InvalidInputError: there are several; they need a folder.
        """
        if len(self.files) != 1:
            raise InvalidInputError(
                f"The layout {self.layout!r} has {len(self.files)} files.", field="to", hint="Name a folder with --to."
            )
        return next(iter(self.files.values()))

    def write(self, folder: Path) -> list[Path]:
        """Write the files and return their paths.

        Raises:
            AlreadyExistsError: one of them exists with another content; nothing is written then.
        """
        paths = {folder / path: text for path, text in self.files.items()}
        for path, text in paths.items():
            if path.exists() and path.read_text(encoding="utf-8") != text:
                raise AlreadyExistsError(
                    f"{path} exists and has another content.", hint="Name an empty folder, or remove the file."
                )
        for path, text in paths.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return list(paths)


def export(workspace: Workspace, request: Request, layout: str) -> Exported:
    """Return a deployment as files.

    Raises:
        NotSupportedError: the target does not write that layout.
        InvalidInputError: something in the request is wrong.
    """
    target, job, _ = workspace.deployer.planned(request)
    if layout not in target.capabilities.exports or not isinstance(target, Exporting):
        known = ", ".join(target.capabilities.exports)
        raise NotSupportedError(
            f"Target {target.name!r} does not write {layout!r}.",
            hint=f"It writes {known}." if known else "Export is for targets with manifests, such as kubernetes.",
        )
    image = f"mldeploy/{request.name}:{workspace.images.context(job.bundle).tag}"
    return Exported(layout, target.export(job, layout, image))
