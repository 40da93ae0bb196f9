"""``/services/NAME/update``, ``…/promote``, ``…/start`` and ``…/stop``: verbs on one service."""

from __future__ import annotations

from functools import partial

from jupyter_server.auth.decorator import authorized
from tornado import web

from . import answers, deploying
from .base import ApiHandler, changes
from .bodies import PromoteBody, StartBody, UpdateBody
from .documented import WAIT, documented


class UpdateHandler(ApiHandler):
    """A new revision that differs in what is given."""

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Bring a service to a new revision that differs in what is given.",
        answers.OperationInFull,
        body=UpdateBody,
        query=WAIT,
        status=202,
    )
    async def post(self, name: str) -> None:
        """See the OpenAPI document."""
        body = self.body(UpdateBody)
        values = await self.backend.quick(deploying.read_update, self.backend, name, body)
        await self.show_operation(
            "update", name, partial(deploying.update, self.backend, name, values),
            failure_card=partial(deploying.failure, self.backend, name),
        )  # fmt: skip


class PromoteHandler(ApiHandler):
    """The same bytes on another target."""

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Deploy the live revision's very bytes on another target.",
        answers.OperationInFull,
        body=PromoteBody,
        query=WAIT,
        status=202,
    )
    async def post(self, name: str) -> None:
        """See the OpenAPI document."""
        body = self.body(PromoteBody)
        await self.backend.quick(lambda: self.backend.workspace.catalogue.service(name))
        config = await self.backend.quick(deploying.checked, self.backend, body.target, body.config)
        goal = body.new_name or f"{name}-{body.target}"
        await self.show_operation(
            "promote", goal, partial(deploying.promote, self.backend, name, body, config),
            failure_card=partial(deploying.failure, self.backend, goal),
        )  # fmt: skip


class StartHandler(ApiHandler):
    """Serving again."""

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Serve the live revision again after a stop, a crash or a restart of the machine.",
        answers.OperationInFull,
        body=StartBody,
        query=WAIT,
        status=202,
    )
    async def post(self, name: str) -> None:
        """See the OpenAPI document."""
        body = self.body(StartBody)
        record = await self.backend.quick(lambda: self.backend.workspace.catalogue.service(name))
        self.backend.policy.require_target(record.target)
        await self.show_operation(
            "start", name, partial(deploying.start, self.backend, name, body),
            failure_card=partial(deploying.failure, self.backend, name),
        )  # fmt: skip


class StopHandler(ApiHandler):
    """Serving no more, for now."""

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented("Stop serving; keys, logs and revisions stay.", answers.OperationInFull, query=WAIT, status=202)
    async def post(self, name: str) -> None:
        """See the OpenAPI document."""
        await self.backend.quick(lambda: self.backend.workspace.catalogue.service(name))
        await self.show_operation("stop", name, partial(deploying.stop, self.backend, name))
