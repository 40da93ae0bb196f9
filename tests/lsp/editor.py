"""An editor for tests: a real client of a real server process, with the texts that it has open."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lsprotocol import types as lsp
from lsprotocol.converters import get_converter
from pytest_lsp import LanguageClient
from pytest_lsp import make_test_lsp_client as make_client

from tests.patience import FACTOR

#: How long a test waits for a server on a busy machine; less than the time limit of a test.
PATIENCE_S = 90 * FACTOR
SERVER = [sys.executable, "-m", "mldeploy_lsp"]
_CONVERTER = get_converter()


def capabilities(*, pull: bool, encodings: tuple[str, ...] = (), watch: bool = False) -> lsp.ClientCapabilities:
    """Return what a modern editor says that it can do."""
    dynamic = {"dynamicRegistration": False}
    text: dict[str, Any] = {
        "synchronization": dynamic,
        "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}},
        "hover": {"contentFormat": ["markdown"]},
        "signatureHelp": {"signatureInformation": {"parameterInformation": {"labelOffsetSupport": True}}},
        "codeAction": {
            "codeActionLiteralSupport": {
                "codeActionKind": {"valueSet": ["quickfix", "refactor", "refactor.rewrite", "source.fixAll"]}
            },
            "dataSupport": True,
            "resolveSupport": {"properties": ["edit"]},
        },
        "documentSymbol": {"hierarchicalDocumentSymbolSupport": True},
        "rename": {"prepareSupport": True},
        "publishDiagnostics": {
            "versionSupport": True,
            "codeDescriptionSupport": True,
            "dataSupport": True,
            "tagSupport": {"valueSet": [1, 2]},
        },
        "foldingRange": {},
        "inlayHint": {},
        "codeLens": dynamic,
    }
    if pull:
        text["diagnostic"] = dynamic
    raw = {
        "textDocument": text,
        "notebookDocument": {"synchronization": {"dynamicRegistration": False}},
        "workspace": {
            "applyEdit": True,
            "workspaceEdit": {"documentChanges": True},
            "diagnostics": {"refreshSupport": True},
            "didChangeWatchedFiles": {"dynamicRegistration": watch},
            "executeCommand": {},
        },
        "window": {"workDoneProgress": True, "showDocument": {"support": True}},
        "general": {"positionEncodings": list(encodings)} if encodings else {},
    }
    return _CONVERTER.structure(raw, lsp.ClientCapabilities)


class Editor:
    """A client with its open texts."""

    def __init__(self, client: LanguageClient) -> None:
        self.client = client
        self.versions: dict[str, int] = {}
        self.published: list[lsp.PublishDiagnosticsParams] = []
        self.initialized: lsp.InitializeResult | None = None
        self._news = asyncio.Event()

    @classmethod
    async def start(
        cls,
        root: Path,
        *,
        pull: bool = False,
        encodings: tuple[str, ...] = (),
        watch: bool = False,
        options: dict[str, Any] | None = None,
        env: dict[str, str] | None = None,
        command: list[str] | None = None,
    ) -> Editor:
        """Start a server and greet it."""
        client = make_client()
        editor = cls(client)
        editor._listen()
        await client.start_io(*(command or SERVER), env=env)
        await editor.greet(root, pull=pull, encodings=encodings, watch=watch, options=options)
        return editor

    async def greet(
        self,
        root: Path,
        *,
        pull: bool = False,
        encodings: tuple[str, ...] = (),
        watch: bool = False,
        options: dict[str, Any] | None = None,
    ) -> None:
        """Initialize the session."""
        self.initialized = await self.client.initialize_session(
            lsp.InitializeParams(
                capabilities=capabilities(pull=pull, encodings=encodings, watch=watch),
                workspace_folders=[lsp.WorkspaceFolder(root.as_uri(), root.name)],
                initialization_options=options,
            )
        )

    async def stop(self) -> None:
        """End the session and the process."""
        await self.client.shutdown_session()
        await self.client.stop()

    def _listen(self) -> None:
        features = self.client.protocol.fm.features
        features.pop(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS, None)

        @self.client.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
        def published(params: lsp.PublishDiagnosticsParams) -> None:
            self.published.append(params)
            self._news.set()

    # Texts.

    def open(self, uri: str, text: str, language: str = "python") -> str:
        self.versions[uri] = 1
        self.client.text_document_did_open(lsp.DidOpenTextDocumentParams(lsp.TextDocumentItem(uri, language, 1, text)))
        return uri

    def change(self, uri: str, *changes: tuple[tuple[int, int, int, int], str] | str) -> int:
        """Send one notification with full texts or ranges ``((line, column, line, column), text)``."""
        self.versions[uri] += 1
        events: list[lsp.TextDocumentContentChangeEvent] = [
            lsp.TextDocumentContentChangeWholeDocument(change)
            if isinstance(change, str)
            else lsp.TextDocumentContentChangePartial(span(*change[0]), change[1])
            for change in changes
        ]
        self.client.text_document_did_change(
            lsp.DidChangeTextDocumentParams(lsp.VersionedTextDocumentIdentifier(self.versions[uri], uri), events)
        )
        return self.versions[uri]

    def close(self, uri: str) -> None:
        self.client.text_document_did_close(lsp.DidCloseTextDocumentParams(lsp.TextDocumentIdentifier(uri)))

    # Notebooks.

    def open_notebook(self, uri: str, *cells: str) -> list[str]:
        """Open a notebook with code cells; return the cells' URIs."""
        uris = [f"{uri}#cell{number}" for number in range(len(cells))]
        self.versions.update(dict.fromkeys([uri, *uris], 1))
        self.client.notebook_document_did_open(
            lsp.DidOpenNotebookDocumentParams(
                lsp.NotebookDocument(
                    uri, "jupyter-notebook", 1, [lsp.NotebookCell(lsp.NotebookCellKind.Code, cell) for cell in uris]
                ),
                [lsp.TextDocumentItem(cell, "python", 1, text) for cell, text in zip(uris, cells, strict=True)],
            )
        )
        return uris

    def change_cell(self, notebook: str, cell: str, text: str) -> int:
        """Replace a cell's text."""
        self.versions[cell] += 1
        self._change_notebook(
            notebook,
            lsp.NotebookDocumentCellChanges(
                text_content=[
                    lsp.NotebookDocumentCellContentChanges(
                        lsp.VersionedTextDocumentIdentifier(self.versions[cell], cell),
                        [lsp.TextDocumentContentChangeWholeDocument(text)],
                    )
                ]
            ),
        )
        return self.versions[cell]

    def splice_cells(self, notebook: str, start: int, removed: list[str], added: dict[str, str]) -> None:
        """Replace cells from ``start`` on by new ones (URI → text)."""
        self.versions.update(dict.fromkeys(added, 1))
        self._change_notebook(
            notebook,
            lsp.NotebookDocumentCellChanges(
                structure=lsp.NotebookDocumentCellChangeStructure(
                    lsp.NotebookCellArrayChange(
                        start, len(removed), [lsp.NotebookCell(lsp.NotebookCellKind.Code, uri) for uri in added]
                    ),
                    did_open=[lsp.TextDocumentItem(uri, "python", 1, text) for uri, text in added.items()],
                    did_close=[lsp.TextDocumentIdentifier(uri) for uri in removed],
                )
            ),
        )

    def _change_notebook(self, notebook: str, cells: lsp.NotebookDocumentCellChanges) -> None:
        self.versions[notebook] += 1
        self.client.notebook_document_did_change(
            lsp.DidChangeNotebookDocumentParams(
                lsp.VersionedNotebookDocumentIdentifier(self.versions[notebook], notebook),
                lsp.NotebookDocumentChangeEvent(cells=cells),
            )
        )

    # What the server says.

    async def diagnostics(
        self, uri: str, version: int | None = None, *, until: Callable[[list[lsp.Diagnostic]], bool] | None = None
    ) -> list[lsp.Diagnostic]:
        """Wait for the findings pushed for a version (the newest sent, without one), and for ``until`` to hold."""
        wanted = self.versions[uri] if version is None else version
        async with asyncio.timeout(PATIENCE_S):
            while True:
                self._news.clear()
                found = [item for item in self.published if item.uri == uri and (item.version or 0) >= wanted]
                if found and (until is None or until(list(found[-1].diagnostics))):
                    return list(found[-1].diagnostics)
                await self._news.wait()

    async def pull(self, uri: str, previous: str | None = None) -> Any:
        """Ask for a document's findings."""
        return await self.client.text_document_diagnostic_async(
            lsp.DocumentDiagnosticParams(lsp.TextDocumentIdentifier(uri), previous_result_id=previous)
        )


def span(line: int, column: int, end_line: int, end_column: int) -> lsp.Range:
    """Return a range; lines and columns from 0."""
    return lsp.Range(lsp.Position(line, column), lsp.Position(end_line, end_column))


def codes(found: list[lsp.Diagnostic] | Any) -> list[str]:
    """Return the codes of findings."""
    return [str(item.code) for item in found]


def place(item: lsp.Diagnostic) -> tuple[int, int, int, int]:
    """Return a finding's place."""
    start, end = item.range.start, item.range.end
    return start.line, start.character, end.line, end.character
