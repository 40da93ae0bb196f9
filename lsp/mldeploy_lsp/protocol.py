"""The protocol of pygls with our own mirror of texts and without its traps."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, cast

from lsprotocol import types as lsp
from pygls.protocol import LanguageServerProtocol, lsp_method

if TYPE_CHECKING:
    from mldeploy_lsp.server import Server

_Steps = Generator[Any, Any, None]


class Protocol(LanguageServerProtocol):
    """Feeds the mirror before any handler sees a message."""

    @property
    def _own(self) -> Server:
        return cast("Server", self._server)

    def _then(self, method: str, params: Any) -> _Steps:
        handler = self.fm.features.get(method)
        if handler is not None:
            yield handler, (params,), None

    @lsp_method(lsp.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: lsp.DidOpenTextDocumentParams) -> _Steps:
        """Mirror a text."""
        self._own.mirror.open(params.text_document)
        yield from self._then(lsp.TEXT_DOCUMENT_DID_OPEN, params)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: lsp.DidChangeTextDocumentParams) -> _Steps:
        """Mirror a change."""
        self._own.mirror.change(params.text_document.uri, params.text_document.version, list(params.content_changes))
        yield from self._then(lsp.TEXT_DOCUMENT_DID_CHANGE, params)

    @lsp_method(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: lsp.DidCloseTextDocumentParams) -> _Steps:
        """Forget a text."""
        self._own.mirror.close(params.text_document.uri)
        yield from self._then(lsp.TEXT_DOCUMENT_DID_CLOSE, params)

    @lsp_method(lsp.NOTEBOOK_DOCUMENT_DID_OPEN)
    def lsp_notebook_document__did_open(self, params: lsp.DidOpenNotebookDocumentParams) -> _Steps:
        """Mirror a notebook."""
        self._own.mirror.open_notebook(params)
        yield from self._then(lsp.NOTEBOOK_DOCUMENT_DID_OPEN, params)

    @lsp_method(lsp.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def lsp_notebook_document__did_change(self, params: lsp.DidChangeNotebookDocumentParams) -> _Steps:
        """Mirror a notebook's change."""
        self._own.mirror.change_notebook(params)
        yield from self._then(lsp.NOTEBOOK_DOCUMENT_DID_CHANGE, params)

    @lsp_method(lsp.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def lsp_notebook_document__did_close(self, params: lsp.DidCloseNotebookDocumentParams) -> _Steps:
        """Forget a notebook, after the handlers saw which cells go."""
        yield from self._then(lsp.NOTEBOOK_DOCUMENT_DID_CLOSE, params)
        self._own.mirror.close_notebook(params)

    def _handle_response(self, msg_id: Any, result: Any = None, error: Any = None) -> None:
        # A request to the client that was given up (its task cancelled) may still be answered: pygls would then raise
        # InvalidStateError for setting a result on a cancelled future.
        future = self._request_futures.get(msg_id)
        if future is not None and future.done():
            self._request_futures.pop(msg_id, None)
            return
        super()._handle_response(msg_id, result, error)
