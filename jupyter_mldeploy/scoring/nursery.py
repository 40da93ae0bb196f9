"""The supervisor's side of warm parents: starts them, asks them for workers, replaces those that died or went stale."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from .environment_policy import scrubbed
from .logbook import LogBook, Spool
from .passing import pass_message
from .processes import send_signal, start_token
from .reactor import EventLoop

#: Program of a warm parent: the package from our own directory, everything else from the interpreter's.
_BOOTSTRAP = (
    "import sys;sys.path.insert(0,sys.argv[1]);import jupyter_mldeploy;del sys.path[0];"
    "from jupyter_mldeploy.scoring.warm import main;sys.exit(main(int(sys.argv[2])))"
)

#: Parents that end within this many seconds, this often in a row, make the nursery rest before it starts another.
_SHORT_LIFE_S = 2.0
_MOST_SHORT_LIVES = 5
_REST_S = 2.0

#: Seconds that loading one module in advance may take.
_LONGEST_IMPORT_S = 600.0


class Soil(NamedTuple):
    """What a warm parent cannot change once it runs; another revision with another one needs another parent.

    Attributes:
        interpreter: the Python that runs it.
        environment: variables on top of the scrubbed ones, sorted pairs. They may matter when a library is loaded.
    """

    interpreter: str
    environment: tuple[tuple[str, str], ...]


class Birth:
    """A worker that was asked for.

    Args:
        launch: see ``launch.run``.
        descriptors: status channel, log and listening sockets; the nursery only borrows them.
        on_born: called with (pid, token).
        on_failed: called with the reason when no worker can be made.
    """

    __slots__ = ("attempts", "cancelled", "descriptors", "launch", "on_born", "on_failed")

    def __init__(
        self,
        launch: dict[str, Any],
        descriptors: list[int],
        on_born: Callable[[int, str | None], None],
        on_failed: Callable[[str], None],
    ) -> None:
        self.launch = launch
        self.descriptors = descriptors
        self.on_born = on_born
        self.on_failed = on_failed
        self.cancelled = False
        self.attempts = 0


class _Parent:
    """One warm parent process."""

    def __init__(self, pid: int, channel: socket.socket, spool: Spool, soil: Soil) -> None:
        self.pid = pid
        self.token = start_token(pid)
        self.channel = channel
        self.spool = spool
        self.soil = soil
        self.incoming = bytearray()
        self.importing: str | None = None
        self.importing_since = 0.0
        self.begun = time.monotonic()
        self.up = False
        self.outstanding: tuple[int, Birth] | None = None
        self.retired = False
        self.consumed = False
        self.children: set[int] = set()  # pids of those whose end it has still to report
        self.spare = 0  # pid of the child that waits for a launch, 0 when there is none

    def end_is_own_fault(self, code: int | None) -> bool:
        """Whether it ended before it was up without having been killed: another one would end in the same way."""
        return code is not None and code >= 0


class Nursery:
    """All warm parents of one service: one that gives birth, and retired ones that wait for their last child.

    Args:
        loop: the supervisor's loop.
        directory: the service's directory, for spools.
        runtime: directory that holds the package for any interpreter.
        book: the service's log.
        method: ``fork``, or ``spawn`` where forking is unsafe: each warm process then becomes one worker itself.
        on_exit: called with (pid, exit code, largest resident size) when a worker ended.
        on_note: called with (kind, message) for the journal.
    """

    def __init__(
        self,
        loop: EventLoop,
        directory: Path,
        runtime: Path,
        book: LogBook,
        method: str,
        on_exit: Callable[[int, int, int], None],
        on_note: Callable[[str, str], None],
    ) -> None:
        self._loop = loop
        self._directory = directory
        self._runtime = runtime
        self._book = book
        self._method = method
        self._on_exit = on_exit
        self._on_note = on_note
        self._parents: dict[int, _Parent] = {}
        self._current: _Parent | None = None
        self.soil: Soil | None = None
        self._imports: dict[str, None] = {}
        self._avoid: set[str] = set()
        self._births: deque[Birth] = deque()
        self._count = 0
        self._short_lives = 0
        self._resting = False
        self._closing = False
        self.base_environment = scrubbed()
        self.on_importing: Callable[[str], None] | None = None

    # What the supervisor asks for.

    def prepare(self, soil: Soil, imports: list[str], *, urgent: bool = True) -> None:
        """Have a warm parent for ``soil`` with ``imports`` loaded: before the next worker if urgent, else in time."""
        if soil != self.soil:
            self.soil = soil
            self._imports.clear()
            self._avoid.clear()
            self._replace()
        new = [name for name in imports if name not in self._imports and name not in self._avoid]
        self._imports.update(dict.fromkeys(new))
        if self._current is None:
            self._start()
        elif new:
            self._send(self._current, {"op": "import", "names": new, "urgent": urgent})

    def give_birth(self, birth: Birth) -> None:
        """Have a worker made by the current warm parent."""
        self._births.append(birth)
        if self._current is None and not self._resting:
            self._start()
        else:
            self._pump()

    def check(self) -> None:
        """Give up what takes too long to load in advance; a worker that needs it has its own deadline."""
        parent = self._current
        if parent is not None and parent.importing and time.monotonic() - parent.importing_since > _LONGEST_IMPORT_S:
            self.give_up_importing()

    def give_up_importing(self) -> None:
        """Start anew without the module that is being loaded, as it seems to hang."""
        if self._current is not None and self._current.importing is not None:
            send_signal(self._current.pid, self._current.token, signal.SIGKILL)

    @property
    def importing(self) -> str | None:
        """What the current parent is loading, or None."""
        return self._current.importing if self._current is not None else None

    def will_tell(self, pid: int) -> bool:
        """Whether somebody who lives has still to say how a worker ended: its parent, or the system."""
        return pid in self._parents or any(pid in parent.children for parent in self._parents.values())

    def pids(self) -> list[tuple[int, str | None, int]]:
        """Return the parents' (pid, token, pid of the spare child or 0)."""
        return [(parent.pid, parent.token, parent.spare) for parent in self._parents.values()]

    def drain_spools(self) -> None:
        """Copy what the parents wrote into the log."""
        for parent in self._parents.values():
            parent.spool.drain(self._book)

    def reaped(self, pid: int, code: int) -> bool:
        """Take note that a child of the supervisor ended; return False when it was no warm parent."""
        parent = self._parents.get(pid)
        if parent is None:
            return False
        self._read(parent)  # what it said before it ended
        self._drop(parent, code)
        return True

    def close(self) -> None:
        """Let all parents go; workers are no longer theirs to care for."""
        self._closing = True
        for parent in list(self._parents.values()):
            send_signal(parent.pid, parent.token, signal.SIGKILL)
            self._drop(parent, None)

    # Parents.

    def _replace(self) -> None:
        """Let the current parent go when its last child is gone, and start another one."""
        old, self._current = self._current, None
        if old is not None:
            old.retired = True
            if old.outstanding is not None:
                self._births.appendleft(old.outstanding[1])
                old.outstanding = None
            self._send(old, {"op": "retire"})
        self._start()

    def _start(self) -> None:
        if self.soil is None or self._closing:
            return
        self._count += 1
        ours, theirs = socket.socketpair()
        spool = Spool(self._directory / "spool" / f"warm-{self._count}~.out", "warm", None)
        os.set_inheritable(theirs.fileno(), True)
        environment = {**self.base_environment, **dict(self.soil.environment)}
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, spool.fileno(), 1),
            (os.POSIX_SPAWN_DUP2, spool.fileno(), 2),
        ]
        arguments = [self.soil.interpreter, "-P", "-c", _BOOTSTRAP, str(self._runtime), str(theirs.fileno())]
        try:
            pid = os.posix_spawn(arguments[0], arguments, environment, file_actions=actions)
        except OSError as error:
            ours.close()
            spool.close(self._book)
            self._fail_births(f"the interpreter {arguments[0]} cannot be started: {error.strerror}")
            return
        finally:
            theirs.close()
        parent = _Parent(pid, ours, spool, self.soil)
        self._parents[pid] = parent
        self._current = parent
        self._loop.watch(ours, lambda: self._read(parent))
        if self._imports:
            self._send(parent, {"op": "import", "names": list(self._imports), "urgent": True})
        self._pump()

    def _drop(self, parent: _Parent, code: int | None) -> None:
        if self._parents.pop(parent.pid, None) is None:
            return
        self._loop.forget(parent.channel)
        parent.channel.close()
        parent.spool.close(self._book)
        if parent is not self._current:
            if parent.consumed and code is not None:
                self._on_exit(parent.pid, code, 0)
            return
        self._current = None
        lost, parent.outstanding = parent.outstanding, None
        if lost is not None:
            self._births.appendleft(lost[1])
        if self._closing:
            return
        if parent.importing is not None:
            self._avoid_module(parent.importing)
            self._on_note(
                "worker", f"loading {parent.importing!r} in advance ended the warm parent; left to the worker"
            )
        elif not parent.up and parent.end_is_own_fault(code):
            tail = "; ".join(parent.spool.recent(3))
            self._fail_births(f"the interpreter {parent.soil.interpreter} cannot run the scoring server: {tail}")
            return
        else:
            self._on_note("worker", "the warm parent was killed; another one takes its place")
        self._start_again(time.monotonic() - parent.begun)

    def _start_again(self, lived_s: float) -> None:
        """Start the next parent at once, or after a rest when they die young one after the other."""
        self._short_lives = self._short_lives + 1 if lived_s < _SHORT_LIFE_S else 0
        if self._short_lives < _MOST_SHORT_LIVES:
            self._start()
            return

        def rested() -> None:
            self._resting = False
            if self._current is None:
                self._start()

        self._resting = True
        self._loop.later(_REST_S, rested)

    def _avoid_module(self, name: str) -> None:
        top = name.partition(".")[0]
        self._avoid.update([*(item for item in self._imports if item.partition(".")[0] == top), name])
        for item in self._avoid:
            self._imports.pop(item, None)

    # Births.

    def _pump(self) -> None:
        parent = self._current
        if parent is None or parent.outstanding is not None or not self._births:
            return
        birth = self._births.popleft()
        if birth.cancelled:
            self._pump()
            return
        self._count += 1
        parent.outstanding = (self._count, birth)
        operation = "fork" if self._method == "fork" else "become"
        self._send(parent, {"op": operation, "id": self._count, "launch": birth.launch}, birth.descriptors)

    def _fail_births(self, reason: str) -> None:
        waiting, self._births = self._births, deque()
        for birth in waiting:
            if not birth.cancelled:
                birth.on_failed(reason)

    def _send(self, parent: _Parent, message: Mapping[str, Any], descriptors: list[int] | None = None) -> None:
        # A parent that died is noticed when it is reaped; what was meant for it goes to its successor.
        with contextlib.suppress(OSError):
            pass_message(parent.channel, message, descriptors or ())

    def _read(self, parent: _Parent) -> None:
        while True:
            try:
                chunk = parent.channel.recv(65_536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError:
                chunk = b""
            if not chunk:
                self._loop.forget(parent.channel)
                break
            parent.incoming += chunk
        *lines, rest = bytes(parent.incoming).split(b"\n")
        parent.incoming[:] = rest
        for line in lines:
            self._on_message(parent, json.loads(line))

    def _on_message(self, parent: _Parent, message: dict[str, Any]) -> None:
        event = message["event"]
        if event == "up":
            parent.up = True
        elif event == "importing":
            parent.importing, parent.importing_since = str(message["name"]), time.monotonic()
            if self.on_importing is not None:
                self.on_importing(parent.importing)
        elif event == "warm":
            parent.importing = None
        elif event == "unsafe" and self._method == "fork":
            parent.importing = None
            self._avoid_module(str(message["name"]))
            self._on_note("worker", f"{message['name']!r} is not loaded in advance: {message['reason']}")
            if parent is self._current:
                self._replace()
        elif event == "unsafe":
            parent.importing = None
        elif event == "spare":
            parent.spare = int(message["pid"])
        elif event == "exited":
            parent.children.discard(int(message["pid"]))
            self._on_exit(int(message["pid"]), int(message["code"]), int(message["max_rss"]))
        elif parent.outstanding is not None and parent.outstanding[0] == message["id"]:
            self._answered(parent, message)

    def _answered(self, parent: _Parent, message: dict[str, Any]) -> None:
        birth, parent.outstanding = parent.outstanding[1], None  # type: ignore[index]
        parent.importing = None
        if message["event"] == "forked":
            if self._method != "fork":
                parent.consumed = True
                if parent is self._current:
                    self._current = None
                    self._start()
            else:
                parent.children.add(int(message["pid"]))
            birth.on_born(int(message["pid"]), message["token"])
        else:
            birth.attempts += 1
            self._on_note("worker", f"the warm parent is renewed: {message['reason']}")
            if birth.attempts > 3:
                birth.on_failed(str(message["reason"]))
            else:
                self._births.appendleft(birth)
            if parent is self._current:
                self._replace()
        self._pump()
