"""Completion in deployment files: keys, their values, models, environments, packages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from jupyter_mldeploy.core.script.source import Span
from mldeploy_lsp.deployment_keys import family, keys_of, path_at
from mldeploy_lsp.document import Document

if TYPE_CHECKING:
    from mldeploy_lsp.server import Server

_VALUE = re.compile(r"(?:\"([\w$.-]+)\"|^\s*(?:- )?([\w$.-]+))\s*:\s*(\"?)([^\",\s]*)$")
_KEY = re.compile(r"(\"?)([\w$.-]*)$")


async def document_items(server: Server, document: Document, line: int, column: int) -> list[lsp.CompletionItem]:
    """Return what may stand at a position of a deployment file."""
    kind = family(document)
    if kind is None:
        return []
    before = document.source.line(line)[:column]
    parent = path_at(document, line)
    is_json = (document.shown_path or document.uri).lower().endswith(".json")
    found = _VALUE.search(before)
    if found:
        name = found[1] or found[2]
        return await _values(server, document, line, column, parent, name, found[3], found[4], is_json=is_json)
    found = _KEY.search(before)
    if found is None or (not is_json and before.strip(" -") != found[2]):
        return []
    quote, typed = found[1], found[2]
    items = []
    for key in keys_of(kind):
        above, _, name = key.path.rpartition(".")
        if above != parent:
            continue
        text = f'"{name}": ' if is_json else f"{name}: "
        place = document.range(
            Span(line, column - len(typed) - len(quote), line, column + _closing(document, line, column, quote))
        )
        items.append(
            lsp.CompletionItem(
                name,
                kind=lsp.CompletionItemKind.Property,
                detail=key.help or None,
                filter_text=f'"{name}"' if quote else name,
                text_edit=lsp.TextEdit(place, text),
            )
        )
    return items


def _closing(document: Document, line: int, column: int, quote: str) -> int:
    """Return how many characters of an automatically closed quotation mark are replaced too."""
    return int(bool(quote) and document.source.line(line)[column : column + 1] == quote)


async def _values(
    server: Server,
    document: Document,
    line: int,
    column: int,
    parent: str,
    name: str,
    quote: str,
    typed: str,
    *,
    is_json: bool,
) -> list[lsp.CompletionItem]:
    kind = family(document)
    path = f"{parent}.{name}" if parent else name
    key = next((item for item in keys_of(kind) if item.path == path), None) if kind else None
    values: list[tuple[str, str]] = [(value, "") for value in key.values] if key else []
    names = await server.registry.names()
    if name in {"model", "models"}:
        values = [(f"azureml:{item.name}:{item.version}", item.root) for item in names.models]
    elif name == "environment" and kind == "endpoint":
        values = [(f"azureml:{item}", "") for item in names.environments]
    elif name in {"entryScript", "scoring_script"}:
        values = [(item, "") for item in _files(document, ".py")]
    elif name in {"condaFile", "conda_file", "condaDependenciesFile"}:
        values = [(item, "") for item in (*_files(document, ".yml"), *_files(document, ".yaml"))]
    place = document.range(
        Span(line, column - len(typed) - len(quote), line, column + _closing(document, line, column, quote))
    )
    items = []
    for value, text in values:
        written = value if not is_json or value in {"true", "false"} else f'"{value}"'
        items.append(
            lsp.CompletionItem(
                value,
                kind=lsp.CompletionItemKind.Value,
                detail=text or None,
                filter_text=f'"{value}"' if quote else value,
                text_edit=lsp.TextEdit(place, written),
            )
        )
    return items


def _files(document: Document, suffix: str) -> list[str]:
    if document.path is None:
        return []
    try:
        return sorted(item.name for item in document.path.parent.iterdir() if item.suffix == suffix)[:200]
    except OSError:
        return []
