"""Signals of a worker: SIGTERM and SIGINT drain it, SIGHUP makes it read its keys again."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress


def watch_signals(
    loop: asyncio.AbstractEventLoop, *, on_stop: Callable[[str], None], on_reload: Callable[[], object]
) -> tuple[socket.socket, socket.socket] | None:
    """Have signals handled in ``loop``'s thread; return the sockets they travel through, which must be kept.

    The handler on C level writes to a socket that the loop reads. So signals also arrive while ``run()`` holds the main
    thread in C code, where Python's own handlers are not called. Outside the main thread nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        return None
    written, read = socket.socketpair()
    written.setblocking(False)
    read.setblocking(False)

    def pass_on(number: int, frame: object) -> None:  # noqa: ARG001
        # An `async` script's own event loop in this thread has put its descriptor in the place of ours.
        with suppress(OSError):
            written.send(bytes([number]))

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, pass_on)
    signal.set_wakeup_fd(written.fileno(), warn_on_full_buffer=False)

    def take() -> None:
        with suppress(BlockingIOError):
            for number in read.recv(64):
                if number in (signal.SIGTERM, signal.SIGINT):
                    on_stop(f"signal {signal.Signals(number).name}")
                elif number == signal.SIGHUP:
                    on_reload()

    loop.add_reader(read.fileno(), take)
    return written, read
