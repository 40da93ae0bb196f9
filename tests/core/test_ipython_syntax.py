"""IPython's additions to Python: found, explained and taken out, line for line."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mldeploy.core.slices.ipython_syntax import read_cell


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("%matplotlib inline\nx = 1", "# %matplotlib inline\nx = 1"),
        ("if x:\n    %time f()\n    !ls", "if x:\n    pass  # %time f()\n    pass  # !ls"),
        ("x?\n??y\nz.w?", "# x?\n# ??y\n# z.w?"),
        ("!pip install \\\n  a \\\n  b\nx = 1", "# !pip install a b\n\n\nx = 1"),
        ("x = '''\n%no\n!no\n'''", "x = '''\n%no\n!no\n'''"),
        ("x = [\n 5\n % 3]", "x = [\n 5\n % 3]"),
        ("x = 5 \\\n % 3", "x = 5 \\\n % 3"),
        ("x = 'a' \"?\"  # why?", "x = 'a' \"?\"  # why?"),
        ("a = 7 % 3\nassert a != 2", "a = 7 % 3\nassert a != 2"),
        ('print(f"{a!r}?")', 'print(f"{a!r}?")'),
        ("%%time\nx = 1", "\nx = 1"),
        ("\n  x = 1\n  y = 2", "\nx = 1\ny = 2"),
        ("pip install pandas\nx = 1", "# pip install pandas\nx = 1"),
        ("%config A.b = 'it''s\nx = 1", "# %config A.b = 'it''s\nx = 1"),
        ("a = !echo \"it's\nb = 2", "# a = !echo \"it's\nb = 2"),
        ("/f 1\n,f a b", "# /f 1\n# ,f a b"),
        ("x = 1\r\n%y", "x = 1\n# %y"),
    ],
)
def test_what_is_not_python_is_taken_out(source: str, text: str) -> None:
    found = read_cell(source)
    assert found.text == text
    assert found.is_python
    assert found.problem is None
    assert found.tree is not None
    ast.parse(found.text)


@pytest.mark.parametrize(
    ("source", "name", "binds", "may_bind"),
    [
        ("files = !ls *.csv", "!", ("files",), False),
        ("a, b = %env", "env", ("a", "b"), False),
        ("%time x = f()", "time", ("x",), False),
        ("%time -p x, y = f()", "time", ("x", "y"), False),
        ("%timeit x = f()", "timeit", (), False),
        ("%run other.py", "run", (), True),
        ("%store -r x", "store", (), True),
        ("%%capture out --no-stderr\nx = 1", "capture", ("out",), False),
        ("%%bash --out o --err e\nls", "bash", ("o", "e"), False),
        ("%%unknown_magic x\nbody", "unknown_magic", (), True),
        ("%load_ext autoreload", "load_ext", (), False),
        ("x?", "?", (), False),
    ],
)
def test_commands_say_which_variables_they_set(source: str, name: str, binds: tuple[str, ...], may_bind: bool) -> None:
    command = read_cell(source).commands[0]
    assert (command.name, command.binds, command.may_bind) == (name, binds, may_bind)
    assert command.line == 1


def test_cells_in_other_languages_are_empty_but_keep_their_length() -> None:
    found = read_cell("%%html\n<b>\n</b>")
    assert not found.is_python
    assert found.cell_magic == "html"
    assert found.text.count("\n") == 2


def test_the_body_of_deploy_is_python_only_where_it_is_deployed() -> None:
    source = "\n%%deploy svc --cells\nx = 1"
    assert not read_cell(source).is_python
    assert read_cell(source, deployed=True).text == "\n\nx = 1"


def test_what_is_no_python_has_a_problem() -> None:
    assert "line 2" in str(read_cell("x = 1\ny = = 2").problem)
    assert read_cell("x = (").tree is None


@given(st.text(alphabet="ab=%!?'\"#\\\n ()[]{}:,;/", max_size=60))
def test_any_text_keeps_its_lines_and_never_raises(source: str) -> None:
    found = read_cell(source, deployed=True)
    assert found.text.count("\n") == source.count("\n")
    assert found.tree is None or found.problem is None


@given(st.text(alphabet="ab=%'\"#\\\n ()1.", max_size=50))
def test_valid_python_is_left_as_it_is(source: str) -> None:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return
    if source[:1] in {" ", "\n"}:  # a cell may be indented as a whole; that is taken away
        return
    found = read_cell(source)
    assert found.text == source
    assert not found.commands
