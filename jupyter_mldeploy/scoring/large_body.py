"""Takes large bodies from the socket straight into the ``bytes`` that ``run()`` gets.

The usual way copies a body twice more: a ``bytes`` for each piece that came, then all of them joined.
"""

from __future__ import annotations

import asyncio
import ctypes
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .reader import RequestReader

#: Memory is taken a block at a time, so that a length that is only claimed costs nothing.
BLOCK = 8 * 1024 * 1024
_SCRATCH = 65_536

# "Contents are uninitialised", and may be written "if the object was just created using
# PyBytes_FromStringAndSize(NULL, size)": the C API's words for what is done here.
_new_bytes = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_ssize_t)(
    ("PyBytes_FromStringAndSize", ctypes.pythonapi)
)
_address_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object)(("PyBytes_AsString", ctypes.pythonapi))


class LargeBody(asyncio.BufferedProtocol):
    """Stands in for a connection, towards its transport, until the body is complete.

    Args:
        connection: gets the body, and every other call of the transport.
        begun: the beginning of the body.
        length: of the whole body, in bytes.
    """

    def __init__(self, connection: RequestReader, begun: bytes, length: int) -> None:
        self._connection = connection
        self._missing = length
        self._parts: list[bytes] = []
        self._open_block()
        while begun:
            size = min(len(begun), len(self._free))
            self._free[:size] = begun[:size]
            begun = begun[size:]
            self._take(size)

    def _open_block(self) -> None:
        size = min(self._missing, BLOCK)
        self._block: bytes = _new_bytes(None, size)
        self._free = memoryview((ctypes.c_char * size).from_address(_address_of(self._block))).cast("B")

    def _take(self, size: int) -> None:
        self._missing -= size
        self._free = self._free[size:]
        if not self._free:
            self._parts.append(self._block)
            if self._missing:
                self._open_block()

    def get_buffer(self, sizehint: int) -> memoryview | bytearray:  # noqa: ARG002
        """Say where what comes next is to be written."""
        return bytearray(_SCRATCH) if self._connection.is_too_late else self._free

    def buffer_updated(self, nbytes: int) -> None:
        """Take note of what was written."""
        connection = self._connection
        if connection.is_too_late:
            return
        connection.body_size += nbytes
        self._take(nbytes)
        if not self._missing:
            parts = self._parts
            connection.large_body_complete(parts[0] if len(parts) == 1 else b"".join(parts))

    def eof_received(self) -> bool | None:
        """Pass on."""
        return self._connection.eof_received()

    def pause_writing(self) -> None:
        """Pass on."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """Pass on."""
        self._connection.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass on."""
        self._connection.connection_lost(exc)
