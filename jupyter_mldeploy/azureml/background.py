"""Work that v1 gave a handle for at once, done in a thread. A program waits for it before it ends."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from ..errors import MldeployError
from .exceptions import AzureMLException, raising

Result = TypeVar("Result")
Report = Callable[[str, str], None]


class Background(Generic[Result]):
    """Work in a thread.

    Args:
        name: of the thread.
        work: does it, and tells (step, message) on its way.
    """

    def __init__(self, name: str, work: Callable[[Report], Result]) -> None:
        self._lines: list[str] = []
        self._printing = False
        self._lock = threading.Lock()
        self._result: list[Result] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(work,), name=name)
        self._thread.start()

    def _run(self, work: Callable[[Report], Result]) -> None:
        try:
            self._result.append(work(self._say))
        except BaseException as error:  # noqa: BLE001  it is raised where somebody waits
            self._error = error

    def _say(self, step: str, message: str) -> None:
        line = f"{step}: {message}"
        with self._lock:
            self._lines.append(line)
            if self._printing:
                _print(line)

    @property
    def is_running(self) -> bool:
        """It has not ended."""
        return self._thread.is_alive()

    @property
    def error(self) -> str | None:
        """Why it failed, or None."""
        if self._thread.is_alive() or self._error is None:
            return None
        return self._error.message if isinstance(self._error, MldeployError) else str(self._error)

    def wait(self, show_output: bool, kind: type[AzureMLException], timeout_s: float | None = None) -> Result:
        """Wait for the result; with ``show_output`` print what was told so far and what follows.

        Raises:
            AzureMLException: of the given kind; it failed, or has not ended within ``timeout_s`` and goes on.
        """
        with self._lock:
            self._printing = show_output
            for line in self._lines if show_output else ():
                _print(line)
        try:
            self._thread.join(timeout_s)
        finally:
            with self._lock:
                self._printing = False
        if self._thread.is_alive():
            raise kind(f"It has not ended after {timeout_s:g} s, and goes on.")
        if self._error is not None:
            with raising(kind):
                raise self._error
        return self._result[0]


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
