"""How the threads of a worker share a core."""

from __future__ import annotations

import os
from contextlib import suppress


def take_turns() -> None:
    """Where the process has one core only, let this thread wait for its turn when it wakes up. Only on Linux.

    The event loop and ``run()`` would interrupt each other with every packet and every answer, only to wait for the
    interpreter's lock that the other one holds: six switches for a request of 200 KB, a fifth of its processor time.
    With more cores they have one each, and waking up late would only cost time.
    """
    with suppress(AttributeError, OSError):
        if len(os.sched_getaffinity(0)) == 1:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
