"""Inlay hints: what each parameter of ``run()`` decodes to, and answers that are JSON inside a string."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from mldeploy_lsp.document import Document
from mldeploy_lsp.samples import decoded

if TYPE_CHECKING:
    from mldeploy_lsp.server import Server

_SHORTEST = 60


def register(server: Server) -> None:
    """Add the feature."""

    @server.feature(lsp.TEXT_DOCUMENT_INLAY_HINT, lsp.InlayHintOptions(resolve_provider=False))
    async def hints(params: lsp.InlayHintParams) -> list[lsp.InlayHint]:
        document = server.get(params.text_document.uri)
        if document is None or not server.settings.inlay_hints or not document.is_entry_script:
            return []
        first, last = params.range.start.line + 1, params.range.end.line + 1
        found = await _parameters(server, document) + _answers(server, document)
        return [hint for hint in found if first <= hint.position.line + 1 <= last]


async def _parameters(server: Server, document: Document) -> list[lsp.InlayHint]:
    analysis = document.analysis
    if analysis is None or analysis.entry.run is None:
        return []
    preview = await server.samples.preview(document)
    plain = {"json": "str (JSON text)", "rawhttp": "HTTP request", "batch": "mini-batch"}.get(analysis.entry.kind)
    hints = []
    inputs = [item for item in analysis.entry.run.parameters if item.name != "request_headers"]
    for number, parameter in enumerate(inputs):
        if parameter.annotation is not None:
            continue
        found = decoded(preview, parameter.name)
        text = found.decoded if found else plain if number == 0 else None
        if text is None:
            continue
        shown = text if len(text) <= _SHORTEST else f"{text[: _SHORTEST - 1]}…"
        span = parameter.span
        hints.append(
            lsp.InlayHint(
                document.position(span.end_line, span.end_column),
                f": {shown}",
                kind=lsp.InlayHintKind.Type,
                tooltip=text,
            )
        )
    return hints


def _answers(server: Server, document: Document) -> list[lsp.InlayHint]:
    """Mark the returns whose callers get JSON inside a string (MLD403)."""
    checked = server.checker.known(document)
    return [
        lsp.InlayHint(
            document.position(item.end_line, item.end_column),
            "→ JSON in a string",
            padding_left=True,
            tooltip=item.message,
        )
        for item in (checked.found if checked else ())
        if item.code == "MLD403"
    ]
