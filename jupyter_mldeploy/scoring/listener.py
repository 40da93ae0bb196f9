"""Accepts connections on the listening sockets, watches over them, and drains."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from .answer import AnswerWriter
from .connection import Connection
from .known_heads import KnownHeads
from .reader import Phase
from .settings import Settings

if TYPE_CHECKING:
    from .application import Application
    from .tls import Certificate

logger = logging.getLogger("mldeploy.scoring")

_TICK_S = 1.0
_LINGER_S = 2.0
_PATIENCE_S = 1.0
_RETRY_ACCEPT_S = 0.1
_RETRY_IDLE_S = 0.05
_SLOWEST_BODY = 4096  # bytes a second on which a body still is in time, whatever its size


class Listener:
    """All connections of a worker. Belongs to the I/O thread's event loop.

    Accepting is done here rather than by ``create_server``: one connection per readiness event, so that several
    workers on the same socket share the clients, and so that draining never closes the socket for the others.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sockets: list[socket.socket],
        application: Application,
        answers: AnswerWriter,
        settings: Settings,
        certificate: Certificate | None = None,
    ) -> None:
        self._loop = loop
        self._sockets = sockets
        self._certificate = certificate
        self._accepting = False
        self._drained: Callable[[], None] | None = None
        self._openings: set[asyncio.Task[object]] = set()
        self._forced_at = 0.0
        self._idle_until = 0.0
        self.application = application
        self.answers = answers
        self.known_heads = KnownHeads()
        self.settings = settings
        self.connections: set[Connection] = set()
        self.draining = False
        self.now = loop.time()
        for item in sockets:
            item.setblocking(False)
        loop.call_later(_TICK_S, self._tick)

    def start(self) -> None:
        """Begin to accept."""
        if not self._accepting and not self.draining:
            self._accepting = True
            for item in self._sockets:
                self._loop.add_reader(item.fileno(), self._accept, item)

    def drain(self, when_done: Callable[[], None], deadline_s: float) -> None:
        """Stop accepting and call ``when_done`` once, when no connection is left or the deadline has passed.

        Idle keep-alive connections are not closed at once: their client may be sending its next request at this very
        moment, and would lose it. They get one more answer (with ``Connection: close``), or ``drain_idle_s``.
        """
        self._stop_accepting()
        if self.draining:
            return
        self.draining = True
        self._drained = when_done
        now = self._loop.time()
        self._forced_at = now + deadline_s
        self._idle_until = min(now + self.settings.drain_idle_s, self._forced_at)
        self._loop.call_at(self._idle_until, self._close_idle)
        self._loop.call_at(self._forced_at, self._end_drain)
        self._check_drained()

    def forget(self, connection: Connection) -> None:
        """A connection has ended."""
        self.connections.discard(connection)
        if self.draining:
            self._check_drained()

    # ---- accepting

    def _accept(self, listening: socket.socket) -> None:
        if len(self.connections) + len(self._openings) >= self.settings.max_connections:
            self._pause_accepting(_RETRY_ACCEPT_S)  # the kernel's queue and the other workers take over meanwhile
            return
        try:
            client, _ = listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another worker was faster, or the client gave up
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                logger.error("No connection can be accepted for now: %s.", error.strerror)  # noqa: TRY400
                self._pause_accepting(1.0)
                return
            raise
        client.setblocking(False)
        if client.family != socket.AF_UNIX:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opening = self._loop.create_task(self._open(client))
        self._openings.add(opening)
        opening.add_done_callback(self._opened)

    async def _open(self, client: socket.socket) -> object:
        tls = self._certificate.context() if self._certificate is not None else None
        handshake_s = self.settings.header_timeout_s if tls is not None else None
        try:
            await self._loop.connect_accepted_socket(
                lambda: Connection(self), client, ssl=tls, ssl_handshake_timeout=handshake_s
            )
        except OSError:  # the handshake failed or the client left (ssl.SSLError is an OSError)
            client.close()
        return None

    def _opened(self, opening: asyncio.Task[object]) -> None:
        self._openings.discard(opening)
        if not opening.cancelled() and opening.exception() is not None:
            logger.error("A connection could not be opened.", exc_info=opening.exception())
        if self.draining:
            self._check_drained()

    def _pause_accepting(self, seconds: float) -> None:
        self._stop_accepting()
        self._loop.call_later(seconds, self.start)

    def _stop_accepting(self) -> None:
        if self._accepting:
            self._accepting = False
            for item in self._sockets:
                self._loop.remove_reader(item.fileno())

    # ---- watching

    def _tick(self) -> None:
        """Once a second: renew the clock and the date, and give up on clients that do not go on."""
        self.now = now = self._loop.time()
        self._loop.call_later(_TICK_S, self._tick)
        self.answers.tick()
        if self._certificate is not None:
            self._certificate.refresh()
        limits = self.settings
        for connection in tuple(self.connections):
            since = now - connection.since
            if not connection.writable and now - connection.write_blocked_since > limits.write_timeout_s:
                connection.abort()
            elif connection.ended and connection.current is not None:
                # A client that only closed its side gets its answer. One that has gone looks the same: what still waits
                # for it after a while is not run.
                if now - connection.ended > _PATIENCE_S and self.application.drop(connection.current):
                    connection.abort()
            elif connection.phase == Phase.CLOSING:
                if since > _LINGER_S:
                    connection.abort()
            elif connection.phase == Phase.HEAD:
                if since > limits.header_timeout_s:
                    connection.give_up("head")
            elif connection.phase == Phase.BODY:
                if since > limits.body_timeout_s + connection.body_size / _SLOWEST_BODY:
                    connection.give_up("body")
            elif not connection.busy and since > limits.keep_alive_s and not connection.has_unread():
                connection.close()

    # ---- draining

    def _close_idle(self) -> None:
        late = False
        for connection in tuple(self.connections):
            if connection.phase == Phase.IDLE and not connection.busy:
                if connection.writable and connection.has_unread():
                    late = True  # it is we who are: the request has been here since before the timer
                else:
                    connection.close()
        if late and self._drained is not None:
            self._loop.call_later(_RETRY_IDLE_S, self._close_idle)

    def _check_drained(self) -> None:
        if not self.connections and not self._openings:
            self._end_drain()

    def _end_drain(self) -> None:
        if self._drained is not None:
            when_done, self._drained = self._drained, None
            for connection in tuple(self.connections):
                connection.abort()
            when_done()
