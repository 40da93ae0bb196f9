"""From notebook cells to an entry script: a backward slice, and a map from its lines back to the cells.

    >>> cells = [Cell("a", "SCALE = 2", 1), Cell("b", "print(SCALE)", 2)]
    >>> target = Cell("c", "%%deploy doubler\\ndef run(data):\\n    return data * SCALE", 3)
    >>> capture(target, cells).script.splitlines()[0]
    'SCALE = 2'

Nothing is run. What cannot be resolved is a
:class:`~jupyter_mldeploy.errors.CaptureError` that names it, never a guess.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import CaptureError
from .slices import cells as capture_cells
from .slices.cells import (
    CaptureWarning,
    Cell,
    ReadCells,
    UnresolvedName,
)
from .slices.effect_rules import costly_calls, draws_random_numbers
from .slices.ipython_syntax import read_cell
from .slices.reasons import builtin_names, explain
from .slices.script import Piece, ScriptWriter
from .slices.slicing import Slice, slice_statements

__all__ = ["Capture", "CaptureWarning", "Cell", "IncludedStatement", "UnresolvedName", "capture"]


@dataclass(frozen=True, slots=True)
class IncludedStatement:
    """A statement that was taken from another cell.

    Attributes:
        cell: how the cell is called, for example ``In[3]``.
        cell_id: the cell's id, if it has one.
        first_line, last_line: in the cell, from 1.
        names: the names for whose sake it was taken.
        source: its text.
    """

    cell: str
    cell_id: str | None
    execution_count: int | None
    first_line: int
    last_line: int
    names: tuple[str, ...]
    source: str


@dataclass(frozen=True, slots=True)
class Capture:
    """An entry script made from cells.

    Attributes:
        script: the source.
        line_map: ``{"version": 1, "script": name, "map": [[script_line, cell_id, cell_line, execution_count], …]}``
            for the lines that come from cells; JSON.
        imports: modules that the script imports, dotted, sorted.
        included: statements taken from other cells, in order.
        objects: names that the script restores from handed-over objects.
        unresolved: names that could not be resolved; empty unless ``capture(strict=False)``.
        warnings: what to look at.
        total: how many statements the other cells have.
    """

    script: str
    line_map: Mapping[str, Any]
    imports: tuple[str, ...]
    included: tuple[IncludedStatement, ...] = ()
    objects: tuple[str, ...] = ()
    unresolved: tuple[UnresolvedName, ...] = ()
    warnings: tuple[CaptureWarning, ...] = ()
    total: int = 0

    def preview(self) -> str:
        """Return what was taken, from where and for what, as plain text."""
        lines = [f"{len(self.included)} of {self.total} statements from other cells, then the deployed cell:"]
        for item in self.included:
            where = f"{item.cell} line {item.first_line}"
            first, *more = item.source.strip().splitlines()
            rest = f"  (+{len(more)} lines)" if more else ""
            lines.append(f"  {where:<16}{first[:80]}{rest}    <- {', '.join(item.names)}")
        lines.extend(f"  {'--object':<16}{name}" for name in self.objects)
        lines.extend(f"missing: {item.name}: {item.reason}. {item.hint}" for item in self.unresolved)
        lines.extend(f"note: {item.message}" for item in self.warnings)
        return "\n".join(lines)


def capture(
    target: Cell | str,
    cells: Sequence[Cell] | None = None,
    *,
    known_objects: Collection[str] = (),
    kernel_names: Collection[str] | None = None,
    not_run: Sequence[Cell] = (),
    script_name: str = "score.py",
    allow_doubtful: bool = False,
    strict: bool = True,
) -> Capture:
    """Make an entry script from the cell to deploy and, with ``cells``, what it needs from others.

    Args:
        target: the cell to deploy, as written (with or without its ``%%deploy`` line).
        cells: the other cells in the order in which they ran; None takes the cell alone.
        known_objects: names handed over as stored objects; the script restores them.
        kernel_names: names that exist in the kernel, for better reasons; None when there is no kernel.
        not_run: cells that never ran, for better reasons.
        script_name: the script's name in the line map.
        allow_doubtful: run statements that may or may not change a needed object, as the notebook did.
        strict: raise when something is unresolved; otherwise the answer lists it.

    Raises:
        CaptureError: names that cannot be resolved or statements in doubt; ``details["unresolved"]`` lists each with
            name, reason, hint, cell and line.
    """
    if isinstance(target, str):
        target = Cell(None, target, None)
    read = capture_cells.read_cells(target, cells or ())
    writer = ScriptWriter(script_name)
    if cells is None or read.target.tree is None:
        return _alone(read, writer, known_objects, strict=strict)
    found = slice_statements(
        read.statements,
        given=known_objects,
        opaque=read.opaque,
        builtin_names=builtin_names(),
        lazy_annotations=read.lazy_annotations,
        include_doubtful=allow_doubtful,
    )
    unresolved = explain(read, found, kernel_names=kernel_names, not_run=not_run)
    if unresolved and strict:
        raise capture_error(unresolved)
    kept = [index for index in sorted(found.kept) if not read.statements[index].deployed]
    pieces = [read.piece(index) for index in kept]
    rebound = {name for index in kept for name in found.names[index].must | found.names[index].may} & found.objects
    writer.head(read.future_imports, sorted(found.objects))
    writer.statements(pieces)
    writer.target(read, again=sorted(rebound), apart=bool(pieces))
    return Capture(
        script=writer.text(),
        line_map=writer.line_map(),
        imports=imported_modules(writer.text()),
        included=tuple(_included(read, index, piece, found) for index, piece in zip(kept, pieces, strict=True)),
        objects=tuple(sorted(found.objects)),
        unresolved=unresolved,
        warnings=(*read.warnings_about_target(), *_warnings(read, found, kept)),
        total=sum(not statement.deployed for statement in read.statements),
    )


def _alone(read: ReadCells, writer: ScriptWriter, known_objects: Collection[str], *, strict: bool) -> Capture:
    unresolved = read.commands_of_target()
    if unresolved and strict:
        raise capture_error(unresolved)
    bound = read.names_bound_by_target()
    objects = sorted(set(known_objects) - bound)
    writer.head(read.future_imports if objects else [], objects)
    writer.target(read, apart=False, keep_future=not objects)
    return Capture(
        script=writer.text(),
        line_map=writer.line_map(),
        imports=imported_modules(writer.text()),
        objects=tuple(objects),
        unresolved=unresolved,
        warnings=read.warnings_about_target(),
    )


def capture_error(unresolved: Sequence[UnresolvedName]) -> CaptureError:
    """Return the error that names everything that could not be resolved."""
    shown = "; ".join(f"{item.name}: {item.reason}" for item in unresolved[:5])
    more = f"; and {len(unresolved) - 5} more" if len(unresolved) > 5 else ""
    count = "one name" if len(unresolved) == 1 else f"{len(unresolved)} names"
    return CaptureError(
        f"The cell needs {count} that cannot be taken from the other cells: {shown}{more}.",
        field="cells",
        hint=" ".join(dict.fromkeys(item.hint for item in unresolved[:5] if item.hint)) or None,
        details={"unresolved": [item.to_dict() for item in unresolved]},
    )


def imported_modules(script: str) -> tuple[str, ...]:
    """Return the modules that a script imports anywhere, dotted and sorted; relative imports are left out.

    ``from a.b import c`` gives ``a.b.c``: whether ``c`` is a module is not known without importing it.
    """
    tree = read_cell(script, deployed=True).tree
    found: set[str] = set()
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level and node.module != "__future__":
            found |= {node.module if alias.name == "*" else f"{node.module}.{alias.name}" for alias in node.names}
    return tuple(sorted(found))


def _included(read: ReadCells, index: int, piece: Piece, found: Slice) -> IncludedStatement:
    cell = read.cells[read.statements[index].cell]
    return IncludedStatement(
        cell=read.label(read.statements[index].cell),
        cell_id=cell.id,
        execution_count=cell.execution_count,
        first_line=piece.first_line,
        last_line=piece.first_line + len(piece.lines) - 1,
        names=tuple(sorted(found.kept[index])) or ("# mldeploy: keep",),
        source="\n".join(piece.lines),
    )


def _warnings(read: ReadCells, found: Slice, kept: Sequence[int]) -> list[CaptureWarning]:
    warnings: list[CaptureWarning] = []
    for index in kept:
        statement = read.statements[index]
        label = read.label(statement.cell)
        for line, call in costly_calls(statement.node):
            name = found.roots.get(index) or None
            hint = f"; hand the object over instead with --object {name}" if name else ""
            message = f"{label} line {line}: {call} would run at each start of the service{hint}."
            warnings.append(CaptureWarning("costly", message, label, line, name))
        drawn = draws_random_numbers(statement.node)
        if drawn is not None:
            name = found.roots.get(index) or None
            hint = f"; to keep these, hand the object over with --object {name}" if name else ""
            message = f"{label} line {drawn} draws random numbers, others than the notebook's at each start{hint}."
            warnings.append(CaptureWarning("random", message, label, drawn, name))
    for index, statement in enumerate(read.statements):
        if index not in found.kept and capture_cells.changes_search_path(statement.node):
            label, line = read.label(statement.cell), statement.node.lineno
            message = (
                f"{label} line {line} changes sys.path and is left out; ship modules that it finds with"
                " --source-directory or --include."
            )
            warnings.append(CaptureWarning("path", message, label, line))
    if read.repeated_counts:
        counts = ", ".join(f"In[{count}]" for count in read.repeated_counts)
        message = (
            f"Several cells have the same number ({counts}): the notebook mixes two sessions, so their order is open."
        )
        warnings.append(CaptureWarning("order", message, f"In[{read.repeated_counts[0]}]", 1))
    return warnings
