"""A request as controls: one editor for each parameter of ``run()``, made from the service's schema and its sample.

Scalars get a field, tables (arrays of one or two dimensions, DataFrames) a grid of cells with rows to add and remove,
anything else a small JSON editor.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from html import escape
from typing import Any, Protocol

import ipywidgets as w

from .view import close_tree

#: More cells than this make a page slow; such a parameter is edited as JSON.
MOST_CELLS = 240

Changed = Callable[[], None]


class PayloadForm(w.VBox):
    """Editors for the properties of an object schema.

    Args:
        schema: ``ServiceInput`` of the service's Swagger document, with its ``example``.
        changed: called after each edit.
    """

    def __init__(self, schema: Mapping[str, Any], changed: Changed) -> None:
        example = schema.get("example")
        example = example if isinstance(example, Mapping) else {}
        self._editors = {
            name: editor_for(part, example.get(name), changed) for name, part in schema.get("properties", {}).items()
        }
        rows = []
        for name, part in schema.get("properties", {}).items():
            title = w.HTML(f"<b>{escape(name)}</b> <small>{escape(describe(part))}</small>")
            rows += [title, self._editors[name].box]
        super().__init__(rows)

    @property
    def value(self) -> dict[str, Any]:
        """The request as entered.

        Raises:
            ValueError: a field cannot be read; the message begins with the parameter's name.
        """
        found = {}
        for name, editor in self._editors.items():
            try:
                found[name] = editor.read()
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        return found

    @value.setter
    def value(self, payload: Mapping[str, Any]) -> None:
        for name, editor in self._editors.items():
            if name in payload:
                editor.write(payload[name])


class Editor(Protocol):
    """One parameter: its controls in ``box``, what they hold by ``read`` and ``write``."""

    box: w.Widget

    def read(self) -> Any:
        """Return the value; ValueError says what cannot be read."""
        ...

    def write(self, value: Any) -> None:
        """Show a value."""
        ...


class JsonEditor:
    """Any value as JSON text."""

    def __init__(self, value: Any, changed: Changed, *, rows: int = 3) -> None:
        self.box = w.Textarea(_text(value), rows=rows, continuous_update=False, layout={"width": "560px"})
        self.box.observe(lambda _: changed(), "value")

    def read(self) -> Any:
        """See :class:`Editor`."""
        try:
            return json.loads(self.box.value or "null")
        except ValueError as error:
            raise ValueError(f"not valid JSON: {error}") from None

    def write(self, value: Any) -> None:
        """See :class:`Editor`."""
        self.box.value = _text(value)


class ScalarEditor:
    """A number, a text or yes and no."""

    def __init__(self, kind: str, value: Any, changed: Changed) -> None:
        self._kind = kind
        self.box = w.Checkbox(bool(value), indent=False) if kind == "boolean" else w.Text(_cell(value, kind))
        self.box.observe(lambda _: changed(), "value")

    def read(self) -> Any:
        """See :class:`Editor`."""
        return self.box.value if self._kind == "boolean" else read_cell(self.box.value, self._kind)

    def write(self, value: Any) -> None:
        """See :class:`Editor`."""
        self.box.value = bool(value) if self._kind == "boolean" else _cell(value, self._kind)


class TableEditor:
    """Rows and columns of cells, or one row of them.

    Args:
        columns: (name, kind of its cells) for each column; names are empty for arrays.
        rows: the values, a list of lists.
        as_records: rows are read as objects by column, else as lists; None makes the only row the value itself.
    """

    def __init__(
        self, columns: list[tuple[str, str]], rows: list[list[Any]], as_records: bool | None, changed: Changed
    ) -> None:
        self._columns, self._as_records, self._changed = columns, as_records, changed
        self._grid = w.VBox()
        more = w.Button(icon="plus", description="Row", tooltip="Add a row like the last one", layout={"width": "80px"})
        less = w.Button(icon="minus", description="Row", tooltip="Remove the last row", layout={"width": "80px"})
        more.on_click(lambda _: self._set([*self._texts(), self._texts()[-1] if self._texts() else self._blank()]))
        less.on_click(lambda _: self._set(self._texts()[:-1]))
        self.box = w.VBox([self._grid] if as_records is None else [self._grid, w.HBox([more, less])])
        self._fill([[_cell(value, kind) for value, (_, kind) in zip(row, columns, strict=False)] for row in rows])

    def read(self) -> Any:
        """See :class:`Editor`."""
        rows = []
        for number, texts in enumerate(self._texts()):
            row = []
            for (name, kind), text in zip(self._columns, texts, strict=True):
                try:
                    row.append(read_cell(text, kind))
                except ValueError as error:
                    raise ValueError(f"row {number + 1}{f', {name}' if name else ''}: {error}") from None
            rows.append(row)
        if self._as_records is None:
            return rows[0] if rows else []
        if not self._as_records:
            return rows
        names = [name for name, _ in self._columns]
        return [dict(zip(names, row, strict=True)) for row in rows]

    def write(self, value: Any) -> None:
        """See :class:`Editor`."""
        rows = table_rows(value, [name for name, _ in self._columns], self._as_records)
        texts = [[_cell(item, kind) for item, (_, kind) in zip(row, self._columns, strict=False)] for row in rows]
        shown = self._texts()
        if [len(row) for row in texts] != [len(row) for row in shown]:
            self._fill(texts)
            return
        for row, new in zip(self._rows(), texts, strict=True):
            for cell, text in zip(row.children, new, strict=True):
                cell.value = text

    def _blank(self) -> list[str]:
        return ["0" if kind in {"number", "integer"} else "" for _, kind in self._columns]

    def _rows(self) -> list[w.HBox]:
        start = 1 if any(name for name, _ in self._columns) else 0
        return list(self._grid.children[start:])

    def _texts(self) -> list[list[str]]:
        return [[cell.value for cell in row.children] for row in self._rows()]

    def _set(self, rows: list[list[str]]) -> None:
        if len(rows) * len(self._columns) <= MOST_CELLS:
            self._fill(rows)
            self._changed()

    def _fill(self, rows: list[list[str]]) -> None:
        before = self._grid.children
        made: list[w.Widget] = []
        layout = {"width": "92px"}
        if any(name for name, _ in self._columns):
            made.append(w.HBox([w.HTML(f"<small>{escape(name)}</small>", layout=layout) for name, _ in self._columns]))
        for number, texts in enumerate(rows):
            cells = []
            for (name, _), text in zip(self._columns, texts, strict=True):
                cell = w.Text(text, tooltip=f"row {number + 1} {name}".strip(), layout=layout, continuous_update=False)
                cell.observe(lambda _: self._changed(), "value")
                cells.append(cell)
            made.append(w.HBox(cells))
        self._grid.children = made
        for row in before:
            close_tree(row)


def editor_for(schema: Mapping[str, Any], value: Any, changed: Changed) -> Editor:
    """Return the editor that fits a parameter's schema and its sample."""
    kind = str(schema.get("type", ""))
    if kind in {"number", "integer", "string", "boolean"}:
        return ScalarEditor(kind, value, changed)
    if kind == "array":
        columns, as_records = table_columns(schema, value)
        names = [name for name, _ in columns]
        rows = table_rows(value, names, as_records) if columns else []
        if columns and len(rows) * len(columns) <= MOST_CELLS and all(len(row) == len(columns) for row in rows):
            return TableEditor(columns, rows, as_records, changed)
    return JsonEditor(value, changed)


