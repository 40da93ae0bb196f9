"""Sockets that are bound and do not listen yet: until a worker is ready, clients are to be refused."""

from __future__ import annotations

import os
import socket
from contextlib import suppress


def bind_port(host: str, port: int) -> socket.socket:
    """Return a socket bound to a TCP port.

    Raises:
        OSError: the port is taken, or the address is not one of this machine; the message says which.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"cannot listen on {host} port {port}: {error.strerror}") from error
    return bound


def bind_unix(path: str) -> socket.socket:
    """Return a Unix socket, for its owner only; one that a dead process left behind is replaced.

    Raises:
        OSError: somebody listens there, or the path cannot be used.
    """
    probe = socket.socket(socket.AF_UNIX)
    try:
        probe.connect(path)
    except (FileNotFoundError, ConnectionRefusedError):
        with suppress(FileNotFoundError):
            os.unlink(path)  # noqa: PTH108 - no pathlib: see standalone
    else:
        raise OSError(f"cannot listen on {path}: another process does")
    finally:
        probe.close()
    bound = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        bound.bind(path)
    finally:
        os.umask(before)
    return bound
