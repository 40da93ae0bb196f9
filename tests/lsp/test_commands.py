"""Commands: a deployment to this machine with progress, cancellation, a test request, the Swagger document."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from jupyter_mldeploy.core.workspace import Workspace
from tests.lsp.editor import PATIENCE_S, Editor
from tests.lsp.scripts import SCHEMA

pytestmark = pytest.mark.asyncio

SCRIPT = """\
import json


def init():
    pass


def run(data):
    return [value * 2 for value in json.loads(data)["data"]]
"""
SLOW = SCRIPT.replace("    pass", "    import time\n    time.sleep(600)")


async def execute(editor: Editor, command: str, **given: Any) -> Any:
    return await editor.client.workspace_execute_command_async(lsp.ExecuteCommandParams(command, arguments=[given]))


async def logs_with(editor: Editor, uri: str, words: str) -> Any:
    """Ask for the log until a line has the words: the server writes a request's line after its answer."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            logs = await execute(editor, "mldeploy.logs", uri=uri)
            if any(words in line for line in logs["lines"]):
                return logs
            await asyncio.sleep(0.05)


async def test_a_script_is_deployed_as_it_stands_in_the_editor_and_tested(editor: Editor, tmp_path: Path) -> None:
    uri = editor.open((tmp_path / "doubles.py").as_uri(), SCRIPT)
    workspace = Workspace(tmp_path / "workspace")
    try:
        result = await execute(editor, "mldeploy.deploy", uri=uri)
        assert result["name"] == "doubles"
        assert result["revision"] == 1
        reports = [item for items in editor.client.progress_reports.values() for item in items]
        assert isinstance(reports[0], lsp.WorkDoneProgressBegin)
        assert isinstance(reports[-1], lsp.WorkDoneProgressEnd)
        assert any(isinstance(item, lsp.WorkDoneProgressReport) and item.message for item in reports)
        answer = await execute(editor, "mldeploy.test", uri=uri, payload={"data": [1, 2]})
        assert answer["status"] == 200
        assert json.loads(answer["body"]) == [2, 4]
        assert "doubles revision 1 answers at" in editor.client.messages[0].message
        logs = await logs_with(editor, uri, "POST /score 200")
        shown = Path(unquote(urlsplit(editor.client.shown_documents[-1].uri).path))
        assert shown.name == "doubles.log"
        assert shown.read_text().splitlines() == list(logs["lines"])
        place = lsp.CodeLensParams(lsp.TextDocumentIdentifier(uri))
        lenses = await editor.client.text_document_code_lens_async(place) or []
        assert "Logs" in [lens.command.title for lens in lenses if lens.command]
    finally:
        workspace.deployer.delete("doubles")


async def test_a_cell_is_deployed_under_the_name_on_its_line(editor: Editor, tmp_path: Path) -> None:
    notebook = (tmp_path / "train.ipynb").as_uri()
    cells = editor.open_notebook(
        notebook, "factor = 3", "%%deploy triples --cells\n" + SCRIPT.replace("* 2", "* factor")
    )
    workspace = Workspace(tmp_path / "workspace")
    try:
        result = await execute(editor, "mldeploy.deploy", uri=cells[1])
        assert result["name"] == "triples"
        answer = await execute(editor, "mldeploy.test", uri=cells[1], payload={"data": [1, 2]})
        assert json.loads(answer["body"]) == [3, 6]
    finally:
        workspace.deployer.delete("triples")


async def test_a_deployment_is_cancelled_by_its_progress(editor: Editor, tmp_path: Path) -> None:
    uri = editor.open((tmp_path / "slow.py").as_uri(), SLOW)
    running = asyncio.create_task(execute(editor, "mldeploy.deploy", uri=uri, name="slow"))
    async with asyncio.timeout(PATIENCE_S):
        while not any(
            isinstance(item, lsp.WorkDoneProgressReport)
            for items in editor.client.progress_reports.values()
            for item in items
        ):
            await asyncio.sleep(0.02)
        token = next(iter(editor.client.progress_reports))
        editor.client.window_work_done_progress_cancel(lsp.WorkDoneProgressCancelParams(token))
        assert await running is None
    assert "cancelled" in editor.client.messages[-1].message
    Workspace(tmp_path / "workspace").deployer.delete("slow")


async def test_what_fails_is_said_in_a_message(editor: Editor, tmp_path: Path) -> None:
    uri = editor.open((tmp_path / "score.py").as_uri(), SCRIPT.replace("def run(data):", "def other(data):"))
    assert await execute(editor, "mldeploy.deploy", uri=uri, name="broken") is None
    assert editor.client.messages[-1].type == lsp.MessageType.Error
    assert "run" in editor.client.messages[-1].message
    assert await execute(editor, "mldeploy.test", uri=uri, name="nothing", payload=1) is None
    assert "not deployed yet" in editor.client.messages[-1].message
    assert await execute(editor, "mldeploy.logs", uri=uri, name="nothing") is None
    assert "then read its logs" in editor.client.messages[-1].message
    with pytest.raises(JsonRpcException, match="open script"):
        await execute(editor, "mldeploy.deploy", uri="file:///elsewhere.py")


async def test_swagger_is_returned_and_shown(editor: Editor) -> None:
    uri = editor.open("file:///project/score.py", SCHEMA)
    document = await execute(editor, "mldeploy.swagger", uri=uri)
    example = getattr(document, "definitions", None) or document["definitions"]
    assert "ServiceInput" in str(example)
    assert len(editor.client.shown_documents) == 1
    assert "kind: schema" in await execute(editor, "mldeploy.explainKind", uri=uri)
