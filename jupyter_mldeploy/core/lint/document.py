"""YAML and JSON as trees whose nodes know where they stand, within limits of size, depth and number of nodes."""

from __future__ import annotations

import json
import json.decoder
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from jupyter_mldeploy.core.script.source import BOM, SourceText, Span

if TYPE_CHECKING:
    import yaml

MAX_CHARACTERS = 262_144
MAX_NODES = 20_000
MAX_DEPTH = 100

_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its place: ``entries`` of a map, ``items`` of a list, ``value`` of a scalar."""

    kind: Literal["map", "list", "scalar"]
    span: Span
    value: Any = None
    entries: tuple[tuple[str, Span, Node], ...] = ()
    items: tuple[Node, ...] = ()

    def get(self, key: str) -> Node | None:
        """Return the value of a key of a map."""
        return next((node for name, _, node in self.entries if name == key), None)

    def scalar(self, key: str) -> Any:
        """Return the plain value of a key, or None."""
        node = self.get(key)
        return node.value if node is not None and node.kind == "scalar" else None

    def key_span(self, key: str) -> Span:
        """Return where a key is written, or where this node begins."""
        return next((span for name, span, _ in self.entries if name == key), self.span)

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it."""
        stack = [self]
        while stack:
            node = stack.pop()
            yield node
            stack.extend(child for _, _, child in reversed(node.entries))
            stack.extend(reversed(node.items))


class UnreadableDocument(Exception):  # noqa: N818 - it ends in a finding, not in a traceback
    """A text that is no YAML or JSON (``limit`` is False) or is beyond the limits."""

    def __init__(self, message: str, span: Span, *, limit: bool = False) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.limit = limit


def read_document(source: SourceText, language: Literal["yaml", "json"]) -> Node | None:
    """Return a document's tree, None for an empty one.

    Raises:
        UnreadableDocument: with a message that says why, and where.
    """
    if len(source) > MAX_CHARACTERS:
        first = Span(1, 0, 1, len(source.line(1)[:80]))
        raise UnreadableDocument(
            f"The file has {len(source):,} characters; more than {MAX_CHARACTERS:,} are not checked.", first, limit=True
        )
    try:
        return _Json(source).read() if language == "json" else _read_yaml(source)
    except RecursionError:
        raise _too_deep() from None


def _too_deep() -> UnreadableDocument:
    return UnreadableDocument(
        f"The file is nested more than {MAX_DEPTH} levels deep; it is not checked.", Span(1, 0, 1, 0), limit=True
    )


def _too_many() -> UnreadableDocument:
    return UnreadableDocument(
        f"The file holds more than {MAX_NODES:,} values once its aliases are followed; it is not checked.",
        Span(1, 0, 1, 0),
        limit=True,
    )


def _read_yaml(source: SourceText) -> Node | None:
    import yaml

    def span(start: int, end: int) -> Span:
        return Span(*source.position(start), *source.position(end))

    text = source.text.removeprefix(BOM)
    shift = len(source.text) - len(text)
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = mark.index + shift if mark is not None else 0
        line = source.position(at)[0]
        column = source.position(at)[1]
        reason = error.problem or error.context or "it cannot be read"
        raise UnreadableDocument(
            f"This is not YAML: {reason}.", Span(line, column, line, max(len(source.line(line)), column))
        ) from None
    except (yaml.YAMLError, ValueError) as error:  # characters that YAML does not allow
        raise UnreadableDocument(f"This is not YAML: {str(error).splitlines()[0]}.", Span(1, 0, 1, 0)) from None
    count = 0

    def convert(node: yaml.Node, depth: int) -> Node:
        nonlocal count
        count += 1
        if count > MAX_NODES:
            raise _too_many()
        if depth > MAX_DEPTH:
            raise _too_deep()
        where = span(node.start_mark.index + shift, node.end_mark.index + shift)
        if isinstance(node, yaml.MappingNode):
            entries = tuple(
                (
                    str(key.value) if isinstance(key, yaml.ScalarNode) else "",
                    span(key.start_mark.index + shift, key.end_mark.index + shift),
                    convert(value, depth + 1),
                )
                for key, value in node.value
            )
            return Node("map", where, entries=entries)
        if isinstance(node, yaml.SequenceNode):
            return Node("list", where, items=tuple(convert(item, depth + 1) for item in node.value))
        return Node("scalar", where, value=_scalar(node.tag, node.value))

    return None if root is None else convert(root, 0)


