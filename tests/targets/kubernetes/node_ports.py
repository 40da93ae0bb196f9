"""Requests to a node port, without what is this cluster's own fault.

Its kube-proxy holds each node port with a socket of its own, and the kernel leaves about one new connection in ten
thousand to it: it is accepted, and nobody ever answers. So one request without an answer is sent once more, on another
connection; where that happens twice, the service is at fault.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Mapping

from jupyter_mldeploy.core.probe import Answer
from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.errors import TargetUnavailableError

#: Seconds without an answer after which a connection counts as left to nobody; the next one gets more.
SILENT_S, LONGEST_S = 10.0, 30.0


def request(service: Service, payload: object = "1", headers: Mapping[str, str] | None = None) -> Answer:
    """Send a request over a connection of its own."""
    try:
        return service.request(payload, timeout_s=SILENT_S, headers=headers)
    except TargetUnavailableError as error:
        if "did not answer within" not in error.message:
            raise
    return service.request(payload, timeout_s=LONGEST_S, headers=headers)


class Caller:
    """Keeps one connection while it lasts, as callers do.

    Args:
        base: ``host:port``.
        headers: of each request, asked for when it is sent.
    """

    def __init__(
        self, base: str, headers: Callable[[], Mapping[str, str]] = dict, context: ssl.SSLContext | None = None
    ) -> None:
        self._headers, self._spared = headers, False
        self._connection = (
            http.client.HTTPSConnection(base, timeout=SILENT_S, context=context)
            if context
            else http.client.HTTPConnection(base, timeout=SILENT_S)
        )

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Return status and body; OSError or HTTPException when there is no answer."""
        is_new = self._connection.sock is None
        if is_new and not isinstance(self._connection, http.client.HTTPSConnection):
            self._connection.connect()  # what is not even accepted is the service's fault; TLS is silent from here on
        try:
            return self._ask(method, path, body)
        except TimeoutError:
            if self._spared or not is_new:
                raise
        self._spared, self._connection.timeout = True, LONGEST_S
        return self._ask(method, path, body)

    def close(self) -> None:
        """Hang up. The next request makes a new connection."""
        self._connection.close()

    def _ask(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        try:
            self._connection.request(method, path, body, dict(self._headers()))
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except BaseException:
            self.close()
            raise
