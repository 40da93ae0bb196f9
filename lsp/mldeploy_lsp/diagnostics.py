"""Diagnostics: pulled by clients that can, pushed with their version to the others."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from lsprotocol import types as lsp

from mldeploy_lsp.checking import Checked
from mldeploy_lsp.document import Document
from mldeploy_lsp.links import docs_link

if TYPE_CHECKING:
    from jupyter_mldeploy.core.lint import Diagnostic
    from mldeploy_lsp.server import Server

SOURCE = "mldeploy"
_LONGEST_PAUSE_S = 0.03
_BURST_S = 0.1
_SEVERITIES = {
    "error": lsp.DiagnosticSeverity.Error,
    "warning": lsp.DiagnosticSeverity.Warning,
    "info": lsp.DiagnosticSeverity.Information,
    "hint": lsp.DiagnosticSeverity.Hint,
}


def to_lsp(document: Document, item: Diagnostic) -> lsp.Diagnostic:
    """Return a finding as the client sees it."""
    start, end = document.range(item.span).start, document.range(item.span).end
    href = docs_link(item.code)
    return lsp.Diagnostic(
        range=lsp.Range(start, end),
        message=item.message,
        severity=_SEVERITIES[item.severity],
        code=item.code,
        code_description=lsp.CodeDescription(href) if href else None,
        source=SOURCE,
        tags=[lsp.DiagnosticTag.Deprecated] if item.code in {"MLD601", "MLD602"} else None,
        data={"fixes": [fix.title for fix in item.fixes]} if item.fixes else None,
    )


class Publisher:
    """Pushes findings: one task for each document, a short pause while keys come fast, never an old version."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._changed: dict[str, float] = {}
        self._shown: dict[str, str] = {}

    def touch(self, document: Document) -> None:
        """Check a document that has changed, soon."""
        now = time.monotonic()
        burst = now - self._changed.get(document.uri, 0.0) < _BURST_S
        self._changed[document.uri] = now
        if document.role == "other" and document.uri not in self._shown:
            return
        task = self._tasks.get(document.uri)
        if task is None or task.done():
            pause = min(_LONGEST_PAUSE_S, self._server.checker.cost_s) if burst else 0.0
            self._tasks[document.uri] = asyncio.get_running_loop().create_task(self._publish(document.uri, pause))

    def close(self, uri: str) -> None:
        """Take a closed document's findings away."""
        task = self._tasks.pop(uri, None)
        if task is not None:
            task.cancel()
        self._changed.pop(uri, None)
        if self._shown.pop(uri, None) is not None:
            self._server.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))

    async def _publish(self, uri: str, pause: float) -> None:
        await asyncio.sleep(pause)
        while True:
            document = self._server.mirror.get(uri)
            if document is None:
                return
            checked = await self._server.checker.check(document)
            if self._server.mirror.get(uri) is document:
                break
        shows = self._server.settings.diagnostics
        stamp = f"{document.version}:{checked.result_id}" if shows else ""
        if self._shown.get(uri, "") == stamp:
            return
        self._shown[uri] = stamp
        items = [to_lsp(document, item) for item in checked.found] if shows else []
        self._server.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(uri, items, version=document.version)
        )
        self._server.checker.tidy_soon()


def register(server: Server) -> None:
    """Add the feature."""

    @server.feature(
        lsp.TEXT_DOCUMENT_DIAGNOSTIC,
        lsp.DiagnosticOptions(inter_file_dependencies=True, workspace_diagnostics=False, identifier=SOURCE),
    )
    async def pull(params: lsp.DocumentDiagnosticParams) -> lsp.DocumentDiagnosticReport:
        document = server.mirror.get(params.text_document.uri)
        if document is None:
            return lsp.RelatedFullDocumentDiagnosticReport(items=[])
        # Whatever was already sent when the request came is read first: an edit makes this one's answer old.
        await asyncio.sleep(0)
        while True:
            document = server.mirror.get(params.text_document.uri)
            if document is None:
                return lsp.RelatedFullDocumentDiagnosticReport(items=[])
            checked = await server.checker.check(document)
            if server.mirror.get(document.uri) is document:
                server.checker.tidy_soon()
                if not server.settings.diagnostics:
                    return lsp.RelatedFullDocumentDiagnosticReport(items=[])
                return _report(document, checked, params.previous_result_id)


def _report(document: Document, checked: Checked, previous: str | None) -> lsp.DocumentDiagnosticReport:
    if previous == checked.result_id:
        return lsp.RelatedUnchangedDocumentDiagnosticReport(result_id=previous)
    return lsp.RelatedFullDocumentDiagnosticReport(
        items=[to_lsp(document, item) for item in checked.found], result_id=checked.result_id
    )
