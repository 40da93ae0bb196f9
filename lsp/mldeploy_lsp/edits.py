"""Edits of the linter as edits of the protocol."""

from __future__ import annotations

from collections.abc import Iterable

from lsprotocol import types as lsp

from jupyter_mldeploy.core.lint.context import ScriptContext
from jupyter_mldeploy.core.lint.diagnostics import TextEdit
from jupyter_mldeploy.core.lint.settings import LintConfig
from jupyter_mldeploy.core.script.source import Span
from mldeploy_lsp.document import Document


def to_lsp(document: Document, edit: TextEdit) -> lsp.TextEdit:
    """Return an edit as the client counts, with the line ends of its document."""
    place = document.range(Span(edit.line, edit.column, edit.end_line, edit.end_column))
    text = edit.new_text
    if document.source.newline != "\n":
        text = text.replace("\r\n", "\n").replace("\n", document.source.newline)
    return lsp.TextEdit(place, text)


def workspace_edit(document: Document, edits: Iterable[lsp.TextEdit], *, versioned: bool) -> lsp.WorkspaceEdit:
    """Return an edit of one document, bound to its version when the client understands versions."""
    listed = list(edits)
    if not versioned:
        return lsp.WorkspaceEdit(changes={document.uri: listed})
    identifier = lsp.OptionalVersionedTextDocumentIdentifier(document.uri, document.version)
    return lsp.WorkspaceEdit(document_changes=[lsp.TextDocumentEdit(identifier, list(listed))])


def script_context(document: Document) -> ScriptContext | None:
    """Return what rules get for a script: with it, imports are inserted where the linter's fixes put them."""
    if document.analysis is None:
        return None
    first_line = document.magic_line + 1 if document.magic is not None else 1
    return ScriptContext(document.analysis, LintConfig(), path=document.shown_path, first_line=first_line)


def import_edit(document: Document, statement: str) -> lsp.TextEdit | None:
    """Return the edit that adds an import, or None when it is there already."""
    context = script_context(document)
    if context is None:
        return None
    name = statement.rpartition(" ")[2]
    if name in context.facts.module.bindings:
        return None
    return to_lsp(document, context.insert_import(statement))
