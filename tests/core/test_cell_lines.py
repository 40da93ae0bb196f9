"""From a captured script back to its cells: findings, and the fixes that go with them."""

from __future__ import annotations

import pytest

from jupyter_mldeploy.core.cell_lines import in_cell
from jupyter_mldeploy.core.lint.diagnostics import Diagnostic, Fix, TextEdit

#: Lines 1 and 2 of the script were put in, 3 to 5 are lines 2 to 4 of cell a, 6 and 7 are lines 1 and 2 of cell b.
MAP = {"map": [[3, "a", 2, 7], [4, "a", 3, 7], [5, "a", 4, 7], [6, "b", 1, 8], [7, "b", 2, 8]]}


def found(*edits: TextEdit, line: int = 4) -> Diagnostic:
    return in_cell(
        Diagnostic(
            "MLD301", "error", "a fault", line, 0, line, 5, path="score.py", fixes=(Fix("repair", edits, True),)
        ),
        MAP,
    )


def test_a_finding_and_its_fix_are_about_the_cell() -> None:
    item = found(TextEdit(4, 0, 4, 5, "x"), TextEdit(5, 0, 6, 0, ""))
    assert (item.path, item.cell_id, item.line, item.end_line) == ("cell In[7]", "a", 3, 3)
    (fix,) = item.fixes
    assert (fix.title, fix.safe) == ("repair", True)
    assert fix.edits == (TextEdit(3, 0, 3, 5, "x"), TextEdit(4, 0, 5, 0, ""))


@pytest.mark.parametrize(
    "edit",
    [
        TextEdit(1, 0, 1, 0, "import json"),
        TextEdit(5, 0, 6, 3, ""),
        TextEdit(6, 0, 6, 3, "y"),
        TextEdit(7, 0, 8, 1, ""),
    ],
    ids=["a line that was put in", "into the next cell", "another cell", "beyond the end"],
)
def test_a_fix_that_edits_anything_else_is_left_out(edit: TextEdit) -> None:
    assert found(TextEdit(4, 0, 4, 5, "x"), edit).fixes == ()


def test_a_finding_in_a_line_that_was_put_in_stays_as_it_is() -> None:
    item = found(TextEdit(1, 0, 1, 3, "x"), line=1)
    assert (item.path, item.line, len(item.fixes)) == ("score.py", 1, 1)