def table_columns(schema: Mapping[str, Any], value: Any) -> tuple[list[tuple[str, str]], bool | None]:
    """Return the columns of a parameter that is a table, and what its rows are; no columns when it is none."""
    items = schema.get("items")
    items = items if isinstance(items, Mapping) else {}
    scalars = {"number", "integer", "string", "boolean"}
    if items.get("type") in scalars and isinstance(value, list):
        return [("", str(items["type"]))] * len(value), None
    inner = items.get("items")
    if items.get("type") == "array" and isinstance(inner, Mapping) and inner.get("type") in scalars:
        width = len(value[0]) if isinstance(value, list) and value and isinstance(value[0], list) else 0
        return [("", str(inner["type"]))] * width, False
    properties = items.get("properties")
    if items.get("type") == "object" and isinstance(properties, Mapping):
        kinds = [(name, str(part.get("type", ""))) for name, part in properties.items()]
        if kinds and all(kind in scalars for _, kind in kinds):
            return kinds, True
    return [], None


def table_rows(value: Any, names: list[str], as_records: bool | None) -> list[list[Any]]:
    """Return a value as rows of cells; [] when it is no table."""
    if not isinstance(value, list):
        return []
    if as_records is None:
        return [value]
    if as_records:
        return [[row.get(name) for name in names] for row in value if isinstance(row, Mapping)]
    return [row for row in value if isinstance(row, list)]


def read_cell(text: str, kind: str) -> Any:
    """Return a cell's text as a value of its kind; empty is null, except for texts.

    Raises:
        ValueError: it is no number, or neither true nor false.
    """
    stripped = text.strip()
    if kind == "string":
        return text
    if not stripped:
        return None
    if kind == "boolean":
        if stripped.lower() not in {"true", "false"}:
            raise ValueError(f"write true or false, not {stripped!r}")
        return stripped.lower() == "true"
    try:
        return int(stripped)
    except ValueError:
        pass
    try:
        return float(stripped)
    except ValueError:
        raise ValueError(f"{stripped!r} is not a number") from None


def describe(schema: Mapping[str, Any]) -> str:
    """Return a parameter's type in a few words."""
    known = str(schema.get("format", ""))
    if known.startswith(("numpy", "pandas")):
        return known.partition(":")[0].rpartition(".")[2]
    return str(schema.get("type", ""))


def _cell(value: Any, kind: str) -> str:
    if value is None:
        return ""
    return value if kind == "string" and isinstance(value, str) else json.dumps(value)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
