"""Reads Python into a syntax tree, also while it is being typed; nothing is ever executed.

A text that parses costs one :func:`ast.parse`. One that does not is cut into top-level chunks (a new one starts at each
``@``, ``def``, ``async def`` or ``class`` in column 0), so that a half-written line costs its own chunk and no other. A
broken chunk is repaired line by line; when that fails, its ``def`` header and its whole decorators are salvaged.
"""

from __future__ import annotations

import ast
import re
import threading
import warnings
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from jupyter_mldeploy.core.script.source import BOM, SourceText, Span

MAX_CHARACTERS = 1_048_576
"""Longer scripts are not parsed: a tree takes about a hundred times the memory of its text."""

_REPAIRS = 24
# More than this is no script that is being typed, but another kind of file.
_BROKEN_CHUNKS = 100
_PROBLEMS = 50
# With more pieces, putting them together costs what it saves.
_REMEMBERED = 1_000
_BLANK_LINES = 2_000
_HARD = re.compile(r"(?:@|(?:async\s+)?def\b|class\b)")
_HEADER = re.compile(r"^(async[ \t]+)?def[ \t]+(\w+)[ \t]*\(", re.MULTILINE)
_STATEMENT = re.compile(r"[^\s#)\]}'\"]")
_BLOCK_EXPECTED = re.compile(r"expected an indented block after .* on line (\d+)|expected an indented block")
_OPENERS = {"(": ")", "[": "]", "{": "}"}

# warnings.catch_warnings changes process-wide state, and a language server parses in threads.
_WARNINGS = threading.Lock()


@dataclass(frozen=True, slots=True)
class SyntaxProblem:
    """Why a stretch of text is not Python; ``message`` is Python's own."""

    message: str
    span: Span


@dataclass(frozen=True, slots=True)
class Chunk:
    """A top-level piece of a script: first and last line (from 1), and whether it had to be repaired."""

    start_line: int
    end_line: int
    broken: bool


@dataclass(slots=True, eq=False)
class Piece:
    """A chunk's statements, where they are in the whole text, and why it had to be repaired.

    ``notes`` belongs to whoever looks through the statements: it is remembered with them.
    """

    body: list[ast.stmt]
    error: SyntaxError | None
    notes: Any = None


class Memory:
    """The pieces of one text from one version to the next, so that a key costs the chunk it is typed into.

    A memory serves one text and one thread. What is read with it shares parts with what was read before: the earlier
    reading is not to be used any more.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, str], Piece] = {}

    def pieces(self, lines: list[str], chunks: list[tuple[int, int]]) -> tuple[Piece, ...]:
        """Return the pieces of a text; those that stand where they stood are the same as before."""
        before, now = self._known, {}
        for start, end in chunks:
            key = (start, "\n".join(lines[start:end]))
            piece = before.get(key)
            if piece is None:
                piece = Piece(*_parse_chunk(lines[start:end], start, repair=True))
            now[key] = piece
        self._known = now
        return tuple(now.values())


@dataclass(frozen=True, slots=True)
class ParsedSource:
    """A text, the tree of what could be read of it, what could not, and its top-level chunks."""

    source: SourceText
    tree: ast.Module
    problems: tuple[SyntaxProblem, ...]
    chunks: tuple[Chunk, ...]
    too_large: bool = False
    pieces: tuple[Piece, ...] = ()
    """The chunks' own trees, in order, when the text was read with a :class:`Memory`; else nothing."""

    @property
    def has_errors(self) -> bool:
        """Whether any part of the text could not be read."""
        return bool(self.problems)

    def is_broken(self, line: int) -> bool:
        """Whether a line lies in a chunk that had to be repaired."""
        at = bisect_right(self.chunks, line, key=lambda chunk: chunk.start_line) - 1
        return at >= 0 and self.chunks[at].broken and line <= self.chunks[at].end_line


