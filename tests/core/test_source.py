# ruff: noqa: E501 - half-written lines and scripts in one line
"""Lines and columns."""

from __future__ import annotations

import pytest

from jupyter_mldeploy.core.lint import lint_source
from jupyter_mldeploy.core.script.source import SourceText, Span


def test_only_real_line_ends_count() -> None:
    source = SourceText("a\x0bb\x0cc\x85d\u2028e\nf\r\ng\rh")
    assert source.lines == ["a\x0bb\x0cc\x85d\u2028e", "f", "g", "h"]
    assert SourceText("a\n").lines == ["a", ""]


@pytest.mark.parametrize("text", ["", "a", "a\n", "\n\n", "a\r\nbb\rccc\n", "ü\n𝒳x"])
def test_offsets_and_positions_are_inverse(text: str) -> None:
    source = SourceText(text)
    for offset in range(len(text) + 1):
        line, column = source.position(offset)
        back = source.offset(line, column)
        assert back == offset or text[back:offset] in {"\r", "\n"}


def test_positions_outside_are_cut() -> None:
    source = SourceText("ab\ncd")
    assert source.offset(0, 5) == 0
    assert source.offset(9, 0) == 5
    assert source.offset(1, 99) == 2
    assert source.position(99) == (2, 2)


def test_columns_in_all_encodings() -> None:
    source = SourceText("x = 'é𝒳' + y")
    column = source.line(1).index("y")
    assert source.utf8_column(1, column) == len("x = 'é𝒳' + ".encode())
    assert source.utf16_column(1, column) == column + 1
    assert source.from_utf8_column(1, source.utf8_column(1, column)) == column
    assert source.from_utf16_column(1, source.utf16_column(1, column)) == column
    assert source.from_utf16_column(1, 7) == 6  # inside the surrogate pair
    assert source.from_utf16_column(1, 99) == len(source.line(1))


def test_slice() -> None:
    assert SourceText("ab\ncd\nef").slice(Span(1, 1, 3, 1)) == "b\ncd\ne"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("prefix", ["", "\ufeff"])
def test_findings_point_at_code_points_whatever_the_text(newline: str, prefix: str) -> None:
    text = newline.join([
        "import json", "x = '\u2028\x0c'", "def init():", "    pass", "def run(raw_data):",
        "    return '🎉é', json.dumps([1]) if raw_data else " "(np.int64(1), b'x')", "y = '🎉'; from sklearn.externals " "import joblib", "",
    ])  # fmt: skip
    (found,) = [item for item in lint_source(prefix + text, kind="script") if item.code == "MLD601"]
    line = SourceText(prefix + text).line(7)
    assert found.line == 7
    assert line[found.column : found.end_column] == "from sklearn.externals import joblib"


def test_bom_shifts_the_first_line() -> None:
    (found,) = [
        item
        for item in lint_source(
            "\ufefffrom sklearn.externals import joblib\n" + "def init(): pass\ndef run(data): return data\n",
            kind="script",
        )
        if item.code == "MLD601"
    ]
    assert found.column == 1
