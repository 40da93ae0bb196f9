"""``# noqa`` comments: ``# noqa: MLD403`` on a line, ``# mldeploy: noqa`` for a file."""

from __future__ import annotations

import re

from jupyter_mldeploy.core.lint.diagnostics import Diagnostic
from jupyter_mldeploy.core.script.source import SourceText

_CODES = r"(?::\s*(?P<codes>[A-Za-z]+\d+(?:\s*[,\s]\s*[A-Za-z]+\d+)*))?"
_LINE = re.compile(r"#\s*noqa\b" + _CODES, re.IGNORECASE)
_FILE = re.compile(r"^[ \t]*#\s*mldeploy\s*:\s*noqa\b" + _CODES, re.IGNORECASE | re.MULTILINE)


class Suppressions:
    """The ``noqa`` comments of one text.

    A comment suppresses findings that begin or end on its line. Without codes it suppresses every rule, as elsewhere;
    with codes only those, so another tool's ``# noqa: E501`` changes nothing here.
    """

    def __init__(self, source: SourceText) -> None:
        self._source = source
        self._present = "noqa" in source.text.lower() if len(source.text) else False
        self._file: set[str] | None = set()
        if self._present:
            for match in _FILE.finditer(source.text):
                codes = _codes(match)
                self._file = None if codes is None or self._file is None else self._file | codes

    def hides(self, diagnostic: Diagnostic) -> bool:
        """Whether a comment suppresses a finding."""
        if not self._present:
            return False
        if self._file is None or diagnostic.code in self._file:
            return True
        return any(self._line_hides(line, diagnostic.code) for line in {diagnostic.line, diagnostic.end_line})

    def _line_hides(self, line: int, code: str) -> bool:
        match = _LINE.search(self._source.line(line))
        if match is None:
            return False
        codes = _codes(match)
        return codes is None or code in codes


def _codes(match: re.Match[str]) -> set[str] | None:
    text = match.group("codes")
    return {code.upper() for code in re.split(r"[,\s]+", text) if code} if text else None
