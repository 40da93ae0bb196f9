"""All services of a workspace as a dashboard: one line each, and the panel of the chosen one."""

from __future__ import annotations

import time
from contextlib import suppress
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import traitlets as t

from ..core.cards.parts import when
from ..errors import MldeployError
from .service_view import ServiceView
from .view import View, alert, close_tree

if TYPE_CHECKING:
    from ..core.records import ServiceRecord
    from ..core.workspace import Workspace

_SIGNS = {"Healthy": "●", "Stopped": "■", "Transitioning": "◌"}
_MOST = 500
#: How many services are compared with the truth, and how often; the others follow when a process looks at them.
_IN_SIGHT = 40
_COMPARE_S = 3.0


class Services(View):
    """Lists the services of a workspace and follows them.

    ``names`` are those that are listed, ``selected`` is the one whose panel is open (``""`` for none): traits.
    """

    names = t.Tuple(help="The services that are listed.").tag(sync=False)
    selected = t.Unicode("", help="The service whose panel is open.").tag(sync=False)

    def __init__(self, workspace: Workspace | None = None, *, poll_s: float = 1.0) -> None:
        if workspace is None:
            from ..core.workspace import Workspace

            workspace = Workspace()
        self._workspace = workspace
        self._find = w.Text(
            placeholder="filter by name, target or state", tooltip="Only services that contain this text"
        )
        self._list = w.Select(options=[], rows=8, layout={"width": "760px"}, tooltip="The services")
        self._count = w.HTML()
        self._place = w.VBox()
        self._records: list[ServiceRecord] = []
        self._seen = -1
        self._compared = 0.0
        self._is_marking = False
        super().__init__()
        self.children = (w.HBox([self._find, self._count]), self._list, alert(self), self._place)
        self._find.observe(lambda _: self.draw(self._draw), "value")
        self._list.observe(self._choose, "value")
        self.observe(lambda _: self.draw(self._open), "selected")
        self._look()
        self.every(poll_s, self._look)

    def _look(self) -> bool:
        """Compare those in sight with the truth now and then; read all again when something happened."""
        if time.monotonic() - self._compared > _COMPARE_S:
            for name in self.names[:_IN_SIGHT]:
                with suppress(MldeployError):  # deleted meanwhile, or its target is away: the others matter too
                    self._workspace.deployer.refresh(name)
            self._compared = time.monotonic()
        newest = self._workspace.events.last_seq()
        if newest != self._seen:
            self._seen = newest
            self._records = self._workspace.catalogue.services()
            self.draw(self._draw)
        return True

    def _draw(self) -> None:
        wanted = self._find.value.lower()
        found = [item for item in self._records if wanted in f"{item.name} {item.target} {item.state}".lower()]
        shown = found[:_MOST]
        self._count.value = escape(
            f"{len(found)} of {len(self._records)} services" + (", the first 500" * (len(found) > _MOST))
        )
        names = tuple(item.name for item in shown)
        left = self.selected in self.names and self.selected not in names
        self.names = names
        options = [(_line(item), item.name) for item in shown]
        self._mark(options)
        if left:
            self.selected = ""

    def _choose(self, change: dict[str, Any]) -> None:
        """Open what was chosen. A list whose options are replaced chooses its first one by itself, which is no wish."""
        with self._drawing:  # what a user chooses while a thread replaces them waits, and counts
            if not self._is_marking:
                self.selected = change["new"] or ""

    def _open(self) -> None:
        for child in self._place.children:
            close_tree(child)
        self._place.children = (ServiceView(self._workspace.service(self.selected)),) if self.selected else ()
        self._mark()

    def _mark(self, options: list[tuple[str, str]] | None = None) -> None:
        """Have the list show which panel is open, with other options if need be."""
        self._is_marking = True
        try:
            with self._list.hold_sync():
                if options is not None and list(self._list.options) != options:
                    self._list.options = options
                self._list.value = self.selected if self.selected in self.names else None
        finally:
            self._is_marking = False


def _line(record: ServiceRecord) -> str:
    sign = _SIGNS.get(str(record.state), "✗")
    revision = f"revision {record.live_revision}" if record.live_revision is not None else "no revision"
    return f"{sign} {record.name} · {record.state} · {revision} · {record.target} · {when(record.updated)}"
