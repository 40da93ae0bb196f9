"""Ports for servers that are started with a number and bind it a while later."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

_MANY = 2_000


def _numbers() -> Iterator[int]:
    """Count around below the range from which systems give out ports, where each pytest worker has a part of its own.

    Another run on this machine has the same parts; it hardly begins at the same place.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    first = 12_000 + _MANY * (int(worker) % 10)
    place = random.SystemRandom().randrange(_MANY)
    while True:
        yield first + place
        place = (place + 1) % _MANY


_NEXT = _numbers()


def is_kept(before: str, after: str) -> bool:
    """Whether a service has the address that it had, or would have if nobody had taken its port meanwhile."""
    if before == after:
        return True
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", urlsplit(before).port or 0)) == 0


def free_port() -> int:
    """Return a port that nobody has, that no ``bind`` to port 0 gets, and that is not returned again for long."""
    while True:
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("0.0.0.0", next(_NEXT)))
            return int(probe.getsockname()[1])
