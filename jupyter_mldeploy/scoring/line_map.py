"""From the lines of a captured entry script back to the notebook cells they were taken from.

File format (JSON), as capturing writes it:
``{"version": 1, "script": name, "map": [[script_line, cell_id, cell_line, execution_count], …]}``, lines from 1 on.
"""

from __future__ import annotations
import __future__

import json
import linecache
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast

_FUTURE_FLAGS = 0
for _name in __future__.all_feature_names:
    _FUTURE_FLAGS |= getattr(__future__, _name).compiler_flag


@dataclass(frozen=True, slots=True)
class CellLine:
    """A line of a notebook cell.

    Attributes:
        cell: the cell's display name, e.g. ``cell In[3]``; stands for the file name in tracebacks.
        line: counted from 1 in the cell.
        offset: what to add to the script's line to get the cell's.
    """

    cell: str
    line: int
    offset: int


LineMap = Mapping[int, CellLine]
"""Script line to cell line; lines that come from no cell are not in it."""


def read_line_map(path: Path) -> LineMap:
    """Read a line map.

    Raises:
        ValueError: the file is not a line map.
        OSError: it cannot be read.
    """
    content = json.loads(path.read_bytes())
    lines: dict[int, CellLine] = {}
    try:
        for script_line, cell_id, cell_line, count in content["map"]:
            name = f"cell In[{count}]" if count is not None else f"cell {cell_id}" if cell_id else "the deployed cell"
            lines[int(script_line)] = CellLine(name, int(cell_line), int(cell_line) - int(script_line))
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"{path} is not a line map: {error!r}") from error
    return lines


def compile_mapped(source: str, path: Path, line_map: LineMap) -> Iterator[CodeType]:
    """Compile a script piece by piece, each under the name and line numbers of its cell.

    Tracebacks then name the cell by themselves, whoever prints them. The pieces are to be executed in order in one
    namespace. Statements that come from no cell keep the script's own name and numbers.

    Raises:
        SyntaxError: under the name and line of the cell.
    """
    import ast  # only captured scripts need it

    try:
        tree = ast.parse(source, filename=str(path))
    except SyntaxError as error:
        place = line_map.get(error.lineno or 0)
        if place is not None:
            error.filename, error.lineno = place.cell, place.line
            if error.end_lineno is not None:
                error.end_lineno += place.offset
        raise
    _show_cells(source, line_map)
    flags = 0
    for origin, group in groupby(tree.body, key=lambda node: _origin(node, line_map)):
        statements = list(group)
        if origin is not None:
            for statement in statements:
                ast.increment_lineno(statement, origin[1])
        code = compile(
            ast.Module(statements, []),
            str(path) if origin is None else origin[0],
            "exec",
            flags=flags,
            dont_inherit=True,
        )
        flags |= code.co_flags & _FUTURE_FLAGS  # `from __future__ import …` in one piece holds in the later ones
        yield code


def _origin(node: ast.stmt, line_map: LineMap) -> tuple[str, int] | None:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    place = line_map.get(min([node.lineno, *(item.lineno for item in decorators)]))
    return None if place is None else (place.cell, place.offset)


def _show_cells(source: str, line_map: LineMap) -> None:
    """Give ``linecache`` (so tracebacks and inspect) the text of every cell, at the cell's own line numbers."""
    lines = source.splitlines(keepends=True)
    cells: dict[str, dict[int, str]] = {}
    for script_line, place in line_map.items():
        if 0 < script_line <= len(lines):
            cells.setdefault(place.cell, {})[place.line] = lines[script_line - 1]
    for name, shown in cells.items():
        text = [shown.get(number, "\n") for number in range(1, max(shown, default=0) + 1)]
        linecache.cache[name] = (sum(map(len, text)), None, text, name)
