"""Test requests to one service: a form from its schema, the answer, a history, a small burst."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets as w
import traitlets as t

from ..errors import MldeployError
from .answers import answer_html, body_text, histogram_html
from .payload_form import PayloadForm
from .view import View, alert

if TYPE_CHECKING:
    from ..core.probe import Answer
    from ..core.service import Service

#: A burst is a look at the latency, no load test.
BURST = 50
AT_ONCE = 4
HISTORY = 20
_MOST_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sent:
    """One request and its answer."""

    payload: Any
    answer: Answer

    @property
    def title(self) -> str:
        """The request in a line."""
        shown = f"{len(self.payload):,} bytes" if isinstance(self.payload, bytes) else json.dumps(self.payload)
        return f"{self.answer.status} · {self.answer.seconds * 1000:.1f} ms · {shown[:80]}"


class TestPanel(View):
    """Sends test requests to a service.

    ``payload`` is the request (what JSON can hold, or bytes), ``answer`` the last answer, ``history`` what was sent,
    the newest first: traits that code can set or observe. :meth:`submit` and :meth:`burst` do what the buttons do.
    """

    __test__ = False  # not a test-suite, whatever its name

    payload = t.Any(None, allow_none=True, help="The request: JSON value or bytes.").tag(sync=False)
    answer = t.Any(None, allow_none=True, help="The last Answer.").tag(sync=False)
    history = t.Tuple(help="What was sent, the newest first.").tag(sync=False)

    def __init__(self, service: Service, *, timeout_s: float = 60.0) -> None:
        self._service, self._timeout_s = service, timeout_s
        self._form: PayloadForm | None = None
        self._writing = self._typing = False
        self._note = w.HTML()
        self._place = w.VBox()
        self._raw = w.Textarea(
            placeholder="the request's body", rows=6, layout={"width": "620px"}, continuous_update=False
        )
        self._upload = w.FileUpload(description="File", multiple=False, tooltip="Send a file's bytes as the body")
        self._send_button = w.Button(
            description="Send", button_style="primary", icon="paper-plane", tooltip="Send the request"
        )
        self._burst_button = w.Button(
            description=f"Burst of {BURST}", icon="bar-chart", tooltip="Send it many times and show the times"
        )
        self._again = w.Dropdown(options=[("history", None)], tooltip="Take an earlier request again")
        self._shown, self._chart = w.HTML(), w.HTML()
        self._tabs = w.Tab([self._place, self._raw, self._upload], titles=["Form", "Raw", "File"])
        super().__init__()
        self.children = (
            self._note,
            self._tabs,
            w.HBox([self._send_button, self._burst_button, self._again]),
            alert(self),
            self._shown,
            self._chart,
        )
        self._send_button.on_click(lambda _: self.submit())
        self._burst_button.on_click(lambda _: self.burst())
        self._raw.observe(lambda _: self._from_raw(), "value")
        self._upload.observe(lambda _: self._from_file(), "value")
        self._again.observe(self._from_history, "value")
        self.observe(lambda _: self._show_payload(), "payload")
        self.observe(lambda change: self._show_answer(change["new"]), "answer")
        self.observe(lambda change: self._lock_buttons(change["new"]), "busy")
        self.run(self._read_schema, self._show_form)

    def submit(self, payload: Any = None) -> None:
        """Send ``payload`` (or the trait) in a thread; :meth:`wait` waits for the answer."""
        if payload is not None:
            self.payload = payload
        elif not self._read_form():
            return
        wanted = self.payload
        self.run(lambda: Sent(wanted, self._ask(wanted)), self._sent)

    def burst(self) -> None:
        """Send the request :data:`BURST` times, :data:`AT_ONCE` at a time, and show how long the answers took."""
        if not self._read_form():
            return
        wanted = self.payload

        def many() -> list[float | None]:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                return list(pool.map(lambda _: self._timed(wanted), range(BURST)))

        self.run(many, self._draw_burst)

    # Reading what was entered.

    def _read_form(self) -> bool:
        """Take the request from the form when that is in front; return whether there is one."""
        if self._tabs.selected_index == 0 and self._form is not None:
            try:
                self.payload = self._form.value
            except ValueError as error:
                self.error = str(error)
                return False
        if self._tabs.selected_index == 1 and not self._from_raw():
            return False
        if self.payload is None:
            self.error = "There is no request yet: enter one as JSON, or choose a file."
            return False
        return True

    def _form_changed(self) -> None:
        if self._form is None or self._writing:
            return
        self._typing = True  # what a user types is not written back into the cell that has the cursor
        try:
            self.payload = self._form.value
            self.error = ""
        except ValueError as error:
            self.error = str(error)
        finally:
            self._typing = False

    def _from_raw(self) -> bool:
        if self._writing or not self._raw.value.strip():
            return True
        try:
            self.payload = json.loads(self._raw.value)
        except ValueError as error:
            self.error = f"The request is not valid JSON: {error}."
            return False
        self.error = ""
        return True

    def _from_file(self) -> None:
        for item in self._upload.value:
            self.payload = bytes(item["content"])

    def _from_history(self, change: Mapping[str, Any]) -> None:
        if change["new"] is not None:
            self.payload = self.history[change["new"]].payload

    # Talking to the service. In threads.

    def _read_schema(self) -> Mapping[str, Any]:
        definition = self._service.swagger("2").get("definitions", {}).get("ServiceInput", {})
        return definition if isinstance(definition, Mapping) else {}

    def _ask(self, payload: Any) -> Answer:
        return self._service.request(payload, timeout_s=self._timeout_s, max_bytes=_MOST_BYTES)

    def _timed(self, payload: Any) -> float | None:
        if self.is_closed:
            return None
        try:
            answer = self._ask(payload)
        except MldeployError:
            return None
        return answer.seconds if answer.ok else None

    # Showing.

    def _show_form(self, schema: Mapping[str, Any]) -> None:
        if schema.get("properties") and schema.get("example"):
            self._form = PayloadForm(schema, self._form_changed)
            self._place.children = (self._form,)
            if self.payload is None:
                self.payload = schema["example"]
        else:
            text = "The script has no schema, so there is no form: write the request as JSON, or send a file."
            self._place.children = (w.HTML(text),)
            self._tabs.selected_index = 1

    def _show_payload(self) -> None:
        self._writing = True
        try:
            if isinstance(self.payload, bytes):
                self._note.value = f"<small>The request is a file of {len(self.payload):,} bytes.</small>"
                self._tabs.selected_index = 2
                return
            self._note.value = ""
            self._raw.value = "" if self.payload is None else json.dumps(self.payload, ensure_ascii=False)
            if self._form is not None and isinstance(self.payload, Mapping) and not self._typing:
                self._form.value = self.payload
        finally:
            self._writing = False

    def _sent(self, sent: Sent) -> None:
        self.history = (sent, *self.history[: HISTORY - 1])
        self._again.options = [("history", None), *((item.title, place) for place, item in enumerate(self.history))]
        self.answer = sent.answer

    def _show_answer(self, answer: Answer | None) -> None:
        self._shown.value = answer_html(answer) if answer is not None else ""

    def _draw_burst(self, times: list[float | None]) -> None:
        good = [value for value in times if value is not None]
        self._chart.value = histogram_html(good, len(times) - len(good))

    def _lock_buttons(self, busy: bool) -> None:
        self._send_button.disabled = self._burst_button.disabled = busy

    @property
    def text(self) -> str:
        """The last answer's body as text; empty before the first."""
        return body_text(self.answer) if self.answer is not None else ""
