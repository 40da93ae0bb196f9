"""The server: open documents, settings, what the client can do, and the features."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer

from jupyter_mldeploy._version import __version__
from mldeploy_lsp import LANGUAGE_ID
from mldeploy_lsp.checking import Checker
from mldeploy_lsp.diagnostics import Publisher
from mldeploy_lsp.document import Document, Encoding
from mldeploy_lsp.mirror import Mirror
from mldeploy_lsp.protocol import Protocol
from mldeploy_lsp.registry import Registry
from mldeploy_lsp.samples import Samples
from mldeploy_lsp.settings import LintSettings, Settings

_LOG = logging.getLogger(__name__)
#: When the first text that an editor opens has long had its findings.
_SETTLED_S = 2.0
_WATCHED = ("**/pyproject.toml", "**/*.{yml,yaml}", "**/*requirements*.txt", "**/*.py", "**/*.json")

NOTEBOOKS = lsp.NotebookDocumentSyncOptions(
    notebook_selector=[
        lsp.NotebookDocumentFilterWithNotebook(
            notebook=lsp.NotebookDocumentFilterNotebookType(notebook_type=kind),
            cells=[lsp.NotebookCellLanguage(language="python")],
        )
        for kind in ("jupyter-notebook", "interactive")
    ],
    save=True,
)


class Server(LanguageServer):
    """The language server of entry scripts.

    Attributes:
        mirror: the open texts.
        settings: what the client set.
        lint_settings: the linter's settings of each folder.
        checker: makes and remembers findings.
        publisher: pushes them to clients that do not pull.
        registry: names of the deployment workspace.
        samples: previews of the schemas' samples.
        versioned_edits: the client takes edits that are bound to a version.
    """

    def __init__(self) -> None:
        super().__init__(
            "mldeploy-lsp", __version__, notebook_document_sync=NOTEBOOKS, protocol_cls=Protocol, max_workers=4
        )
        self.mirror = Mirror()
        #: Whether findings are shown when the client does not say.
        self.shows_findings = True
        self.settings = Settings()
        self.lint_settings = LintSettings()
        self.checker = Checker(self)
        self.publisher = Publisher(self)
        self.registry = Registry(self)
        self.samples = Samples()
        self.versioned_edits = False
        self._pulls = False
        self._refreshes = False
        self._names: dict[str, frozenset[str]] = {}
        _register_lifecycle(self)
        _register_documents(self)
        _register_features(self)

    def report_server_error(self, error: Exception, source: Any) -> None:  # noqa: ARG002 - pygls gives both
        """Log an error; a pop-up for what the user did not ask for helps nobody."""
        _LOG.error("%s: %s", type(error).__name__, error)

    def get(self, uri: str) -> Document | None:
        """Return an open document."""
        return self.mirror.get(uri)

    def documents_changed(self, document: Document) -> None:
        """Check a document that was opened or changed, and those whose findings depend on it."""
        if not self._pulls:
            self.publisher.touch(document)
        if document.notebook is not None:
            self.notebook_changed(document.notebook)

    def notebook_changed(self, notebook: str) -> None:
        """Check a notebook's cells again when the names that they may borrow have changed."""
        names = self.mirror.names_of_cells(notebook)
        if self._names.get(notebook) == names:
            return
        self._names[notebook] = names
        self._check_again([cell for cell in self.mirror.cells(notebook) if cell.role != "other"])

    def everything_changed(self) -> None:
        """Make all findings again."""
        self.lint_settings.forget()
        self.checker.outside_changed()
        self._check_again(self.mirror.documents())

    def closed(self, uri: str) -> None:
        """Forget a closed document."""
        self.checker.forget(uri)
        self.publisher.close(uri)

    def notebook_closed(self, notebook: str) -> None:
        """Forget a closed notebook."""
        self._names.pop(notebook, None)

    def _check_again(self, documents: list[Document]) -> None:
        if not self._pulls:
            for document in documents:
                self.publisher.touch(document)
        elif self._refreshes and documents:
            asyncio.get_running_loop().create_task(self._ask_to_pull())

    async def _ask_to_pull(self) -> None:
        await self.workspace_diagnostic_refresh_async(None)

    def meet(self, params: lsp.InitializeParams) -> None:
        """Take what the client says about itself."""
        self.settings = Settings.read(params.initialization_options, diagnostics=self.shows_findings)
        text, workspace = params.capabilities.text_document, params.capabilities.workspace
        self._pulls = bool(text and text.diagnostic)
        if not self._pulls:
            # What is not offered is not asked for: some clients pull whatever they were told, and never for cells.
            self.protocol.fm.features.pop(lsp.TEXT_DOCUMENT_DIAGNOSTIC, None)
        self._refreshes = bool(workspace and workspace.diagnostics and workspace.diagnostics.refresh_support)
        edit = workspace.workspace_edit if workspace else None
        self.versioned_edits = bool(edit and edit.document_changes)
        encoding = self.workspace.position_encoding or lsp.PositionEncodingKind.Utf16
        self.mirror.encoding = cast("Encoding", str(getattr(encoding, "value", encoding)))


