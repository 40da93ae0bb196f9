"""Previews of samples on a machine that is busy: its slowness is no answer, and is not remembered as one."""

from __future__ import annotations

import asyncio
import sys
import threading
from pathlib import Path

import pytest
from mldeploy_lsp.document import Document
from mldeploy_lsp.samples import Samples

from jupyter_mldeploy.core.sample import SampleWorker, SchemaPreview
from jupyter_mldeploy.core.script.source import SourceText
from tests.lsp.scripts import SCHEMA
from tests.patience import FACTOR


class Busy(SampleWorker):
    """Has no time for the first question."""

    def __init__(self) -> None:
        super().__init__()
        self.questions = 0
        self.may_answer = threading.Event()

    def preview(self, text: str, *, path: str | None = None, timeout: float = 10.0) -> SchemaPreview:
        assert self.may_answer.wait(60 * FACTOR)
        self.questions += 1
        return SchemaPreview(is_final=self.questions > 1)


@pytest.mark.asyncio
async def test_a_preview_without_time_is_asked_for_again_and_whoever_waits_shares_one() -> None:
    worker = Busy()
    samples = Samples(worker)
    document = Document("file:///project/score.py", "python", 1, SourceText(SCHEMA))
    try:
        waiting = [asyncio.create_task(samples.preview(document)) for _ in range(3)]
        await asyncio.sleep(0)  # all have asked
        waiting[0].cancel()  # the editor has taken its question back
        worker.may_answer.set()
        found = await asyncio.gather(*waiting[1:])
        assert [item is not None and item.is_final for item in found] == [False, False]
        assert worker.questions == 1
        for _ in range(2):
            again = await samples.preview(document)
            assert again is not None
            assert again.is_final
        assert worker.questions == 2
    finally:
        worker.may_answer.set()
        samples.close()


def test_the_time_for_an_answer_begins_when_the_worker_has_started(tmp_path: Path) -> None:
    slow = tmp_path / "python"
    slow.write_text(f'#!/bin/sh\nsleep {5 * FACTOR + 1}\nexec "{sys.executable}" "$@"\n')
    slow.chmod(0o755)
    worker = SampleWorker(str(slow))
    try:
        preview = worker.preview(SCHEMA, timeout=5 * FACTOR)
    finally:
        worker.close()
    assert preview.is_complete, preview.problems
    assert preview.is_final
