"""Stops a ``run()`` that has used up its time, where Python can be stopped at all."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

from .errors import ScoringTimeout
from .exchange import Exchange

#: A signal that hardly anybody uses. It ends time.sleep() and waiting for locks and sockets in the main thread.
SIGNAL = signal.SIGVTALRM


class Slot:
    """A place where ``run()`` is executed, and what is being executed there.

    Attributes:
        ident: the thread.
        current: the requests that the call in progress is for; None between calls.
        started: ``perf_counter`` of its start.
        target: the call that an interruption is meant for.
        interrupted: ``perf_counter`` of that interruption, 0 before.
        stuck: given up: the call goes on although it was interrupted.
        lock: held while a call ends, and while one is interrupted: an interruption never reaches the next call.
        bell: rung (released) to wake the thread when it waits for work.
        cancel: stops the call where it is a task of the user's event loop.
    """

    __slots__ = ("bell", "cancel", "current", "ident", "interrupted", "lock", "started", "stuck", "target")

    def __init__(self) -> None:
        self.ident = 0
        self.current: list[Exchange] | None = None
        self.started = 0.0
        self.target: list[Exchange] | None = None
        self.interrupted = 0.0
        self.stuck = False
        self.lock = threading.Lock()
        self.bell = threading.Lock()
        self.bell.acquire()
        self.cancel: Callable[[], object] | None = None

    def end(self) -> None:
        """The call is over; what is on its way to it does not arrive any more."""
        with self.lock:
            self.current = self.cancel = None
            if self.target is not None:
                self.target = None
                if self.ident != threading.main_thread().ident:
                    _raise_in(self.ident, None)


def install(slots: list[Slot]) -> None:
    """Prepare the main thread (the caller's) for interruptions of the calls it executes."""

    def handle(number: int, frame: object) -> None:  # noqa: ARG001
        ident = threading.get_ident()
        for slot in slots:
            if slot.ident == ident and slot.target is not None and slot.target is slot.current:
                slot.target = None
                raise ScoringTimeout

    if threading.current_thread() is threading.main_thread():
        signal.signal(SIGNAL, handle)


def interrupt(slot: Slot, call: list[Exchange], now: float) -> bool:
    """Raise ``ScoringTimeout`` in a call. C code that never returns does not notice.

    Returns:
        False when the slot is not executing that call any more.
    """
    with slot.lock:
        if slot.current is not call:
            return False
        slot.interrupted = now
        slot.target = call
        if slot.cancel is not None:
            slot.cancel()  # only that task: other requests are in the same thread
        elif slot.ident == threading.main_thread().ident:
            signal.pthread_kill(slot.ident, SIGNAL)
        elif slot.ident:
            _raise_in(slot.ident, ScoringTimeout)
    return True


def _raise_in(ident: int, error: type[BaseException] | None) -> None:
    """Have a thread raise an error as soon as it executes Python code; with None, not any more."""
    import ctypes  # only here: it is not needed until something hangs

    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), error and ctypes.py_object(error))
