"""Reads the cells of a capture: statements in the order in which they ran, and names that commands bound."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from .globals_syntax import plain_names
from .ipython_syntax import CellText, Command, read_cell
from .script import Piece
from .slicing import Opaque, Statement, Verdict
from .statement_scopes import statement_names

_VERDICT = re.compile(r"#\s*mldeploy:\s*(keep|skip)\b")


@dataclass(frozen=True, slots=True)
class Cell:
    """A notebook cell.

    Attributes:
        id: the cell's id, or None when it has none.
        source: as written.
        execution_count: the number in ``In[…]``, or None.
        kind: only ``code`` cells are read.
        failed: running it ended with an exception, at ``failed_line`` (from 1) if that is known.
    """

    id: str | None
    source: str
    execution_count: int | None
    kind: str = "code"
    failed: bool = False
    failed_line: int | None = None


@dataclass(frozen=True, slots=True)
class UnresolvedName:
    """A name that a capture needs and cannot get.

    Attributes:
        reason: why, without a full stop.
        hint: what to do about it, a sentence.
        cell, line: where it is needed.
    """

    name: str
    reason: str
    hint: str
    cell: str
    line: int

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class CaptureWarning:
    """Something to look at before deploying.

    Attributes:
        kind: ``costly`` (would run at each start), ``random`` (draws other numbers at each start), ``command`` (a
            notebook command was left out), ``path`` (a change of the search path was left out) or ``order`` (the order
            in which cells ran is not certain).
        message: one sentence.
        cell, line: where.
        name: the object that ``--object`` could hand over instead, if that helps.
    """

    kind: Literal["costly", "random", "command", "path", "order"]
    message: str
    cell: str
    line: int
    name: str | None = None


@dataclass(slots=True)
class ReadCells:
    """All cells of a capture; the one to deploy is the last of ``cells``.

    Attributes:
        texts: the Python of each cell.
        statements: of all cells, in the order in which they ran.
        opaque: names bound by commands.
        future_imports: ``from __future__`` imports, each once.
    """

    cells: list[Cell]
    texts: list[CellText]
    statements: list[Statement] = field(default_factory=list)
    opaque: list[Opaque] = field(default_factory=list)
    future_imports: list[Piece] = field(default_factory=list)

    @property
    def target(self) -> CellText:
        """The cell to deploy."""
        return self.texts[-1]

    @property
    def lazy_annotations(self) -> bool:
        """Whether annotations are not evaluated; IPython keeps a ``from __future__`` import for all later cells."""
        return any("annotations" in "\n".join(piece.lines) for piece in self.future_imports)

    @property
    def repeated_counts(self) -> list[int]:
        """Numbers that several cells have."""
        counts = [cell.execution_count for cell in self.cells[:-1] if cell.execution_count is not None]
        return sorted({count for count in counts if counts.count(count) > 1})

    def label(self, cell: int) -> str:
        """Return how a cell is called in messages."""
        item = self.cells[cell]
        if cell == len(self.cells) - 1:
            return "the deployed cell"
        return f"In[{item.execution_count}]" if item.execution_count is not None else f"cell {item.id or cell + 1}"

    def piece(self, index: int) -> Piece:
        """Return the text of a statement: whole lines, or its part of a line that it shares."""
        statement = self.statements[index]
        first, last = span(statement.node)
        lines = self.texts[statement.cell].text.split("\n")
        cell = self.cells[statement.cell]
        for other in (index - 1, index + 1):
            if 0 <= other < len(self.statements) and self.statements[other].cell == statement.cell:
                start, end = span(self.statements[other].node)
                if start <= last and first <= end:
                    text = ast.get_source_segment("\n".join(lines), statement.node) or ""
                    return Piece(cell, first, tuple(text.split("\n")))
        return Piece(cell, first, tuple(lines[first - 1 : last]))

    def names_bound_by_target(self) -> set[str]:
        """Return the module-level names that the deployed cell binds, also through ``global`` in its functions."""
        bound: set[str] = set()
        for node in self.target.tree.body if self.target.tree is not None else ():
            names = statement_names(node)
            bound |= names.must | names.may | names.global_writes
        return bound

    def commands_of_target(self) -> tuple[UnresolvedName, ...]:
        """Return the names that commands in the deployed cell bind: a script has no such commands."""
        return tuple(
            UnresolvedName(
                name,
                f"line {command.line} sets it with `{command.text}`, which works only in notebooks",
                "Write it as plain Python, or compute it in another cell and hand it over with --object.",
                self.label(len(self.cells) - 1),
                command.line,
            )
            for command in self.target.commands
            for name in command.binds
        )

    def warnings_about_target(self) -> tuple[CaptureWarning, ...]:
        """Return a warning for each command that is left out of the deployed cell."""
        label = self.label(len(self.cells) - 1)
        warnings = []
        for command in self.target.commands:
            if command.name == "deploy" or command.binds:
                continue
            message = f"Line {command.line}: `{command.text}` works only in notebooks and is left out"
            installed = re.match(r"[%!]?\s*(?:python -m )?(?:uv )?pip3? install\s+(.*)", command.text)
            if installed:
                wanted = [word for word in installed.group(1).split() if not word.startswith("-")]
                message += f"; to have it in the service add {' '.join(f'--pip {word}' for word in wanted)}"
            warnings.append(CaptureWarning("command", f"{message}.", label, command.line))
        return tuple(warnings)


def read_cells(target: Cell, others: Sequence[Cell]) -> ReadCells:
    """Read the cell to deploy and the others, which are in the order in which they ran."""
    code = [cell for cell in others if cell.kind == "code"]
    cells = [*code, target]
    read = ReadCells(cells, [*(read_cell(cell.source) for cell in code), read_cell(target.source, deployed=True)])
    for number, (cell, text) in enumerate(zip(cells, read.texts, strict=True)):
        deployed = number == len(cells) - 1
        start = len(read.statements)
        lines = text.text.split("\n")
        for node in text.tree.body if deployed and text.tree is not None else completed(cell, text):
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                _add_future(read, cell, lines, node)
                continue
            verdict = _verdict(lines, node)
            tree = plain_names(node) if any("globals()" in line for line in lines) else node
            read.statements.append(Statement(number, tree, deployed, verdict))
        for command in text.commands:
            _add_opaque(read, start, number, command)
    return read


def completed(cell: Cell, text: CellText) -> list[ast.stmt]:
    """Return the statements of a cell that ran to their end, as far as that is known."""
    if text.tree is None:
        return []
    if not cell.failed:
        return text.tree.body
    return [node for node in text.tree.body if cell.failed_line is not None and span(node)[1] < cell.failed_line]


def span(node: ast.stmt) -> tuple[int, int]:
    """Return the first (decorators included) and last line of a statement."""
    decorators = getattr(node, "decorator_list", [])
    return min([node.lineno, *(item.lineno for item in decorators)]), node.end_lineno or node.lineno


def changes_search_path(node: ast.stmt) -> bool:
    """Whether a statement changes ``sys.path`` when it runs."""
    for item in ast.walk(node) if isinstance(node, ast.Expr | ast.Assign | ast.AugAssign | ast.If) else ():
        place: ast.AST | None = None
        if isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute):
            place = item.func.value if item.func.attr in {"append", "insert", "extend"} else None
        elif isinstance(item, ast.AugAssign):
            place = item.target
        elif isinstance(item, ast.Assign):
            place = item.targets[0].value if isinstance(item.targets[0], ast.Subscript) else item.targets[0]
        if isinstance(place, ast.Attribute) and place.attr == "path" and ast.unparse(place) == "sys.path":
            return True
    return False


def binds(node: ast.stmt) -> set[str]:
    """Return the names that a statement may bind at the top level of a cell."""
    names = statement_names(node)
    return names.must | names.may


def _add_future(read: ReadCells, cell: Cell, lines: list[str], node: ast.ImportFrom) -> None:
    text = ast.get_source_segment("\n".join(lines), node) or ""
    if all("\n".join(piece.lines) != text for piece in read.future_imports):
        read.future_imports.append(Piece(cell, node.lineno, tuple(text.split("\n"))))


def _add_opaque(read: ReadCells, start: int, number: int, command: Command) -> None:
    position = start
    while position < len(read.statements) and span(read.statements[position].node)[0] <= command.line:
        position += 1
    where = read.label(number) if number < len(read.cells) - 1 else "the deployed cell"
    why = f"{where} line {command.line} sets it with `{command.text}`, which works only in notebooks"
    read.opaque.extend(Opaque(position, name, why) for name in command.binds)


def _verdict(lines: list[str], node: ast.stmt) -> Verdict | None:
    first, last = span(node)
    for line in (lines[first - 1], lines[last - 1]):
        found = _VERDICT.search(line)
        if found:
            return "keep" if found.group(1) == "keep" else "skip"
    return None
