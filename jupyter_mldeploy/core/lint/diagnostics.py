"""What a rule reports: diagnostics with positions and fixes, and how fixes are applied to a text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from jupyter_mldeploy.core.script.source import SourceText, Span

Severity = Literal["error", "warning", "info", "hint"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info", "hint")


@dataclass(frozen=True, slots=True)
class TextEdit:
    """Replace a stretch of text; lines from 1, columns from 0 in code points, the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int
    new_text: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return {
            "line": self.line,
            "column": self.column,
            "end_line": self.end_line,
            "end_column": self.end_column,
            "new_text": self.new_text,
        }


@dataclass(frozen=True, slots=True)
class Fix:
    """One way to repair what a diagnostic reports.

    Attributes:
        title: what the button says.
        edits: text edits that belong together; none overlaps another.
        safe: the script does the same afterwards, only without the fault. Other fixes need a look by a person.
    """

    title: str
    edits: tuple[TextEdit, ...]
    safe: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return ``{title, safe, edits}``."""
        return {"title": self.title, "safe": self.safe, "edits": [edit.to_dict() for edit in self.edits]}


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    Attributes:
        code: the rule, for example ``"MLD301"``.
        severity: ``"error"`` (it fails), ``"warning"`` (it probably fails or misleads), ``"info"`` or ``"hint"``.
        message: one sentence that says what fails, when, and what to do.
        line, column, end_line, end_column: where; lines from 1, columns from 0 in code points, end exclusive.
        path: the file, or None for a text.
        cell_id: the notebook cell, whose lines are then meant, or None.
        fixes: ways to repair it, the best one first.
        docs_url: the rule's page.
    """

    code: str
    severity: Severity
    message: str
    line: int
    column: int
    end_line: int
    end_column: int
    path: str | None = None
    cell_id: str | None = None
    fixes: tuple[Fix, ...] = ()
    docs_url: str = ""

    @property
    def span(self) -> Span:
        """The position as a span."""
        return Span(self.line, self.column, self.end_line, self.end_column)

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as JSON values."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "line": self.line,
            "column": self.column,
            "end_line": self.end_line,
            "end_column": self.end_column,
            "path": self.path,
            "cell_id": self.cell_id,
            "fixes": [fix.to_dict() for fix in self.fixes],
            "docs_url": self.docs_url,
        }


def apply_fixes(text: str, diagnostics: Iterable[Diagnostic], *, unsafe: bool = False) -> str:
    """Return ``text`` with the first fix of every diagnostic applied.

    A fix is left out as a whole when one of its edits overlaps an edit taken before, so lint again afterwards; the same
    edit asked for twice (an import, say) is made once.

    Args:
        text: the text that was linted; diagnostics of a cell belong to that cell's text.
        diagnostics: what :func:`lint_source` returned for it.
        unsafe: also apply fixes that change what the script does.
    """
    source = SourceText(text)
    taken: dict[tuple[int, int, str], None] = {}
    for diagnostic in sorted(diagnostics, key=lambda item: (item.line, item.column)):
        fix = next((fix for fix in diagnostic.fixes if fix.safe or unsafe), None)
        if fix is None:
            continue
        edits = [
            (source.offset(edit.line, edit.column), source.offset(edit.end_line, edit.end_column), edit.new_text)
            for edit in fix.edits
        ]
        if not any(_overlap(edit, other) for edit in edits for other in taken):
            taken.update(dict.fromkeys(edits))
    parts: list[str] = []
    at = 0
    for start, end, new_text in sorted(taken, key=lambda edit: edit[:2]):
        parts += [text[at:start], new_text]
        at = max(at, end)
    parts.append(text[at:])
    return "".join(parts)


def _overlap(edit: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    if edit == other:
        return False
    if edit[0] == edit[1] or other[0] == other[1]:  # an insertion only clashes inside a replaced stretch
        return other[0] < edit[0] < other[1] or edit[0] < other[0] < edit[1]
    return edit[0] < other[1] and other[0] < edit[1]
