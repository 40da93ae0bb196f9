"""Names of the deployment workspace (models, environments, services), read off the event loop."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_mldeploy.errors import MldeployError

if TYPE_CHECKING:
    from jupyter_mldeploy.core.workspace import Workspace
    from mldeploy_lsp.server import Server

_LOG = logging.getLogger(__name__)
_FRESH_S = 2.0


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A registered model: name, version, and the name of its file or folder."""

    name: str
    version: int
    root: str
    kind: str
    description: str


@dataclass(frozen=True, slots=True)
class Names:
    """What a workspace holds, newest versions first; services with their scoring URI."""

    models: tuple[KnownModel, ...] = ()
    environments: tuple[str, ...] = ()
    services: Mapping[str, str | None] = field(default_factory=dict)


class Registry:
    """Reads the workspace when there is one; it never makes one, because looking must not leave traces."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._names = Names()
        self._read_at = 0.0
        self._turn = asyncio.Lock()

    async def names(self) -> Names:
        """Return the names, not older than two seconds."""
        if time.monotonic() - self._read_at < _FRESH_S:
            return self._names
        async with self._turn:
            if time.monotonic() - self._read_at >= _FRESH_S:
                self._names = await asyncio.to_thread(self._read)
                self._read_at = time.monotonic()
        return self._names

    def forget(self) -> None:
        """Read the names again when they are asked for next."""
        self._read_at = 0.0

    def open(self) -> Workspace:
        """Open the workspace, and make it when it is missing: for commands."""
        from jupyter_mldeploy.core.workspace import Workspace

        return Workspace(self._server.settings.home)

    def _read(self) -> Names:
        from jupyter_mldeploy.core.workspace import default_home

        home = Path(self._server.settings.home).expanduser() if self._server.settings.home else default_home()
        if not home.is_dir():
            return Names()
        try:
            workspace = self.open()
            models = [
                KnownModel(model.name, model.version, model.root, model.kind, model.description or "")
                for model in workspace.models.list()
            ]
            environments = [f"{item.name}:{item.version}" for item in workspace.environments.list()]
            services = {record.name: record.scoring_uri for record in workspace.catalogue.services()}
        except (MldeployError, OSError) as error:
            _LOG.warning("The workspace in %s cannot be read: %s", home, error)
            return Names()
        models.sort(key=lambda item: (item.name, -item.version))
        return Names(tuple(models), tuple(environments), services)
