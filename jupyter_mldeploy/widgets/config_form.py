"""The configuration of one target as controls: labels, units, defaults, ranges, and errors beside their field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as w

from ..core.config import read_config
from ..errors import InvalidConfigurationError
from .fields import Field, fields_of
from .sizing import Sizing

if TYPE_CHECKING:
    from ..core.target import Target


class ConfigForm(w.VBox):
    """Fields for one target's configuration.

    ``value`` holds only the keys that differ from their defaults, as a user would write them.
    """

    def __init__(self, target: Target, changed: Callable[[], None] | None = None) -> None:
        self._target = target
        self._changed = changed
        own = set(target.config_type.model_fields) - _shared_keys()
        self._rows = {
            field.key: _Row(field, self._reason(field)) for field in fields_of(target.config_type.model_json_schema())
        }
        first = [row.box for key, row in self._rows.items() if key in own]
        second = [row.box for key, row in self._rows.items() if key not in own]
        sections = w.Accordion([w.VBox(first), w.VBox(second)], titles=[f"Settings of {target.title}", "Every target"])
        for row in self._rows.values():
            row.control.observe(self._on_change, "value")
        #: The helper for ``num_replicas``; None for a target without replicas.
        self.sizing = Sizing(target, lambda: self.value, self._use) if "num_replicas" in self._rows else None
        super().__init__([sections, *([self.sizing] if self.sizing is not None else [])])

    @property
    def value(self) -> dict[str, Any]:
        """The keys that differ from their defaults; a text that cannot be read is left out (see :meth:`check`)."""
        found = {}
        for key, row in self._rows.items():
            try:
                value = row.value
            except ValueError:
                continue
            if value != row.field.default:
                found[key] = value
        return found

    @value.setter
    def value(self, config: Mapping[str, Any]) -> None:
        for key, row in self._rows.items():
            row.value = config.get(key, row.field.default)

    def check(self) -> dict[str, str]:
        """Return what is wrong, by key, and show it beside the fields; empty when all is well."""
        problems: dict[str, str] = {}
        for key, row in self._rows.items():
            try:
                _ = row.value
            except ValueError as error:
                problems[key] = str(error)
        if not problems:
            try:
                read_config(self._target.config_type, self.value)
            except InvalidConfigurationError as error:
                for problem in error.details.get("problems", ()):
                    problems[str(problem["field"]).partition(".")[0]] = str(problem["message"])
        self.show(problems)
        return problems

    def show(self, problems: Mapping[str, str]) -> None:
        """Put each problem beside its field."""
        for key, row in self._rows.items():
            row.complain(problems.get(key, ""))

    def _use(self, replicas: int) -> None:
        self._rows["num_replicas"].value = replicas

    def _reason(self, field: Field) -> str:
        capabilities = self._target.capabilities
        if not field.capability or getattr(capabilities, field.capability):
            return ""
        return capabilities.why_not.get(field.capability, f"{self._target.title} does not offer it")

    def _on_change(self, _: Any) -> None:
        self.check()
        if self._changed is not None:
            self._changed()


def _shared_keys() -> set[str]:
    from ..core.config import DeploymentConfig

    return set(DeploymentConfig.model_fields)


class _Row:
    """One field: a label, a control, its unit and range, and a place for what is wrong."""

    def __init__(self, field: Field, reason: str) -> None:
        self.field = field
        self.control = _control(field)
        self.control.disabled = bool(reason)
        self._note = w.HTML()
        self._hint = f"Not available: {reason}." if reason else ", ".join(filter(None, [field.unit, field.range]))
        label = w.HTML(f'<label title="{escape(field.help)}">{escape(field.label)}</label>')
        label.layout.width = "220px"
        self.complain("")
        self.box = w.HBox([label, self.control, self._note])

    @property
    def value(self) -> Any:
        value = self.control.value
        return self.field.from_text(value) if isinstance(self.control, (w.Text, w.Textarea, w.Combobox)) else value

    @value.setter
    def value(self, value: Any) -> None:
        typed = isinstance(self.control, (w.Text, w.Textarea, w.Combobox))
        self.control.value = self.field.to_text(value) if typed else value

    def complain(self, problem: str) -> None:
        """Show what is wrong with the field, else its unit and range."""
        text = (
            f'<span role="alert"><b>✗</b> {escape(problem)}</span>'
            if problem
            else f"<small>{escape(self._hint)}</small>"
        )
        if self._note.value != text:
            self._note.value = text


def _control(field: Field) -> w.ValueWidget:
    layout = {"width": "280px"}
    # The label is a widget of its own beside the control; screen readers get it from tooltip and placeholder.
    named = {"tooltip": f"{field.label}: {field.help}", "layout": layout}
    text = field.to_text(field.default)
    empty = "" if not field.optional else "not set"
    if field.kind == "boolean" and not field.optional:
        return w.Checkbox(bool(field.default), indent=False, **named)
    if field.kind == "choice":
        options = (
            [("not set", None), *((str(item), item) for item in field.choices)] if field.optional else field.choices
        )
        return w.Dropdown(options=options, value=field.default, **named)
    if field.kind in {"mapping", "list", "json"}:
        shown = {"mapping": "KEY=VALUE, one on each line", "list": "one on each line", "json": "JSON"}[field.kind]
        return w.Textarea(text, placeholder=shown, rows=2, continuous_update=False, **named)
    if field.choices:
        return w.Combobox(value=text, options=[str(item) for item in field.choices], ensure_option=False, **named)
    return w.Text(text, placeholder=empty, continuous_update=False, **named)
