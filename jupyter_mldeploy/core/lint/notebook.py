"""Finds the cells of a notebook that become files (``%%deploy``, ``%%writefile``), and what the other cells bind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jupyter_mldeploy.core.script.scopes import Facts
from jupyter_mldeploy.core.script.syntax import parse_source
from jupyter_mldeploy.core.slices.ipython_syntax import read_cell

_MAGIC = re.compile(r"\s*%%(\w+)[ \t]*(.*)")
_LOCATION = re.compile(r"[\w./\\~$ -]+\.(?:py|ya?ml|json|txt)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FileCell:
    """A cell whose text becomes a file.

    Attributes:
        index: its place among the notebook's cells.
        cell_id: its id, or ``"cell-N"`` in notebooks of the older format that have none.
        magic: ``"deploy"`` or ``"writefile"``.
        target: the file that ``%%writefile`` writes, else None.
        text: the whole cell, with its magic line.
    """

    index: int
    cell_id: str
    magic: str
    target: str | None
    text: str


class UnreadableNotebookError(Exception):
    """A text that is no notebook."""


def read_notebook(text: str) -> dict[str, Any]:
    """Return a notebook's document.

    Raises:
        UnreadableNotebookError: it is not JSON, or has no list of cells.
    """
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UnreadableNotebookError(f"This is no notebook: {reason}.") from None
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise UnreadableNotebookError("This is no notebook: it has no list of cells.")
    return dict(document)


def cell_source(cell: dict[str, Any]) -> str:
    """Return a cell's text."""
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def file_cells(document: dict[str, Any]) -> Iterator[FileCell]:
    """Yield the cells that become files, in order."""
    for index, cell in enumerate(document["cells"]):
        if cell.get("cell_type") != "code":
            continue
        text = cell_source(cell)
        magic = file_magic(text)
        if magic is not None:
            yield FileCell(index, str(cell.get("id") or f"cell-{index}"), magic[0], magic[1] or None, text)


def file_magic(text: str) -> tuple[str, str] | None:
    """Return the magic of a cell that becomes a file: ``("deploy", "")`` or ``("writefile", target)``."""
    match = _MAGIC.match(text)
    if match is None or match[1] not in {"deploy", "writefile", "file"}:
        return None
    if match[1] == "deploy":
        return "deploy", ""
    words = match[2].replace("-a ", "").replace("--append ", "").strip().strip("'\"")
    return ("writefile", words) if _LOCATION.search(words) else None


def names_of_other_cells(document: dict[str, Any]) -> frozenset[str]:
    """Return the names that the notebook's ordinary cells bind at their top level."""
    names: set[str] = set()
    for cell in document["cells"]:
        if cell.get("cell_type") == "code":
            names |= bound_names(cell_source(cell))
    return frozenset(names)


def bound_names(source: str) -> set[str]:
    """Return the names that an ordinary cell binds at its top level; none for a cell that becomes a file."""
    cell = read_cell(source)
    if not cell.is_python:
        return set()
    names = {name for command in cell.commands for name in command.binds}
    return names | set(Facts(parse_source(cell.text).tree).module.bindings)


def deployed_python(text: str) -> str:
    """Return a ``%%deploy`` cell as Python, line for line: IPython's own commands are not deployed."""
    if not re.search(r"^[ \t]*[%!?][^%]|=\s*[%!]\w|\?$", text, re.MULTILINE):
        return text
    first, newline, body = text.partition("\n")
    return first + newline + read_cell(body).text
