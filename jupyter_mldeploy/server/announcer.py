"""Tells this server's listeners what happens in the workspace: its own streams, and Jupyter's event system.

Whatever process changes a service, the change is a row of the workspace's event stream; this task follows it.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_events import EventLogger

from ..core.events import Event, EventKind

if TYPE_CHECKING:
    from .backend import Backend

SCHEMAS = Path(__file__).parent / "event_schemas"
SERVICE = "https://events.jupyter.org/jupyter_mldeploy/service/v1"
REVISION = "https://events.jupyter.org/jupyter_mldeploy/revision/v1"

#: Seconds between two looks at the stream: while somebody listens, and while nobody does.
SOON_S, SELDOM_S = 0.1, 1.0

_SERVICE_ACTIONS = {
    EventKind.SERVICE_CREATED: "created",
    EventKind.SERVICE_STATE: "state",
    EventKind.SERVICE_DELETED: "deleted",
}
_REVISION_ACTIONS = {
    EventKind.REVISION_CREATED: "created",
    EventKind.REVISION_LIVE: "live",
    EventKind.REVISION_FAILED: "failed",
}


def register_schemas(logger: EventLogger) -> None:
    """Make the schemas of our events known."""
    for path in sorted(SCHEMAS.glob("*.yaml")):
        logger.register_event_schema(path)


class Announcer:
    """Follows the workspace's events."""

    def __init__(self, backend: Backend, logger: EventLogger) -> None:
        self._backend = backend
        self._logger = logger

    async def run(self) -> None:
        """Go on until cancelled."""
        seq: int | None = None
        while True:
            if self._backend.opened:
                events, seq = await self._backend.quick(self._read, seq)
                for event in events:
                    self.announce(event)
                if events:
                    self._backend.news.ring()
            for _ in range(round(SELDOM_S / SOON_S)):
                await asyncio.sleep(SOON_S)
                if self._backend.news.waiting:
                    break

    def announce(self, event: Event) -> None:
        """Emit a change of a service or a revision in Jupyter's event system."""
        found = document(event)
        if found is not None:
            schema, data = found
            self._logger.emit(schema_id=schema, data=data)

    def _read(self, seq: int | None) -> tuple[list[Event], int]:
        stream = self._backend.workspace.events
        after = self._backend.first_seq if seq is None else seq
        events = stream.read(after)
        return events, events[-1].seq if events else after


def document(event: Event) -> tuple[str, dict[str, Any]] | None:
    """Return schema and data of an event, or None for one that is not announced outside of the workspace."""
    if event.kind in _SERVICE_ACTIONS:
        data: dict[str, Any] = {"action": _SERVICE_ACTIONS[EventKind(event.kind)]}
        if event.kind == EventKind.SERVICE_STATE:
            data |= {"state": str(event.data.get("to")), "reason": str(event.data.get("reason") or "")}
        schema = SERVICE
    elif event.kind in _REVISION_ACTIONS:
        data = {"action": _REVISION_ACTIONS[EventKind(event.kind)], "revision": event.revision or 0}
        schema = REVISION
    else:
        return None
    return schema, {**data, "seq": event.seq, "service": event.service or "", "uid": event.service_uid or ""}