def _settle() -> None:
    """Take what is loaded by now out of the collector's sight, and let it begin.

    It stays: looking through it again and again would cost milliseconds in the middle of typing. The first look takes
    tens of them, so it waits until the first text has its findings.
    """
    import gc

    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
    gc.enable()


def _register_lifecycle(server: Server) -> None:
    @server.feature(lsp.INITIALIZE)
    def initialize(params: lsp.InitializeParams) -> None:
        server.meet(params)

    @server.feature(lsp.INITIALIZED)
    async def initialized(_: lsp.InitializedParams) -> None:
        import gc

        await asyncio.sleep(0)
        gc.disable()  # the rules that are loaded now are no garbage; _settle() switches it on again
        from jupyter_mldeploy.core.lint import RULES, documents, engine  # noqa: F401 - loaded before the first text comes

        len(RULES)
        asyncio.get_running_loop().call_later(_SETTLED_S, _settle)
        watched = server.client_capabilities.workspace and server.client_capabilities.workspace.did_change_watched_files
        if watched and watched.dynamic_registration:
            options = lsp.DidChangeWatchedFilesRegistrationOptions([lsp.FileSystemWatcher(glob) for glob in _WATCHED])
            registration = lsp.Registration("mldeploy-files", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
            await server.client_register_capability_async(lsp.RegistrationParams([registration]))

    @server.feature(lsp.SHUTDOWN)
    def shutdown(_: None) -> None:
        server.checker.close()
        server.samples.close()

    @server.feature(lsp.WORKSPACE_DID_CHANGE_CONFIGURATION)
    def configured(params: lsp.DidChangeConfigurationParams) -> None:
        server.settings = Settings.read(params.settings, diagnostics=server.shows_findings)
        server.everything_changed()

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def files_changed(_: lsp.DidChangeWatchedFilesParams) -> None:
        server.everything_changed()


def _register_documents(server: Server) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        document = server.get(params.text_document.uri)
        if document is not None:
            server.documents_changed(document)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        document = server.get(params.text_document.uri)
        if document is not None:
            server.documents_changed(document)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(_: lsp.DidSaveTextDocumentParams) -> None:
        # A saved environment or configuration file changes what is true beside it.
        server.everything_changed()

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        server.closed(params.text_document.uri)

    @server.feature(lsp.NOTEBOOK_DOCUMENT_DID_OPEN)
    def notebook_opened(params: lsp.DidOpenNotebookDocumentParams) -> None:
        server.notebook_changed(params.notebook_document.uri)
        for cell in list(server.mirror.cells(params.notebook_document.uri)):
            server.documents_changed(cell)

    @server.feature(lsp.NOTEBOOK_DOCUMENT_DID_CHANGE)
    def notebook_changed(params: lsp.DidChangeNotebookDocumentParams) -> None:
        server.notebook_changed(params.notebook_document.uri)
        cells = params.change.cells
        if cells is None:
            return
        touched = [content.document.uri for content in cells.text_content or ()]
        if cells.structure is not None:
            touched += [text.uri for text in cells.structure.did_open or ()]
            for gone in cells.structure.did_close or ():
                server.closed(gone.uri)
        for uri in touched:
            document = server.get(uri)
            if document is not None:
                server.documents_changed(document)

    @server.feature(lsp.NOTEBOOK_DOCUMENT_DID_CLOSE)
    def notebook_closed(params: lsp.DidCloseNotebookDocumentParams) -> None:
        for cell in list(server.mirror.cells(params.notebook_document.uri)):
            server.closed(cell.uri)
        server.notebook_closed(params.notebook_document.uri)


def _register_features(server: Server) -> None:
    from mldeploy_lsp import (
        actions,
        commands,
        completion,
        diagnostics,
        folding,
        hover,
        inlay,
        lenses,
        navigation,
        rename,
        signature,
        symbols,
    )

    for feature in (
        actions, commands, completion, diagnostics, folding, hover, inlay, lenses, navigation, rename, signature,
        symbols,
    ):  # fmt: skip
        feature.register(server)


__all__ = ["LANGUAGE_ID", "Server"]
