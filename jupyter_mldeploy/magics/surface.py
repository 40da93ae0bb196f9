"""Where a magic shows things: one updating output in a rich frontend, plain lines where nobody watches.

A notebook frontend (JupyterLab, Notebook, VS Code, Colab) lets its user answer ``input()``; nbclient, nbconvert and
papermill do not. That tells them apart: what they execute keeps every line in the saved notebook and in their logs.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

#: Seconds between two updates of a progress card; a build may report hundreds of lines.
UPDATE_S = 0.1


class Surface(Protocol):
    """Where one deployment is shown."""

    #: The result appears in an output of its own; an error then need not repeat it.
    shows_failures: bool

    def step(self, name: str, message: str) -> None:
        """Say that a sub-step begins."""
        ...

    def show(self, bundle: dict[str, Any]) -> None:
        """Show the result."""
        ...


def is_watched(shell: InteractiveShell) -> bool:
    """Return whether a person sees the outputs while the cell runs, in a frontend that can update them."""
    kernel = getattr(shell, "kernel", None)
    return kernel is not None and bool(getattr(kernel, "_allow_stdin", True))


def surface(shell: InteractiveShell, title: str, *, quiet: bool = False) -> Surface:
    """Return where to show the deployment of ``title``; with ``quiet`` only the result is shown."""
    return UpdatingOutput(shell, title, quiet=quiet) if is_watched(shell) else PlainLines(shell, quiet=quiet)


class UpdatingOutput:
    """One output that shows the steps and then becomes the result."""

    shows_failures = True

    def __init__(self, shell: InteractiveShell, title: str, *, quiet: bool) -> None:
        self._shell = shell
        self._title = title
        self._quiet = quiet
        self._id = uuid4().hex
        self._began = self._updated = 0.0
        self._done: list[tuple[str, float]] = []
        self._current = ""
        self._displayed = False

    def step(self, name: str, message: str) -> None:
        """See :class:`Surface`."""
        now = time.monotonic()
        if self._current and name != self._current:
            self._done.append((self._current, now - self._began))
            self._began = now
        self._began = self._began or now
        changed, self._current = name != self._current, name
        if self._quiet or (not changed and now - self._updated < UPDATE_S):
            return
        from ..core.card import progress_card

        self._updated = now
        self.show(progress_card(self._title, self._done, message))

    def show(self, bundle: dict[str, Any]) -> None:
        """See :class:`Surface`."""
        self._shell.display_pub.publish(
            data=bundle, metadata={}, transient={"display_id": self._id}, update=self._displayed
        )
        self._displayed = True


class PlainLines:
    """A line for each step, then the result; a failure is left to the error itself."""

    shows_failures = False

    def __init__(self, shell: InteractiveShell, *, quiet: bool) -> None:
        self._shell = shell
        self._quiet = quiet
        self._started = time.monotonic()
        self._last = ""

    def step(self, name: str, message: str) -> None:
        """See :class:`Surface`."""
        line = f"{name}: {message}" if message != name else name
        if self._quiet or line == self._last:
            return
        self._last = line
        print(f"{time.monotonic() - self._started:6.2f} s  {line}", flush=True)  # noqa: T201  this is the output

    def show(self, bundle: dict[str, Any]) -> None:
        """See :class:`Surface`."""
        show(self._shell, bundle)


def show(shell: InteractiveShell, bundle: dict[str, Any]) -> None:
    """Show one mimebundle: rich under a kernel, its plain text in a terminal."""
    if getattr(shell, "kernel", None) is None:
        print(bundle["text/plain"], flush=True)  # noqa: T201  a terminal shows text
        return
    shell.display_pub.publish(data=bundle, metadata={})
