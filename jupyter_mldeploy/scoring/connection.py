"""One client's connection: answers requests in their order, writes no faster than the client reads, closes cleanly."""

from __future__ import annotations

import asyncio
import fcntl
import termios
from collections import deque
from typing import TYPE_CHECKING, cast

from .answer import CONTINUE, bodiless
from .exchange import Exchange
from .reader import LARGE_BODY, Phase, RequestReader

if TYPE_CHECKING:
    from .listener import Listener

_MOST_PIPELINED = 16


class Connection(RequestReader):
    """Answers one client's requests.

    Pipelined requests are answered one after the other; reading stops while too many are waiting or while the client
    does not take our answers.

    Attributes:
        current: the request that is being answered.
        ended: when the client closed its side (the listener's clock); 0 before.
        writable: whether the client takes what we write; if not, ``write_blocked_since`` (the listener's clock).
    """

    __slots__ = (
        "_continue_due",
        "_paused_reading",
        "_pending",
        "_starting",
        "current",
        "ended",
        "writable",
        "write_blocked_since",
    )

    def __init__(self, listener: Listener) -> None:
        super().__init__(listener)
        self._continue_due = False
        self._pending: deque[Exchange] = deque()
        self._paused_reading = False
        self._starting = False
        self.current: Exchange | None = None
        self.ended = 0.0
        self.writable = True
        self.write_blocked_since = 0.0

    # ---- the transport's calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection in."""
        self._transport = cast("asyncio.Transport", transport)
        self.since = self.listener.now
        self.listener.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Forget the connection; what it had waiting is not run any more."""
        self.phase = Phase.CLOSING
        self._too_late = True
        self.writable = True
        self._pending.clear()
        if self.current is not None:
            self.listener.application.abandoned(self.current)
            self.current = None
        self.listener.forget(self)

    def eof_received(self) -> bool:
        """Note that the client has no more to say; it may still want the answers, or have gone."""
        self.ended = self.listener.now
        self.end_of_requests()
        return self.busy and self._transport.can_write_eof()  # TLS has no half-closed state

    def pause_writing(self) -> None:
        """Read no more: the client is slow to take what we write."""
        self.writable = False
        self.write_blocked_since = self.listener.now
        if not self._too_late:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on: the client took most of it."""
        self.writable = True
        if self.current is not None and self.current.stream is not None:
            self.listener.application.writable(self.current)
        if not self._paused_reading and not self._too_late:
            self.since = self.listener.now
            self._transport.resume_reading()

    # ---- requests, in their order

    def enqueue(self, exchange: Exchange) -> None:
        """Answer a request now, or after those before it."""
        self._continue_due = False
        if not self.busy:
            self._start(exchange)
            return
        self._pending.append(exchange)
        if len(self._pending) >= _MOST_PIPELINED and not self._paused_reading:
            self._paused_reading = True
            self._transport.pause_reading()

    def go_ahead(self) -> None:
        """Tell the client to send the body, now or after the answers before it."""
        if self.busy:
            self._continue_due = True
        else:
            self._transport.write(CONTINUE)

    def end_of_requests(self) -> None:
        """Close as soon as what has been read is answered."""
        self._too_late = True
        if not self.busy and self.phase != Phase.CLOSING:
            self.close()

    def give_up(self, part: str) -> None:
        """Refuse a request of which the rest of its ``part`` (head or body) has not come in time."""
        if self._too_late:
            self.abort()
        else:
            self.refuse(408, f"The {part} of the request did not arrive in time.")

    # ---- answers

    def write_answer(self, exchange: Exchange) -> None:
        """Write a whole answer and go on with the next request."""
        keep_alive = self._keeps_alive(exchange)
        head = self.listener.answers.head(exchange, keep_alive=keep_alive)
        body = exchange.payload
        if exchange.method == "HEAD" or not body or bodiless(exchange.status):
            self._transport.write(head)
        elif len(body) < LARGE_BODY:
            self._transport.write(head + body)
        else:
            self._transport.writelines([head, body])
        self._finish(exchange, keep_alive)

    def start_stream(self, exchange: Exchange) -> bool:
        """Write the head of a streamed answer; return whether parts are wanted (not for HEAD)."""
        if exchange.http10:
            exchange.keep_alive = False  # without chunks only the end of the connection ends the body
        exchange.keep_alive = keep_alive = self._keeps_alive(exchange)
        self._transport.write(self.listener.answers.head(exchange, keep_alive=keep_alive, streamed=True))
        return exchange.method != "HEAD" and not bodiless(exchange.status)

    def write_part(self, exchange: Exchange, part: bytes) -> None:
        """Write one part of a streamed answer."""
        if not self._transport.is_closing():
            if exchange.http10:
                self._transport.write(part)
            else:
                self._transport.writelines([b"%x\r\n" % len(part), part, b"\r\n"])

    def end_stream(self, exchange: Exchange, *, whole: bool) -> None:
        """End a streamed answer; when it is not ``whole`` the connection is cut, so that the client can tell."""
        if not whole:
            self.abort()
            return
        if not exchange.http10 and exchange.method != "HEAD" and not bodiless(exchange.status):
            self._transport.write(b"0\r\n\r\n")
        self._finish(exchange, exchange.keep_alive)

    def close(self) -> None:
        """Close after what has been written."""
        self._too_late = True
        self.phase, self.since = Phase.CLOSING, self.listener.now
        self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self._too_late = True
        self.phase = Phase.CLOSING
        self._transport.abort()

    def fileno(self) -> int:
        """Return the descriptor; -1 when it is closed."""
        wrapped = self._transport.get_extra_info("socket")
        return -1 if wrapped is None else int(wrapped.fileno())

    def has_unread(self) -> bool:
        """Whether the client has sent something that has not been read yet."""
        descriptor = self.fileno()
        if descriptor < 0:
            return False
        try:
            return any(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)))
        except OSError:
            return False

    @property
    def busy(self) -> bool:
        """Whether a request is being answered or waits for it."""
        return self.current is not None or bool(self._pending)

    @property
    def peer(self) -> tuple[str, int]:
        """The client's address and port; ``("", 0)`` on a Unix socket."""
        name = self._transport.get_extra_info("peername")
        return (str(name[0]), int(name[1])) if isinstance(name, tuple) and len(name) >= 2 else ("", 0)

    @property
    def scheme(self) -> str:
        """``https`` over TLS, else ``http``."""
        return "https" if self._transport.get_extra_info("ssl_object") is not None else "http"

    # ---- inside

    def _keeps_alive(self, exchange: Exchange) -> bool:
        # While draining, requests that are already here behind this one are still answered.
        return exchange.keep_alive and not (self.listener.draining and not self._pending)

    def _start(self, exchange: Exchange) -> None:
        self.current = exchange
        self.listener.application.handle(exchange)

    def _finish(self, exchange: Exchange, keep_alive: bool) -> None:
        self.current = None
        if not keep_alive:
            self._close_cleanly(linger=exchange.refused)
            return
        if self.phase == Phase.IDLE:
            self.since = self.listener.now
        if self._pending and not self._starting:
            # A loop, not a recursion: answers that need no run() finish inside _start.
            self._starting = True
            while self._pending and self.current is None and not self._transport.is_closing():
                self._start(self._pending.popleft())
            self._starting = False
        if self._paused_reading and len(self._pending) < _MOST_PIPELINED // 2:
            self._paused_reading = False
            if self.writable and not self._too_late:
                self._transport.resume_reading()
        if self.busy:
            return
        if self._too_late and self.phase != Phase.CLOSING:
            self._close_cleanly(linger=False)
        elif self._continue_due:
            self._continue_due = False
            self._transport.write(CONTINUE)

    def _close_cleanly(self, *, linger: bool) -> None:
        """Close after the answer; after a refusal in mid-request let the client read it first.

        Closing with unread bytes in the kernel makes TCP reset the connection, and destroys the answer.
        """
        self._too_late = True
        self._pending.clear()
        if linger and self._transport.can_write_eof():
            self._transport.write_eof()
            if self._paused_reading or not self.writable:
                self._transport.resume_reading()
            self.phase, self.since = Phase.CLOSING, self.listener.now
        else:
            self.close()
