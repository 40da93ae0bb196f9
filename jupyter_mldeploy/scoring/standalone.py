"""A service without a supervisor's comforts: one light parent that binds, forks workers, and replaces those that end.

For containers and terminals (``python -m jupyter_mldeploy.scoring``). The parent loads nothing of the user's and little
of ours: it stays in memory beside every worker. So its modules do without ``dataclasses``, ``pathlib`` and ``typing``,
which weigh more than all that it does, and a child reads arguments and settings (``standalone_main``).
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress

from .doorway import Doorway
from .errors import StatusChannelClosed
from .memory_limit import MemoryLimit
from .parent_log import ParentLog
from .stamps import file_stamps
from .status import StatusChannel

TYPE_CHECKING = False  # what typing.TYPE_CHECKING means to type checkers, without the import of typing
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from .standalone_main import Order

EXIT_FAILED = 3
_BACKLOG = 2048
_SILENCE_S = 30.0
_STANDSTILL_S = 3.0
_STABLE_S = 30.0
_LONGEST_PAUSE_S = 10.0
_KEYS_EVERY_S = 0.5


def end_of_child(work: Callable[[], int]) -> NoReturn:
    """Do a forked child's work and end the process with the exit code that it returns; 1 if it raises anything."""
    code = 1
    try:
        code = work()
    except BaseException:  # noqa: BLE001 - this process must end here, whatever happens
        import traceback

        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(Exception):
                stream.flush()
        os._exit(code)


class _Child:
    """A worker process as its parent sees it."""

    def __init__(self, number: int, pid: int, channel: StatusChannel) -> None:
        self.number = number
        self.pid = pid
        self.channel = channel
        self.ready = False
        self.leaving = False
        self.retiring = False
        self.closed = False
        self.keys = 0
        self.heard = time.monotonic()
        self.ready_at = 0.0


