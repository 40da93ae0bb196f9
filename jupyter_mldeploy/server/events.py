"""``/events``: what happened in the workspace, in any process."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from . import answers
from .base import ApiHandler
from .documented import documented


class EventsHandler(ApiHandler):
    """The event stream."""

    _track_activity = False

    @web.authenticated
    @authorized("read", resource="jupyter_mldeploy:services")
    @documented(
        "Return events after a number.",
        answers.Events,
        query={"after": "number of the last event known (0)", "service": "only of this one", "limit": "most (1000)"},
    )
    async def get(self) -> None:
        """See the OpenAPI document."""
        after, limit = self.number("after", 0), self.number("limit", 1000, low=1, high=10_000)
        self.show(await self.backend.quick(self._read, after, self.get_query_argument("service", None), limit))

    def _read(self, after: int, service: str | None, limit: int) -> dict[str, Any]:
        found = self.backend.workspace.events.read(after, service=service, limit=limit)
        return {"events": [event.to_dict() for event in found], "seq": found[-1].seq if found else after}
