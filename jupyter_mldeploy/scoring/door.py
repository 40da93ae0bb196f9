"""The door of a service: its port, bound at once, open for connections when there is somebody to answer."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable

from .doorman import Doorman
from .processes import port_owner
from .reactor import EventLoop

_BACKLOG = 1024


class PortError(OSError):
    """A port cannot be had; ``strerror`` is a whole sentence that says why."""


class Door:
    """A bound socket that every worker inherits, and the doorman for times without a worker.

    Args:
        host: an address of this machine.
        port: the port; 0 takes a free one.
        reason: says why nobody is there.

    Raises:
        PortError: the port is taken or may not be bound.
    """

    def __init__(self, loop: EventLoop, host: str, port: int, reason: Callable[[], str]) -> None:
        self.host = host
        self.socket = bind(host, port)
        self.port = int(self.socket.getsockname()[1])
        self.is_open = False
        self._doorman = Doorman(loop, self.socket, reason)

    def open(self) -> None:
        """Listen. Idempotent.

        Raises:
            PortError: somebody else has begun to listen on the port since it was bound.
        """
        if not self.is_open:
            try:
                self.socket.listen(_BACKLOG)
            except OSError as error:
                raise explain(error, self.host, self.port) from error
            self.is_open = True

    def answer_for_absent(self, on: bool) -> None:
        """Begin or end answering 503 in place of the workers."""
        self._doorman.serve(on and self.is_open)

    def close(self) -> None:
        """Close our end; workers that still drain have their own."""
        self._doorman.close()
        self.socket.close()


def bind(host: str, port: int) -> socket.socket:
    """Bind a TCP socket without listening yet.

    Args:
        host: an address of this machine.
        port: the port; 0 takes a free one.

    Raises:
        PortError: the port is taken, or binding it is not allowed.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host, port))
        if port:
            # Two sockets may be bound as long as neither listens: make sure that nobody does.
            refuse_if_taken(host, port, family)
    except OSError as error:
        found.close()
        raise explain(error, host, port) from error
    return found


def refuse_if_taken(host: str, port: int, family: int) -> None:
    """Raise EADDRINUSE when something listens on the port already (a wildcard listener does not stop ``bind``)."""
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.2)
        try:
            probe.connect(("127.0.0.1" if host in ("0.0.0.0", "") else host, port))  # noqa: S104  compared, not bound
        except OSError:
            return
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def explain(error: OSError, host: str, port: int) -> PortError:
    """Return the same error with a sentence that names the port and, where it can be seen, who has it."""
    if error.errno == errno.EADDRINUSE:
        owner = port_owner(port)
        by = f" by {owner}" if owner else " by another process"
        text = f"Port {port} is taken{by}."
    elif error.errno == errno.EACCES:
        text = f"Port {port} may not be used by this user: ports below 1024 are reserved."
    elif error.errno == errno.EADDRNOTAVAIL:
        text = f"{host} is not an address of this machine."
    else:
        text = f"{host}:{port} cannot be bound: {error.strerror}."
    return PortError(error.errno, text)
