"""One service on one panel: state, actions, test requests, log, revisions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import traitlets as t

from ..core.card import mimebundle, service_card
from ..core.cards.model import Card, Lines
from ..errors import MldeployError
from .log_view import LogView
from .test_panel import TestPanel
from .view import View, alert, close_tree

if TYPE_CHECKING:
    from ..core.records import ServiceRecord
    from ..core.service import Service


class ServiceView(View):
    """Shows and drives one service.

    ``state`` is a trait that follows the service. Test requests and the log start when their tab is opened first.
    """

    state = t.Unicode("", help="The service's state as last seen.").tag(sync=False)

    def __init__(self, service: Service, *, poll_s: float = 1.0) -> None:
        self._service = service
        self._card = w.HTML()
        self._armed = False
        capabilities = service.workspace.targets.get(service.record.target).capabilities
        why = capabilities.why_not
        self._start = self._button(
            "Start", "play", service.start, not capabilities.stop_start, why.get("stop_start", "")
        )
        self._stop = self._button("Stop", "stop", service.stop, not capabilities.stop_start, why.get("stop_start", ""))
        self._back = self._button(
            "Roll back", "undo", service.rollback, not capabilities.rollback, why.get("rollback", "")
        )
        self._delete = w.Button(
            description="Delete", icon="trash", tooltip="Remove the service; its log stays readable"
        )
        self._delete.on_click(lambda _: self._on_delete())
        self._way_out = w.VBox()
        self._places = [w.VBox(), w.VBox(), w.VBox()]
        self._tabs = w.Tab([self._card, *self._places], titles=["Overview", "Test", "Logs", "Revisions"])
        super().__init__()
        buttons = w.HBox([self._start, self._stop, self._back, self._delete])
        self.children = (buttons, w.VBox([alert(self), self._way_out]), self._tabs)
        self._tabs.observe(lambda _: self.draw(self._open_tab), "selected_index")
        self.observe(lambda change: self._set_buttons(change["new"]), "busy")
        self._seen: object = None
        self._looking = threading.Lock()
        self._looks = self._drawn = 0
        self._look()
        self.every(poll_s, self._look)

    def _button(self, text: str, icon: str, act: Callable[[], Any], missing: bool, reason: str) -> w.Button:
        button = w.Button(description=text, icon=icon, tooltip=reason or text, disabled=missing)
        button.missing = missing
        button.on_click(lambda _: self.run(lambda: self._then_look(act)))
        return button

    def _on_delete(self) -> None:
        """Ask once more before a service is removed."""
        if not self._armed:
            self._armed = True
            self._delete.description, self._delete.button_style = "Really delete?", "danger"
            return
        self._disarm()
        self._say()
        self.run(lambda: self._then_look(self._remove))

    def _remove(self) -> None:
        """Delete the service; where its target cannot be asked, offer to forget it."""
        try:
            self._service.delete()
        except MldeployError as error:
            if "forget" in error.details:
                self.draw(partial(self._offer, str(error.details["forget"]["remains"])))
            raise

    def _offer(self, remains: str) -> None:
        button = w.Button(
            description="Remove from the list only", button_style="danger", layout={"width": "auto"},
            tooltip="Forget the service; what it runs at its target is left alone",
        )  # fmt: skip
        button.on_click(lambda _: self._on_forget())
        self._say(f"Removing it from the list leaves alone whatever it runs. {remains}", button)

    def _on_forget(self) -> None:
        self._say()
        self.run(lambda: self._then_look(lambda: self._service.delete(force=True)), self._forgotten)

    def _forgotten(self, remark: str | None) -> None:
        if remark is not None:
            self._say(remark)

    def _say(self, text: str = "", *controls: w.Widget) -> None:
        for child in self._way_out.children:
            close_tree(child)
        told = (w.HTML(f'<div role="status">{escape(text)}</div>'),) if text else ()
        self._way_out.children = (*told, *controls)

    def _disarm(self) -> None:
        self._armed = False
        self._delete.description, self._delete.button_style = "Delete", ""

    def _then_look(self, act: Callable[[], Any]) -> Any:
        """Do something in a thread and show at once what has become of the service; return what the act returns."""
        result = act()
        self._look()
        return result

    def _look(self) -> bool:
        """Draw the card again where something has changed; return whether anything can still change."""
        # Several threads look. What they see is numbered in the order of the looks, and what is older than what is
        # shown is not drawn. Nothing is drawn under this lock: whoever draws may look.
        with self._looking:
            record = self._service.refresh()
            self._looks += 1
            number = self._looks
        self.draw(lambda: self._show(number, record))
        return record.deleted is None

    def _show(self, number: int, record: ServiceRecord) -> None:
        gone = record.deleted is not None
        seen = (record.updated, record.state, record.live_revision, gone)
        if number < self._drawn:
            return
        self._drawn = number
        if seen == self._seen:
            return
        self._seen = seen
        self._card.value = str(service_card(self._service)["text/html"])
        self.state = "Deleted" if gone else str(record.state)
        self._set_buttons(self.busy)
        if self._places[2].children:
            self._show_revisions()

    def _set_buttons(self, busy: bool) -> None:
        gone = self.state == "Deleted"
        for button, possible in (
            (self._start, self.state != "Healthy"),
            (self._stop, self.state != "Stopped"),
            (self._back, True),
        ):
            button.disabled = busy or gone or button.missing or not possible
        self._delete.disabled = busy or gone

    def _open_tab(self) -> None:
        self._disarm()
        place = self._tabs.selected_index
        if place == 1 and not self._places[0].children:
            self._places[0].children = (TestPanel(self._service),)
        elif place == 2 and not self._places[1].children:
            self._places[1].children = (LogView(self._service),)
        elif place == 3:
            self._show_revisions()

    def _show_revisions(self) -> None:
        for child in self._places[2].children:
            close_tree(child)
        self._places[2].children = (_Revisions(self._service, self),)


class _Revisions(w.VBox):
    """The revisions of a service, what differs between two of them, and a way back."""

    def __init__(self, service: Service, owner: ServiceView) -> None:
        from ..core.cards.parts import revision_table

        revisions = service.revisions()
        numbers = [item.number for item in revisions]
        live = service.revision
        table = w.HTML(
            _card_html(Card("revisions", service.name, "", "idle", parts=(revision_table(revisions, folded=False),)))
        )
        old = w.Dropdown(options=numbers, description="compare")
        new = w.Dropdown(options=numbers, value=live if live in numbers else numbers[-1], description="with")
        shown = w.HTML()
        back = w.Button(
            description="Serve again", icon="undo", tooltip="Serve the first of the two again, as a new revision"
        )

        def compare(_: Any) -> None:
            found = service.diff(old.value, new.value)
            lines = Lines("", tuple(str(found).split("\n")))
            shown.value = _card_html(Card("diff", f"revisions {old.value} → {new.value}", "", "idle", parts=(lines,)))

        back.on_click(lambda _: owner.run(lambda: service.rollback(old.value)))
        old.observe(compare, "value")
        new.observe(compare, "value")
        super().__init__([table, w.HBox([old, new, back]), shown])
        if len(numbers) > 1:
            compare(None)


def _card_html(card: Card) -> str:
    return str(mimebundle(card)["text/html"])
