"""The log of a service, live from a thread while cells go on running."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

import ipywidgets as w
import traitlets as t

from .view import View, alert

if TYPE_CHECKING:
    from ..core.service import Service
    from ..core.target import LogLine

#: Level → (how serious, sign, colour that reads on light and on dark pages).
_LEVELS = {
    "debug": (0, "·", "#7a7a7a"),
    "info": (1, " ", "inherit"),
    "warning": (2, "⚠", "#b07600"),
    "error": (3, "✗", "#d1383d"),
    "critical": (3, "✗", "#d1383d"),
}
_PAGE = 1000


class LogView(View):
    """Shows the last lines of a service's log and follows it.

    Args:
        service: the service; one that was deleted shows what is left of its log.
        lines: most lines to keep and show; older ones go.
        poll_s: seconds between two looks.

    The traits ``filter``, ``level`` and ``follow`` can be set by code as well; ``count`` is how many lines were read.
    """

    filter = t.Unicode("", help="Only lines that contain this text.").tag(sync=False)
    level = t.Enum(("debug", "info", "warning", "error"), "debug", help="Only lines this serious.").tag(sync=False)
    follow = t.Bool(True, help="Show new lines as they come.").tag(sync=False)
    count = t.Int(0, help="Lines read since the view was opened.").tag(sync=False)

    def __init__(self, service: Service, *, lines: int = 500, poll_s: float = 0.25) -> None:
        self._service = service
        self._kept: deque[LogLine] = deque(maxlen=max(1, lines))
        self._cursor: str | None = None
        self._screen = w.HTML()
        find = w.Text(placeholder="filter", continuous_update=True, tooltip="Only lines that contain this text")
        find.layout.width = "220px"
        level = w.Dropdown(options=["debug", "info", "warning", "error"], tooltip="Least serious level that is shown")
        level.layout.width = "110px"
        follow = w.ToggleButton(True, description="Follow", icon="arrow-down", tooltip="Show new lines as they come")
        self._end = w.HTML()
        super().__init__()
        self.children = (w.HBox([find, level, follow, self._end]), self._screen, alert(self))
        for trait, control in (("filter", find), ("level", level), ("follow", follow)):
            t.link((self, trait), (control, "value"))
        self.observe(lambda _: self.draw(self._draw), ["filter", "level"])
        self.observe(self._hold, "follow")
        self._draw()
        self.every(poll_s, self._look)

    @property
    def text(self) -> str:
        """The lines that are shown."""
        return "\n".join(line.text for line in self._shown())

    def _look(self) -> bool:
        """Read what is new; return whether there can be more."""
        if not self.follow and self._cursor is not None:
            return True
        deadline = time.monotonic() + 1.0  # a log that grows faster than it is read is shown now and then, not never
        found: list[LogLine] = []
        read, cursor, most = 0, self._cursor, self._kept.maxlen or _PAGE
        while True:
            page, cursor = self._service.log_lines(cursor, min(most, _PAGE) if cursor is None else _PAGE)
            found = [*found, *page][-most:]
            read += len(page)
            if len(page) < _PAGE or time.monotonic() > deadline or self.is_closed:
                break
        with self._drawing:
            if self.is_closed:
                return False
            if not self.follow and self._cursor is not None:
                return True  # switched off meanwhile: these lines are read again when it is on
            self._cursor = cursor
            if found:
                self._kept.extend(found)
                self._draw()
                self.count += read  # last: whoever waits for it finds the lines
        if not found and self._service.record.deleted is not None:
            self._end.value = "<small>The service is deleted; this is the end of its log.</small>"
            return False
        return True

    def _hold(self, _: object) -> None:
        """Let lines that are being drawn come before whoever switched Follow off goes on; none come after that."""
        with self._drawing:
            pass

    def _shown(self) -> list[LogLine]:
        least = _LEVELS[self.level][0]
        wanted = self.filter.lower()
        return [
            line
            for line in list(self._kept)
            if _LEVELS.get(line.level, _LEVELS["info"])[0] >= least and wanted in line.text.lower()
        ]

    def _draw(self) -> None:
        self._screen.value = log_html(self._shown())


def log_html(lines: Iterable[LogLine]) -> str:
    """Return log lines as HTML: the last one in sight, levels by a sign as well as by colour."""
    body = "".join(map(_line, reversed(list(lines)))) or "<i>Nothing yet.</i>"
    # Reversed twice: such a box keeps its end in sight when lines come, and a reader who scrolled up stays there.
    return (
        '<div role="log" aria-label="service log" tabindex="0" style="display:flex;flex-direction:column-reverse;'
        "max-height:24em;overflow:auto;font:12px/1.45 monospace;white-space:pre-wrap;padding:6px 9px;"
        f'border:1px solid rgba(127,127,127,.4)">{body}</div>'
    )


def _line(line: LogLine) -> str:
    _, sign, colour = _LEVELS.get(line.level, _LEVELS["info"])
    when = time.strftime("%H:%M:%S", time.localtime(line.time)) if line.time is not None else " " * 8
    source = f" {escape(line.source)}" if line.source else ""
    return (
        f'<div style="color:{colour}"><span style="opacity:.6">{when}{source}</span> {sign} {escape(line.text)}</div>'
    )
