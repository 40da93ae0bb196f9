"""``/operations``: long work, watched and cancelled; what is kept of servers before this one is shown too."""

from __future__ import annotations

import asyncio
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..errors import ConflictError, NotFoundError
from . import answers
from .base import ApiHandler, changes
from .documented import documented
from .interrupted import interrupted
from .operation_files import Kept

#: Seconds between two looks at the work of another server.
_LOOK_S = 0.5


class KeptOperations(ApiHandler):
    """Operations that are not this server's: of servers that ended, or of others with the same workspace."""

    async def kept(self, operation_id: str) -> Kept:
        """Return one; NotFoundError when nothing is known of it (any more)."""
        found = await self.backend.quick(self.backend.operation_files.find, operation_id)
        if found is None:
            raise NotFoundError(
                "operation",
                operation_id,
                hint="Only the latest are kept; the service's revisions tell what came of it.",
            )
        return found

    async def show_to_user(self, document: dict[str, Any], status: int = 200) -> None:
        """Answer with an operation; without what callers have sent for who may not read it in the log."""
        result = document.get("result") or {}
        if result.get("from_log") and not await self.allows("read", "jupyter_mldeploy:logs"):
            hidden = {"answers", "largest"}
            document = {**document, "result": {key: item for key, item in result.items() if key not in hidden}}
        self.show(document, status)

    async def of_others(self, operation_id: str, wait_s: float = 0.0) -> dict[str, Any]:
        """Return one as JSON, in full: when another server still runs it, after ``wait_s`` seconds or its end."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        found = await self.kept(operation_id)
        while found.running and loop.time() < deadline:
            await asyncio.sleep(_LOOK_S)
            found = await self.kept(operation_id)
        if not found.cut_off:
            return dict(found.document)
        return await self.backend.slow(lambda: interrupted(self.backend.workspace, found.document, look=True))


class OperationsHandler(ApiHandler):
    """All operations that this server knows."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented("List operations: those that run, and the latest that ended or were cut off.", answers.Operations)
    async def get(self) -> None:
        """See the OpenAPI document."""
        own = [item.document() for item in self.backend.operations.all()]
        known = {item["id"] for item in own}
        before = await self.backend.quick(self._before)
        self.show({"operations": [*(item for item in before if item["id"] not in known), *own]})

    def _before(self) -> list[dict[str, Any]]:
        found = []
        for item in self.backend.operation_files.all():
            document = dict(item.document)
            if item.cut_off:
                document = interrupted(self.backend.workspace, document, look=False)
            found.append({key: value for key, value in document.items() if key not in ("result", "card")})
        return found


class OperationHandler(KeptOperations):
    """One operation."""

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented(
        "Show an operation; when it has ended, with result and card. One that was cut off says what became of it. The"
        " answers of a replay are left out for who may not read logs.",
        answers.OperationInFull,
        query={"wait_s": "seconds to wait for the end (at most 30)"},
    )
    async def get(self, operation_id: str) -> None:
        """See the OpenAPI document."""
        wait_s = self.seconds("wait_s")
        operation = self.backend.operations.find(operation_id)
        if operation is None:
            await self.show_to_user(await self.of_others(operation_id, wait_s))
            return
        await self.ended(operation, wait_s)
        await self.show_to_user(operation.document(in_full=True))


class CancelHandler(KeptOperations):
    """The end of an operation, before its time."""

    @web.authenticated
    @authorized("write", resource="jupyter_mldeploy:services")
    @changes
    @documented(
        "Give an operation up at its next step; what served before goes on serving. One whose turn has not come ends at"
        " once, and one that has ended stays ended.",
        answers.OperationInFull,
        status=202,
    )
    async def post(self, operation_id: str) -> None:
        """See the OpenAPI document."""
        operation = self.backend.operations.find(operation_id)
        if operation is not None:
            await self.backend.quick(operation.cancel)
            await self.show_to_user(operation.document(in_full=True), 202)
            return
        document = await self.of_others(operation_id)
        if document["state"] == "running":
            raise ConflictError(
                f"Operation {operation_id!r} runs in another Jupyter server with the same workspace.",
                hint="Cancel it there.",
            )
        await self.show_to_user(document, 202)
