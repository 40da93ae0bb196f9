"""What a card says, apart from how it looks: one description, shown as HTML, as plain text and as JSON.

A card is one state, a sentence, a few facts and some parts (listings, tables, code to copy, log lines). Everything in
it is text that may come from users; it is cleaned of control characters here and escaped where it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Tone = Literal["good", "bad", "busy", "idle"]

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
#: Characters that move the cursor, hide text or turn its direction: none of them may reach a terminal or a page.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def clean(text: object) -> str:
    """Return text without terminal sequences, control characters and direction marks; line feeds and tabs stay."""
    return _CONTROL.sub("\ufffd", _ANSI.sub("", str(text).replace("\r\n", "\n")))


@dataclass(frozen=True, slots=True)
class Note:
    """A paragraph, with a label such as ``next`` before it."""

    text: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """Code to copy."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Listing:
    """Lines of a cell or a file with their numbers; those in ``marked`` stand out."""

    label: str
    lines: tuple[tuple[int, str], ...]
    marked: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines of a log or a traceback, as they are."""

    label: str
    lines: tuple[str, ...]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headers; ``folded`` hides them behind ``label``."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    label: str = ""
    folded: bool = False


Part = Note | Code | Listing | Lines | Table


@dataclass(frozen=True, slots=True)
class Card:
    """One card.

    Attributes:
        kind: what it is about: ``deployment``, ``failure``, ``plan``, ``service``, ``services`` or ``lint``.
        title: its subject, for example ``diabetes revision 3``.
        state: one word or two, shown as a badge and never by colour alone.
        struck: what did not come to life; shown struck out before the title.
        lead: one sentence.
        facts: label and value; values are shown in a fixed-width font.
        link: an http(s) address to open; anything else is not shown as a link.
        badge: the tone of ``state`` where it is not that of the card.
        data: what programs get: ids and facts, never secrets.
    """

    kind: str
    title: str
    state: str
    tone: Tone
    struck: str = ""
    lead: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    link: str = ""
    parts: tuple[Part, ...] = ()
    badge: Tone | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


def excerpt(label: str, source: str, line: int, *, around: int = 2) -> Listing | None:
    """Return the lines around ``line`` of a source, that one marked; None when the source has no such line."""
    from ..script.source import SourceText

    lines = SourceText(source).lines
    if not 1 <= line <= len(lines):
        return None
    first, last = max(1, line - around), min(len(lines), line + around)
    shown = [(number, lines[number - 1]) for number in range(first, last + 1)]
    while shown and shown[-1][0] > line and not shown[-1][1].strip():
        shown.pop()
    while shown and shown[0][0] < line and not shown[0][1].strip():
        shown.pop(0)
    return Listing(label, tuple(shown), frozenset({line}))


def to_text(card: Card) -> str:
    """Return the card as plain text, one fact a line, for terminals, logs and frontends without HTML."""
    subject = f"{card.struck} did not go live" if card.struck else ""
    head = " — ".join(part for part in (subject, card.title) if part)
    lines = [clean(f"{head}: {card.state}" if card.state else head)]
    if card.lead:
        lines += _indented(card.lead)
    if card.link:
        lines += _indented(card.link)
    width = max((len(label) for label, _ in card.facts), default=0)
    lines += [clean(f"  {label:<{width}}  {value}") for label, value in card.facts]
    for part in card.parts:
        lines += _part_text(part)
    return "\n".join(line.rstrip() for line in lines)


def _part_text(part: Part) -> list[str]:
    match part:
        case Note(text, label):
            return _indented(f"{label}: {text}" if label else text)
        case Code(label, text):
            return [f"  {clean(label)}:", *_indented(text, "    ")]
        case Listing(label, lines, marked):
            width = len(str(lines[-1][0])) if lines else 1
            body = [f"  {'▶' if number in marked else ' '} {number:>{width}} │ {clean(text)}" for number, text in lines]
            return [f"  {clean(label)}", *body]
        case Lines(label, texts):
            body = [line for text in texts for line in _indented(text, "    ")]
            return [f"  {clean(label)}:", *body] if label else body
        case Table(headers, rows, label):
            return [*([f"  {clean(label)}:"] if label else []), *aligned(headers, rows)]


def aligned(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return a table as lines with aligned columns, indented by two."""
    cells = [[clean(cell).replace("\n", " ") for cell in row] for row in rows]
    table = [list(headers), *cells] if any(headers) else cells
    if not table:
        return []
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]


def _indented(text: str, by: str = "  ") -> list[str]:
    return [by + line for line in clean(text).split("\n")]
