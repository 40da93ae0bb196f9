"""A card as HTML: self-contained, without scripts or outside resources, readable on light and dark pages.

Colours are either inherited, half transparent, or white on a solid badge, so no theme has to be known. Frontends that
drop the style sheet still show headings, lists, tables and struck-out text in the right order.
"""

from __future__ import annotations

from html import escape
from urllib.parse import urlsplit

from .model import (
    Card,
    Code,
    Lines,
    Listing,
    Note,
    Part,
    Table,
    clean,
)

_STYLE = """
.mldeploy-card{border:1px solid rgba(127,127,127,.4);border-left:4px solid #59636e;border-radius:4px;padding:8px 14px;
margin:4px 0;max-width:62em;font-size:13px;line-height:1.5;color:inherit}
.mldeploy-good{border-left-color:#1a7f37}.mldeploy-bad{border-left-color:#b3261e}
.mldeploy-busy{border-left-color:#9a6700}
.mldeploy-card header{display:flex;flex-wrap:wrap;gap:4px 10px;align-items:baseline;font-size:14px}
.mldeploy-card header del{opacity:.75}
.mldeploy-badge{background:#59636e;color:#fff;border-radius:9px;padding:0 9px;font-size:12px;font-weight:600}
.mldeploy-badge.mldeploy-good{background:#1a7f37}.mldeploy-badge.mldeploy-bad{background:#b3261e}
.mldeploy-badge.mldeploy-busy{background:#9a6700}.mldeploy-card a{color:inherit;text-decoration:underline}
.mldeploy-card p{margin:4px 0;white-space:pre-line}
.mldeploy-card dl{display:grid;grid-template-columns:max-content 1fr;gap:1px 14px;margin:6px 0}
.mldeploy-card dt,.mldeploy-card dd{margin:0;float:none;width:auto;padding:0;font-weight:400;overflow-wrap:anywhere}
.mldeploy-card dt{opacity:.75}
.mldeploy-card code,.mldeploy-card pre{background:none;color:inherit;font-size:12px}
.mldeploy-card pre{background:rgba(127,127,127,.12);border-radius:3px;padding:6px 9px;margin:4px 0;overflow:auto;
max-height:24em;line-height:1.45}
.mldeploy-card mark{background:rgba(207,34,46,.22);color:inherit;font-weight:600}
.mldeploy-card details{margin:4px 0}.mldeploy-card summary{cursor:pointer}
.mldeploy-card table{border-collapse:collapse;margin:4px 0;font-size:12px;table-layout:auto}
.mldeploy-card th,.mldeploy-card td{text-align:left;padding:2px 14px 2px 0;background:none;white-space:normal;
border-bottom:1px solid rgba(127,127,127,.25);max-width:none;overflow-wrap:anywhere}
""".replace("\n", "")


def to_html(card: Card) -> str:
    """Return the card as one HTML element with its style sheet; every text in it is escaped."""
    struck = f"<del>{_text(card.struck)}</del>" if card.struck else ""
    tone = card.badge or card.tone
    badge = f'<span class="mldeploy-badge mldeploy-{tone}">{_text(card.state)}</span>' if card.state else ""
    lead = f"<p>{_text(card.lead)}</p>" if card.lead else ""
    address = _text(card.link)
    link = f'<p><a href="{address}" rel="noopener noreferrer">{address}</a></p>' if _is_link(card.link) else ""
    label = _text(f"{card.kind}: {card.title or card.struck}")
    facts = "".join(f"<dt>{_text(name)}</dt><dd><code>{_text(value)}</code></dd>" for name, value in card.facts)
    return (
        f"<style>{_STYLE}</style>"
        f'<section class="mldeploy-card mldeploy-{card.tone}" aria-label="{label}">'
        f"<header>{struck}<strong>{_text(card.title)}</strong>{badge}</header>{lead}{link}"
        f"{f'<dl>{facts}</dl>' if facts else ''}{''.join(map(_part, card.parts))}</section>"
    )


def _part(part: Part) -> str:
    match part:
        case Note(text, label):
            return f"<p>{f'<strong>{_text(label)}:</strong> ' if label else ''}{_text(text)}</p>"
        case Code(label, text):
            return f"<details><summary>{_text(label)}</summary><pre><code>{_text(text)}</code></pre></details>"
        case Listing(label, lines, marked):
            return f"<p>{_text(label)}</p><pre>{_numbered(lines, marked)}</pre>"
        case Lines(label, texts, folded):
            return _folding(label, f"<pre>{_text(chr(10).join(texts))}</pre>", folded)
        case Table(headers, rows, label, folded):
            return _folding(label, _table(headers, rows), folded)


def _numbered(lines: tuple[tuple[int, str], ...], marked: frozenset[int]) -> str:
    width = len(str(lines[-1][0])) if lines else 1
    shown = []
    for number, text in lines:
        line = f"{'▶' if number in marked else ' '} {number:>{width}} │ {_text(text)}"
        shown.append(f"<mark>{line}</mark>" if number in marked else line)
    return "\n".join(shown)


def _table(headers: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> str:
    head = "".join(f'<th scope="col">{_text(header)}</th>' for header in headers)
    body = "".join(f"<tr>{''.join(f'<td><code>{_text(cell)}</code></td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if any(headers) else ''}<tbody>{body}</tbody></table>"


def _folding(label: str, content: str, folded: bool) -> str:
    if folded:
        return f"<details><summary>{_text(label)}</summary>{content}</details>"
    return f"{f'<p>{_text(label)}</p>' if label else ''}{content}"


def _is_link(text: str) -> bool:
    """Only whole http(s) addresses become links: a text such as ``javascript:…`` never does."""
    if not text.startswith(("http://", "https://")) or any(character.isspace() for character in text):
        return False
    try:
        return bool(urlsplit(text).hostname)
    except ValueError:
        return False


def _text(text: object) -> str:
    return escape(clean(text), quote=True)
