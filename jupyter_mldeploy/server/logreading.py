"""Log pages for many readers: who asks for the same page in the same moment gets the same page.

A page is named by the service and the cursor before it, so readers that have caught up share one read of the target,
however many they are.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..core.documents import log_document

if TYPE_CHECKING:
    from .backend import Backend

#: Seconds for which a page that was read is handed out again, and pages kept.
SHARED_S, KEPT = 0.2, 64


@dataclass(frozen=True, slots=True)
class Page:
    """Lines of one service's log.

    Attributes:
        uid: the service that wrote them; a service of the same name that comes later has another one.
        lines: JSON documents, see ``core.documents.log_document``.
        cursor: where the next page begins.
        ended: the service was deleted, and nothing will follow.
    """

    uid: str
    lines: list[dict[str, Any]]
    cursor: str
    ended: bool


class LogReading:
    """Reads pages, each once."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._pages: dict[tuple[str, str | None, int], tuple[float, asyncio.Task[Page]]] = {}

    async def uid(self, name: str) -> str:
        """Return the service that has the name now, or had it last.

        Raises:
            NotFoundError: there never was such a service.
        """
        return await self._backend.quick(lambda: self._backend.workspace.catalogue.last_service(name).uid)

    async def read(self, uid: str, cursor: str | None, limit: int) -> Page:
        """Return up to ``limit`` lines after ``cursor``; None gives the last ones."""
        key, now = (uid, cursor, limit), time.monotonic()
        found = self._pages.get(key)
        if found is None or (found[1].done() and now - found[0] > SHARED_S):
            for old in [item for item, (at, task) in self._pages.items() if task.done() and now - at > SHARED_S]:
                del self._pages[old]
            task = asyncio.ensure_future(self._backend.slow(self._page, uid, cursor, limit))
            # A reader that has gone must not leave "exception was never retrieved" behind.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            found = self._pages[key] = (now, task)
            while len(self._pages) > KEPT:
                del self._pages[next(iter(self._pages))]
        return await asyncio.shield(found[1])

    def _page(self, uid: str, cursor: str | None, limit: int) -> Page:
        workspace = self._backend.workspace
        record = workspace.catalogue.service_by_uid(uid)
        # Asked before the read: lines that come in between belong to a service that has not ended yet.
        ended = record.deleted is not None
        target = workspace.targets.get(record.target)
        found = target.logs(workspace.deployer.reference(record), cursor, limit)
        lines = [log_document(line) for line in found.lines]
        return Page(uid, lines, found.cursor, ended and (cursor is None or not lines))
