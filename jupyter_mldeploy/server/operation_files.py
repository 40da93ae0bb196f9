"""What the workspace keeps of operations, so that a server that was started again can tell how they ended.

One file each, written before its work begins and again when it has ended. A file that says "running" is true as long
as the server that wrote it lives: each server holds a lock that the operating system releases when it dies.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.storage.locks import hold
from ..errors import BusyError, MldeployError

_log = logging.getLogger(__name__)

#: Files that are kept, the newest.
KEPT = 200
#: Writes between two looks for what is too many, and seconds after which a lock or a half-written file may be old.
_SWEEP_EVERY, _OLD_S = 50, 3600.0
#: Bytes of one; of a larger one result and card are left out.
MOST = 4 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    """An operation as it is written down: in full, as REST shows it, and whether its server lives."""

    document: Mapping[str, Any]
    alive: bool

    @property
    def running(self) -> bool:
        """It has not ended, and the server that runs it goes on."""
        return self.alive and self.document["state"] == "running"

    @property
    def cut_off(self) -> bool:
        """Its server ended before it did."""
        return not self.alive and self.document["state"] == "running"


class OperationFiles:
    """The operations in one folder, of this server and of others.

    Writing never fails an operation: what cannot be kept is logged, and not known after a restart.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = uuid.uuid4().hex[:16]
        self._held = ExitStack()
        self._opened = False
        self._writes = 0
        self._lock = threading.Lock()

    def write(self, document: Mapping[str, Any]) -> None:
        """Keep an operation as it is now, in place of what was kept of it."""
        try:
            self._open()
            text = json.dumps({"server": self._server, "operation": document}, default=str)
            if len(text) > MOST:
                less = {**document, "result": None, "card": None}
                text = json.dumps({"server": self._server, "operation": less}, default=str)
            path = self._folder / f"{document['id']}.json"
            fresh = path.with_suffix(f".{threading.get_ident()}.new")
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(path)
        except (OSError, MldeployError) as error:
            _log.warning("Operation %s is not kept: %s", document["id"], error)

    def find(self, operation_id: str) -> Kept | None:
        """Return one, None when it is not known."""
        if not operation_id.isalnum():
            return None
        return self._read(self._folder / f"{operation_id}.json", {})

    def all(self) -> list[Kept]:
        """Return all that are kept, the oldest first."""
        lives: dict[str, bool] = {}
        found = [self._read(path, lives) for path in self._folder.glob("*.json")]
        return sorted((item for item in found if item is not None), key=lambda item: float(item.document["created"]))

    def _read(self, path: Path, lives: dict[str, bool]) -> Kept | None:
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            document, server = found["operation"], str(found["server"])
        except (OSError, ValueError, KeyError):
            return None
        if server not in lives:
            lives[server] = self._lives(server)
        return Kept(document, lives[server])

    def _lives(self, server: str) -> bool:
        if server == self._server:
            return True
        try:
            # Shared: two that look at once must not take each other for the server.
            with hold(self._folder / f"{server}.lock", "a server's operations", shared=True):
                return False
        except BusyError:
            return True
        except (OSError, MldeployError):
            return False

    def _open(self) -> None:
        with self._lock:
            if self._writes % _SWEEP_EVERY == 0:
                self._folder.mkdir(mode=0o700, exist_ok=True)
                self._sweep()
            self._writes += 1
            if self._opened:
                return
            self._held.enter_context(hold(self._folder / f"{self._server}.lock", "a server's operations"))
            self._opened = True

    def _sweep(self) -> None:
        """Remove what is older than the newest :data:`KEPT`, and the locks of servers that left nothing else."""
        files = sorted(self._folder.glob("*.json"), key=_written, reverse=True)
        for path in files[KEPT:]:
            path.unlink(missing_ok=True)
        # A lock that is new belongs to a server that has written no operation yet.
        old = [path for path in self._folder.glob("*.*") if time.time() - _written(path) > _OLD_S]
        locks = [path for path in old if path.suffix == ".lock" and path.stem != self._server]
        used = {self._server_of(path) for path in files[:KEPT]} if locks else set()
        for path in locks:
            if path.stem not in used and not self._lives(path.stem):
                path.unlink(missing_ok=True)
        for path in old:
            if path.suffix == ".new":
                path.unlink(missing_ok=True)

    @staticmethod
    def _server_of(path: Path) -> str | None:
        try:
            return str(json.loads(path.read_text(encoding="utf-8"))["server"])
        except (OSError, ValueError, KeyError):
            return None


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
