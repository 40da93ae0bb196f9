"""Answers for a service that has no worker: 503 with the reason at once, instead of a connection that hangs."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable

from .reactor import EventLoop, Timer

_LINGER_S = 1.0
_MOST_GUESTS = 256


class Doorman:
    """Accepts on the listening socket while it is on duty, and answers every request with 503.

    Args:
        reason: gives the sentence for the answer's body.
    """

    def __init__(self, loop: EventLoop, listening: socket.socket, reason: Callable[[], str]) -> None:
        self._loop = loop
        self._listening = listening
        self._reason = reason
        self._guests: dict[socket.socket, Timer] = {}
        self._on_duty = False

    def serve(self, on: bool) -> None:
        """Begin or end answering. Idempotent."""
        if on == self._on_duty:
            return
        self._on_duty = on
        if on:
            self._loop.watch(self._listening, self._accept)
        else:
            self._loop.forget(self._listening)

    def close(self) -> None:
        """Stop, and let go of those who are still here."""
        self.serve(False)
        for guest in list(self._guests):
            self._dismiss(guest)

    def _accept(self) -> None:
        try:
            guest, _ = self._listening.accept()
        except OSError:
            return
        if len(self._guests) >= _MOST_GUESTS:
            guest.close()
            return
        guest.setblocking(False)
        self._guests[guest] = self._loop.later(_LINGER_S * 5, lambda: self._dismiss(guest))
        self._loop.watch(guest, lambda: self._greet(guest))

    def _greet(self, guest: socket.socket) -> None:
        """Answer when the request begins to arrive; the rest of it is read and dropped, so that no reset hits us."""
        body = json.dumps({"error": {"code": "service_unavailable", "message": self._reason()}}).encode()
        head = (
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 5\r\n"
            b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        try:
            if not guest.recv(65_536):
                self._dismiss(guest)
                return
            guest.send(head + body)
            guest.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            return
        except OSError:
            self._dismiss(guest)
            return
        self._guests[guest].cancel()
        self._guests[guest] = self._loop.later(_LINGER_S, lambda: self._dismiss(guest))
        self._loop.watch(guest, lambda: self._swallow(guest))

    def _swallow(self, guest: socket.socket) -> None:
        try:
            if guest.recv(262_144):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._dismiss(guest)

    def _dismiss(self, guest: socket.socket) -> None:
        timer = self._guests.pop(guest, None)
        if timer is not None:
            timer.cancel()
            self._loop.forget(guest)
            guest.close()
