"""Paths that a client may name: below the folder that Jupyter's file browser shows, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import ForbiddenError, InvalidInputError


@dataclass(frozen=True, slots=True)
class RootPaths:
    """Turns a client's paths into paths on disk.

    Attributes:
        root: the file browser's root, resolved.
        anywhere: also allow paths outside of it.
        hidden: also allow paths with a part that begins with a dot.
    """

    root: Path
    anywhere: bool = False
    hidden: bool = False

    def resolve(self, path: str, *, field: str) -> Path:
        """Return an existing file or folder; ``path`` is relative to the root, or absolute and inside it.

        Raises:
            ForbiddenError: it leads out of the root (``..`` and links are followed first) or is hidden.
            InvalidInputError: there is no such file or folder.
        """
        found = self.check(path, field=field)
        if not found.exists():
            raise InvalidInputError(
                f"There is no file or folder {path!r} below the folder that this Jupyter server shows.", field=field
            )
        return found

    def check(self, path: str, *, field: str) -> Path:
        """Return where ``path`` leads, there or not; ForbiddenError when that is not allowed."""
        if "\0" in path:
            raise InvalidInputError("A path cannot hold the character NUL.", field=field)
        found = (self.root / path).resolve()
        if self.anywhere:
            return found
        # The answer is the same whether the file is there or not: nobody learns what lies outside.
        if not found.is_relative_to(self.root):
            raise ForbiddenError(
                f"The path {path!r} leads out of the folder that this Jupyter server shows.",
                hint="Copy it below that folder, or ask whoever runs the server.",
                details={"field": field},
            )
        if not self.hidden and any(part.startswith(".") for part in found.relative_to(self.root).parts):
            raise ForbiddenError(f"The path {path!r} is hidden.", details={"field": field})
        return found

    def exists(self, path: str, *, field: str) -> bool:
        """Return whether an allowed file or folder is there; False for a path that is not allowed."""
        try:
            return self.check(path, field=field).exists()
        except (ForbiddenError, InvalidInputError, OSError):
            return False

    def shown(self, path: str | None) -> str | None:
        """Return where the file browser has an absolute path, with ``/`` between its parts; None when it has not."""
        if path is None or "\0" in path or not Path(path).is_absolute():
            return None
        try:
            found = Path(path).resolve()
            parts = found.relative_to(self.root).parts
        except (ValueError, OSError):
            return None
        if not self.hidden and any(part.startswith(".") for part in parts):
            return None
        return "/".join(parts)
