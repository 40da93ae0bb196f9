"""A process that was forked before there was anything to do, so that the next worker need not wait for its fork.

A fork copies the tables of all pages that a warm parent's imports fill, and the child then copies what it first writes
to: with scientific packages that is half of the time until a revision answers. A spare has it behind it. It holds
nothing of any revision: no variable, no script, and ``init()`` has not run.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from .launch import run, settle
from .passing import pass_message, take_message


class Spare:
    """A forked child that waits for its launch, as its parent sees it. It ends when its parent lets go of it.

    Attributes:
        pid: of the child, which leads a process group of its own.
    """

    def __init__(self, pid: int, line: socket.socket) -> None:
        self.pid = pid
        self._line = line

    def hand_over(self, launch: Mapping[str, Any], descriptors: Sequence[int]) -> bool:
        """Let it become a worker (see ``launch.run``); False when it has gone. It is no spare any more, either way."""
        try:
            pass_message(self._line, launch, descriptors)
        except OSError:
            return False
        finally:
            self._line.close()
        return True

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
    line.close()
    if launch is None:
        os._exit(0)  # nothing was begun: no exit handler has anything to do here
    return run(launch, descriptors, settled=True)
