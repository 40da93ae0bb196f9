"""Previews of the schemas' samples, remembered by text; the worker process starts with the first question."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from mldeploy_lsp.document import Document

if TYPE_CHECKING:
    from jupyter_mldeploy.core.sample import ParameterPreview, SampleWorker, SchemaPreview

_REMEMBERED = 32


class Samples:
    """Asks the worker off the event loop, one script at a time.

    Args:
        worker: who works the samples out; one of its own by default.
    """

    def __init__(self, worker: SampleWorker | None = None) -> None:
        self._worker = worker
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mldeploy-lsp-samples")
        self._known: OrderedDict[str, SchemaPreview] = OrderedDict()
        self._asked: dict[str, asyncio.Future[SchemaPreview]] = {}

    async def preview(self, document: Document) -> SchemaPreview | None:
        """Return what the schemas of an entry script mean; None when it has none."""
        analysis = document.analysis
        if analysis is None or not analysis.entry.schemas:
            return None
        text = document.python
        found = self._known.get(text)
        if found is not None:
            self._known.move_to_end(text)
            return found
        asked = self._asked.get(text)
        if asked is None:
            asked = asyncio.get_running_loop().run_in_executor(self._thread, self._ask, text, document.shown_path)
            self._asked[text] = asked
            asked.add_done_callback(lambda done: self._keep(text, done))
        # An editor that takes its question back ends its own waiting only: others may ask the same.
        return await asyncio.shield(asked)

    def _keep(self, text: str, done: asyncio.Future[SchemaPreview]) -> None:
        """Remember an answer that would be the same again: not one for which there was no time on a busy machine."""
        self._asked.pop(text, None)
        if done.cancelled() or done.exception() is not None or not done.result().is_final:
            return
        self._known[text] = done.result()
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _ask(self, text: str, path: str | None) -> SchemaPreview:
        from jupyter_mldeploy.core.sample import SampleWorker

        if self._worker is None:
            self._worker = SampleWorker()
        return self._worker.preview(text, path=path)

    def close(self) -> None:
        """End the worker."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._worker is not None:
            self._worker.close()


def decoded(preview: SchemaPreview | None, name: str) -> ParameterPreview | None:
    """Return a described parameter."""
    if preview is None:
        return None
    return next((item for item in preview.inputs if item.name == name and item.decoded), None)


def document_of(preview: SchemaPreview | None) -> dict[str, object] | None:
    """Return the Swagger document, the oldest version that can describe the samples."""
    if preview is None:
        return None
    return next(
        (dict(preview.documents[version]) for version in ("2.0", "3.0", "3.1") if version in preview.documents), None
    )
