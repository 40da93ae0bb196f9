"""Progress of long work: one updating line a step on a terminal, plain lines elsewhere."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from .output import Output, is_terminal

#: Seconds between two redrawings of the line.
REDRAW_S = 0.1


@contextmanager
def reporting(output: Output) -> Iterator[Callable[[str, str], None] | None]:
    """Give the function that the core calls with (step, message) when a step begins; None when nothing is to be shown.

    At the end of the block the last step's line is finished.
    """
    if output.quiet:
        yield None
        return
    shown = _Live(output.err) if is_terminal(output.err) else _Plain(output.err)
    try:
        yield shown.step
    except BaseException:
        shown.end(failed=True)
        raise
    shown.end()


#: The step that reads what was given: when it fails, its error alone is shown.
_QUIET_STEP = "check"


class _Plain:
    """One line when a step begins."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._started = time.monotonic()
        self._held = ""

    def step(self, name: str, message: str) -> None:
        elapsed = time.monotonic() - self._started
        line = f"{self._held}{elapsed:7.2f} s  {message or name}\n"
        self._held = line if name == _QUIET_STEP else ""
        if not self._held:
            self._stream.write(line)
            self._stream.flush()

    def end(self, *, failed: bool = False) -> None:
        """Nothing is left to finish."""


class _Live:
    """A line that counts the step's seconds until the next one begins."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._name = ""
        self._message: str | None = None
        self._began = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True, name="progress")

    def step(self, name: str, message: str) -> None:
        with self._lock:
            self._finish("done")
            self._name, self._message, self._began = name, message or name, time.monotonic()
            self._draw("")
        if not self._thread.is_alive() and not self._done.is_set():
            self._thread.start()

    def end(self, *, failed: bool = False) -> None:
        self._done.set()
        with self._lock:
            self._finish("failed" if failed else "done")

    def _tick(self) -> None:
        while not self._done.wait(REDRAW_S):
            with self._lock:
                if self._message is not None:
                    self._draw("")

    def _finish(self, word: str) -> None:
        if self._message is None:
            return
        if word == "failed" and self._name == _QUIET_STEP:
            self._stream.write("\r\x1b[2K")
        else:
            self._draw(word)
            self._stream.write("\n")
        self._stream.flush()
        self._message = None

    def _draw(self, word: str) -> None:
        tail = f"  {time.monotonic() - self._began:.1f} s{' ' + word if word == 'failed' else ''}"
        room = shutil.get_terminal_size((80, 24)).columns - len(tail) - 1
        text = self._message or ""
        shown = text if len(text) <= room else text[: max(room - 1, 0)] + "…"
        self._stream.write(f"\r\x1b[2K{shown}{tail}")
        self._stream.flush()
