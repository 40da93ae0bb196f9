"""A script while it is typed: every feature answers in every state, and none fails."""

from __future__ import annotations

import pytest
from lsprotocol import types as lsp

from tests.lsp.editor import Editor, span
from tests.lsp.scripts import JSON, SCHEMA

pytestmark = pytest.mark.asyncio

URI = "file:///project/score.py"


@pytest.mark.parametrize("text", [SCHEMA, JSON], ids=["schema", "json"])
async def test_every_feature_answers_in_every_state(editor: Editor, text: str) -> None:
    editor.open(URI, "")
    document, client = lsp.TextDocumentIdentifier(URI), editor.client
    tail = text[-120:]
    for end in range(1, len(text), 37):
        for state in (text[:end], text[:end] + tail):
            editor.change(URI, state)
            before = state[:end]
            at = lsp.Position(before.count("\n"), end - before.rfind("\n") - 1)
            await client.text_document_completion_async(lsp.CompletionParams(document, at))
            await client.text_document_hover_async(lsp.HoverParams(document, at))
            await client.text_document_signature_help_async(lsp.SignatureHelpParams(document, at))
            await client.text_document_code_action_async(
                lsp.CodeActionParams(document, span(0, 0, 999, 0), lsp.CodeActionContext([]))
            )
            await client.text_document_code_lens_async(lsp.CodeLensParams(document))
            await client.text_document_inlay_hint_async(lsp.InlayHintParams(document, span(0, 0, 999, 0)))
            await client.text_document_document_symbol_async(lsp.DocumentSymbolParams(document))
            await client.text_document_folding_range_async(lsp.FoldingRangeParams(document))
            await client.text_document_definition_async(lsp.DefinitionParams(document, at))
            await client.text_document_references_async(lsp.ReferenceParams(lsp.ReferenceContext(True), document, at))
            await client.text_document_prepare_rename_async(lsp.PrepareRenameParams(document, at))
    await editor.diagnostics(URI)
    versions = [item.version for item in editor.published]
    assert versions == sorted(set(versions))  # type: ignore[type-var]
