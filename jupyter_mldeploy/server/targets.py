"""``/targets``: where services can run, what each place can do, and the form of its configuration."""

from __future__ import annotations

import asyncio

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.documents import target_document
from . import registry_answers
from .base import ApiHandler
from .documented import documented


class TargetsHandler(ApiHandler):
    """All targets."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented(
        "List the installed targets with capabilities, availability and configuration schema.", registry_answers.Targets
    )
    async def get(self) -> None:
        """See the OpenAPI document."""
        names = await self.backend.quick(self._names)
        found = await asyncio.gather(*(self.backend.slow(self.document, name) for name in names))
        self.show({"targets": found})

    def document(self, name: str) -> dict[str, object]:
        """Return one target as JSON."""
        target = self.backend.workspace.targets.find(name)
        return {**target_document(target, in_full=True), "allowed": self.backend.policy.allows(name)}

    def _names(self) -> list[str]:
        return self.backend.workspace.targets.names()


class TargetHandler(TargetsHandler):
    """One target."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("Show one target.", registry_answers.Target)
    async def get(self, name: str) -> None:
        """See the OpenAPI document."""
        self.show(await self.backend.slow(self.document, name))
