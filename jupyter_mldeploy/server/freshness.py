"""Keeps records close to the truth without ever making a list wait for it.

A list shows what is in the catalogue; this task compares services with their targets one after the other, a bounded
number a second, while somebody looks, and seldom otherwise. What changes becomes an event, which open panels get.
"""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ..core.records import ServiceRecord, State
from ..errors import MldeployError

if TYPE_CHECKING:
    from .backend import Backend

#: Most services that are compared in one round, and seconds between rounds.
BATCH, ROUND_S = 50, 1.0
#: Seconds for which a look counts, between rounds when nobody looks, and between comparisons then.
LOOK_S, IDLE_ROUND_S, IDLE_S = 60.0, 15.0, 60.0
#: How many times less often a service is compared that is asked over an account, which counts and limits requests.
FAR = 6


class Freshness:
    """Compares services with the truth in the background.

    Args:
        refresh_s: seconds between two comparisons of one service while somebody looks.
    """

    def __init__(self, backend: Backend, refresh_s: float) -> None:
        self._backend = backend
        self._refresh_s = refresh_s
        self._pool = ThreadPoolExecutor(2, "mldeploy-refresh")
        self._seen: dict[str, float] = {}
        self._facts: dict[str, tuple[float, dict[str, Any]]] = {}
        self._looked = -LOOK_S

    def look(self) -> None:
        """Note that somebody looks at the list."""
        self._looked = time.monotonic()

    @property
    def watched(self) -> bool:
        """Somebody has looked within the last minute."""
        return time.monotonic() - self._looked < LOOK_S

    def observed(self, uid: str) -> tuple[float | None, dict[str, Any]]:
        """Return when a service was last compared with the truth (epoch seconds or None) and what was found."""
        return self._facts.get(uid, (None, {}))

    def note(self, uid: str, facts: dict[str, Any]) -> None:
        """Remember what a comparison found."""
        self._seen[uid] = time.monotonic()
        self._facts[uid] = (time.time(), facts)

    def refresh(self, name: str) -> ServiceRecord:
        """Compare one service with the truth now."""
        record, seen = self._backend.workspace.deployer.look(name)
        self.note(record.uid, dict(seen.facts))
        return record

    async def run(self) -> None:
        """Go on until cancelled."""
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(ROUND_S)
            if self._backend.opened and (self.watched or loop.time() - last >= IDLE_ROUND_S):
                last = loop.time()
                for name in await self._backend.quick(self._due):
                    await loop.run_in_executor(self._pool, self._try, name)

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _due(self) -> list[str]:
        now = time.monotonic()
        watched = self.watched
        records = self._backend.workspace.catalogue.services()
        alive = {record.uid for record in records}
        for gone in self._seen.keys() - alive:
            self._seen.pop(gone, None)
            self._facts.pop(gone, None)

        def overdue(record: ServiceRecord) -> float:
            settled = record.state in {State.STOPPED, State.FAILED}
            wait = self._refresh_s * self._distance(record.target) if watched and not settled else IDLE_S
            return now - self._seen.get(record.uid, -IDLE_S) - wait

        due = sorted(((overdue(record), record.name) for record in records), reverse=True)
        return [name for late, name in due[:BATCH] if late > 0]

    def _distance(self, target: str) -> int:
        try:
            return FAR if self._backend.workspace.targets.get(target).capabilities.needs_account else 1
        except MldeployError:
            return FAR  # a target that cannot be loaded has nothing to tell

    def _try(self, name: str) -> None:
        try:
            self.refresh(name)
        except (MldeployError, OSError):
            return  # deleted meanwhile, or a broken plug-in: the record stays as last settled
