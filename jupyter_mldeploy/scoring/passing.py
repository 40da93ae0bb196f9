"""Messages between a supervisor, its warm parents and their children that carry descriptors.

Each is a 4-byte length, with the descriptors beside it, then JSON.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from typing import Any

_MOST_DESCRIPTORS = 16


def pass_message(channel: socket.socket, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send one message; the descriptors stay open here.

    Raises:
        OSError: the other end is closed.
    """
    body = json.dumps(message).encode()
    socket.send_fds(channel, [len(body).to_bytes(4, "little")], list(descriptors))
    channel.sendall(body)


def take_message(channel: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """Wait for one message; return it and its descriptors. The message is None when the other end was closed."""
    try:
        head, descriptors, _, _ = socket.recv_fds(channel, 4, _MOST_DESCRIPTORS)
        length = int.from_bytes(head, "little")
        body = bytearray()
        while len(head) == 4 and len(body) < length:
            chunk = channel.recv(length - len(body))
            if not chunk:
                break
            body += chunk
    except ConnectionError:  # it was closed with something of ours unread
        return None, []
    return (json.loads(body) if body else None), descriptors