def parse_source(text: str, memory: Memory | None = None) -> ParsedSource:
    """Parse ``text``; never raises for what a text can hold. With ``memory`` only what has changed is parsed again.

    Texts beyond :data:`MAX_CHARACTERS` come back with an empty tree, ``too_large`` and one problem that says so.
    """
    source = SourceText(text)
    last = len(source.lines)
    if len(text) > MAX_CHARACTERS:
        message = (
            f"the script has {len(text):,} characters; more than {MAX_CHARACTERS:,} are not checked. "
            "Keep data in files of their own and load them in init()."
        )
        problem = SyntaxProblem(message, Span(1, 0, 1, len(source.line(1)[:80])))
        return ParsedSource(source, _module([]), (problem,), (Chunk(1, last, True),), too_large=True)
    places = list(_chunks(source.lines)) if memory is not None else []
    pieces = memory.pieces(source.lines, places) if memory is not None and len(places) <= _REMEMBERED else ()
    if pieces and all(piece.error is None for piece in pieces):
        # What spans chunks (a text in triple quotes) leaves at least one broken, so whole ones make up the whole.
        body = [statement for piece in pieces for statement in piece.body]
        return ParsedSource(source, _module(body), (), (Chunk(1, last, False),), pieces=pieces)
    tree = _parse(text.removeprefix(BOM))
    if isinstance(tree, ast.Module):
        return ParsedSource(source, tree, (), (Chunk(1, last, False),))
    body = []
    chunks: list[Chunk] = []
    problems = [_problem(tree, source, 1)]
    broken = 0
    for number, (start, end) in enumerate(places or _chunks(source.lines)):
        if pieces:
            nodes, error = pieces[number].body, pieces[number].error
        else:
            nodes, error = _parse_chunk(source.lines[start:end], start, repair=broken < _BROKEN_CHUNKS)
        broken += error is not None
        body.extend(nodes)
        chunks.append(Chunk(start + 1, end, error is not None))
        if error is None:
            continue
        problem = _problem(error, source, start + 1)
        # A triple quote may span chunks, so what follows a broken one is only believed when it has its own cause.
        later = problem.span.line > problems[0].span.line and "triple-quoted" not in problem.message
        if later and len(problems) < _PROBLEMS and all(problem.span.line != known.span.line for known in problems):
            problems.append(problem)
    if not any(chunk.broken for chunk in chunks):
        line = problems[0].span.line
        chunks = [Chunk(c.start_line, c.end_line, c.start_line <= line <= c.end_line) for c in chunks]
    return ParsedSource(source, _module(body), tuple(problems), tuple(chunks), pieces=pieces)


def _module(body: list[ast.stmt]) -> ast.Module:
    return ast.Module(body=body, type_ignores=[])


def _parse(text: str) -> ast.Module | SyntaxError:
    """Return the tree, or the reason why there is none as a SyntaxError."""
    if "\0" in text:
        before = text[: text.index("\0")]
        line = before.count("\n") + 1
        return _error("source code cannot contain null bytes; is this a binary file?", line)
    try:
        with _WARNINGS, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        return error.with_traceback(None)  # which would keep everything that its callers have, for as long as the error
    except (RecursionError, MemoryError):
        return _error("the script is nested too deeply for Python to read", 1)
    except ValueError as error:  # lone surrogates
        return _error(str(error), 1)


def _error(message: str, line: int) -> SyntaxError:
    return SyntaxError(message, ("<script>", line, 1, "", line, 1))


def _problem(error: SyntaxError, source: SourceText, first_line: int) -> SyntaxProblem:
    line = min(max((error.lineno or 1) + first_line - 1, 1), len(source.lines))
    text = source.line(line)
    column = min(max((error.offset or 1) - 1, 0), len(text))
    end_line = (error.end_lineno or 0) + first_line - 1 if error.end_lineno else line
    end_column = (error.end_offset or 0) - 1
    if end_line != line or end_column <= column or end_column > len(text):
        end_column = max(len(text.rstrip()), column)
    return SyntaxProblem(error.msg, Span(line, column, line, end_column))


