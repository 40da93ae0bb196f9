"""The way of a streamed answer from the thread of ``run()`` to the connection, no faster than the client takes it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Protocol

from .exchange import Exchange

#: Bytes of an answer that may be under way before ``run()`` has to wait for the client.
ROOM = 1024 * 1024


class ClientGoneError(Exception):
    """Nobody takes the answer any more."""


class Outlet(Protocol):
    """What takes a streamed answer, in the event loop's thread."""

    def begin_stream(self, exchange: Exchange) -> None:
        """Write the head."""

    def stream_part(self, exchange: Exchange, part: bytes) -> None:
        """Write a part."""

    def end_stream(self, exchange: Exchange, *, whole: bool) -> None:
        """Write the end, or cut the connection when the answer is not whole."""


class Flow:
    """Counts what is under way.

    ``put`` and ``put_async`` belong to the thread of ``run()``; ``taken`` and ``close`` to the event loop's thread.
    """

    def __init__(
        self,
        exchange: Exchange,
        outlet: Outlet,
        io_loop: asyncio.AbstractEventLoop,
        user_loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._exchange = exchange
        self._outlet = outlet
        self._io_loop = io_loop
        self._user_loop = user_loop
        self._lock = threading.Lock()
        self._under_way = 0
        self._closed = False
        self._room = threading.Event()
        self._async_room = asyncio.Event()
        self.untaken = 0  # bytes written while the client was slow; the event loop's own note

    def begin(self) -> None:
        """Have the head written."""
        self._call(self._outlet.begin_stream, self._exchange)

    def put(self, part: bytes) -> None:
        """Have a part written; wait while too much is under way.

        Raises:
            ClientGoneError: the connection has ended.
        """
        self._send(part)
        while self._full():
            self._room.wait()

    async def put_async(self, part: bytes) -> None:
        """Do the same without blocking the user's event loop."""
        self._send(part)
        while self._full():
            await self._async_room.wait()

    def end(self, *, whole: bool) -> None:
        """Have the end written."""
        self._call(lambda: self._outlet.end_stream(self._exchange, whole=whole))

    def taken(self, size: int) -> None:
        """The client has taken ``size`` bytes."""
        with self._lock:
            self._under_way -= size
        self._wake()

    def close(self) -> None:
        """The client has gone."""
        with self._lock:
            self._closed = True
        self._wake()

    def _send(self, part: bytes) -> None:
        with self._lock:
            if self._closed:
                raise ClientGoneError
            self._under_way += len(part)
        self._call(self._outlet.stream_part, self._exchange, part)

    def _full(self) -> bool:
        with self._lock:
            if self._closed:
                raise ClientGoneError
            if self._under_way <= ROOM:
                return False
            self._room.clear()
            self._async_room.clear()
            return True

    def _wake(self) -> None:
        self._room.set()
        if self._user_loop is not None:
            self._user_loop.call_soon_threadsafe(self._async_room.set)

    def _call(self, function: Callable[..., object], *arguments: object) -> None:
        try:
            self._io_loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError as error:
            raise ClientGoneError from error  # the loop is closed: the worker is stopping
