"""The base of all views: work in threads, and an end that leaves nothing behind."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as w
import traitlets as t

from ..errors import MldeployError

#: What a view shows in place of an unforeseen error's text goes to this log as well.
log = logging.getLogger(__name__)


class View(w.VBox):
    """A box of controls that belongs to one subject.

    ``busy`` is true while a thread works for it, ``error`` is the last thing that went wrong as one sentence (empty
    when nothing did). Both are traits to observe.
    """

    busy = t.Bool(False, help="A thread is working for this view.").tag(sync=False)
    error = t.Unicode("", help="What went wrong last, as one sentence.").tag(sync=False)

    def __init__(self, children: Any = (), **options: Any) -> None:
        self._ended = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._running = 0
        # One lock for what is drawn and for what runs: observers of either may do the other.
        self._drawing = threading.RLock()
        super().__init__(children, **options)
        _hear_in_order(self)

    @property
    def is_closed(self) -> bool:
        """The view was closed; its threads end."""
        return self._ended.is_set()

    def wait(self, timeout_s: float = 60.0) -> bool:
        """Wait until nothing works for this view; return False when that takes longer than ``timeout_s`` seconds.

        Whoever observes ``busy`` has heard of the end by then.
        """
        return self._idle.wait(timeout_s)

    def run(self, work: Callable[[], Any], then: Callable[[Any], object] | None = None) -> None:
        """Do ``work`` in a thread and hand its result to ``then``; an error becomes the trait ``error``."""
        with self._drawing:
            self._running += 1
            self._idle.clear()
            self.error = ""
            self.busy = True
        threading.Thread(
            target=self._work, args=(work, then), name=f"mldeploy-{type(self).__name__}", daemon=True
        ).start()

    def every(self, seconds: float, step: Callable[[], bool]) -> None:
        """Call ``step`` in a thread, pausing ``seconds``, until the view is closed or it returns False."""

        def loop() -> None:
            while not self._ended.is_set():
                try:
                    if not step():
                        return
                except Exception as error:  # noqa: BLE001  whatever a target raises must not end the view
                    self.failed(error)
                self._ended.wait(seconds)

        threading.Thread(target=loop, name=f"mldeploy-{type(self).__name__}-watch", daemon=True).start()

    def draw(self, make: Callable[[], object]) -> None:
        """Call what makes widgets, unless the view was closed: a closed view must not get new ones from a thread."""
        with self._drawing:
            if not self._ended.is_set():
                make()

    def failed(self, error: BaseException) -> None:
        """Show what went wrong."""
        if isinstance(error, MldeployError):
            self.error = f"{error.message} {error.hint or ''}".strip()
        else:
            log.debug("unforeseen", exc_info=error)
            self.error = f"{type(error).__name__}: {error}"

    def close(self) -> None:
        """End the threads and close every widget below this one, so that no comm is left. Idempotent."""
        self._ended.set()
        with self._drawing:
            for child in self.children:
                close_tree(child)
            layout = self.layout
            super().close()
            layout.close()

    def _work(self, work: Callable[[], Any], then: Callable[[Any], object] | None) -> None:
        try:
            result = work()
            if then is not None:
                self.draw(lambda: then(result))
        except Exception as error:  # noqa: BLE001  what happens in a thread is shown, never lost
            self.failed(error)
        finally:
            with self._drawing:  # counted and told in one step: work that begins between the two would count as over
                self._running -= 1
                if self._running == 0:
                    self.busy = False
                if self._running == 0:  # still: an observer may have begun something
                    self._idle.set()


def close_tree(widget: w.Widget) -> None:
    """Close a widget, all that is in it, and the models of their layout and style."""
    for child in getattr(widget, "children", ()):
        close_tree(child)
    layout, style = getattr(widget, "layout", None), getattr(widget, "style", None)
    widget.close()
    for part in (layout, style):
        if isinstance(part, w.Widget):
            part.close()


def _hear_in_order(widget: w.Widget) -> None:
    """Have a kernel handle what it hears from all widgets of a tree one after the other, as it was sent.

    ipykernel 7.4 sends what comes for a widget to the shell from which that widget spoke last. Two widgets of one form
    were then heard by two threads: a click could count before what had been typed ahead of it, or wait for a running
    cell. Without that routing the frontend's choice counts, one shell for all widgets.
    """
    if getattr(widget.comm, "_reply_subshell_for", None) is not None:
        widget.comm._reply_subshell_for = None
    if isinstance(widget, w.Box):
        widget.observe(_hear_children, "children")
        for child in widget.children:
            _hear_in_order(child)


def _hear_children(change: dict[str, Any]) -> None:
    for child in change["new"]:
        _hear_in_order(child)


def alert(view: View) -> w.HTML:
    """Return a line that shows the trait ``error`` of a view, and is announced by screen readers."""
    line = w.HTML()

    def show(_: Any = None) -> None:
        line.value = f'<div role="alert">{sentence(view.error, bad=True)}</div>' if view.error else ""

    view.observe(show, "error")
    return line


def sentence(text: str, *, bad: bool = False) -> str:
    """Return text as HTML; a failure is marked by a sign and a word, not by colour alone."""
    return f"<b>✗ Failed:</b> {escape(text)}" if bad else escape(text)
