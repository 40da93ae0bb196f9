"""Document symbols: init, run with its parameters, samples and schemas; keys of deployment files."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from jupyter_mldeploy.core.entryscript import name_span, span_of
from jupyter_mldeploy.core.script.source import Span
from mldeploy_lsp.deployment_keys import family, tree_of
from mldeploy_lsp.document import Document

if TYPE_CHECKING:
    from jupyter_mldeploy.core.lint.document import Node
    from mldeploy_lsp.server import Server

_DEEPEST = 6
_MOST = 500


def register(server: Server) -> None:
    """Add the feature."""

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def symbols(params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
        document = server.get(params.text_document.uri)
        if document is None:
            return []
        if document.is_python:
            return _script(document) if document.is_entry_script else []
        if document.role == "document" and family(document) is not None:
            root = tree_of(document)
            return _keys(document, root, 0) if root is not None else []
        return []


def _symbol(
    document: Document,
    name: str,
    kind: lsp.SymbolKind,
    whole: Span,
    selection: Span,
    detail: str | None = None,
    children: list[lsp.DocumentSymbol] | None = None,
) -> lsp.DocumentSymbol:
    start = min((whole.line, whole.column), (selection.line, selection.column))
    end = max((whole.end_line, whole.end_column), (selection.end_line, selection.end_column))
    return lsp.DocumentSymbol(
        name or "…",
        kind,
        document.range(Span(*start, *end)),
        document.range(selection),
        detail=detail,
        children=children,
    )


def _script(document: Document) -> list[lsp.DocumentSymbol]:
    analysis = document.analysis
    if analysis is None:
        return []
    entry, source = analysis.entry, analysis.source
    found: list[lsp.DocumentSymbol] = []
    for node in analysis.parsed.tree.body[:_MOST]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            spot = name_span(source, node)
            if entry.run is not None and entry.run.name_span == spot:
                children = _schemas(document)
                found.append(
                    _symbol(document, "run", lsp.SymbolKind.Function, entry.run.span, spot, entry.kind, children)
                )
                continue
            detail = "once in each worker" if entry.init is not None and entry.init.name_span == spot else None
            found.append(_symbol(document, node.name, lsp.SymbolKind.Function, span_of(source, node), spot, detail))
        elif isinstance(node, ast.ClassDef):
            found.append(
                _symbol(document, node.name, lsp.SymbolKind.Class, span_of(source, node), name_span(source, node))
            )
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    kind = lsp.SymbolKind.Constant if "sample" in target.id.lower() else lsp.SymbolKind.Variable
                    found.append(_symbol(document, target.id, kind, span_of(source, node), span_of(source, target)))
    return found


def _schemas(document: Document) -> list[lsp.DocumentSymbol]:
    analysis = document.analysis
    if analysis is None or analysis.entry.run is None:
        return []
    children = [
        _symbol(
            document,
            f"{'input' if item.role == 'input' else 'output'} {item.parameter or ''}".strip(),
            lsp.SymbolKind.Interface,
            item.span,
            item.name_span or item.span,
            item.type_name,
        )
        for item in analysis.entry.schemas
    ]
    return children + [
        _symbol(document, item.name, lsp.SymbolKind.Variable, item.span, item.span, item.annotation)
        for item in analysis.entry.run.parameters
    ]


def _keys(document: Document, node: Node, depth: int) -> list[lsp.DocumentSymbol]:
    if depth > _DEEPEST:
        return []
    found = []
    for key, span, child in node.entries[:_MOST]:
        value = str(child.value) if child.kind == "scalar" else None
        kind = lsp.SymbolKind.Property if child.kind == "scalar" else lsp.SymbolKind.Object
        whole = Span(span.line, span.column, max(child.span.end_line, span.line), child.span.end_column)
        found.append(_symbol(document, key, kind, whole, span, value, _keys(document, child, depth + 1) or None))
    return found
