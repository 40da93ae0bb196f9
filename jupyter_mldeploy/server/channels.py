"""What a WebSocket can subscribe to: each channel is a stream of messages, pulled by the reader.

Nothing is buffered for a reader: the next page is read when the one before has been sent, from where its cursor
stands. So a client that reads slowly, or not at all, costs no memory and holds up nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from .backend import Backend

#: Seconds between two looks at a log, and after which a reader looks without having been called.
LOG_POLL_S, SAFETY_S = 0.2, 5.0

Message = dict[str, Any]


class Subscribe(BaseModel):
    """What a client sends. ``id`` is its own name for the subscription and comes back with every message."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["subscribe", "unsubscribe"]
    id: str = Field(min_length=1, max_length=64)
    channel: Literal["logs", "events", "operations"] | None = None
    service: str | None = None
    """For logs: the service. For events: only this one's."""
    uid: str | None = None
    """For logs: of the message before, to go on with the same service should its name be another one's by now."""
    cursor: str | None = None
    """For logs: of the message before; left out, the last ``limit`` lines come first."""
    after: int | None = Field(None, ge=0)
    """For events: number of the last one known; left out, only what happens from now on."""
    limit: int = Field(1000, ge=0, le=5000)
    """For logs: lines to begin with."""


RESOURCES = {
    "logs": "jupyter_mldeploy:logs",
    "events": "jupyter_mldeploy:services",
    "operations": "jupyter_mldeploy:services",
}
"""Channel → what a subscriber must be allowed to read."""


def messages(backend: Backend, request: Subscribe) -> AsyncIterator[Message]:
    """Return the messages of a subscription, in order, without its id."""
    if request.channel == "logs":
        return _logs(backend, request)
    if request.channel == "events":
        return _events(backend, request)
    return _operations(backend)


async def _logs(backend: Backend, request: Subscribe) -> AsyncIterator[Message]:
    uid = request.uid or await backend.logs.uid(request.service or "")
    cursor, limit = request.cursor, request.limit
    while True:
        page = await backend.logs.read(uid, cursor, max(limit, 1))
        if cursor is None and request.limit == 0:
            page.lines.clear()
        if page.lines or cursor is None:
            yield {"type": "logs", "service": request.service, "uid": uid, "lines": page.lines, "cursor": page.cursor}
        if page.ended:
            yield {"type": "ended", "service": request.service, "uid": uid, "cursor": page.cursor}
            return
        if not page.lines:
            await asyncio.sleep(LOG_POLL_S)
        cursor, limit = page.cursor, backend.policy.limits.stream_page


async def _events(backend: Backend, request: Subscribe) -> AsyncIterator[Message]:
    limit = backend.policy.limits.stream_page

    def read(after: int) -> list[dict[str, Any]]:
        found = backend.workspace.events.read(after, service=request.service, limit=limit)
        return [event.to_dict() for event in found]

    def newest() -> int:
        return backend.workspace.events.last_seq()

    seq = await backend.quick(newest) if request.after is None else request.after
    while True:
        count = backend.news.count
        events = await backend.quick(read, seq)
        if events:
            seq = events[-1]["seq"]
            yield {"type": "events", "events": events, "seq": seq}
        else:
            await backend.news.after(count, SAFETY_S)


async def _operations(backend: Backend) -> AsyncIterator[Message]:
    sent: dict[str, int] = {}
    while True:
        count = backend.changed.count
        operations = [item for item in backend.operations.all() if sent.get(item.id) != item.version]
        if operations:
            documents = [item.document() for item in operations]
            sent.update({item["id"]: item["version"] for item in documents})
            yield {"type": "operations", "operations": documents}
            await asyncio.sleep(0.05)  # what changes many times a second is told twenty times a second
        else:
            await backend.changed.after(count, SAFETY_S)
