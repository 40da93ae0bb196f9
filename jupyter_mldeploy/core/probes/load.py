"""Load on a service for a while: many connections that are kept open, each sending one request after the other."""

from __future__ import annotations

import http.client
import itertools
import threading
import time
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .bodies import Body

if TYPE_CHECKING:
    from ..target import Connection


@dataclass(frozen=True, slots=True)
class Measured:
    """What a load showed.

    Attributes:
        connections: how many there were at once.
        seconds: how long it took.
        latencies: of the successful answers, in milliseconds, sorted.
        failed: requests that were not answered by 2xx; ``error`` is the first one's.
    """

    connections: int
    seconds: float
    latencies: tuple[float, ...]
    failed: int
    error: str = ""

    @property
    def total(self) -> int:
        """Requests sent."""
        return len(self.latencies) + self.failed

    @property
    def qps(self) -> float:
        """Successful answers a second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    @property
    def mean(self) -> float:
        """Mean latency in milliseconds; 0 without any answer."""
        return sum(self.latencies) / len(self.latencies) if self.latencies else 0.0

    def percentile(self, share: float) -> float:
        """Return the latency, in milliseconds, that ``share`` (0 to 1) of the answers did not exceed.

        >>> Measured(1, 1.0, (1.0, 2.0, 3.0, 4.0), 0).percentile(0.5)
        2.0
        """
        if not self.latencies:
            return 0.0
        place = max(0, min(len(self.latencies) - 1, -(-len(self.latencies) * share // 1) - 1))
        return self.latencies[int(place)]


def run_load(
    connection: Connection,
    bodies: Sequence[Body],
    *,
    connections: int = 1,
    seconds: float = 5.0,
    most: int | None = None,
    timeout_s: float = 30.0,
    stop: Callable[[], bool] = lambda: False,
) -> Measured:
    """Send the bodies round and round for ``seconds``, or until ``most`` requests were sent.

    Args:
        stop: asked before each request; True ends the load.
    """
    started = time.perf_counter()
    until = started + seconds
    turn = itertools.count()
    latencies: list[float] = []
    failures: list[str] = []

    def client() -> None:
        line = _Line(connection, timeout_s)
        while time.perf_counter() < until and not stop():
            number = next(turn)
            if most is not None and number >= most:
                break
            body, content_type = bodies[number % len(bodies)]
            begun = time.perf_counter()
            problem = line.post(body, content_type)
            if problem is None:
                latencies.append((time.perf_counter() - begun) * 1000)
            else:
                failures.append(problem)
        line.close()

    clients = [threading.Thread(target=client, name=f"load-{number}", daemon=True) for number in range(connections)]
    for item in clients:
        item.start()
    for item in clients:
        item.join(seconds + timeout_s + 5)
    spent = time.perf_counter() - started
    return Measured(connections, spent, tuple(sorted(latencies)), len(failures), failures[0] if failures else "")


class _Line:
    """One connection that is kept open; opened again after a failure."""

    def __init__(self, connection: Connection, timeout_s: float) -> None:
        parts = urllib.parse.urlsplit(connection.base_uri)
        self._path = parts.path.rstrip("/") + "/score"
        self._headers = dict(connection.headers)
        host, port = parts.hostname or "localhost", parts.port
        if parts.scheme == "https":
            from ..probe import tls_context

            self._client: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, port, timeout=timeout_s, context=tls_context(connection)
            )
        else:
            self._client = http.client.HTTPConnection(host, port, timeout=timeout_s)

    def post(self, body: bytes, content_type: str) -> str | None:
        """Send one request; return None for a success, else what went wrong."""
        try:
            self._client.request("POST", self._path, body, {**self._headers, "content-type": content_type})
            answer = self._client.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._client.close()
            return f"{type(error).__name__}: {error}"
        if 200 <= answer.status < 300:
            return None
        return f"HTTP {answer.status}: {text[:300].decode('utf-8', 'replace')}"

    def close(self) -> None:
        self._client.close()
