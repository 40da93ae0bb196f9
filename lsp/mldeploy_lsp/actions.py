"""Code actions: every fix of every finding, all safe fixes at once, and schemas written from a sample."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp

from jupyter_mldeploy.core.script.source import Span
from mldeploy_lsp import edits
from mldeploy_lsp.checking import Checked
from mldeploy_lsp.diagnostics import to_lsp
from mldeploy_lsp.document import Document
from mldeploy_lsp.known_names import BY_NAME

if TYPE_CHECKING:
    from mldeploy_lsp.server import Server

FIX_ALL = "source.fixAll.mldeploy"
_KINDS: list[lsp.CodeActionKind | str] = [
    lsp.CodeActionKind.QuickFix, lsp.CodeActionKind.RefactorRewrite, lsp.CodeActionKind.SourceFixAll, FIX_ALL,
]  # fmt: skip


def register(server: Server) -> None:
    """Add the feature."""

    @server.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION, lsp.CodeActionOptions(code_action_kinds=_KINDS, resolve_provider=False)
    )
    async def actions(params: lsp.CodeActionParams) -> list[lsp.Command | lsp.CodeAction]:
        document = server.get(params.text_document.uri)
        if document is None or document.role == "other":
            return []
        checked = await server.checker.check(document)
        wanted = [str(getattr(kind, "value", kind)) for kind in params.context.only or ()]
        found: list[lsp.Command | lsp.CodeAction] = []
        if _asked(lsp.CodeActionKind.QuickFix, wanted):
            found += _fixes(document, checked, params.range, versioned=server.versioned_edits)
        if _asked(lsp.CodeActionKind.RefactorRewrite, wanted):
            found += _rewrites(server, document, params.range)
        if _asked(FIX_ALL, wanted):
            found += _fix_all(document, checked, versioned=server.versioned_edits)
        return found


def fixes_and_fix_all(
    document: Document, checked: Checked, place: lsp.Range, *, versioned: bool
) -> list[lsp.CodeAction]:
    """Return the fixes of the findings in a range, and all safe fixes of the document as one."""
    return [
        *_fixes(document, checked, place, versioned=versioned),
        *_fix_all(document, checked, versioned=versioned),
    ]


def _asked(kind: Any, wanted: list[str]) -> bool:
    name = str(getattr(kind, "value", kind))
    return not wanted or any(name == item or name.startswith(f"{item}.") for item in wanted)


def _fixes(document: Document, checked: Checked, place: lsp.Range, *, versioned: bool) -> Iterator[lsp.CodeAction]:
    start, end = document.point(place.start), document.point(place.end)
    for item in checked.found:
        if (item.end_line, item.end_column) < start or (item.line, item.column) > end:
            continue
        shown = to_lsp(document, item)
        for number, fix in enumerate(item.fixes):
            yield lsp.CodeAction(
                fix.title,
                kind=lsp.CodeActionKind.QuickFix,
                diagnostics=[shown],
                is_preferred=number == 0 and fix.safe,
                edit=edits.workspace_edit(
                    document, [edits.to_lsp(document, edit) for edit in fix.edits], versioned=versioned
                ),
            )


def _fix_all(document: Document, checked: Checked, *, versioned: bool) -> Iterator[lsp.CodeAction]:
    from jupyter_mldeploy.core.lint.diagnostics import apply_fixes

    fixable = [item for item in checked.found if any(fix.safe for fix in item.fixes)]
    if not fixable:
        return
    fixed = apply_fixes(document.text, fixable)
    if fixed == document.text:
        return
    edit = _difference(document, fixed)
    count = len(fixable)
    yield lsp.CodeAction(
        f"Fix all {count} findings that can be fixed safely"
        if count > 1
        else "Fix the finding that can be fixed safely",
        kind=FIX_ALL,
        edit=edits.workspace_edit(document, [edit], versioned=versioned),
    )


def _difference(document: Document, text: str) -> lsp.TextEdit:
    """Return one edit from the document's text to another: what lies between their first and last difference."""
    old = document.text
    start = 0
    shortest = min(len(old), len(text))
    while start < shortest and old[start] == text[start]:
        start += 1
    end = 0
    while end < shortest - start and old[-1 - end] == text[-1 - end]:
        end += 1
    first = document.source.position(start)
    start = document.source.offset(*first)  # never between the two characters of a line end
    last = document.source.position(len(old) - end)
    tail = len(old) - document.source.offset(*last)
    return lsp.TextEdit(document.range(Span(*first, *last)), text[start : len(text) - tail])