def _scalar(tag: str, text: str) -> Any:
    kind = tag.rpartition(":")[2]
    try:
        if kind == "int":
            return int(text.replace("_", ""), 0)
        if kind == "float":
            return float(text.replace("_", ""))
    except ValueError:
        return text
    if kind == "bool":
        return text.lower() in {"yes", "true", "on", "y"}
    return None if kind == "null" else text


class _Json:
    """A JSON reader that keeps positions; the standard one gives none."""

    def __init__(self, source: SourceText) -> None:
        self._source = source
        self._text = source.text
        self._at = 1 if source.has_bom else 0
        self._count = 0

    def read(self) -> Node | None:
        self._skip()
        if self._at == len(self._text):
            return None
        node = self._value(0)
        self._skip()
        if self._at != len(self._text):
            raise self._error("something follows the end of the document")
        return node

    def _skip(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _error(self, reason: str, at: int | None = None) -> UnreadableDocument:
        line, column = self._source.position(self._at if at is None else at)
        end = max(len(self._source.line(line).rstrip()), column)
        return UnreadableDocument(f"This is not JSON: {reason}.", Span(line, column, line, end))

    def _span(self, start: int) -> Span:
        return Span(*self._source.position(start), *self._source.position(self._at))

    def _value(self, depth: int) -> Node:
        self._count += 1
        if self._count > MAX_NODES:
            raise _too_many()
        if depth > MAX_DEPTH:
            raise _too_deep()
        start = self._at
        character = self._text[start : start + 1]
        if character == "{":
            return self._object(start, depth)
        if character == "[":
            return self._array(start, depth)
        if character == '"':
            return Node("scalar", *self._string())
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self._text.startswith(word, start):
                self._at += len(word)
                return Node("scalar", self._span(start), value)
        match = _NUMBER.match(self._text, start)
        if match is None:
            found = f"found {character!r}" if character else "the file ends here"
            raise self._error(f"a value is expected, {found}")
        self._at = match.end()
        return Node("scalar", self._span(start), json.loads(match.group()))

    def _string(self) -> tuple[Span, str]:
        start = self._at
        try:
            text, self._at = json.decoder.scanstring(self._text, start + 1, True)  # type: ignore[attr-defined]
        except json.JSONDecodeError as error:
            raise self._error(error.msg[:1].lower() + error.msg[1:], start) from None
        return self._span(start), text

    def _array(self, start: int, depth: int) -> Node:
        items: list[Node] = []
        self._at += 1
        self._skip()
        while not self._text.startswith("]", self._at):
            items.append(self._value(depth + 1))
            self._separator("]")
        self._at += 1
        return Node("list", self._span(start), items=tuple(items))

    def _object(self, start: int, depth: int) -> Node:
        entries: list[tuple[str, Span, Node]] = []
        self._at += 1
        self._skip()
        while not self._text.startswith("}", self._at):
            if not self._text.startswith('"', self._at):
                raise self._error("a key in double quotes is expected")
            span, key = self._string()
            self._skip()
            if not self._text.startswith(":", self._at):
                raise self._error("a colon is expected after the key")
            self._at += 1
            self._skip()
            entries.append((key, span, self._value(depth + 1)))
            self._separator("}")
        self._at += 1
        return Node("map", self._span(start), entries=tuple(entries))

    def _separator(self, closing: str) -> None:
        self._skip()
        if self._text.startswith(",", self._at):
            comma = self._at
            self._at += 1
            self._skip()
            if self._text.startswith(closing, self._at):
                raise self._error("a comma before the closing bracket is not allowed", comma)
        elif not self._text.startswith(closing, self._at):
            raise self._error(f"a comma or {closing!r} is expected")
