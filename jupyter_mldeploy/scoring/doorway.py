"""A revision's way to its service's door: the listening socket that outlives revisions, handed over by the doorkeeper.

A service whose revisions live in containers of their own has one more container, the *door* (``doorkeeper``). It binds
the published port and never closes it. Each revision asks it for that very socket (``SCM_RIGHTS`` over a Unix socket in
a volume that they share) and accepts connections from it when told to, so that no request passes through a proxy and
none is lost while one revision follows another.

    revision → door                                        door → revision
    {"event": "here", "revision": …}                       {"command": "door"} with the listening socket
    {"event": "ready", "workers": …}                       {"command": "serve"}   accept connections
    {"event": "serving"}    it accepts                     {"command": "drain"}   accept no more, answer, end
    {"event": "crash", …}   one of its workers ended
    {"event": "closed"}     it accepts no more
    {"event": "keys", …}    its workers have read changed keys

``ready``, ``crash`` and ``keys`` say how many changes of the keys every worker has read. A revision of an earlier
version says nothing of keys and never ``closed``; one that will says so when it comes (``"closes": true``).

A revision that was told to serve may be told to drain right after it has said that it does: the order was taken back.
"""

from __future__ import annotations

import json
import os
import socket
import time
from contextlib import suppress

from .errors import StatusChannelClosed
from .status import StatusChannel

TYPE_CHECKING = False  # what typing.TYPE_CHECKING means to type checkers, without the import of typing
if TYPE_CHECKING:
    from typing import Any

#: Version of what is said between the two; a door of another version is replaced.
PROTOCOL = 1

_HELLO_S = 5.0
_AGAIN_S = 0.2


class Doorway:
    """The revision's end of the line.

    Args:
        path: the doorkeeper's Unix socket.
        revision: the revision's number, as text.
    """

    def __init__(self, path: str, revision: str) -> None:
        self._path = path
        self._revision = revision
        self._channel: StatusChannel | None = None
        self._next_try = 0.0
        #: The service's listening socket; None until the door was reached, and again when it has gone.
        self.socket: socket.socket | None = None

    def fileno(self) -> int:
        """Return the descriptor to wait for, -1 while the door is not reached."""
        return self._channel.fileno() if self._channel is not None else -1

    @property
    def reached(self) -> bool:
        """The doorkeeper has handed its socket over and is there."""
        return self._channel is not None

    def reach(self) -> bool:
        """Try to reach the door, at most a few times a second; return whether it is reached now."""
        if self._channel is not None:
            return True
        if time.monotonic() < self._next_try:
            return False
        self._next_try = time.monotonic() + _AGAIN_S
        hello = {"event": "here", "revision": self._revision, "version": PROTOCOL, "closes": True}
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.settimeout(_HELLO_S)
        try:
            line.connect(self._path)
            line.sendall(json.dumps(hello).encode() + b"\n")
            data, descriptors, _, _ = socket.recv_fds(line, 1024, 1)
        except OSError:
            line.close()
            return False
        if not data or not descriptors:
            line.close()
            return False
        os.set_inheritable(descriptors[0], False)
        self.socket = socket.socket(fileno=descriptors[0])
        self._channel = StatusChannel(line)
        return True

    def receive(self) -> list[dict[str, Any]]:
        """Return the door's commands; a door that has gone leaves ``reached`` False."""
        if self._channel is None:
            return []
        try:
            return self._channel.receive()
        except StatusChannelClosed:
            self.leave()
            return []

    def say(self, event: str, **facts: Any) -> None:
        """Tell the door; one that has gone is noticed when it is read from."""
        if self._channel is not None:
            with suppress(StatusChannelClosed):
                self._channel.send({"event": event, **facts})

    def leave(self) -> None:
        """Close the line and this process's own hold on the socket; workers that still answer have theirs."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self.socket is not None:
            self.socket.close()
            self.socket = None
