"""What a command gets beside its arguments: the workspace, opened when it is used, and where to write."""

from __future__ import annotations

import argparse
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from .output import Output

if TYPE_CHECKING:
    from ..core.service import Service
    from ..core.workspace import Workspace


class Context:
    """One call of the command line."""

    def __init__(self, args: argparse.Namespace, output: Output) -> None:
        self.output = output
        self.home: Path | None = Path(args.workspace).expanduser().absolute() if args.workspace else None

    @cached_property
    def workspace(self) -> Workspace:
        """The workspace of ``--workspace``, else the default one."""
        from ..core.workspace import Workspace

        return Workspace(self.home)

    def service(self, name: str, *, deleted: bool = False) -> Service:
        """Return a service's handle.

        Args:
            deleted: take the one that was deleted last when there is none of that name now.
        """
        from ..core.service import Service

        if not deleted:
            return self.workspace.service(name)
        self.workspace.catalogue.last_service(name)
        return Service(self.workspace, name)
