"""From the lines of a generated entry script back to the notebook cells they were taken from.

File format (JSON): ``{"fragments": [{"script_line": 1, "lines": 12, "name": "analysis.ipynb, cell 3", "cell_line": 1}]}``.
Line numbers start at 1. A fragment says: script lines ``script_line … script_line + lines - 1`` are the lines of the cell
called ``name`` from ``cell_line`` on. Further keys (cell ids and the like) are ignored here.
"""

from __future__ import annotations

import __future__

import ast
import json
import linecache
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import CodeType


@dataclass(frozen=True, slots=True)
class Fragment:
    """A run of script lines that were taken from one cell."""

    script_line: int
    lines: int
    name: str
    cell_line: int

    def holds(self, script_line: int) -> bool:
        """Return whether a line of the script belongs to this fragment."""
        return self.script_line <= script_line < self.script_line + self.lines

    @property
    def offset(self) -> int:
        """What to add to a script line to get the cell's line."""
        return self.cell_line - self.script_line


def read_line_map(path: Path) -> tuple[Fragment, ...]:
    """Read a line map.

    Raises:
        ValueError: the file is not a line map.
        OSError: it cannot be read.
    """
    content = json.loads(path.read_bytes())
    try:
        return tuple(
            Fragment(int(item["script_line"]), int(item["lines"]), str(item["name"]), int(item.get("cell_line", 1)))
            for item in content["fragments"]
        )
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"{path} is not a line map: {error!r}") from error


def compile_mapped(source: str, path: Path, fragments: tuple[Fragment, ...]) -> Iterator[CodeType]:
    """Compile a script piece by piece, each under the name and line numbers of its cell.

    Tracebacks then name the cell by themselves, whoever prints them. The pieces are to be executed in order in one
    namespace. Statements of no fragment keep the script's own name and numbers.

    Raises:
        SyntaxError: under the name and line of the cell.
    """
    lines = source.splitlines(keepends=True)
    try:
        tree = ast.parse(source, filename=str(path))
    except SyntaxError as error:
        fragment = _fragment_of(error.lineno or 0, fragments)
        if fragment is not None:
            error.filename = fragment.name
            error.lineno = (error.lineno or 0) + fragment.offset
            error.end_lineno = (error.end_lineno or error.lineno) + fragment.offset
        raise
    _show_cells(lines, fragments)
    flags = 0
    for fragment, group in groupby(tree.body, key=lambda node: _fragment_of(_first_line(node), fragments)):
        statements = list(group)
        if fragment is not None:
            for statement in statements:
                ast.increment_lineno(statement, fragment.offset)
        code = compile(
            ast.Module(statements, []),
            str(path) if fragment is None else fragment.name,
            "exec",
            flags=flags,
            dont_inherit=True,
        )
        flags |= code.co_flags & _FUTURE_FLAGS  # `from __future__ import …` in one piece holds in the later ones
        yield code


_FUTURE_FLAGS = 0
for _name in __future__.all_feature_names:
    _FUTURE_FLAGS |= getattr(__future__, _name).compiler_flag


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(item.lineno for item in decorators)])


def _fragment_of(line: int, fragments: tuple[Fragment, ...]) -> Fragment | None:
    return next((fragment for fragment in fragments if fragment.holds(line)), None)


def _show_cells(lines: list[str], fragments: tuple[Fragment, ...]) -> None:
    """Give ``linecache`` (so tracebacks and inspect) the text of every cell, at the cell's own line numbers."""
    cells: dict[str, dict[int, str]] = {}
    for fragment in fragments:
        shown = cells.setdefault(fragment.name, {})
        for number in range(fragment.script_line, fragment.script_line + fragment.lines):
            if 0 < number <= len(lines):
                shown[number + fragment.offset] = lines[number - 1]
    for name, shown in cells.items():
        text = [shown.get(number, "\n") for number in range(1, max(shown, default=0) + 1)]
        linecache.cache[name] = (sum(map(len, text)), None, text, name)
