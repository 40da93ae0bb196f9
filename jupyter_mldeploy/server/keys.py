"""``/services/NAME/keys``: what callers identify themselves with."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from . import answers
from .base import ApiHandler, changes
from .bodies import KeyBody
from .documented import documented


class KeysHandler(ApiHandler):
    """The two keys of a service."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:secrets")
    @documented("Return both keys.", answers.Keys)
    async def get(self, name: str) -> None:
        """See the OpenAPI document."""
        await self._show(name)

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:secrets")
    @changes
    @documented("Change one key; callers with the other one notice nothing.", answers.Keys, body=KeyBody)
    async def post(self, name: str) -> None:
        """See the OpenAPI document."""
        body = self.body(KeyBody)
        deployer = await self.backend.quick(lambda: self.backend.workspace.deployer)
        await self.backend.slow(deployer.regenerate_key, name, body.key, body.value)
        await self._show(name)

    async def _show(self, name: str) -> None:
        keys = await self.backend.quick(self._keys, name)
        self.set_header("Cache-Control", "no-store")
        self.show(keys)

    def _keys(self, name: str) -> dict[str, str]:
        workspace = self.backend.workspace
        service = workspace.service(name)
        target = workspace.targets.get(service.record.target)
        target.capabilities.require(target.name, "key_auth")
        keys = service.keys()
        return {"primary": keys.primary, "secondary": keys.secondary}
