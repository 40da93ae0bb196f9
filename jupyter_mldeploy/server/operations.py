"""``/operations``: long work, watched and cancelled."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from . import answers
from .base import ApiHandler, changes
from .documented import documented


class OperationsHandler(ApiHandler):
    """All operations that this server knows."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("List operations: those that run and the last 100 that ended.", answers.Operations)
    async def get(self) -> None:
        """See the OpenAPI document."""
        self.show({"operations": [item.document() for item in self.backend.operations.all()]})


class OperationHandler(ApiHandler):
    """One operation."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented(
        "Show an operation; when it has ended, with result and card.",
        answers.OperationInFull,
        query={"wait_s": "seconds to wait for the end (at most 30)"},
    )
    async def get(self, operation_id: str) -> None:
        """See the OpenAPI document."""
        operation = self.backend.operations.get(operation_id)
        await self.ended(operation, self.seconds("wait_s"))
        self.show(operation.document(in_full=True))


class CancelHandler(ApiHandler):
    """The end of an operation, before its time."""

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Give an operation up at its next step; what served before goes on serving. One that has ended stays ended.",
        answers.OperationInFull,
        status=202,
    )
    async def post(self, operation_id: str) -> None:
        """See the OpenAPI document."""
        operation = self.backend.operations.get(operation_id)
        operation.cancelled.set()
        self.show(operation.document(in_full=True), 202)
