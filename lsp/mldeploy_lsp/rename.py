"""Rename: a parameter of ``run()`` and the schema that names it, together."""

from __future__ import annotations

import ast
import keyword
from typing import TYPE_CHECKING

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams

from jupyter_mldeploy.core.entryscript import span_of
from jupyter_mldeploy.core.script.source import Span
from mldeploy_lsp import edits, navigation
from mldeploy_lsp.document import Document

if TYPE_CHECKING:
    from mldeploy_lsp.server import Server


def register(server: Server) -> None:
    """Add the features."""

    @server.feature(lsp.TEXT_DOCUMENT_PREPARE_RENAME)
    def prepare(params: lsp.PrepareRenameParams) -> lsp.PrepareRenamePlaceholder | None:
        document = server.get(params.text_document.uri)
        found = _at(document, params.position) if document is not None else None
        if document is None or found is None:
            return None
        name, span = found
        return lsp.PrepareRenamePlaceholder(document.range(span), name)

    @server.feature(lsp.TEXT_DOCUMENT_RENAME, lsp.RenameOptions(prepare_provider=True))
    def rename(params: lsp.RenameParams) -> lsp.WorkspaceEdit | None:
        document = server.get(params.text_document.uri)
        found = _at(document, params.position) if document is not None else None
        if document is None or found is None:
            return None
        old, new = found[0], params.new_name
        _refuse(document, old, new)
        changes = [lsp.TextEdit(document.range(span), new) for span in places(document, old)]
        return edits.workspace_edit(document, changes, versioned=server.versioned_edits)


def places(document: Document, name: str) -> list[Span]:
    """Return every place where a parameter's name is written: signature, schemas, body, calls by keyword."""
    analysis = document.analysis
    if analysis is None:
        return []
    spans = [*navigation.declarations(document, name), *navigation.uses(document, name)]
    for call in analysis.facts.calls:
        if isinstance(call.func, ast.Name) and call.func.id == "run":
            for item in call.keywords:
                if item.arg == name:
                    start = span_of(analysis.source, item)
                    spans.append(Span(start.line, start.column, start.line, start.column + len(name)))
    return list(dict.fromkeys(spans))


def _at(document: Document, position: lsp.Position) -> tuple[str, Span] | None:
    line, column = document.point(position)
    name = navigation.schema_name_at(document, line, column)
    if name is None:
        return None
    span = next(
        (item for item in places(document, name) if item.line == line and item.column <= column <= item.end_column),
        None,
    )
    return (name, span) if span is not None else None


def _refuse(document: Document, old: str, new: str) -> None:
    """Refuse a name that would change what the script does."""
    if not new.isidentifier() or keyword.iskeyword(new):
        raise JsonRpcInvalidParams(f"{new!r} cannot be the name of a parameter; use letters, digits and underscores.")
    analysis = document.analysis
    if analysis is None or analysis.run_node is None or new == old:
        return
    scope = analysis.facts.scopes[analysis.run_node]
    if any(new in inner.bindings or new in inner.reads for inner in scope.subtree()) or new in scope.globals:
        raise JsonRpcInvalidParams(
            f"run() uses the name {new!r} already, so renaming {old!r} to it would change what it does."
        )
