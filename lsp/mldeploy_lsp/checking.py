"""Findings of a document: made once for each version, off the event loop when the text is long."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from mldeploy_lsp.document import LARGEST_INLINE, Document

if TYPE_CHECKING:
    from jupyter_mldeploy.core.lint import Diagnostic, LintConfig
    from mldeploy_lsp.server import Server

_LOG = logging.getLogger(__name__)
_TIDY_AFTER = 8
_TIDY_PAUSE_S = 0.05


@dataclass(frozen=True, eq=False)
class Checked:
    """The findings of one version of a document."""

    document: Document
    names: frozenset[str] | None
    config: LintConfig
    epoch: int
    found: tuple[Diagnostic, ...]

    @cached_property
    def result_id(self) -> str:
        """A name for the findings: the same as long as they are the same."""
        digest = blake2b(digest_size=12)
        for item in self.found:
            digest.update(
                f"{item.code}\0{item.severity}\0{item.line}\0{item.column}\0{item.end_line}\0{item.end_column}"
                f"\0{item.message}\0".encode("utf-8", "surrogatepass")
            )
        return digest.hexdigest()


def findings(document: Document, names: frozenset[str] | None, config: LintConfig) -> list[Diagnostic]:
    """Return what the linter finds in a document, by what it is."""
    from jupyter_mldeploy.core.lint import lint_document, lint_source

    path = document.shown_path
    small = document.is_python and len(document.text) <= LARGEST_INLINE
    analysis = document.analysis if small and document.is_one_script else None
    if document.role == "cell":
        from jupyter_mldeploy.core.lint.notebook import deployed_python

        text = deployed_python(document.text) if document.notebook else document.text
        return lint_source(text, kind="cell", cell_names=names, config=config, analysis=analysis)
    if document.role == "script":
        environment = None
        if document.path is not None and document.magic is None and "sklearn.externals" in document.text:
            from jupyter_mldeploy.core.lint.companions import environment_beside

            environment = environment_beside(document.path)
        return lint_source(
            document.text, path=path, cell_names=names, config=config, environment=environment, analysis=analysis
        )
    if document.role == "document":
        if document.magic is not None:
            lines = document.source
            end = lines.offset(document.magic_line, len(lines.line(document.magic_line)))
            body = "\n" * (document.magic_line - 1) + document.text[end:]
            return lint_document(body, path=path, config=config)
        file = document.path
        if file is None or not ("dependencies" in document.text or file.suffix == ".txt"):
            return lint_document(document.text, path=path, config=config)
        from jupyter_mldeploy.core.lint.companions import modules_in, scripts_beside

        return lint_document(
            document.text,
            path=path,
            config=config,
            scripts=scripts_beside(file),
            modules=modules_in(Path(file).parent),
        )
    return []


class Checker:
    """Checks documents and remembers the findings of each one's newest version."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._known: dict[str, Checked] = {}
        self._running: dict[str, asyncio.Future[Checked]] = {}
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="mldeploy-lsp-check")
        self._untidy = 0
        self.epoch = 0
        self.cost_s = 0.0

    def outside_changed(self) -> None:
        """Make all findings again at the next occasion: a file that they depend on has changed."""
        self.epoch += 1

    def forget(self, uri: str) -> None:
        """Forget the findings of a closed document."""
        self._known.pop(uri, None)

    def known(self, document: Document) -> Checked | None:
        """Return the findings of exactly this version, if they are there and still valid."""
        found = self._known.get(document.uri)
        return found if found is not None and self._holds(found, document) else None

    async def check(self, document: Document) -> Checked:
        """Return the findings of a document, valid when this returns: what changes meanwhile is checked again."""
        while True:
            known = self.known(document)
            if known is not None:
                return known
            if len(document.text) <= LARGEST_INLINE:
                return self._check(document)
            running = self._running.get(document.uri)
            if running is None or running.done():
                loop = asyncio.get_running_loop()
                running = loop.run_in_executor(self._threads, self._check, document)
                self._running[document.uri] = running
            # Shielded: a cancelled request must not take the findings from the others that wait for them.
            checked = await asyncio.shield(running)
            if self._holds(checked, document):
                return checked

    def check_now(self, document: Document) -> Checked:
        """Return the findings of a document at once."""
        return self.known(document) or self._check(document)

    def close(self) -> None:
        """Stop the thread."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _holds(self, checked: Checked, document: Document) -> bool:
        """Return whether findings are those of exactly this version, and of what they depend on as it is now."""
        if checked.document is not document or checked.epoch != self.epoch:
            return False
        return (checked.names, checked.config) == self._inputs(document)

    def _inputs(self, document: Document) -> tuple[frozenset[str] | None, LintConfig]:
        names = None
        if document.notebook is not None:
            names = self._server.mirror.names_of_cells(document.notebook)
        return names, self._server.lint_settings.of(document.path, self._server.settings.server)

    def _check(self, document: Document) -> Checked:
        started = time.perf_counter()
        epoch = self.epoch
        names, config = self._inputs(document)
        try:
            found = tuple(findings(document, names, config))
        except Exception:  # noqa: BLE001 - see below
            # The linter isolates its rules; whatever else fails must not leave old findings on a new text.
            _LOG.exception("The check of %s failed; it shows no findings.", document.uri)
            found = ()
        checked = Checked(document, names, config, epoch, found)
        if self._server.mirror.get(document.uri) is document:
            self._known[document.uri] = checked
        self.cost_s = time.perf_counter() - started
        self._untidy += 1
        return checked

    def tidy_soon(self) -> None:
        """Collect the syntax trees of past versions in a pause: they hold each other, and memory would fill up."""
        if self._untidy >= _TIDY_AFTER:
            self._untidy = 0
            asyncio.get_running_loop().call_later(_TIDY_PAUSE_S, gc.collect)
