"""Completion: the door; what is offered comes from the files beside this one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from mldeploy_lsp.completion_deploy import deploy_line_items
from mldeploy_lsp.completion_documents import document_items
from mldeploy_lsp.completion_script import script_items

if TYPE_CHECKING:
    from mldeploy_lsp.server import Server


def register(server: Server) -> None:
    """Add the feature."""

    @server.feature(
        lsp.TEXT_DOCUMENT_COMPLETION,
        lsp.CompletionOptions(trigger_characters=['"', "'", "-", " ", ":", "@"], resolve_provider=False),
    )
    async def complete(params: lsp.CompletionParams) -> lsp.CompletionList | None:
        document = server.get(params.text_document.uri)
        if document is None or document.role == "other":
            return None
        line, column = document.point(params.position)
        if document.magic is not None and line == document.magic_line:
            items = await deploy_line_items(server, document, line, column)
        elif document.is_python:
            items = await script_items(server, document, line, column)
        else:
            items = await document_items(server, document, line, column)
        return lsp.CompletionList(is_incomplete=False, items=items)
