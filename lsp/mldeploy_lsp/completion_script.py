"""Completion in scripts: schema names, parameter types with their import, variables, models, skeletons of run()."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from jupyter_mldeploy.core.script.source import Span
from mldeploy_lsp import edits
from mldeploy_lsp.document import Document
from mldeploy_lsp.known_names import IMPORTABLE, SKELETON_IMPORTS, SKELETONS, VARIABLES

if TYPE_CHECKING:
    from mldeploy_lsp.server import Server

_SCHEMA_NAME = re.compile(r"\binput_schema\(\s*(?:param_name\s*=\s*)?([\"'])(\w*)$")
_VARIABLE = re.compile(r"(?:environ\[|environ\.get\(|getenv\()\s*[\"'](\w*)$")
_MODEL = re.compile(
    r"\b(?:get_model_path\(\s*(?:model_name\s*=\s*)?|Model\(\s*\w+\s*,\s*(?:name\s*=\s*)?)[\"']([\w.-]*)$"
)
_VERSION = re.compile(r"\b(?:get_model_path|Model)\(.*?[\"']([\w.-]+)[\"']\s*,\s*(?:version\s*=\s*)?(\d*)$")
_WORD = re.compile(r"(?<![\w.\"'])(@?)([A-Za-z_]\w*)$")
_START = re.compile(r"^(?:def\s+)?\w*$")
_IN_TEXT = re.compile(r"^(?:[^\"'#]|\"[^\"]*\"|'[^']*')*(?:\"[^\"]*|'[^']*|#.*)$")


async def script_items(server: Server, document: Document, line: int, column: int) -> list[lsp.CompletionItem]:
    """Return what may stand at a position of a script."""
    before = document.source.line(line)[:column]
    found = _SCHEMA_NAME.search(before)
    if found:
        return _schema_names(document, line, column, found[2])
    found = _VARIABLE.search(before)
    if found:
        return [
            _item(document, line, column, found[1], name, lsp.CompletionItemKind.Constant, text)
            for name, text in VARIABLES.items()
        ]
    found = _MODEL.search(before)
    if found:
        return await _models(server, document, line, column, found[1])
    found = _VERSION.search(before)
    if found:
        models = (await server.registry.names()).models
        return [
            _item(document, line, column, found[2], str(item.version), lsp.CompletionItemKind.Value, item.root)
            for item in models
            if item.name == found[1]
        ]
    if _IN_TEXT.match(before):
        return []
    items = _skeletons(document, line, column, before) if _START.match(before) else []
    return items + _importable(document, line, column, before)


def _replaced(document: Document, line: int, column: int, typed: str) -> lsp.Range:
    return document.range(Span(line, column - len(typed), line, column))


def _item(
    document: Document, line: int, column: int, typed: str, text: str, kind: lsp.CompletionItemKind, help_: str
) -> lsp.CompletionItem:
    return lsp.CompletionItem(
        text,
        kind=kind,
        documentation=lsp.MarkupContent(lsp.MarkupKind.Markdown, help_) if help_ else None,
        text_edit=lsp.TextEdit(_replaced(document, line, column, typed), text),
    )


def _schema_names(document: Document, line: int, column: int, typed: str) -> list[lsp.CompletionItem]:
    """Offer the parameters of ``run()`` that have no schema yet first, then the others."""
    analysis = document.analysis
    if analysis is None or analysis.entry.run is None:
        return []
    taken = {
        item.parameter for item in analysis.entry.schemas if item.name_span is not None and item.name_span.line != line
    }
    items = []
    for parameter in analysis.entry.run.parameters:
        if parameter.name == "request_headers":
            continue
        given = parameter.name in taken
        item = _item(
            document, line, column, typed, parameter.name, lsp.CompletionItemKind.Variable,
            "It has a schema already." if given else "A parameter of run() without a schema.",
        )  # fmt: skip
        item.sort_text = f"{int(given)}{parameter.name}"
        items.append(item)
    return items


async def _models(server: Server, document: Document, line: int, column: int, typed: str) -> list[lsp.CompletionItem]:
    names: dict[str, list[str]] = {}
    for model in (await server.registry.names()).models:
        names.setdefault(model.name, []).append(f"{model.version} ({model.root})")
    return [
        _item(
            document, line, column, typed, name, lsp.CompletionItemKind.File,
            f"Registered: version {', '.join(versions[:5])}",
        )
        for name, versions in names.items()
    ]  # fmt: skip


def _importable(document: Document, line: int, column: int, before: str) -> list[lsp.CompletionItem]:
    """Offer parameter types, decorators and responses; what is not imported yet brings its import."""
    found = _WORD.search(before)
    at = before.rstrip().endswith("@") and not before.lstrip().rstrip("@").strip()
    if (found is None and not at) or before.lstrip().startswith(("import ", "from ")):
        return []
    typed = found[2] if found else ""
    decorating = at or bool(found and found[1])
    items = []
    for name in IMPORTABLE:
        is_decorator = name.name in {"input_schema", "output_schema", "rawhttp"}
        if decorating != is_decorator or not name.name.lower().startswith(typed.lower()):
            continue
        added = edits.import_edit(document, name.statement)
        items.append(
            lsp.CompletionItem(
                name.name,
                kind=lsp.CompletionItemKind.Function if is_decorator else lsp.CompletionItemKind.Class,
                detail=name.statement if added else None,
                documentation=lsp.MarkupContent(lsp.MarkupKind.Markdown, name.help),
                insert_text_format=lsp.InsertTextFormat.Snippet,
                text_edit=lsp.TextEdit(_replaced(document, line, column, typed), name.snippet),
                additional_text_edits=[added] if added else None,
            )
        )
    return items


def _skeletons(document: Document, line: int, column: int, before: str) -> list[lsp.CompletionItem]:
    """Offer init() and run() of each kind, at the top level of a script that has no run()."""
    analysis = document.analysis
    if analysis is None or (analysis.entry.run is not None and analysis.entry.run.how == "def"):
        return []
    typed = before.removeprefix("def").strip()
    if not any(word.startswith(typed) for word in ("run", "init")):
        return []
    items = []
    for label, text, snippet in SKELETONS:
        added = [edits.import_edit(document, statement) for statement in SKELETON_IMPORTS[label]]
        items.append(
            lsp.CompletionItem(
                label,
                kind=lsp.CompletionItemKind.Snippet,
                detail=text,
                filter_text=before or "run",
                insert_text_format=lsp.InsertTextFormat.Snippet,
                text_edit=lsp.TextEdit(_replaced(document, line, column, before), snippet),
                additional_text_edits=[edit for edit in added if edit is not None] or None,
            )
        )
    return items
