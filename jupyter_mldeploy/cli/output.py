"""What goes where: results to stdout, everything else to stderr.

With ``--json`` a command that succeeds writes one JSON document to stdout and nothing to stderr; one that fails writes
nothing to stdout and one document ``{"error": {…}}`` to stderr. Commands that follow something write one document a
line.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TextIO

from ..core.cards.model import clean
from ..errors import EntryScriptError, EnvironmentBuildError, MldeployError

_STYLES = {"bold": "1", "red": "31", "green": "32", "yellow": "33", "dim": "2"}
_STATE_STYLES = {"Healthy": "green", "Failed": "red", "Unhealthy": "red", "Unschedulable": "red", "Stopped": "dim"}


class Output:
    """Writes a command's results, notes and errors.

    Args:
        as_json: ``--json`` was given.
        quiet: ``--quiet`` was given.
    """

    def __init__(self, *, as_json: bool, quiet: bool, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self.json = as_json
        self.quiet = quiet or as_json
        self.out = out if out is not None else sys.stdout
        self.err = err if err is not None else sys.stderr
        self.failure: dict[str, Any] | None = None
        self._notes: list[str] = []

    def result(self, document: Any, text: str | Callable[[], str]) -> None:
        """Write the command's result: ``document`` with ``--json``, else ``text`` (or what it returns)."""
        if self.json:
            if self._notes and isinstance(document, Mapping):
                document = {**document, "notes": self._notes}
            self.out.write(json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n")
            return
        shown = text if isinstance(text, str) else text()
        if shown:
            self.out.write(shown if shown.endswith("\n") else shown + "\n")

    def line(self, document: Any, text: str) -> None:
        """Write one entry of something that is followed."""
        self.out.write((json.dumps(document, ensure_ascii=False, default=str) if self.json else text) + "\n")
        self.out.flush()

    def note(self, text: str) -> None:
        """Tell something beside the result: on stderr, or in the document's ``notes`` with ``--json``."""
        self._notes.append(text)
        if not self.quiet:
            self.err.write(f"note: {text}\n")

    def error(self, error: MldeployError) -> None:
        """Write an error, and what :func:`~.shown.failing` found out about it."""
        if self.json:
            body = error.to_dict()
            if self.failure is not None:
                body["serving"] = self.failure["serving"]
            if self._notes:
                body["notes"] = self._notes
            self.err.write(json.dumps({"error": body}, indent=2, ensure_ascii=False, default=str) + "\n")
            return
        head = self.style("error:", "red", self.err)
        self.err.write(f"{head} {clean(error)}\n")
        more = self.failure["text"].splitlines() if self.failure is not None else []
        # The card says the sentence again that stands above.
        more = [line for line in more if line.strip() not in {clean(error.message), clean(f"next: {error.hint}")}]
        for line in [*evidence(error), *more]:
            self.err.write(line + "\n")

    def style(self, text: str, style: str, stream: TextIO | None = None) -> str:
        """Return ``text`` in a style when the stream is a terminal and ``NO_COLOR`` is not set."""
        if style not in _STYLES or os.environ.get("NO_COLOR") or not is_terminal(stream or self.out):
            return text
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"

    def state(self, state: str) -> str:
        """Return a service's state, in its colour on a terminal."""
        return self.style(state, _STATE_STYLES.get(state, ""))


def is_terminal(stream: TextIO) -> bool:
    """Return whether the stream is a terminal that can move its cursor."""
    try:
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:
        return False  # closed


def evidence(error: MldeployError) -> list[str]:
    """Return the lines that follow an error's sentence: further findings of an entry script, the end of a build log."""
    lines: list[str] = []
    if isinstance(error, EntryScriptError):
        rest = error.diagnostics[1:]
        lines += [clean(f"  line {item.get('line')}: {item.get('code')} {item.get('message')}") for item in rest]
    if isinstance(error, EnvironmentBuildError) and error.details.get("log_tail"):
        lines.append("  last log lines:")
        lines += [clean(f"    {line}") for line in list(error.details["log_tail"])[-20:]]
    return lines


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str = "") -> str:
    """Return rows as aligned columns under a head, or ``empty`` when there is none.

    Escape sequences of styles count no width.
    """
    import re

    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not cells:
        return empty
    bare = [[re.sub(r"\x1b\[[0-9;]*m", "", cell) for cell in row] for row in [list(head), *cells]]
    widths = [max(len(row[index]) for row in bare) for index in range(len(head))]
    lines = []
    for row, plain in zip([list(head), *cells], bare, strict=True):
        padded = [cell + " " * (width - len(text)) for cell, text, width in zip(row, plain, widths, strict=True)]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def fields(pairs: Iterable[tuple[str, object]]) -> str:
    """Return ``name: value`` lines, values aligned; pairs without a value are left out."""
    shown = [(name, str(value)) for name, value in pairs if value not in (None, "", {}, [], ())]
    width = max((len(name) for name, _ in shown), default=0)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in shown)


def age(epoch: float, now: float | None = None) -> str:
    """Return how long ago a time was, as ``12s``, ``5m``, ``3h`` or ``8d``."""
    passed = max(0.0, (time.time() if now is None else now) - epoch)
    for size, letter in ((86400, "d"), (3600, "h"), (60, "m")):
        if passed >= size:
            return f"{int(passed // size)}{letter}"
    return f"{int(passed)}s"


def clock(epoch: float | None) -> str:
    """Return a time as local ``YYYY-MM-DD hh:mm:ss``."""
    return "" if epoch is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(epoch))