class Standalone:
    """The parent.

    Args:
        order: what to run, and how. With a door the service's own listening socket comes from there, and the door says
            when to begin and when to end.
        sockets: bound; they listen from when the first worker is ready. With a door they are for health checks.
    """

    def __init__(self, order: Order, sockets: list[socket.socket]) -> None:
        self._spec = order["spec"]
        self._sockets = sockets
        self._doorway = Doorway(order["door"], order["revision"]) if order["door"] else None
        self._serving = self._doorway is None
        self._closed = False
        self._log = ParentLog(structured=order["structured"], revision=order["revision"])
        self._memory = MemoryLimit()
        self._wanted = order["workers"]
        self._children: list[_Child] = []
        self._starts: list[tuple[float, int]] = [(0.0, number) for number in range(1, self._wanted + 1)]
        self._pause_s = 0.0
        self._was_ready = False
        self._stopping_until: float | None = None
        self._drain_deadline_s = order["drain_deadline_s"]
        self._exit_code = 0
        self._key_files = order["key_files"]
        self._key_stamps = file_stamps(self._key_files)
        self._looked_at_keys = self._checked = time.monotonic()
        #: How often the keys have changed, and up to which change every worker that accepts has read them.
        self._keys = self._keys_read = 0

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; return the exit code: 0, or 3 when the first worker cannot start."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        os.set_blocking(wake_read, False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        while True:
            if self._at_the_door():
                self._start_due()
            if not self._children and not self._starts:
                return self._exit_code
            self._wait(wake_read)
            self._take_signals(wake_read)
            self._listen()
            self._reap()
            self._tell_closed()
            self._tell_keys()
            self._check()

    # ---- starting

    def _start_due(self) -> None:
        now = time.monotonic()
        due = [number for at, number in self._starts if at <= now]
        self._starts = [item for item in self._starts if item[0] > now]
        for number in due:
            self._start(number)

    def _start(self, number: int) -> None:
        ours, theirs = StatusChannel.pair()
        sys.stdout.flush()
        sys.stderr.flush()
        gc.freeze()  # a collection in the worker would otherwise write to every page that the two share
        pid = os.fork()
        if pid == 0:
            end_of_child(lambda: self._become_worker(number, theirs, ours))
        theirs.close()
        child = _Child(number, pid, ours)
        child.keys = self._keys  # it reads them when it begins
        self._children.append(child)

    def _become_worker(self, number: int, status: StatusChannel, parents: StatusChannel) -> int:
        signal.set_wakeup_fd(-1)
        for item in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(item, signal.SIG_DFL)
        parents.close()
        for child in self._children:
            child.channel.close()
        from .spec import WorkerSpec
        from .worker import run_worker

        sockets = list(self._sockets)
        if self._doorway is not None and self._doorway.socket is not None:
            sockets.append(self._doorway.socket)
        return run_worker(WorkerSpec.from_dict({**self._spec, "worker_id": number}), sockets, status)

    # ---- at the door

    def _at_the_door(self) -> bool:
        """Return whether workers can be started; a door that was lost and found again gets new ones."""
        if self._doorway is None or self._doorway.reached:
            return True
        if not self._doorway.reach():
            return False
        for child in self._children:
            if not child.leaving:
                child.leaving = True
                self._tell(child, {"command": "drain"})
                self._starts.append((0.0, child.number))
        return True

    def _hear_the_door(self) -> None:
        if self._doorway is None:
            return
        for message in self._doorway.receive():
            command = message.get("command")
            if command == "serve":
                self._serving = True
                for child in self._children:
                    if child.ready:
                        self._tell(child, {"command": "go"})
                self._doorway.say("serving")
                self._log.say("it serves now", event={"event": "serving"})
            elif command == "drain":
                self._log.say("another revision has taken over", event={"event": "draining"})
                self._stop()

    def _tell_the_door(self, event: str, **facts: Any) -> None:
        if self._doorway is not None:
            ready = sum(child.ready and not child.leaving for child in self._children)
            self._doorway.say(event, workers=ready, wanted=self._wanted, keys=self._keys_read, **facts)

    def _tell_closed(self) -> None:
        """Tell the door when no worker accepts any more; whoever deploys waits for that, not for the last answer."""
        if self._doorway is None or self._stopping_until is None or self._closed:
            return
        if all(child.closed or not child.ready for child in self._children):
            self._closed = True
            self._doorway.say("closed")

    def _tell_keys(self) -> None:
        """Tell the door when every worker has read changed keys; one that starts has before it accepts."""
        read = min((child.keys for child in self._children if child.ready), default=self._keys)
        if read > self._keys_read:
            self._keys_read = read
            self._tell_the_door("keys")

    # ---- watching

    def _wait(self, wake: int) -> None:
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        if self._doorway is not None and self._doorway.reached:
            poll.register(self._doorway.fileno(), select.POLLIN)
        for child in self._children:
            if child.channel.fileno() >= 0:
                poll.register(child.channel.fileno(), select.POLLIN)
        soonest = min((at - time.monotonic() for at, _ in self._starts), default=1.0)
        if self._doorway is not None and not self._doorway.reached:
            soonest = 0.1
        poll.poll(max(0.0, min(soonest, 1.0)) * 1000)

    def _take_signals(self, wake: int) -> None:
        with suppress(BlockingIOError):
            for number in os.read(wake, 64):
                if number in (signal.SIGTERM, signal.SIGINT):
                    self._stop()
                elif number == signal.SIGHUP:
                    self._reload_keys()

    def _listen(self) -> None:
        self._hear_the_door()
        for child in self._children:
            if child.channel.fileno() < 0:
                continue
            try:
                messages = child.channel.receive()
            except StatusChannelClosed:
                child.channel.close()
                continue
            child.heard = time.monotonic()
            for message in messages:
                self._take_event(child, message)

    def _take_event(self, child: _Child, message: dict[str, Any]) -> None:
        event = message.get("event")
        if event == "ready":
            child.ready = True
            child.ready_at = time.monotonic()
            if not self._was_ready:
                self._was_ready = True
                for item in self._sockets:
                    item.listen(_BACKLOG)
                self._log.ready(message)
            if self._serving and not child.leaving:
                self._tell(child, {"command": "go"})
            self._let_retire(child.number)
            self._tell_the_door("ready")
        elif event == "failed" and not self._was_ready:
            self._log.failed(message)
            self._exit_code = EXIT_FAILED
            self._stop()
        elif event == "stuck" and not child.leaving:
            child.leaving = True  # it answers what it can and ends by itself
            if not child.retiring:
                self._starts.append((0.0, child.number))
        elif event == "retiring" and not child.leaving and self._stopping_until is None:
            child.retiring = True  # it serves until its replacement is ready
            self._starts.append((0.0, child.number))
        elif event == "draining":
            child.closed = True
        elif event == "keys":
            child.keys = max(child.keys, int(message.get("number") or 0))

    def _let_retire(self, number: int) -> None:
        for child in self._children:
            if child.number == number and child.retiring and not child.leaving:
                child.leaving = True
                self._tell(child, {"command": "drain"})

    def _reap(self) -> None:
        for child in list(self._children):
            try:
                pid, status = os.waitpid(child.pid, os.WNOHANG)
            except ChildProcessError:
                pid, status = child.pid, 0
            if pid == 0:
                continue
            self._children.remove(child)
            child.channel.close()
            if self._stopping_until is None and not child.leaving and not child.retiring:
                self._replace(child, os.waitstatus_to_exitcode(status))
        if os.getpid() == 1:
            self._bury_orphans()

    def _bury_orphans(self) -> None:
        """As the first process of a container, take leave of processes that the script has left behind."""
        ours = {child.pid for child in self._children}
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if found is None or found.si_pid in ours:
                return  # one of ours has ended just now: the next round sees to it
            with suppress(ChildProcessError):
                os.waitpid(found.si_pid, os.WNOHANG)

    def _replace(self, child: _Child, code: int) -> None:
        out_of_memory = self._memory.was_hit() and code == -signal.SIGKILL
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        if out_of_memory:
            how += f", as the memory limit{self._memory.shown} was hit"
        facts = {"event": "crash", "code": code, "oom": out_of_memory}
        if not child.ready and not self._was_ready:
            self._log.say(f"worker {child.number} ended {how} before it was ready", level="error", event=facts)
            # As a shell and a container engine say it: 137 is a process that was killed.
            self._exit_code = 128 - code if code < 0 else EXIT_FAILED
            self._stop()
            return
        stable = child.ready and time.monotonic() - child.ready_at > _STABLE_S
        self._pause_s = 0.0 if stable else min(_LONGEST_PAUSE_S, self._pause_s * 2 or 0.1)
        text = f"worker {child.number} ended {how}; a new one starts in {self._pause_s:g} s"
        self._log.say(text, level="error", event=facts)
        self._tell_the_door("crash", text=f"a worker ended {how}", code=code, oom=out_of_memory)
        self._starts.append((time.monotonic() + self._pause_s, child.number))

    def _check(self) -> None:
        now = time.monotonic()
        if now - self._checked > _STANDSTILL_S:  # the container was paused: a worker's word is perhaps on the way
            for child in self._children:
                child.heard = now
        self._checked = now
        for child in self._children:
            silent = child.ready and now - child.heard > _SILENCE_S
            overdue = self._stopping_until is not None and now > self._stopping_until
            if silent or overdue:
                if silent:
                    text = f"worker {child.number} has given no sign of life for {_SILENCE_S:g} s and is killed"
                    self._log.say(text, level="error")
                with suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)
        if self._key_files and now - self._looked_at_keys >= _KEYS_EVERY_S:
            self._looked_at_keys = now
            stamps = file_stamps(self._key_files)
            if stamps != self._key_stamps:
                self._key_stamps = stamps
                self._reload_keys()

    def _reload_keys(self) -> None:
        """Let all workers read their keys: a signal asks for it, or a mounted Secret has changed."""
        self._keys += 1
        for child in self._children:
            self._tell(child, {"command": "reload-keys", "number": self._keys})

    # ---- stopping

    def _stop(self) -> None:
        self._starts.clear()
        if self._stopping_until is None:
            self._stopping_until = time.monotonic() + self._drain_deadline_s + 5
        for child in self._children:
            child.leaving = True
            if child.ready:
                self._tell(child, {"command": "drain"})
            else:
                with suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGTERM)

    def _tell(self, child: _Child, message: dict[str, Any]) -> None:
        with suppress(StatusChannelClosed):
            child.channel.send(message)
