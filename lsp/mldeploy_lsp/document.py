"""One version of an open text: what it is, its lines, and its positions in the client's units."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

from lsprotocol import types as lsp

from jupyter_mldeploy.core.script.source import SourceText, Span
from mldeploy_lsp import LANGUAGE_ID

if TYPE_CHECKING:
    from jupyter_mldeploy.core.entryscript import Analysis, Memory

Encoding = Literal["utf-8", "utf-16", "utf-32"]
Role = Literal["script", "cell", "document", "other"]

_MAGIC = re.compile(r"\s*%%(deploy|writefile|file)\b[ \t]*(.*)")
_DOCUMENT = re.compile(r"\.(?:ya?ml|json|txt)$", re.IGNORECASE)
_LARGEST_ANALYSED = 300_000
LARGEST_INLINE = 60_000
"""Longer texts are checked in a thread, so that the loop goes on reading (and hears of cancellation)."""


@dataclass(slots=True)
class Past:
    """What one version of a text leaves to the next."""

    memory: Memory | None = None


@dataclass(frozen=True, eq=False)
class Document:
    """A snapshot of a text document or a notebook cell; a change makes a new one.

    Attributes:
        uri: the client's name for it.
        language: the client's language id.
        version: the client's number of this version.
        source: the text with its line index.
        encoding: the unit of the client's columns.
        notebook: URI of the notebook that the cell belongs to, or None.
        past: what earlier versions of the text leave.
    """

    uri: str
    language: str
    version: int
    source: SourceText
    encoding: Encoding = "utf-16"
    notebook: str | None = None
    past: Past = field(default_factory=Past)

    @property
    def text(self) -> str:
        """The whole text."""
        return self.source.text

    @cached_property
    def path(self) -> Path | None:
        """Where the file, or the cell's notebook, is on this machine; None when it is nowhere (untitled, remote)."""
        parts = urlsplit(self.notebook or self.uri)
        return Path(unquote(parts.path)) if parts.scheme == "file" else None

    @cached_property
    def magic(self) -> tuple[str, str] | None:
        """``("deploy", line)`` or ``("writefile", target)`` of a cell that becomes a file."""
        if self.notebook is None:
            return None
        found = _MAGIC.match(self.source.line(self.magic_line))
        if found is None:
            return None
        if found[1] == "deploy":
            return "deploy", found[2].strip()
        return "writefile", re.sub(r"^(?:-a|--append)\s+", "", found[2].strip()).strip("'\"")

    @cached_property
    def magic_line(self) -> int:
        """The first line (from 1) with anything on it."""
        return next((number for number, line in enumerate(self.source.lines, 1) if line.strip()), 1)

    @cached_property
    def role(self) -> Role:
        """What it may be: an entry ``script``, a deployed ``cell``, a deployment file (``document``), or else."""
        if self.magic is not None:
            kind, target = self.magic
            if kind == "deploy":
                return "cell"
            return "script" if target.endswith(".py") else "document" if _DOCUMENT.search(target) else "other"
        if self.notebook is not None:
            return "other"
        if self.language == LANGUAGE_ID:
            return "cell"
        if self.language == "python" or self.uri.endswith(".py"):
            return "script"
        name = unquote(urlsplit(self.uri).path)
        if self.language in {"yaml", "json", "jsonc"} or _DOCUMENT.search(name):
            return "document"
        return "other"

    @property
    def is_python(self) -> bool:
        """Whether it is, or becomes, a Python script."""
        return self.role in {"script", "cell"}

    @cached_property
    def shown_path(self) -> str | None:
        """The path that rules see: of a ``%%writefile`` cell the file that it writes."""
        if self.magic is not None and self.magic[0] == "writefile":
            return str(self.path.parent / self.magic[1]) if self.path else self.magic[1]
        if self.role == "cell" or self.path is None:
            return None
        return str(self.path)

    @cached_property
    def python(self) -> str:
        """The text as the script that is deployed, line for line: without the cell magic and IPython's commands."""
        if self.notebook is None:
            return self.text
        text = self.text
        if self.role == "cell":
            from jupyter_mldeploy.core.lint.notebook import deployed_python

            text = deployed_python(text)
        if self.magic is None:
            return text
        lines = SourceText(text)
        end = lines.offset(self.magic_line, len(lines.line(self.magic_line)))
        return "\n" * (self.magic_line - 1) + text[end:]

    @cached_property
    def analysis(self) -> Analysis | None:
        """The script's contract; None for other texts, and for scripts too long to look into while somebody types."""
        if not self.is_python or len(self.text) > _LARGEST_ANALYSED:
            return None
        from jupyter_mldeploy.core.entryscript import Memory, analyse

        memory = None
        if len(self.text) <= LARGEST_INLINE:  # one thread only, the loop's
            memory = self.past.memory = self.past.memory or Memory()
        return analyse(self.python, path=self.shown_path, memory=memory)

    def leave(self) -> None:
        """Hand over to the next version: its analysis takes this one's apart, so whoever still asks gets a new one."""
        self.__dict__.pop("analysis", None)
        object.__setattr__(self, "past", Past())

    @property
    def is_one_script(self) -> bool:
        """Whether :attr:`analysis` is about exactly what the linter reads, line for line."""
        if self.notebook is None:
            return not self.text.lstrip().startswith("%%")
        return self.magic is not None and self.magic_line == 1

    @cached_property
    def is_entry_script(self) -> bool:
        """Whether features for entry scripts belong here."""
        if self.analysis is None:
            return False
        if self.role == "cell":
            return True
        from jupyter_mldeploy.core.lint.engine import looks_like_entry_script

        return bool(looks_like_entry_script(self.analysis, self.shown_path))

    @cached_property
    def bound_names(self) -> frozenset[str]:
        """The names that an ordinary notebook cell binds at its top level."""
        from jupyter_mldeploy.core.lint.notebook import bound_names

        if self.notebook is None or self.magic is not None or len(self.text) > _LARGEST_ANALYSED:
            return frozenset()
        return frozenset(bound_names(self.text))

    # Positions: the client counts lines from 0 and columns in its own units.

    def point(self, position: lsp.Position) -> tuple[int, int]:
        """Return a client's position as line (from 1) and column in code points, cut to the text."""
        line = min(position.line + 1, len(self.source.lines))
        if position.line >= len(self.source.lines):
            return line, len(self.source.line(line))
        return line, self._from_units(line, position.character)

    def offset(self, position: lsp.Position) -> int:
        """Return the offset in the text of a client's position."""
        return self.source.offset(*self.point(position))

    def position(self, line: int, column: int) -> lsp.Position:
        """Return a line (from 1) and a code-point column as the client counts them, cut to the text."""
        line = min(max(line, 1), len(self.source.lines))
        column = min(max(column, 0), len(self.source.line(line)))
        if self.encoding == "utf-16":
            column = self.source.utf16_column(line, column)
        elif self.encoding == "utf-8":
            column = self.source.utf8_column(line, column)
        return lsp.Position(line - 1, column)

    def range(self, span: Span) -> lsp.Range:
        """Return a span as the client counts."""
        return lsp.Range(self.position(span.line, span.column), self.position(span.end_line, span.end_column))

    def _from_units(self, line: int, units: int) -> int:
        if self.encoding == "utf-16":
            return self.source.from_utf16_column(line, units)
        if self.encoding == "utf-8":
            return self.source.from_utf8_column(line, units)
        return min(units, len(self.source.line(line)))


def apply_change(document: Document, version: int, change: lsp.TextDocumentContentChangeEvent) -> Document:
    """Return the document after a change of the whole text or of a range in it."""
    text = change.text
    if isinstance(change, lsp.TextDocumentContentChangePartial):
        start, end = document.offset(change.range.start), document.offset(change.range.end)
        text = document.text[:start] + change.text + document.text[max(start, end) :]
    changed = Document(
        document.uri,
        document.language,
        version,
        SourceText(text),
        document.encoding,
        notebook=document.notebook,
        past=document.past,
    )
    document.leave()
    return changed
