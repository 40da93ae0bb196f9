"""One streamed HTTP request to a service: bodies pass in pieces, and whoever is slow is waited for."""

from __future__ import annotations

import asyncio
import ssl
import urllib.parse
from collections.abc import Awaitable, Callable
from typing import Any

from tornado.http1connection import HTTP1Connection, HTTP1ConnectionParameters
from tornado.httputil import HTTPHeaders, HTTPInputError, HTTPMessageDelegate, RequestStartLine, ResponseStartLine
from tornado.iostream import StreamClosedError
from tornado.tcpclient import TCPClient

from ..core.target import Connection
from ..errors import TargetUnavailableError

_CONNECT_S = 10.0
_LARGEST_ANSWER = 1 << 40  # it is passed on in pieces, so its length costs nothing here

Begin = Callable[[int, list[tuple[str, str]]], Awaitable[None]]
Pass = Callable[[bytes], Awaitable[Any]]


class Upstream:
    """A request that is being sent. Make it with :meth:`open`; always :meth:`close` it."""

    def __init__(self, connection: HTTP1Connection, where: str) -> None:
        self._connection = connection
        self._where = where
        self._broken: BaseException | None = None

    @classmethod
    async def open(cls, where: Connection, method: str, path: str, headers: HTTPHeaders, timeout_s: float) -> Upstream:
        """Connect and send the head of a request.

        Raises:
            TargetUnavailableError: nothing listens.
        """
        parts = urllib.parse.urlsplit(where.base_uri)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        try:
            stream = await TCPClient().connect(
                parts.hostname or "localhost",
                port,
                ssl_options=_tls(where.verify) if secure else None,
                timeout=min(_CONNECT_S, timeout_s),
            )
        except (OSError, TimeoutError, StreamClosedError) as error:
            raise TargetUnavailableError(f"{where.base_uri} cannot be reached: {error}.") from error
        stream.set_nodelay(True)
        limits = HTTP1ConnectionParameters(no_keep_alive=True, max_body_size=_LARGEST_ANSWER)
        upstream = cls(HTTP1Connection(stream, True, limits), where.base_uri)
        headers["Host"] = parts.netloc.rpartition("@")[2]
        headers["Connection"] = "close"
        await upstream._do(upstream._connection.write_headers(RequestStartLine(method, path, "HTTP/1.1"), headers))
        return upstream

    async def write(self, chunk: bytes) -> None:
        """Send a piece of the body. A service that hangs up early may have answered: that is told by its answer."""
        if self._broken is None:
            try:
                await self._connection.write(chunk)
            except (StreamClosedError, HTTPInputError) as error:
                self._broken = error

    async def answer(self, begin: Begin, pass_on: Pass) -> None:
        """End the request and pass the answer on.

        Raises:
            TargetUnavailableError: the connection broke before an answer.
        """
        reader = _Reader(begin, pass_on, self.close)
        try:
            if self._broken is None:
                self._connection.finish()
            await self._connection.read_response(reader)
        except (StreamClosedError, HTTPInputError, OSError) as error:
            self._broken = error
        if not reader.begun:
            raise TargetUnavailableError(
                f"{self._where} closed the connection without an answer.",
                hint="The log says what happened to the worker.",
            ) from self._broken
        if not reader.whole:
            raise StreamClosedError(self._broken)

    def close(self) -> None:
        """Let go of the connection, in whatever state."""
        self._connection.close()

    async def _do(self, writing: Awaitable[None]) -> None:
        try:
            await writing
        except StreamClosedError as error:
            self._broken = error


class _Reader(HTTPMessageDelegate):
    """Passes an answer on while it comes."""

    def __init__(self, begin: Begin, pass_on: Pass, give_up: Callable[[], None]) -> None:
        self.begun = self.whole = False
        self._begin, self._pass, self._give_up = begin, pass_on, give_up

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        """Begin the answer to the client."""
        assert isinstance(start_line, ResponseStartLine)  # noqa: S101  this side is the client
        if start_line.code < 200:
            return None
        self.begun = True
        return asyncio.ensure_future(self._guard(self._begin(start_line.code, list(headers.get_all()))))

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        """Pass a piece on; the next one is read when the client has taken it."""
        return asyncio.ensure_future(self._guard(self._pass(chunk)))

    def finish(self) -> None:
        """Note that nothing is missing."""
        self.whole = True

    async def _guard(self, passing: Awaitable[Any]) -> None:
        try:
            await passing
        except StreamClosedError:
            self._give_up()  # the client has gone


def _tls(verify: bool | str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=verify if isinstance(verify, str) else None)
    if verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
