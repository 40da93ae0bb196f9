"""What the handlers of one server share: the workspace, threads, the policy, operations and how fresh states are."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ..core.workspace import Workspace, default_home
from .bell import Bell
from .freshness import Freshness
from .logreading import LogReading
from .operation import Operations
from .operation_files import OperationFiles
from .policy import Policy
from .rootpaths import RootPaths

T = TypeVar("T")

#: How long a request through this server counts as activity, in seconds.
ACTIVITY_S = 600.0


class Backend:
    """See the module's docstring. Nothing here must survive the server: what must is in the workspace.

    Args:
        home: the workspace's folder; None is the default one. It is opened with the first request.
        policy: what is allowed.
        paths: which files clients may name.
        refresh_s: seconds after which a service that somebody looks at is compared with the truth again.

    Attributes:
        operation_files: what is kept of operations, also those of servers before this one.
        changed: rings when an operation has changed.
        news: rings when the workspace has new events.
        first_seq: number of the newest event when the workspace was opened; what is older is history, not news.
        streams: the WebSockets that are open.
    """

    def __init__(self, home: Path | None, policy: Policy, paths: RootPaths, *, refresh_s: float = 5.0) -> None:
        self.home = home if home is not None else default_home()
        self.policy = policy
        self.paths = paths
        self.changed = Bell()
        self.news = Bell()
        self.operation_files = OperationFiles(self.home / "operations")
        self.operations = Operations(policy.limits.operations, self.changed.ring, self.operation_files.write)
        # Three pools, so that a target that does not answer holds up neither the catalogue nor the log of another.
        self._quick = ThreadPoolExecutor(4, "mldeploy-quick")
        self._slow = ThreadPoolExecutor(16, "mldeploy-target")
        self._workspace: Workspace | None = None
        self._opening = threading.Lock()
        self._used: dict[str, float] = {}
        self.streams: set[Any] = set()
        self.first_seq = 0
        self.freshness = Freshness(self, refresh_s)
        self.logs = LogReading(self)

    # The workspace.

    @property
    def workspace(self) -> Workspace:
        """The workspace, opened when it is first asked for. Only from a thread of :meth:`quick` or :meth:`slow`."""
        with self._opening:
            if self._workspace is None:
                workspace = Workspace(self.home)
                self.first_seq = workspace.events.last_seq()
                self._workspace = workspace
            return self._workspace

    @property
    def opened(self) -> bool:
        """The workspace is open, or there is one to open."""
        return self._workspace is not None or (self.home / "catalogue.db").exists()

    # Threads.

    async def quick(self, act: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run what reads the catalogue, or takes milliseconds, in a thread."""
        return await self._in(self._quick, act, args, kwargs)

    async def slow(self, act: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Run what asks a target in a thread."""
        return await self._in(self._slow, act, args, kwargs)

    @staticmethod
    async def _in(pool: Executor, act: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, partial(act, *args, **kwargs))

    # Activity.

    def used(self, service: str) -> None:
        """Note a request to a service through this server."""
        self._used[service] = time.monotonic()

    def activity(self) -> dict[str, Any] | None:
        """Return what goes on here, None when nothing does: operations, and services called within ten minutes."""
        now = time.monotonic()
        self._used = {name: at for name, at in self._used.items() if now - at < ACTIVITY_S}
        operations = [item.id for item in self.operations.running()]
        if not operations and not self._used:
            return None
        return {"operations": operations, "services": sorted(self._used)}

    def close(self) -> None:
        """Cancel operations and let the threads go."""
        self.operations.close()
        self.freshness.close()
        for pool in (self._quick, self._slow):
            pool.shutdown(wait=False, cancel_futures=True)
