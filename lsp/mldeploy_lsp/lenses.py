"""Code lenses above ``run()``: its kind, deploying it, testing it, its Swagger document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from mldeploy_lsp.known_names import KINDS
from mldeploy_lsp.naming import name_of
from mldeploy_lsp.samples import document_of

if TYPE_CHECKING:
    from mldeploy_lsp.server import Server


def register(server: Server) -> None:
    """Add the feature."""

    @server.feature(lsp.TEXT_DOCUMENT_CODE_LENS, lsp.CodeLensOptions(resolve_provider=False))
    async def lenses(params: lsp.CodeLensParams) -> list[lsp.CodeLens]:
        document = server.get(params.text_document.uri)
        if document is None or not server.settings.code_lenses or not document.is_entry_script:
            return []
        analysis = document.analysis
        if analysis is None or analysis.entry.run is None:
            return []
        run = analysis.entry.run
        place = document.range(run.name_span)
        argument = [{"uri": document.uri}]
        certain = "" if analysis.entry.kind_is_certain else "?"
        kind = lsp.Command(f"kind: {analysis.entry.kind}{certain}", "mldeploy.explainKind", arguments=argument)
        found = [lsp.CodeLens(place, kind)]
        if analysis.entry.kind in {"json", "schema", "rawhttp", "class"} and not analysis.entry.has_errors:
            found.append(lsp.CodeLens(place, lsp.Command("Deploy", "mldeploy.deploy", arguments=argument)))
        preview = await server.samples.preview(document)
        if preview is not None and preview.request is not None:
            found.append(lsp.CodeLens(place, lsp.Command("Test with sample", "mldeploy.test", arguments=argument)))
        names = await server.registry.names()
        if name_of(document) in names.services:
            found.append(lsp.CodeLens(place, lsp.Command("Logs", "mldeploy.logs", arguments=argument)))
        if document_of(preview) is not None:
            found.append(lsp.CodeLens(place, lsp.Command("Show Swagger", "mldeploy.swagger", arguments=argument)))
        return found


def explain(kind: str) -> str:
    """Return a sentence about a script's kind."""
    text = KINDS.get(kind, kind)
    return f"{text[0].upper()}{text[1:]}."
