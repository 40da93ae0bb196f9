"""Folding: imports, functions with their decorators, long samples; the magic line stays visible."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from mldeploy_lsp.document import Document

if TYPE_CHECKING:
    from mldeploy_lsp.server import Server


def register(server: Server) -> None:
    """Add the feature."""

    @server.feature(lsp.TEXT_DOCUMENT_FOLDING_RANGE)
    def folding(params: lsp.FoldingRangeParams) -> list[lsp.FoldingRange]:
        document = server.get(params.text_document.uri)
        if document is None or not document.is_entry_script:
            return []
        return _imports(document) + _blocks(document)


def _range(first: int, last: int, kind: lsp.FoldingRangeKind | None = None) -> list[lsp.FoldingRange]:
    return [lsp.FoldingRange(first - 1, last - 1, kind=kind)] if last > first else []


def _imports(document: Document) -> list[lsp.FoldingRange]:
    analysis = document.analysis
    if analysis is None:
        return []
    lines = [
        (node.lineno, node.end_lineno or node.lineno)
        for node in analysis.parsed.tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    return _range(lines[0][0], lines[-1][1], lsp.FoldingRangeKind.Imports) if lines else []


def _blocks(document: Document) -> list[lsp.FoldingRange]:
    analysis = document.analysis
    found: list[lsp.FoldingRange] = []
    for node in analysis.parsed.tree.body if analysis else ():
        end = getattr(node, "end_lineno", None) or node.lineno
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = node.decorator_list[0].lineno if node.decorator_list else node.lineno
            found += _range(first, end)
            if first != node.lineno:
                found += _range(node.lineno, end)
        elif isinstance(node, ast.Assign | ast.If | ast.Try | ast.With | ast.For):
            found += _range(node.lineno, end)  # a long sample folds to its name
    return found
