"""A process that was forked before there was anything to do, so that the next worker need not wait for its fork.

A fork copies the tables of all pages that a warm parent's imports fill, and the child then copies what it first writes
to: with scientific packages that is half of the time until a revision answers. A spare has it behind it. It holds
nothing of any revision: no variable, no script, and ``init()`` has not run.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from .launch import run, settle
from .passing import pass_message, take_message
from .processes import is_stopped

#: Seconds within which a spare says that it has its launch: a fraction of a millisecond, once it has the processor.
_TAKEN_S = 10.0
_LOOK_EVERY_S = 0.2


class Spare:
    """A forked child that waits for its launch, as its parent sees it. It ends when its parent lets go of it.

    Attributes:
        pid: of the child, which leads a process group of its own.
    """

    def __init__(self, pid: int, line: socket.socket) -> None:
        self.pid = pid
        self._line = line

    def hand_over(self, launch: Mapping[str, Any], descriptors: Sequence[int]) -> bool:
        """Let it become a worker (see ``launch.run``); False when it has gone. It is no spare any more, either way.

        Its word is waited for: a process that is just being killed, or is stopped, still has a socket that takes all.
        """
        try:
            pass_message(self._line, launch, descriptors)
            taken = self._hear()
        except OSError:
            taken = False
        finally:
            self._line.close()
        if not taken:
            with suppress(OSError):
                os.killpg(self.pid, signal.SIGKILL)  # our own child, not reaped yet: the number is still its
        return taken

    def _hear(self) -> bool:
        """Wait for its word; False when it has ended, stands still, or takes too long."""
        self._line.settimeout(_LOOK_EVERY_S)
        until = time.monotonic() + _TAKEN_S
        while True:
            try:
                return bool(self._line.recv(1))
            except TimeoutError:
                if is_stopped(self.pid) or time.monotonic() >= until:
                    return False

    def dismiss(self) -> None:
        """Let it end. Idempotent."""
        self._line.close()


def fork_spare() -> Spare | Callable[[], int]:
    """Fork one. Returns in the parent the spare, in the child what it is to run; the child inherits everything else.

    Raises:
        OSError: no process can be made now.
    """
    ours, theirs = socket.socketpair()
    try:
        pid = os.fork()
    except OSError:
        ours.close()
        theirs.close()
        raise
    if pid:
        theirs.close()
        with suppress(OSError):
            os.setpgid(pid, pid)  # the child does the same; whoever comes first
        return Spare(pid, ours)
    ours.close()
    return lambda: _wait_and_run(theirs)


def _wait_and_run(line: socket.socket) -> int:
    settle()
    launch, descriptors = take_message(line)
    if launch is not None:
        try:
            line.sendall(b"\0")
        except OSError:  # it was not waited for: another process has the launch
            launch = None
    line.close()
    if launch is None:
        os._exit(0)  # nothing was begun: no exit handler has anything to do here
    return run(launch, descriptors, settled=True)
