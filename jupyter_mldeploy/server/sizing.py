"""``/targets/NAME/sizing``: how many replicas an expected load needs; a figure, nothing is created."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from pydantic import Field
from tornado import web

from ..core.config import read_config
from ..core.sizing import size
from . import registry_answers
from .base import ApiHandler
from .bodies import Body
from .documented import documented


class SizingBody(Body):
    """An expected load, and the configuration that is to carry it."""

    rps: float = Field(gt=0)
    """Requests per second."""
    latency_s: float = Field(gt=0)
    """Time of one request, in seconds."""
    config: dict[str, Any] = Field(default_factory=dict)
    """Configuration of the target; its utilisation, workers and concurrent requests count."""


class SizingHandler(ApiHandler):
    """Replicas for a load."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("Say how many replicas an expected load needs.", registry_answers.Sizing, body=SizingBody)
    async def post(self, name: str) -> None:
        """See the OpenAPI document."""
        self.show(await self.backend.quick(self._size, name, self.body(SizingBody)))

    def _size(self, name: str, body: SizingBody) -> dict[str, Any]:
        config = read_config(self.backend.workspace.targets.get(name).config_type, body.config)
        found = size(config, body.rps, body.latency_s)
        return {**found.to_dict(), "text": f"{found}."}
