"""Writes a captured script and remembers where each of its lines came from."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..kernel_objects.loader import assignment, prelude

if TYPE_CHECKING:
    from .cells import Cell, ReadCells


class Piece(NamedTuple):
    """Consecutive lines of a cell; ``first_line`` counts in the cell from 1."""

    cell: Cell
    first_line: int
    lines: tuple[str, ...]


class ScriptWriter:
    """Collects lines; those that come from cells are mapped."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lines: list[str] = []
        self._map: list[list[Any]] = []

    def text(self) -> str:
        """Return the script; it ends with a line break."""
        return "\n".join(self._lines).rstrip("\n") + "\n"

    def line_map(self) -> dict[str, Any]:
        """Return the map as JSON (see :class:`.capture.Capture`)."""
        return {"version": 1, "script": self._name, "map": self._map}

    def head(self, future_imports: Sequence[Piece], objects: Sequence[str]) -> None:
        """Write what must come first: ``from __future__`` imports, then what restores objects."""
        for piece in future_imports:
            self._add(piece)
        lines = prelude(objects)
        if lines and self._lines:
            self._lines.append("")
        self._lines.extend(lines)

    def statements(self, pieces: Sequence[Piece]) -> None:
        """Write statements of other cells, a blank line between cells and around blocks."""
        previous: Piece | None = None
        for piece in pieces:
            block = previous is not None and max(len(piece.lines), len(previous.lines)) > 1
            if self._lines and (previous is None or piece.cell is not previous.cell or block):
                self._lines.append("")
            previous = piece
            self._add(piece)

    def target(self, read: ReadCells, *, apart: bool, again: Sequence[str] = (), keep_future: bool = False) -> None:
        """Write the deployed cell, without the ``from __future__`` imports that stand at the top already.

        Args:
            apart: leave two blank lines before it.
            again: objects to restore once more, because a statement of another cell binds the name too.
        """
        lines = read.target.text.split("\n")
        if not keep_future and read.target.tree is not None:
            for node in read.target.tree.body:
                if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                    cut_out(lines, node)
        first = next((index for index, line in enumerate(lines) if line.strip()), 0)
        self._lines.extend(map(assignment, again))
        if self._lines:
            self._lines.extend(["", ""] if apart or self._lines[-1].strip() else [])
        self._add(Piece(read.cells[-1], first + 1, tuple(lines[first:])))

    def _add(self, piece: Piece) -> None:
        for offset, line in enumerate(piece.lines):
            self._lines.append(line)
            if line.strip():
                place = [len(self._lines), piece.cell.id, piece.first_line + offset, piece.cell.execution_count]
                self._map.append(place)


def cut_out(lines: list[str], node: ast.stmt) -> None:
    """Blank a statement in ``lines``; when it shares a line with others it becomes ``pass``."""
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    head = lines[first].encode()[: node.col_offset].decode()
    tail = lines[last].encode()[node.end_col_offset :].decode()
    alone = not head.strip() and not tail.strip().rstrip(";").strip().split("#")[0]
    for index in range(first, last + 1):
        lines[index] = ""
    if not alone:
        lines[first] = f"{head}pass{tail}"
