"""From the lines of a captured script back to the cells, for findings and messages.

The line map is the one that ``core.capture`` makes and a bundle carries; the names are those that tracebacks of the
served script have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .lint.diagnostics import Diagnostic, Fix


def cell_name(cell_id: str | None, execution_count: int | None) -> str:
    """Return how a cell is called in tracebacks: ``cell In[3]``, else by its id."""
    if execution_count is not None:
        return f"cell In[{execution_count}]"
    return f"cell {cell_id}" if cell_id else "the deployed cell"


def locate(line_map: Mapping[str, Any] | None, line: int) -> tuple[str, str | None, int] | None:
    """Return name, id and line of the cell that a line of the script came from, or None when it came from none."""
    for script_line, cell_id, cell_line, count in (line_map or {}).get("map") or ():
        if script_line == line:
            return cell_name(cell_id, count), cell_id, cell_line
    return None


def in_cell(finding: Diagnostic, line_map: Mapping[str, Any] | None) -> Diagnostic:
    """Return a finding about a captured script as one about the cell, with the fixes that edit only that cell."""
    place = locate(line_map, finding.line)
    if place is None:
        return finding
    name, cell_id, line = place
    end = finding.end_line + line - finding.line
    moved = (_moved(fix, line_map, name) for fix in finding.fixes)
    fixes = tuple(fix for fix in moved if fix is not None)
    return replace(finding, path=name, cell_id=cell_id, line=line, end_line=end, fixes=fixes)


def _moved(fix: Fix, line_map: Mapping[str, Any] | None, cell: str) -> Fix | None:
    """Return a fix of the script as one of the cell, or None when it edits anything else or lines that were put in."""
    edits = []
    for edit in fix.edits:
        # An edit that ends before the first character of a line leaves that line alone.
        last = edit.end_line - (edit.end_column == 0 and edit.end_line > edit.line)
        first_place, last_place = locate(line_map, edit.line), locate(line_map, last)
        if first_place is None or last_place is None or first_place[0] != cell or last_place[0] != cell:
            return None
        if last_place[2] - first_place[2] != last - edit.line:
            return None
        shift = first_place[2] - edit.line
        edits.append(replace(edit, line=edit.line + shift, end_line=edit.end_line + shift))
    return replace(fix, edits=tuple(edits))
