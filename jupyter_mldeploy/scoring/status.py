"""The line between a worker and its supervisor: newline-delimited JSON objects over a socket pair.

Worker to supervisor: events ``{"event": …}``. Supervisor to worker: commands ``{"command": …}``.
"""

from __future__ import annotations

import json
import os
import select
import socket

from .errors import StatusChannelClosed

TYPE_CHECKING = False  # what typing.TYPE_CHECKING means to type checkers, without the import of typing
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_LONGEST_LINE = 1024 * 1024


class StatusChannel:
    """One end of the line. Sending is whole messages or nothing; reading gives whole messages.

    The same class serves both ends: ``StatusChannel.pair()`` gives the two, ``StatusChannel(fileno)`` takes an
    inherited descriptor. Not thread-safe: each end belongs to one thread at a time.
    """

    def __init__(self, end: socket.socket | int) -> None:
        self._socket = socket.socket(fileno=end) if isinstance(end, int) else end
        self._socket.setblocking(False)
        self._received = bytearray()

    @classmethod
    def pair(cls) -> tuple[StatusChannel, StatusChannel]:
        """Return two connected ends; their descriptors are not inheritable (pass ``fileno()`` with ``pass_fds``)."""
        first, second = socket.socketpair()
        return cls(first), cls(second)

    def fileno(self) -> int:
        """Return the descriptor, for ``select`` and event loops."""
        return self._socket.fileno()

    def send(self, message: Mapping[str, Any], timeout_s: float = 5.0) -> None:
        """Send one message, waiting up to ``timeout_s`` while the other side's buffer is full.

        Raises:
            StatusChannelClosed: the other end is closed, or did not read in time.
        """
        data = memoryview(json.dumps(message, separators=(",", ":"), default=str).encode() + b"\n")
        while data:
            try:
                data = data[self._socket.send(data) :]
            except (BlockingIOError, InterruptedError):
                if not self._ready(select.POLLOUT, timeout_s):
                    raise StatusChannelClosed("the other end of the status channel does not read") from None
            except OSError as error:
                raise StatusChannelClosed(f"the status channel is closed: {os.strerror(error.errno or 0)}") from error

    def receive(self) -> list[dict[str, Any]]:
        """Return all whole messages that have arrived, without waiting; unreadable lines are dropped.

        Raises:
            StatusChannelClosed: the other end is closed and everything it sent has been returned.
        """
        closed = False
        while True:
            try:
                chunk = self._socket.recv(65_536)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                chunk = b""
            if not chunk:
                closed = True
                break
            self._received += chunk
        *lines, rest = self._received.split(b"\n")
        self._received = bytearray(rest if len(rest) < _LONGEST_LINE else b"")
        messages = []
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if isinstance(message, dict):
                messages.append(message)
        if closed and not messages:
            raise StatusChannelClosed("the other end of the status channel is closed")
        return messages

    def wait(self, timeout_s: float | None) -> list[dict[str, Any]]:
        """Return the next messages, waiting up to ``timeout_s`` seconds (None: as long as it takes); [] if none came.

        Raises:
            StatusChannelClosed: the other end is closed.
        """
        return self.receive() if self._ready(select.POLLIN, timeout_s) else []

    def _ready(self, event: int, timeout_s: float | None) -> bool:
        poll = select.poll()  # not select(): a descriptor may be above 1023
        poll.register(self._socket, event)
        return bool(poll.poll(None if timeout_s is None else timeout_s * 1000))

    def close(self) -> None:
        """Close this end."""
        self._socket.close()
