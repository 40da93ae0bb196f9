"""``/services/NAME/keys`` and ``…/token``: what callers identify themselves with."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from . import answers
from .base import ApiHandler, changes
from .bodies import KeyBody, TokenBody
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


class TokenHandler(ApiHandler):
    """Tokens of a service that was deployed with ``token_auth_enabled``."""

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:secrets")
    @changes
    @documented("Return a new token; 409 for a service whose callers send keys.", answers.Token, body=TokenBody)
    async def post(self, name: str) -> None:
        """See the OpenAPI document."""
        body = self.body(TokenBody)
        token = await self.backend.quick(
            lambda: self.backend.workspace.service(name).get_access_token(life_s=body.life_s)
        )
        self.set_header("Cache-Control", "no-store")
        self.show(
            {
                "access_token": token.access_token,
                "token_type": token.token_type,
                "refresh_after": token.refresh_after.isoformat(),
                "expiry_on": token.expiry_on.isoformat(),
            }
        )
