"""``/plan``: what a deployment would do."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..core.card import plan_card
from ..core.config import read_config
from ..core.sizing import size
from . import answers
from .base import ApiHandler
from .bodies import PlanBody
from .deploying import read_deployment
from .documented import documented


class PlanHandler(ApiHandler):
    """A plan; nothing is created, so read-only servers give it too."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("Check a deployment and say what it would do. Nothing is created.", answers.Plan, body=PlanBody)
    async def post(self) -> None:
        """See the OpenAPI document."""
        body = self.body(PlanBody)
        self.show(await self.backend.slow(self._plan, body, await self.interpreter(body.kernel)))

    def _plan(self, body: PlanBody, interpreter: str | None) -> dict[str, Any]:
        deployment = read_deployment(self.backend, body, interpreter)
        plan = self.backend.workspace.deployer.plan(deployment.request)
        notes = list(deployment.notes)
        sizing = None
        if body.rps is not None and body.latency_s is not None:
            config_type = self.backend.workspace.targets.get(plan.target).config_type
            found = size(read_config(config_type, deployment.request.config), body.rps, body.latency_s)
            sizing = found.to_dict()
            notes.append(str(found))
        return {**plan.to_dict(), "notes": notes, "card": plan_card(plan, notes=notes), "sizing": sizing}
