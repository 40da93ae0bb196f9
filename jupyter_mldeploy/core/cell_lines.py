"""From the lines of a captured script back to the cells, for findings and messages.

The line map is the one that ``core.capture`` makes and a bundle carries; the names are those that tracebacks of the
served script have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .lint.diagnostics import Diagnostic


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
    """Return a finding about a captured script as one about the cell; fixes, which edit the script, are left out."""
    place = locate(line_map, finding.line)
    if place is None:
        return finding
    name, cell_id, line = place
    end = finding.end_line + line - finding.line
    return replace(finding, path=name, cell_id=cell_id, line=line, end_line=end, fixes=())
