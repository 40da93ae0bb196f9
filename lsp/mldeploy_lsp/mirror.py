"""The texts and notebooks that the client has open, mirrored change by change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lsprotocol import types as lsp

from jupyter_mldeploy.core.script.source import SourceText
from mldeploy_lsp.document import Document, Encoding, apply_change


@dataclass
class Notebook:
    """An open notebook: its code cells' URIs in order."""

    uri: str
    version: int
    cells: list[str] = field(default_factory=list)


class Mirror:
    """All open documents by URI.

    pygls keeps texts too, but splits lines at form feed and U+2028, so that an incremental edit behind one of them
    damages the text. This mirror knows the line ends of the protocol and no others.
    """

    def __init__(self) -> None:
        self.encoding: Encoding = "utf-16"
        self._documents: dict[str, Document] = {}
        self._notebooks: dict[str, Notebook] = {}

    def get(self, uri: str) -> Document | None:
        """Return the current version of a document, or None when it is not open."""
        return self._documents.get(uri)

    def documents(self) -> list[Document]:
        """Return all open documents and cells."""
        return list(self._documents.values())

    # Texts.

    def open(self, item: lsp.TextDocumentItem, notebook: str | None = None) -> Document:
        """Start to mirror a text."""
        document = Document(
            item.uri, str(item.language_id), item.version, SourceText(item.text), self.encoding, notebook=notebook
        )
        self._documents[item.uri] = document
        return document

    def change(self, uri: str, version: int, changes: list[lsp.TextDocumentContentChangeEvent]) -> Document | None:
        """Apply changes in their order; a text that is not open is left alone."""
        document = self._documents.get(uri)
        if document is None:
            return None
        for change in changes:
            document = apply_change(document, version, change)
        self._documents[uri] = document
        return document

    def close(self, uri: str) -> None:
        """Forget a text."""
        self._documents.pop(uri, None)

    # Notebooks.

    def open_notebook(self, params: lsp.DidOpenNotebookDocumentParams) -> Notebook:
        """Start to mirror a notebook and its cells."""
        item = params.notebook_document
        notebook = Notebook(item.uri, item.version, [cell.document for cell in item.cells])
        self._notebooks[item.uri] = notebook
        for text in params.cell_text_documents:
            self.open(text, item.uri)
        return notebook

    def change_notebook(self, params: lsp.DidChangeNotebookDocumentParams) -> Notebook | None:
        """Apply a change of a notebook's cells; return None when it is not open."""
        notebook = self._notebooks.get(params.notebook_document.uri)
        if notebook is None:
            return None
        notebook.version = params.notebook_document.version
        cells = params.change.cells
        if cells is None:
            return notebook
        if cells.structure is not None:
            array = cells.structure.array
            added = [cell.document for cell in array.cells or ()]
            notebook.cells[array.start : array.start + array.delete_count] = added
            for text in cells.structure.did_open or ():
                self.open(text, notebook.uri)
            for closed in cells.structure.did_close or ():
                self.close(closed.uri)
        for content in cells.text_content or ():
            self.change(content.document.uri, content.document.version, list(content.changes))
        return notebook

    def close_notebook(self, params: lsp.DidCloseNotebookDocumentParams) -> list[str]:
        """Forget a notebook; return the URIs of its cells."""
        notebook = self._notebooks.pop(params.notebook_document.uri, None)
        closed = {text.uri for text in params.cell_text_documents} | set(notebook.cells if notebook else ())
        for uri in closed:
            self.close(uri)
        return sorted(closed)

    def cells(self, notebook: str) -> Iterator[Document]:
        """Yield the cells of a notebook that are open, in their order."""
        found = self._notebooks.get(notebook)
        for uri in found.cells if found else ():
            document = self._documents.get(uri)
            if document is not None:
                yield document

    def names_of_cells(self, notebook: str) -> frozenset[str]:
        """Return the names that a notebook's ordinary cells bind."""
        return frozenset().union(*(cell.bound_names for cell in self.cells(notebook)))