def _rewrites(server: Server, document: Document, place: lsp.Range) -> Iterator[lsp.CodeAction]:
    yield from _schema_from_sample(server, document, place)


def _schema_from_sample(server: Server, document: Document, place: lsp.Range) -> Iterator[lsp.CodeAction]:
    """Offer decorators for an undecorated ``run()``, with a sample that the script holds when it has one."""
    analysis = document.analysis
    if analysis is None or analysis.run_node is None or analysis.entry.run is None:
        return
    entry, run = analysis.entry, analysis.run_node
    if entry.kind != "json" or entry.run is None or not document.is_entry_script:
        return
    at = document.point(place.start)[0]
    held = _sample_at(document, at)
    if held is None and not entry.run.span.line <= at <= run.lineno:
        return
    inputs = [item for item in entry.run.parameters if item.name != "request_headers"]
    if not inputs:
        return
    name, kind = held if held is not None else (_any_sample(document), None)
    kind = kind or _kind_of(document, name)
    sample = name or {"NumpyParameterType": "np.array([[0.0, 1.0]])"}.get(kind, "[[0.0, 1.0]]")
    statements = [BY_NAME["input_schema"].statement, BY_NAME[kind].statement]
    if sample.startswith("np."):
        statements.append("import numpy as np")
    added = [edits.import_edit(document, statement) for statement in statements]
    newline = document.source.newline
    line = analysis.source.line(run.lineno)
    indent = line[: len(line) - len(line.lstrip())]
    decorator = f'{indent}@input_schema("{inputs[0].name}", {kind}({sample})){newline}'
    spot = document.position(run.lineno, 0)
    changes = [edit for edit in added if edit is not None] + [lsp.TextEdit(lsp.Range(spot, spot), decorator)]
    title = f"Generate @input_schema from {name}" if name else "Generate @input_schema with a sample to fill in"
    yield lsp.CodeAction(
        title,
        kind=lsp.CodeActionKind.RefactorRewrite,
        edit=edits.workspace_edit(document, changes, versioned=server.versioned_edits),
    )


def _assignments(document: Document) -> Iterator[tuple[str, ast.Assign]]:
    analysis = document.analysis
    for node in analysis.parsed.tree.body if analysis else ():
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node


def _sample_at(document: Document, line: int) -> tuple[str, str] | None:
    for name, node in _assignments(document):
        if node.lineno <= line <= (node.end_lineno or node.lineno) and "sample" in name.lower():
            return name, _kind_of(document, name)
    return None


def _any_sample(document: Document) -> str:
    analysis = document.analysis
    if analysis is None or analysis.run_node is None:
        return ""
    found = [
        name
        for name, node in _assignments(document)
        if "sample" in name.lower() and "output" not in name.lower() and node.lineno < analysis.run_node.lineno
    ]
    return found[0] if found else ""


def _kind_of(document: Document, name: str) -> str:
    from jupyter_mldeploy.core.script.values import infer

    analysis = document.analysis
    for known, node in _assignments(document):
        if known == name and analysis is not None:
            value = infer(analysis.facts, node.value)
            kinds = {"ndarray": "NumpyParameterType", "DataFrame": "PandasParameterType"}
            return kinds.get(value.type if value else "", "StandardPythonParameterType")
    return "NumpyParameterType"
