"""One HTTP/1.1 connection: reads requests, keeps their order, writes answers, gives up on clients that do not go on."""

from __future__ import annotations

import asyncio
from collections import deque
from enum import IntEnum
from time import perf_counter
from typing import TYPE_CHECKING, cast

import httptools

from .answer import CONTINUE, bodiless
from .exchange import INTERNAL_ERROR, Exchange

if TYPE_CHECKING:
    from .listener import Listener

_LONGEST_TARGET = 8190
_MOST_HEADERS = 200
_MOST_PIPELINED = 16
_LARGE_BODY = 65_536  # from here on head and body are handed over separately instead of being joined


class Phase(IntEnum):
    """What is being read from the client; each has its own time limit."""

    IDLE = 0  # nothing: the next request may come
    HEAD = 1  # the rest of a request's head
    BODY = 2  # the rest of a request's body
    CLOSING = 3  # the client's end, after our last answer


class Connection(asyncio.Protocol):
    """Reads one client's requests and writes the answers in their order.

    Pipelined requests are answered one after the other; reading stops while too many are waiting or while the client
    does not take our answers.
    """

    __slots__ = (
        "_body_parts",
        "_body_size",
        "_continue_due",
        "_exchange",
        "_head_size",
        "_listener",
        "_parser",
        "_paused_reading",
        "_pending",
        "_starting",
        "_target",
        "_too_late",
        "_transport",
        "current",
        "phase",
        "since",
        "writable",
        "write_blocked_since",
    )

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)  # set by connection_made, first of all
        self._parser = httptools.HttpRequestParser(self)
        self._exchange = Exchange(self)
        self._target = b""
        self._body_parts: list[bytes] | None = None
        self._body_size = 0
        self._head_size = 0
        self._continue_due = False
        self._pending: deque[Exchange] = deque()
        self._paused_reading = False
        self._starting = False
        self._too_late = False
        self.current: Exchange | None = None
        self.phase = Phase.IDLE
        self.since = 0.0
        self.write_blocked_since = 0.0
        self.writable = True

    # ---- the transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection in."""
        self._transport = cast("asyncio.Transport", transport)
        self.since = self._listener.now
        self._listener.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Forget the connection; what it had waiting is not run any more."""
        self.phase = Phase.CLOSING
        self._too_late = True
        self.writable = True
        self._pending.clear()
        if self.current is not None:
            self._listener.application.abandoned(self.current)
            self.current = None
        self._listener.forget(self)

    def data_received(self, data: bytes) -> None:
        """Read what has come."""
        if self._too_late:
            return
        unfinished = self._exchange if self.phase == Phase.HEAD else None
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # We speak HTTP/1.1 only. The request was answered as such; bytes of another protocol are not read.
            self._stop_reading()
        except httptools.HttpParserCallbackError as error:
            if not self._too_late:
                self._listener.application.log_internal_error(error.__context__ or error)
                self._refuse(500, INTERNAL_ERROR)
        except httptools.HttpParserError:
            if not self._too_late:  # otherwise the refusal was ours, and is on its way
                self._refuse(400, "The request is not valid HTTP/1.1.")
        else:
            if self.phase == Phase.HEAD and self._exchange is unfinished:  # one header without end
                self._head_size += len(data)
                if self._head_size > self._listener.settings.max_header_bytes:
                    self._refuse_large_head()

    def eof_received(self) -> bool:
        """The client has no more to say; it may still want the answer."""
        self._stop_reading()
        busy = self.current is not None or bool(self._pending)
        return busy and self._transport.can_write_eof()  # TLS has no half-closed state

    def pause_writing(self) -> None:
        """The client is slow to take what we write."""
        self.writable = False
        self.write_blocked_since = self._listener.now
        if not self._too_late:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client took most of it."""
        self.writable = True
        if self.current is not None and self.current.stream is not None:
            self._listener.application.writable(self.current)
        if not self._paused_reading and not self._too_late:
            self.since = self._listener.now
            self._transport.resume_reading()

    # ---- the parser's calls

    def on_message_begin(self) -> None:
        """A request starts (also directly behind the one before it)."""
        self._exchange = Exchange(self)
        self._target = b""
        self._body_parts = None
        self._body_size = 0
        self._head_size = 0
        self.phase, self.since = Phase.HEAD, self._listener.now

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
        exchange, parser = self._exchange, self._parser
        exchange.method = parser.get_method().decode("latin-1")
        exchange.keep_alive = parser.should_keep_alive() and not parser.should_upgrade()
        exchange.http10 = parser.get_http_version() == "1.0"
        if self._too_late:
            return
        self.phase, self.since = Phase.BODY, self._listener.now
        headers = exchange.headers
        if self._head_size > self._listener.settings.max_header_bytes or len(headers) > _MOST_HEADERS:
            self._refuse_large_head()
            return
        target = self._target
        if len(target) > _LONGEST_TARGET:
            self._refuse(414, f"The request target must not exceed {_LONGEST_TARGET} characters.")
            return
        if not target.startswith(b"/"):
            target = _origin_form(target)
        exchange.path, _, exchange.query = target.partition(b"?")
        length = int(headers.get(b"content-length", b"0"))
        if length > self._listener.settings.max_body_bytes:
            self._refuse_large_body()
        elif b"expect" in headers and not exchange.http10:
            self._answer_expectation(exchange)
        elif length >= _LARGE_BODY or b"transfer-encoding" in headers:
            self._refuse_unwanted(exchange)  # why take in what will not be used

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self._too_late:
            return
        exchange = self._exchange
        self._body_size += len(body)
        if not exchange.body:
            exchange.body = body
        elif self._body_parts is None:
            self._body_parts = [exchange.body, body]
        else:
            self._body_parts.append(body)
        if self._body_size > self._listener.settings.max_body_bytes:  # a chunked body says nothing beforehand
            self._refuse_large_body()

    def on_message_complete(self) -> None:
        """The request is complete: answer it now, or after those before it."""
        if self._too_late:
            return
        exchange = self._exchange
        self.phase, self.since = Phase.IDLE, self._listener.now
        self._continue_due = False
        if self._body_parts is not None:
            exchange.body = b"".join(self._body_parts)
            self._body_parts = None
        exchange.received = perf_counter()
        self._enqueue(exchange)

    # ---- answers

    def write_answer(self, exchange: Exchange) -> None:
        """Write a whole answer and go on with the next request."""
        transport = self._transport
        keep_alive = self._keeps_alive(exchange)
        head = self._listener.answers.head(exchange, keep_alive=keep_alive)
        body = exchange.payload
        if exchange.method == "HEAD" or not body or bodiless(exchange.status):
            transport.write(head)
        elif len(body) < _LARGE_BODY:
            transport.write(head + body)
        else:
            transport.writelines([head, body])
        self._finish(exchange, keep_alive)

    def start_stream(self, exchange: Exchange) -> bool:
        """Write the head of a streamed answer; return whether parts are wanted (not for HEAD)."""
        if exchange.http10:
            exchange.keep_alive = False  # without chunks only the end of the connection ends the body
        keep_alive = self._keeps_alive(exchange)
        exchange.keep_alive = keep_alive
        chunked = not exchange.http10
        self._transport.write(self._listener.answers.head(exchange, keep_alive=keep_alive, chunked=chunked))
        return exchange.method != "HEAD" and not bodiless(exchange.status)

    def write_part(self, exchange: Exchange, part: bytes) -> None:
        """Write one part of a streamed answer."""
        if part and not self._transport.is_closing():
            if exchange.http10:
                self._transport.write(part)
            else:
                self._transport.writelines([b"%x\r\n" % len(part), part, b"\r\n"])

    def end_stream(self, exchange: Exchange, *, whole: bool) -> None:
        """End a streamed answer; when it is not ``whole`` the connection is cut, so that the client can tell."""
        if not whole:
            self._transport.abort()
            return
        if not exchange.http10 and exchange.method != "HEAD" and not bodiless(exchange.status):
            self._transport.write(b"0\r\n\r\n")
        self._finish(exchange, exchange.keep_alive)

    def close(self) -> None:
        """Close after what has been written."""
        self._too_late = True
        self.phase = Phase.CLOSING
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._too_late = True
        self.phase = Phase.CLOSING
        self._transport.abort()

    def give_up(self, part: str) -> None:
        """The client has not sent the rest of its request's ``part`` (head or body) in time."""
        if self._too_late:
            self.abort()
        else:
            self._refuse(408, f"The {part} of the request did not arrive in time.")

    @property
    def peer(self) -> tuple[str, int]:
        """The client's address and port; ``("", 0)`` on a Unix socket."""
        name = self._transport.get_extra_info("peername")
        return (str(name[0]), int(name[1])) if isinstance(name, tuple) and len(name) >= 2 else ("", 0)

    @property
    def scheme(self) -> str:
        """``https`` over TLS, else ``http``."""
        return "https" if self._transport.get_extra_info("ssl_object") is not None else "http"

    @property
    def waiting(self) -> int:
        """How many requests wait behind the current one."""
        return len(self._pending)

    # ---- inside

    def _keeps_alive(self, exchange: Exchange) -> bool:
        # While draining, requests that are already here behind this one are still answered.
        return exchange.keep_alive and not (self._listener.draining and not self._pending)

    def _enqueue(self, exchange: Exchange) -> None:
        if self.current is None and not self._pending:
            self._start(exchange)
            return
        self._pending.append(exchange)
        if len(self._pending) >= _MOST_PIPELINED and not self._paused_reading:
            self._paused_reading = True
            self._transport.pause_reading()

    def _start(self, exchange: Exchange) -> None:
        self.current = exchange
        self._listener.application.handle(exchange)

    def _finish(self, exchange: Exchange, keep_alive: bool) -> None:
        self.current = None
        if not keep_alive:
            self._last_answer(linger=exchange.refused)
            return
        if self.phase == Phase.IDLE:
            self.since = self._listener.now
        if self._pending and not self._starting:
            # A loop, not a recursion: answers that need no run() finish inside _start.
            self._starting = True
            while self._pending and self.current is None and not self._transport.is_closing():
                self._start(self._pending.popleft())
            self._starting = False
        if self._paused_reading and len(self._pending) < _MOST_PIPELINED // 2:
            self._paused_reading = False
            if self.writable:
                self._transport.resume_reading()
        if self.current is None and not self._pending:
            if self._too_late and self.phase != Phase.CLOSING:
                self._last_answer(linger=False)
            elif self._continue_due:
                self._continue_due = False
                self._transport.write(CONTINUE)

    def _last_answer(self, *, linger: bool) -> None:
        """Close after the answer; after a refusal in mid-request let the client read it first.

        Closing with unread bytes in the kernel makes TCP reset the connection and destroys the answer.
        """
        self._too_late = True
        self._pending.clear()
        if linger and self._transport.can_write_eof():
            self._transport.write_eof()
            if self._paused_reading:
                self._transport.resume_reading()
            self.phase, self.since = Phase.CLOSING, self._listener.now
        else:
            self.close()

    def _stop_reading(self) -> None:
        self._too_late = True
        if self.current is None and not self._pending:
            self.close()

    def _refuse(self, status: int, message: str) -> None:
        """Answer the request being read with an error, in its turn, and close."""
        self._exchange.refuse(status, message)
        self._answer_refusal(self._exchange)

    def _answer_refusal(self, exchange: Exchange) -> None:
        self._too_late = True
        exchange.keep_alive = False
        exchange.refused = True
        exchange.received = perf_counter()
        self._enqueue(exchange)

    def _refuse_unwanted(self, exchange: Exchange) -> bool:
        if self._listener.application.would_refuse(exchange):
            self._answer_refusal(exchange)
            return True
        return False

    def _refuse_large_head(self) -> None:
        limit = self._listener.settings.max_header_bytes
        self._refuse(431, f"The request's headers must not exceed {limit} bytes or {_MOST_HEADERS} fields.")

    def _refuse_large_body(self) -> None:
        limit = self._listener.settings.max_body_bytes
        self._refuse(413, f"The request's body must not exceed {limit} bytes (MLDEPLOY_MAX_BODY_BYTES).")

    def _answer_expectation(self, exchange: Exchange) -> None:
        if exchange.headers[b"expect"].lower() != b"100-continue":
            self._refuse(417, "Only the expectation 100-continue is known.")
        elif not self._refuse_unwanted(exchange):
            if self.current is None and not self._pending:
                self._transport.write(CONTINUE)
            else:
                self._continue_due = True


def _origin_form(target: bytes) -> bytes:
    """Return path and query of an absolute target (``GET http://host/path``), as proxies send it."""
    try:
        parsed = httptools.parse_url(target)
    except httptools.HttpParserError:
        return b"/" + target
    path: bytes = parsed.path or b"/"
    return path + (b"?" + parsed.query if parsed.query else b"")
