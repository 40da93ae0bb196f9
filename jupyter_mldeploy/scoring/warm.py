"""The warm parent: a process that has a script's imports loaded and forks workers on request, in milliseconds.

It is a process of its own, so that the supervisor stays free of user packages and a crash during an import costs one
warm parent and nothing else. It has one thread, imports only installed distributions (never the user's own modules,
which change between revisions), and checks before each fork that what it has loaded is still what lies on disk.

Started by ``nursery`` with the directory of the package and a descriptor; it takes requests from the supervisor on
that descriptor (see ``passing``):

    {"op": "import", "names": [...], "urgent"}    load these: before the next fork if urgent, else when idle
    {"op": "fork", "id": 7, "launch": {...}}      fork a worker
    {"op": "become", "id": 7, "launch": {...}}    turn into a worker (start method "spawn": no fork anywhere)
    {"op": "retire"}                              end after the last child

and answers in newline-delimited JSON: up, importing, warm, unsafe, spare, forked, refused, exited.

Once it has been asked to fork it keeps one child forked ahead (see ``spare``), which the next order for a worker gets.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .launch import run
from .memory import give_back_freed_memory
from .passing import take_message
from .preload import SERVER_MODULES, Preload, is_fork_safe, know_plugins
from .processes import reap, start_token
from .spare import Spare, fork_spare

Become = Callable[[], int]

#: Seconds of quiet before a spare is forked: what was just started, and its first requests, come first.
_QUIET_S = 0.2


class WarmParent:
    """Serves the supervisor's requests until it hangs up. See the module's docstring for the messages."""

    def __init__(self, supervisor: socket.socket) -> None:
        self._supervisor = supervisor
        self._preload = Preload()
        for name in SERVER_MODULES:  # a part that cannot be loaded is reported by the worker that needs it
            if self._preload.wants(name):
                self._preload.load(name)
        self._urgent: deque[str] = deque()
        self._idle: deque[str] = deque()
        self._children: dict[int, float] = {}
        self._retired = False
        self._unsafe: str | None = None
        self._busy_since: float | None = None
        self._forks = False  # whether it is one that forks; set by the first order to do so
        self._spare: Spare | None = None
        self._spare_due: float | None = None

    def serve(self) -> Become | None:
        """Handle requests. Returns in a forked child with what it is to run; in the parent with None at the end."""
        read, write = os.pipe()
        os.set_blocking(read, False)
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.poll()
        poll.register(self._supervisor, select.POLLIN)
        poll.register(read, select.POLLIN)
        self._send(event="up")
        while not (self._retired and not self._children):
            for descriptor, _ in poll.poll(self._patience_ms()):
                if descriptor == read:
                    with contextlib.suppress(BlockingIOError):
                        os.read(read, 4096)
                    self._reap()
                    continue
                request, descriptors = take_message(self._supervisor)
                if request is None:
                    self._supervisor_gone()
                    return None
                become = self._handle(request, descriptors)
                if become is not None:
                    os.close(read)
                    os.close(write)
                    return become
            if self._urgent or self._idle:
                self._import_next()
            elif self._spare_due is not None and time.monotonic() >= self._spare_due:
                become = self._fork_spare()
                if become is not None:
                    os.close(read)
                    os.close(write)
                    return become
        return None

    def _patience_ms(self) -> float | None:
        """How long to wait for the next request before there is something else to do."""
        if self._urgent or self._idle:
            return 0
        if self._spare_due is None:
            return None
        return max(0.0, self._spare_due - time.monotonic()) * 1000

    def _handle(self, request: dict[str, Any], descriptors: list[int]) -> Become | None:
        operation = request["op"]
        if operation == "import":
            self._busy_since = self._busy_since or time.monotonic()
            (self._urgent if request["urgent"] else self._idle).extend(request["names"])
        elif operation == "retire":
            self._retired = True
            self._dismiss_spare()
        elif operation in ("fork", "become"):
            while self._urgent:
                self._import_next()
            return self._launch(request, descriptors)
        return None

    def _import_next(self) -> None:
        name = (self._urgent or self._idle).popleft()
        if self._preload.wants(name):
            self._dismiss_spare()  # it has not loaded this
            self._send(event="importing", name=name)
            self._preload.load(name)
            reason = is_fork_safe()
            if reason is not None:
                self._unsafe = f"{name} cannot be loaded before a fork: {reason}"
                self._send(event="unsafe", name=name, reason=reason)
        if not self._urgent and not self._idle:
            self._report_warm()

    def _report_warm(self) -> None:
        know_plugins()
        # What is alive now stays in shared pages: the collector of a child will not touch it.
        gc.collect()
        give_back_freed_memory()  # what a fork need not know of makes it no slower
        gc.freeze()
        seconds = time.monotonic() - (self._busy_since or time.monotonic())
        self._busy_since = None
        self._send(event="warm", seconds=round(seconds, 3), modules=len(sys.modules))
        self._want_spare()

    def _launch(self, request: dict[str, Any], descriptors: list[int]) -> Become | None:
        """Fork (or turn into) a worker. ``descriptors``: status channel, log, listening sockets."""
        identity, launch = request["id"], request["launch"]
        against = self._preload.stale() or (self._unsafe if request["op"] == "fork" else None)
        if against is not None:
            self._refuse(identity, against, descriptors)
            return None
        if request["op"] == "become":
            self._send(event="forked", id=identity, pid=os.getpid(), token=start_token(os.getpid()))
            return self._prepare(launch, descriptors)
        self._forks = True
        spare, self._spare = self._spare, None
        if spare is not None:
            self._send(event="spare", pid=0)
        if spare is not None and spare.hand_over(launch, descriptors):
            pid = spare.pid
        else:
            try:
                pid = os.fork()
            except OSError as error:
                self._refuse(identity, f"fork failed: {error.strerror}", descriptors)
                return None
            if pid == 0:
                return self._prepare(launch, descriptors)
            with contextlib.suppress(OSError):
                os.setpgid(pid, pid)  # the child does the same; whoever comes first
        self._children[pid] = float(launch.get("drain_s", 30.0))
        for descriptor in descriptors:
            os.close(descriptor)
        # It may have ended already: only with a token does the supervisor wait for the word how.
        self._send(event="forked", id=identity, pid=pid, token=start_token(pid, ended=True))
        self._want_spare()
        return None

    def _want_spare(self) -> None:
        """Have a spare forked as soon as nothing has been asked for a moment."""
        if self._forks and self._spare is None and not self._retired and self._unsafe is None:
            self._spare_due = time.monotonic() + _QUIET_S

    def _fork_spare(self) -> Become | None:
        self._spare_due = None
        if self._retired or self._unsafe is not None or self._preload.stale() is not None:
            return None
        try:
            found = fork_spare()
        except OSError:  # the next order will say so, if it still is so then
            return None
        if not isinstance(found, Spare):
            self._leave_parent()
            return found
        self._spare = found
        self._send(event="spare", pid=found.pid)
        return None

    def _dismiss_spare(self) -> None:
        self._spare_due = None
        if self._spare is not None:
            self._spare.dismiss()
            self._spare = None
            self._send(event="spare", pid=0)

    def _refuse(self, identity: int, reason: str, descriptors: list[int]) -> None:
        for descriptor in descriptors:
            os.close(descriptor)
        self._send(event="refused", id=identity, reason=reason)

    def _prepare(self, launch: dict[str, Any], descriptors: list[int]) -> Become:
        self._leave_parent()
        return lambda: run(launch, descriptors)

    def _leave_parent(self) -> None:
        """Make the process one of its own: group, signals, descriptors."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        self._supervisor.close()

    def _reap(self) -> None:
        for pid, code, size in reap():
            if self._children.pop(pid, None) is not None:
                self._send(event="exited", pid=pid, code=code, max_rss=size)
            elif self._spare is not None and self._spare.pid == pid:  # killed, by whomever
                self._dismiss_spare()
                self._want_spare()

    def _supervisor_gone(self) -> None:
        """The supervisor ended or was killed: no worker may outlive it.

        Workers see the end of their own channel and drain; this is for one that hangs.
        """
        self._dismiss_spare()
        deadline = time.monotonic() + max(self._children.values(), default=0.0) + 2
        while self._children and time.monotonic() < deadline:
            self._reap()
            if self._children:
                time.sleep(0.02)
        for pid in self._children:
            with contextlib.suppress(OSError):
                os.killpg(pid, signal.SIGKILL)  # our own child, not reaped yet: the number is still its

    def _send(self, **message: Any) -> None:
        with contextlib.suppress(OSError):
            self._supervisor.sendall(json.dumps(message).encode() + b"\n")


def main(descriptor: int) -> int:
    """Be a warm parent (and perhaps, later, a worker) with the supervisor at ``descriptor``."""
    os.set_inheritable(descriptor, False)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)
    sys.path[:] = [entry for entry in sys.path if entry and Path(entry) != Path.cwd()]
    become = WarmParent(socket.socket(fileno=descriptor)).serve()
    return 0 if become is None else become()
