"""Reads HTTP/1.1 requests from one client, within limits of size."""

from __future__ import annotations

import asyncio
from enum import IntEnum
from time import perf_counter
from typing import TYPE_CHECKING, cast

import httptools

from .exchange import INTERNAL_ERROR, Exchange
from .memory import keep_large_blocks

if TYPE_CHECKING:
    from .connection import Connection
    from .listener import Listener

LARGE_BODY = 65_536
#: Of a request that comes in pieces, the size of the first from which its head is looked up among those known.
_LARGE_BEGINNING = 16_384
_LONGEST_TARGET = 8190
_MOST_HEADERS = 200


class Phase(IntEnum):
    """What is being read from the client; each has its own time limit."""

    IDLE = 0  # nothing: the next request may come
    HEAD = 1  # the rest of a request's head
    BODY = 2  # the rest of a request's body
    CLOSING = 3  # the client's end, after our last answer


_NO_REQUEST = Exchange(None)


class RequestReader(asyncio.Protocol):
    """The reading half of a connection: bytes to exchanges.

    Attributes:
        phase, since: what is being read, and since when (the listener's clock).
        body_size: bytes of the body that have come so far.
    """

    __slots__ = (
        "_body_length",
        "_body_parts",
        "_exchange",
        "_head_size",
        "_parser",
        "_target",
        "_too_late",
        "_transport",
        "_whole",
        "body_size",
        "listener",
        "phase",
        "since",
    )

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)  # set by connection_made, first of all
        self._parser = httptools.HttpRequestParser(self)
        self._exchange = _NO_REQUEST
        self._body_length = 0
        self._target = b""
        self._body_parts: list[bytes] | None = None
        self._head_size = 0
        self._whole = b""  # what is being read, if it began with a request
        self._too_late = False  # nothing that still comes will be answered
        self.body_size = 0
        self.phase = Phase.IDLE
        self.since = 0.0

    # ---- what the other half does

    def enqueue(self, exchange: Exchange) -> None:
        """Answer a request that is complete, or refused, in its turn."""
        raise NotImplementedError

    def go_ahead(self) -> None:
        """Tell the client to send the body (``Expect: 100-continue``), in its turn."""
        raise NotImplementedError

    def end_of_requests(self) -> None:
        """Close as soon as what has been read is answered."""
        raise NotImplementedError

    # ---- the transport's call

    def data_received(self, data: bytes) -> None:
        """Read what has come."""
        if self._too_late:
            return
        unfinished = None
        if self.phase is Phase.IDLE:
            known = self.listener.known_heads.recall(data)
            if known is not None:
                known.connection = cast("Connection", self)
                self._hand_on(known)
                return
            if len(data) >= _LARGE_BEGINNING:
                begun = self.listener.known_heads.recall_begun(data)
                if begun is not None:
                    self._take_in(*begun)
                    return
            self._whole = data
        elif self.phase is Phase.HEAD:
            unfinished = self._exchange
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            self._decline_upgrade(data[offer.args[0] :])
        except httptools.HttpParserCallbackError as error:
            if not self._too_late:
                self.listener.application.log_internal_error(error.__context__ or error)
                self.refuse(500, INTERNAL_ERROR)
        except httptools.HttpParserError:
            if not self._too_late:  # otherwise the refusal was ours, and is on its way
                self.refuse(400, "The request is not valid HTTP/1.1.")
        else:
            if self._body_length and self.phase == Phase.BODY and not self._too_late:
                self._pass_by_parser()
            elif self.phase == Phase.HEAD and self._exchange is unfinished:  # one header without end
                self._head_size += len(data)
                if self._head_size > self.listener.settings.max_header_bytes:
                    self._refuse_large_head()
        finally:
            self._whole = b""

    def _take_in(self, exchange: Exchange, length: int) -> None:
        """Wait for the rest of a large body whose head is known."""
        exchange.connection = cast("Connection", self)
        self._exchange = exchange
        self._body_parts = None
        self._body_length = length
        self.body_size = len(exchange.body)
        self.phase, self.since = Phase.BODY, self.listener.now
        if not self._refuse_unwanted(exchange):  # why take in what will not be used
            self._pass_by_parser()

    # ---- the parser's calls

    def on_message_begin(self) -> None:
        """A request starts (also directly behind the one before it)."""
        self._exchange = Exchange(cast("Connection", self))
        self._target = b""
        self._body_parts = None
        self._body_length = 0
        self._head_size = 0
        self.body_size = 0
        self.phase, self.since = Phase.HEAD, self.listener.now

    def on_url(self, url: bytes) -> None:
        """A piece of the request target."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or one trailer of a chunked body (which must not pass for a header)."""
        if self.phase != Phase.HEAD:
            return
        headers = self._exchange.headers
        self._head_size += len(name) + len(value)
        name = name.lower()
        if name in headers:
            headers[name] += (b"; " if name == b"cookie" else b", ") + value
        else:
            headers[name] = value

    def on_headers_complete(self) -> None:
        """The head is complete: refuse early what cannot be accepted, before its body is sent."""
        exchange, parser, settings = self._exchange, self._parser, self.listener.settings
        exchange.method = parser.get_method().decode("latin-1")
        exchange.keep_alive = parser.should_keep_alive()
        exchange.http10 = parser.get_http_version() == "1.0"
        if self._too_late or parser.should_upgrade():
            return
        self.phase, self.since = Phase.BODY, self.listener.now
        headers = exchange.headers
        if self._head_size > settings.max_header_bytes or len(headers) > _MOST_HEADERS:
            self._refuse_large_head()
            return
        target = self._target
        if len(target) > _LONGEST_TARGET:
            self.refuse(414, f"The request target must not exceed {_LONGEST_TARGET} characters.")
            return
        if not target.startswith(b"/"):
            target = _origin_form(target)
        exchange.path, _, exchange.query = target.partition(b"?")
        length = int(headers.get(b"content-length", b"0"))
        if headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
            self.refuse(501, "The only transfer coding known is chunked.")
        elif length > settings.max_body_bytes:
            self._refuse_large_body()
        elif b"expect" in headers and not exchange.http10:
            if headers[b"expect"].lower() != b"100-continue":
                self.refuse(417, "Only the expectation 100-continue is known.")
            elif not self._refuse_unwanted(exchange):
                self.go_ahead()
        elif length >= LARGE_BODY or b"transfer-encoding" in headers:
            self._refuse_unwanted(exchange)  # why take in what will not be used
        self._body_length = 0
        if length >= LARGE_BODY:
            self._body_length = length
            keep_large_blocks()  # reading JSON of this size takes many times as much for a moment

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self._too_late:
            return
        exchange = self._exchange
        self.body_size += len(body)
        if not exchange.body:
            exchange.body = body
        elif self._body_parts is None:
            self._body_parts = [exchange.body, body]
        else:
            self._body_parts.append(body)
        if self.body_size > self.listener.settings.max_body_bytes:  # a chunked body says nothing beforehand
            self._refuse_large_body()

    def on_message_complete(self) -> None:
        """The request is complete: answer it now, or after those before it."""
        if not self._too_late and not self._parser.should_upgrade():
            self._complete()

    def _complete(self) -> None:
        exchange = self._exchange
        self._exchange = _NO_REQUEST  # an idle connection must not hold on to a large body
        self.phase = Phase.IDLE
        if self._body_parts is not None:
            exchange.body = b"".join(self._body_parts)
            self._body_parts = None
        if self._whole:
            self.listener.known_heads.remember(self._whole, exchange)
        self._hand_on(exchange)

    def _hand_on(self, exchange: Exchange) -> None:
        self.since = self.listener.now
        exchange.received = perf_counter()
        self.enqueue(exchange)

    @property
    def is_too_late(self) -> bool:
        """Whether nothing that still comes will be answered."""
        return self._too_late

    def _pass_by_parser(self) -> None:
        """Let the rest of a large body go past the parser, which would only copy it once more."""
        from .large_body import LargeBody  # loads ctypes, which most services do not need

        begun = b"".join(self._body_parts) if self._body_parts is not None else self._exchange.body
        self._exchange.body, self._body_parts = b"", None
        self._hand_transport_to(LargeBody(self, begun, self._body_length))
        self._body_length = 0

    def large_body_complete(self, body: bytes) -> None:
        """Go on where the parser was left."""
        self._hand_transport_to(self)
        self._parser = httptools.HttpRequestParser(self)  # the old one still waits for the body
        self._exchange.body = body
        self._complete()

    def _hand_transport_to(self, protocol: asyncio.BaseProtocol) -> None:
        transport = self._transport
        reading = transport.is_reading()
        if reading:  # uvloop chooses its way of reading when it begins to
            transport.pause_reading()
        transport.set_protocol(protocol)
        if reading:
            transport.resume_reading()

    def _decline_upgrade(self, rest: bytes) -> None:
        """Read a request that offers another protocol (``Upgrade: h2c``) again, as if it did not.

        We speak HTTP/1.1 only, which an offer allows for. The parser, though, stops behind the head.
        """
        exchange = self._exchange
        if exchange.method == "CONNECT":
            self.refuse(405, "This is no proxy.")
            return
        offers = (b"upgrade", b"connection", b"http2-settings")
        lines = [b"%b %b HTTP/1.1" % (exchange.method.encode(), self._target), b"connection: close"]
        lines += [b"%b: %b" % item for item in exchange.headers.items() if item[0] not in offers]
        self._parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join(lines) + b"\r\n\r\n" + rest)

    # ---- refusals

    def refuse(self, status: int, message: str) -> None:
        """Answer the request being read with an error, in its turn, and close."""
        self._exchange.refuse(status, message)
        self._answer_refusal(self._exchange)

    def _answer_refusal(self, exchange: Exchange) -> None:
        self._too_late = True
        exchange.connection = cast("Connection", self)
        exchange.keep_alive = False
        exchange.refused = True
        exchange.received = perf_counter()
        self.enqueue(exchange)

    def _refuse_unwanted(self, exchange: Exchange) -> bool:
        if self.listener.application.would_refuse(exchange):
            self._answer_refusal(exchange)
            return True
        return False

    def _refuse_large_head(self) -> None:
        limit = self.listener.settings.max_header_bytes
        self.refuse(431, f"The request's headers must not exceed {limit} bytes or {_MOST_HEADERS} fields.")

    def _refuse_large_body(self) -> None:
        limit = self.listener.settings.max_body_bytes
        self.refuse(413, f"The request's body must not exceed {limit} bytes (MLDEPLOY_MAX_BODY_BYTES).")


def _origin_form(target: bytes) -> bytes:
    """Return path and query of an absolute target (``GET http://host/path``), as proxies send it."""
    try:
        parsed = httptools.parse_url(target)
    except httptools.HttpParserError:
        return b"/" + target
    path: bytes = parsed.path or b"/"
    return path + (b"?" + parsed.query if parsed.query else b"")
