"""Entry scripts as people write them."""

from __future__ import annotations

import pytest

from jupyter_mldeploy.core.lint import apply_fixes, lint_source

from .realistic import SCRIPTS


@pytest.mark.parametrize("mode", ["auto", "script", "cell"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_findings_are_the_right_ones(name: str, mode: str) -> None:
    text, expected = SCRIPTS[name]
    compile(text, "score.py", "exec")
    found = lint_source(text, kind=mode, path="score.py")  # type: ignore[arg-type]
    assert {item.code for item in found} == expected


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
@pytest.mark.parametrize("name", SCRIPTS)
def test_line_ends_change_nothing(name: str, newline: str) -> None:
    text, _ = SCRIPTS[name]
    plain = [(item.code, item.line, item.column, item.message) for item in lint_source(text, kind="script")]
    other = lint_source(text.replace("\n", newline), kind="script")
    assert [(item.code, item.line, item.column, item.message) for item in other] == plain


@pytest.mark.parametrize("name", SCRIPTS)
def test_all_fixes_leave_a_script(name: str) -> None:
    text, _ = SCRIPTS[name]
    for unsafe in (False, True):
        fixed = text
        for _ in range(6):
            fixed = apply_fixes(fixed, lint_source(fixed, kind="script"), unsafe=unsafe)
        compile(fixed, "score.py", "exec")
        before = len(lint_source(text, kind="script"))
        assert len(lint_source(fixed, kind="script")) <= before
