"""A service without a supervisor's comforts: one light parent that binds, forks workers, and replaces those that end.

For containers and terminals (``python -m jupyter_mldeploy.scoring``). The parent loads nothing of the user's.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

from .errors import StatusChannelClosed
from .spec import WorkerSpec
from .status import StatusChannel

EXIT_FAILED = 3
_BACKLOG = 2048
_SILENCE_S = 30.0
_STABLE_S = 30.0
_LONGEST_PAUSE_S = 10.0


class _Child:
    """A worker process as its parent sees it."""

    def __init__(self, number: int, pid: int, channel: StatusChannel) -> None:
        self.number = number
        self.pid = pid
        self.channel = channel
        self.ready = False
        self.leaving = False
        self.heard = time.monotonic()
        self.ready_at = 0.0


class Standalone:
    """The parent.

    Args:
        spec: what every worker runs.
        sockets: bound; they listen from when the first worker is ready.
        workers: how many processes.
    """

    def __init__(self, spec: WorkerSpec, sockets: list[socket.socket], workers: int) -> None:
        self._spec = spec
        self._sockets = sockets
        self._wanted = workers
        self._children: list[_Child] = []
        self._starts: list[tuple[float, int]] = [(0.0, number) for number in range(1, workers + 1)]
        self._pause_s = 0.0
        self._was_ready = False
        self._stopping_until: float | None = None
        self._exit_code = 0

    def run(self) -> int:
        """Serve until SIGTERM or SIGINT; return the exit code: 0, or 3 when the first worker cannot start."""
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        os.set_blocking(wake_read, False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        while True:
            self._start_due()
            if not self._children and not self._starts:
                return self._exit_code
            self._wait(wake_read)
            self._take_signals(wake_read)
            self._listen()
            self._reap()
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
        pid = os.fork()
        if pid == 0:
            os._exit(self._become_worker(number, theirs, ours))
        theirs.close()
        self._children.append(_Child(number, pid, ours))

    def _become_worker(self, number: int, status: StatusChannel, parents: StatusChannel) -> int:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for item in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
                signal.signal(item, signal.SIG_DFL)
            parents.close()
            for child in self._children:
                child.channel.close()
            from .worker import run_worker

            code = run_worker(replace(self._spec, worker_id=number), self._sockets, status)
        except BaseException:  # noqa: BLE001 - this process must end here, whatever happens
            import traceback

            traceback.print_exc()
        finally:
            for stream in (sys.stdout, sys.stderr):
                with suppress(Exception):
                    stream.flush()
        return code

    # ---- watching

    def _wait(self, wake: int) -> None:
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        for child in self._children:
            if child.channel.fileno() >= 0:
                poll.register(child.channel.fileno(), select.POLLIN)
        soonest = min((at - time.monotonic() for at, _ in self._starts), default=1.0)
        poll.poll(max(0.0, min(soonest, 1.0)) * 1000)

    def _take_signals(self, wake: int) -> None:
        with suppress(BlockingIOError):
            for number in os.read(wake, 64):
                if number in (signal.SIGTERM, signal.SIGINT):
                    self._stop()
                elif number == signal.SIGHUP:
                    for child in self._children:
                        self._tell(child, {"command": "reload-keys"})

    def _listen(self) -> None:
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
            self._tell(child, {"command": "go"})
        elif event == "failed" and not self._was_ready:
            self._exit_code = EXIT_FAILED
            self._stop()
        elif event == "stuck" and not child.leaving:
            child.leaving = True  # it answers what it can and ends by itself
            self._starts.append((0.0, child.number))

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
            if self._stopping_until is None and not child.leaving:
                self._replace(child, os.waitstatus_to_exitcode(status))

    def _replace(self, child: _Child, code: int) -> None:
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        if not child.ready and not self._was_ready:
            self._say(f"worker {child.number} ended {how} before it was ready")
            self._exit_code = EXIT_FAILED
            self._stop()
            return
        stable = child.ready and time.monotonic() - child.ready_at > _STABLE_S
        self._pause_s = 0.0 if stable else min(_LONGEST_PAUSE_S, self._pause_s * 2 or 0.1)
        self._say(f"worker {child.number} ended {how}; a new one starts in {self._pause_s:g} s")
        self._starts.append((time.monotonic() + self._pause_s, child.number))

    def _check(self) -> None:
        now = time.monotonic()
        for child in self._children:
            silent = child.ready and now - child.heard > _SILENCE_S
            overdue = self._stopping_until is not None and now > self._stopping_until
            if silent or overdue:
                if silent:
                    self._say(f"worker {child.number} has given no sign of life for {_SILENCE_S:g} s and is killed")
                with suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)

    # ---- stopping

    def _stop(self) -> None:
        self._starts.clear()
        if self._stopping_until is None:
            self._stopping_until = time.monotonic() + self._spec.settings.drain_deadline_s + 5
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

    def _say(self, text: str) -> None:
        sys.stderr.write(f"mldeploy: {text}\n")
        sys.stderr.flush()
