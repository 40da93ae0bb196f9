"""Lines and columns of a text, counted the way Python's parser and the editors count them.

A line ends at ``\\n``, ``\\r\\n`` or a lone ``\\r`` and nowhere else: form feed, vertical tab, NEL and U+2028 are
ordinary characters here, although :meth:`str.splitlines` breaks lines at them. Lines count from 1, columns from 0.
Columns are code points unless a name says UTF-8 or UTF-16; UTF-32 units are code points.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

_LINE_END = re.compile(r"\r\n|\r|\n")
BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text: lines from 1, columns from 0 in code points, the end is exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int

    def __contains__(self, line: object) -> bool:
        return isinstance(line, int) and self.line <= line <= self.end_line


class SourceText:
    """A text with its line index.

    Attributes:
        text: the text as given, with its own line ends.
        lines: the lines without their ends; a text that ends with a line end has an empty last line.
        has_bom: the text begins with a byte order mark, which Python's parser does not see.
    """

    __slots__ = ("_ascii", "_starts", "has_bom", "lines", "newline", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.has_bom = text.startswith(BOM)
        self._ascii = text.isascii()
        starts = [0]
        lines: list[str] = []
        newline = ""
        if "\r" in text:
            at = 0
            for match in _LINE_END.finditer(text):
                lines.append(text[at : match.start()])
                at = match.end()
                starts.append(at)
                newline = newline or match.group()
            lines.append(text[at:])
        else:
            lines = text.split("\n")
            at = 0
            for line in lines[:-1]:
                at += len(line) + 1
                starts.append(at)
        self.newline = newline or "\n"
        self.lines = lines
        self._starts = starts

    def __len__(self) -> int:
        return len(self.text)

    def line(self, number: int) -> str:
        """Return line ``number`` (from 1) without its end, or an empty string past the last line."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def offset(self, line: int, column: int) -> int:
        """Return the offset in :attr:`text` of a position, cut to the text."""
        if line < 1:
            return 0
        if line > len(self.lines):
            return len(self.text)
        return self._starts[line - 1] + min(max(column, 0), len(self.lines[line - 1]))

    def position(self, offset: int) -> tuple[int, int]:
        """Return ``(line, column)`` of an offset in :attr:`text`, cut to the text."""
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self._starts, offset)
        return line, min(offset - self._starts[line - 1], len(self.lines[line - 1]))

    def slice(self, span: Span) -> str:
        """Return the text of a span."""
        return self.text[self.offset(span.line, span.column) : self.offset(span.end_line, span.end_column)]

    def from_parser(self, line: int, utf8_column: int) -> int:
        """Return the code-point column of one of ``ast``'s columns, which count UTF-8 bytes without the mark."""
        if self._ascii:
            return utf8_column
        shift = 1 if self.has_bom and line == 1 else 0
        return shift + _utf8_to_code_points(self.line(line)[shift:], utf8_column)

    def utf8_column(self, line: int, column: int) -> int:
        """Return a code-point column as UTF-8 units."""
        return column if self._ascii else len(self.line(line)[:column].encode("utf-8", "surrogatepass"))

    def utf16_column(self, line: int, column: int) -> int:
        """Return a code-point column as UTF-16 units."""
        if self._ascii:
            return column
        return column + sum(1 for character in self.line(line)[:column] if character > "\uffff")

    def from_utf8_column(self, line: int, units: int) -> int:
        """Return a UTF-8 column as code points; a column inside a character means that character."""
        return min(units, len(self.line(line))) if self._ascii else _utf8_to_code_points(self.line(line), units)

    def from_utf16_column(self, line: int, units: int) -> int:
        """Return a UTF-16 column as code points; a column inside a surrogate pair means its character."""
        text = self.line(line)
        if self._ascii:
            return min(units, len(text))
        for column, character in enumerate(text):
            units -= 2 if character > "\uffff" else 1
            if units < 0:
                return column
        return len(text)


def _utf8_to_code_points(text: str, units: int) -> int:
    if text.isascii():
        return min(units, len(text))
    return len(text.encode("utf-8", "surrogatepass")[:units].decode("utf-8", "ignore"))