def _chunks(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Yield ``(start, end)`` of top-level chunks as indices into ``lines``; decorators stay with what they decorate."""
    start, decorating = 0, False
    for number, line in enumerate(lines):
        if not _HARD.match(line):
            continue
        if not decorating and number > start:
            yield start, number
            start = number
        decorating = line.startswith("@")
    yield start, len(lines)


def _parse_chunk(lines: list[str], offset: int, *, repair: bool) -> tuple[list[ast.stmt], SyntaxError | None]:
    text = "\n".join(lines).removeprefix(BOM)
    if 0 < offset <= _BLANK_LINES:
        # Lines before it cost the parser less than moving every node does afterwards.
        tree = _parse("\n" * offset + text)
        if isinstance(tree, ast.Module):
            return tree.body, None
    tree = _parse(text)
    if isinstance(tree, ast.Module):
        return _moved(tree.body, offset), None
    if not repair:
        return [], tree
    nodes = _repair(list(lines), tree)
    if nodes is None:
        nodes = _salvage(lines) if any(_HARD.match(line) for line in lines) else _pieces(lines)
    return _moved(nodes, offset), tree


def _moved(nodes: list[ast.stmt], offset: int) -> list[ast.stmt]:
    if offset:
        for node in nodes:
            ast.increment_lineno(node, offset)
    return nodes


def _repair(lines: list[str], error: SyntaxError) -> list[ast.stmt] | None:
    """Blank the lines that Python objects to until the rest parses; None when a header would be lost or in vain."""
    headers = {number for number, line in enumerate(lines) if _HARD.match(line)}
    for _ in range(_REPAIRS):
        number = min((error.lineno or 1), len(lines)) - 1
        if error.msg.startswith("inconsistent use of tabs") or "unindent does not match" in error.msg:
            expanded = [line.expandtabs(8) for line in lines]
            if expanded != lines:
                lines = expanded
                tree = _parse("\n".join(lines))
                if isinstance(tree, ast.Module):
                    return tree.body
                error = tree
                continue
        if _BLOCK_EXPECTED.match(error.msg):
            if not _fill_block(lines, number):
                return None
        elif number in headers and not lines[number].startswith("@"):
            return None
        else:
            text = lines[number]
            indent = text[: len(text) - len(text.lstrip())]
            blank = f"{indent}pass" if indent and text.strip() not in {"pass", ""} else ""
            if text == blank:
                return None
            lines[number] = blank
        tree = _parse("\n".join(lines))
        if isinstance(tree, ast.Module):
            return tree.body
        error = tree
    return None


def _fill_block(lines: list[str], number: int) -> bool:
    """Give the header that ends before line ``number`` a body, on its own line so that no position moves."""
    for before in range(min(number, len(lines) - 1), -1, -1):
        code = lines[before].split("#", 1)[0].rstrip()
        if code.endswith(":"):
            lines[before] = f"{code} pass"
            return True
    return False


def _pieces(lines: list[str]) -> list[ast.stmt]:
    """Parse each top-level statement by itself and keep those that are whole."""
    nodes: list[ast.stmt] = []
    starts = [number for number, line in enumerate(lines) if _STATEMENT.match(line)]
    for start, end in pairwise([*starts, len(lines)]):
        tree = _parse("\n".join(lines[start:end]))
        if isinstance(tree, ast.Module):
            nodes.extend(_moved(tree.body, start))
    return nodes


def _salvage(lines: list[str]) -> list[ast.stmt]:
    """Keep the decorators and the header of a broken function, with an empty body."""
    text = "\n".join(lines)
    header = _HEADER.search(text)
    if header is None:
        return _pieces(lines)
    line = text.count("\n", 0, header.start())
    signature = _signature(text, header)
    function = None
    for candidate in signature:
        tree = _parse(f"{candidate}: pass")
        if isinstance(tree, ast.Module):
            function = tree.body[0]
            break
    if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    ast.increment_lineno(function, line)
    function.end_lineno, function.end_col_offset = len(lines), len(lines[-1].encode("utf-8", "replace"))
    starts = [number for number in range(line) if lines[number].startswith("@")]
    for start, end in pairwise([*starts, line]):
        tree = _parse("\n".join([*lines[start:end], "def _(): pass"]))
        if isinstance(tree, ast.Module) and tree.body and isinstance(tree.body[0], ast.FunctionDef):
            for decorator in tree.body[0].decorator_list:
                ast.increment_lineno(decorator, start)
                function.decorator_list.append(decorator)
    return [function]


def _signature(text: str, header: re.Match[str]) -> Iterator[str]:
    """Yield ever poorer readings of a ``def`` header, without its colon."""
    opening = header.group()
    rest = text[header.end() :]
    stack = [")"]
    for at, character in enumerate(rest):
        if character in _OPENERS:
            stack.append(_OPENERS[character])
        elif character == stack[-1]:
            stack.pop()
            if not stack:
                yield opening + rest[: at + 1]
                break
        elif character == "\n" and at > 2000:
            break
    first = rest.split("\n", 1)[0].rstrip().rstrip(":")
    parts = first.rstrip(")").split(",")
    for count in range(len(parts), 0, -1):
        yield opening + ",".join(parts[:count]) + ")"
        # A half-typed default or annotation: its parameter is known by its name.
        name = re.match(r"[\s*]*\w+", parts[count - 1])
        if name:
            yield opening + ",".join([*parts[: count - 1], name.group()]) + ")"
    yield opening + ")"
