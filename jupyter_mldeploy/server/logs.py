"""``/services/NAME/logs``: lines after a cursor, for everyone who has no WebSocket."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from . import answers
from .base import ApiHandler
from .documented import documented

#: Most lines of one answer.
MOST_LINES = 20_000


class LogsHandler(ApiHandler):
    """The log of a service."""

    _track_activity = False

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:logs")
    @documented(
        "Return lines after a cursor; of a service that was deleted too.",
        answers.Log,
        query={
            "cursor": "of the answer before; left out, the last lines",
            "uid": "of the answer before: the same service, should another one have its name now",
            "limit": "most lines (1000, at most 20000)",
        },
    )
    async def get(self, name: str) -> None:
        """See the OpenAPI document."""
        limit = self.number("limit", 1000, low=1, high=MOST_LINES)
        uid = self.get_query_argument("uid", None) or await self.backend.logs.uid(name)
        page = await self.backend.logs.read(uid, self.get_query_argument("cursor", None), limit)
        self.show({"name": name, "uid": page.uid, "lines": page.lines, "cursor": page.cursor, "ended": page.ended})
