"""``/targets/NAME/strangers``: services that a target knows and this workspace does not, and taking them over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.adoption import adopt, strangers
from ..core.documents import service_document
from . import answers, probe_answers
from .base import ApiHandler, changes
from .documented import WAIT, documented
from .probe_bodies import AdoptBody

if TYPE_CHECKING:
    from .operation import Operation


class StrangersHandler(ApiHandler):
    """Services of other workspaces, and of one that was lost."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("List the services on a target that this workspace does not know.", probe_answers.Strangers)
    async def get(self, name: str) -> None:
        """See the OpenAPI document."""
        self.show({"services": await self.backend.slow(self._strangers, name)})

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Make one of them this workspace's own; it goes on serving, with its keys.",
        answers.OperationInFull,
        body=AdoptBody,
        query=WAIT,
        status=202,
    )
    async def post(self, name: str) -> None:
        """See the OpenAPI document."""
        body = self.body(AdoptBody)
        self.backend.policy.require_target(name)
        await self.backend.quick(self.backend.workspace.targets.get, name)

        def take_over(operation: Operation) -> dict[str, Any]:
            operation.report("adopt", f"adopting {body.name} on {name}")
            return service_document(adopt(self.backend.workspace, body.name, name).record)

        await self.show_operation("adopt", body.name, take_over)

    def _strangers(self, name: str) -> list[dict[str, Any]]:
        found = strangers(self.backend.workspace, name)
        return [{"name": item.name, "revision": item.revision, "bundle": item.bundle} for item in found]
