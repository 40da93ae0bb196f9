"""Findings pushed and pulled: right versions, right places, nothing stale."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types as lsp
from mldeploy_lsp import checking
from mldeploy_lsp.document import Document
from mldeploy_lsp.server import Server
from mldeploy_lsp.settings import Settings
from pygls.exceptions import JsonRpcException

from jupyter_mldeploy.core.lint import Diagnostic, LintConfig
from tests.lsp.conftest import StartEditor
from tests.lsp.editor import PATIENCE_S, Editor, codes, place
from tests.lsp.scripts import JSON, MISSING_GLOBAL
from tests.patience import FACTOR

pytestmark = pytest.mark.asyncio


async def test_findings_are_pushed_with_the_version_of_the_text(editor: Editor) -> None:
    uri = editor.open("file:///project/score.py", MISSING_GLOBAL)
    found = await editor.diagnostics(uri)
    assert "MLD301" in codes(found)
    finding = next(item for item in found if item.code == "MLD301")
    assert finding.severity == lsp.DiagnosticSeverity.Error
    assert finding.source == "mldeploy"
    assert editor.published[-1].version == 1
    version = editor.change(uri, ((5, 0, 5, 0), "    global model\n"))
    found = await editor.diagnostics(uri, version)
    assert "MLD301" not in codes(found)
    assert editor.published[-1].version == 2


async def test_pulling_is_offered_to_those_who_can(editor: Editor, pulling: Editor) -> None:
    """VS Code's client library pulls whatever it was told, and never for cells; so it says that it cannot."""
    assert editor.initialized is not None
    assert editor.initialized.capabilities.diagnostic_provider is None
    assert pulling.initialized is not None
    assert pulling.initialized.capabilities.diagnostic_provider is not None


async def test_a_script_that_is_no_entry_script_gets_no_findings(editor: Editor) -> None:
    uri = editor.open("file:///project/tool.py", "def run(data):\n    return undefined_name\n")
    assert await editor.diagnostics(uri) == []


async def test_findings_are_never_older_than_those_already_shown(editor: Editor) -> None:
    uri = editor.open("file:///project/score.py", JSON)
    for number in range(40):
        editor.change(uri, ((0, 0, 0, 0), f"# {number}\n"))
        await asyncio.sleep(0)
    await editor.diagnostics(uri)
    versions = [item.version for item in editor.published if item.uri == uri]
    assert versions == sorted(set(versions))  # type: ignore[type-var]
    assert versions[-1] == 41


async def test_closing_takes_the_findings_away(editor: Editor) -> None:
    uri = editor.open("file:///project/score.py", MISSING_GLOBAL)
    await editor.diagnostics(uri)
    editor.close(uri)
    assert await editor.diagnostics(uri, 0, until=lambda found: not found) == []


async def test_pulled_findings_have_a_result_id_that_says_unchanged(pulling: Editor) -> None:
    uri = pulling.open("file:///project/score.py", MISSING_GLOBAL)
    first = await pulling.pull(uri)
    assert first.kind == "full"
    assert "MLD301" in codes(first.items)
    second = await pulling.pull(uri, first.result_id)
    assert second.kind == "unchanged"
    assert second.result_id == first.result_id
    pulling.change(uri, ((5, 0, 5, 0), "    global model\n"))
    third = await pulling.pull(uri, first.result_id)
    assert third.kind == "full"
    assert "MLD301" not in codes(third.items)
    assert pulling.published == []


async def test_a_cancelled_pull_is_answered_as_cancelled(pulling: Editor) -> None:
    uri = pulling.open("file:///project/score.py", JSON + "\n\nx = 1" * 20_000)
    request = pulling.client.protocol.send_request(
        lsp.TEXT_DOCUMENT_DIAGNOSTIC, lsp.DocumentDiagnosticParams(lsp.TextDocumentIdentifier(uri)), msg_id="pull-1"
    )
    pulling.client.cancel_request(lsp.CancelParams("pull-1"))
    with pytest.raises(JsonRpcException) as caught:
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wrap_future(request)
    assert caught.value.code == lsp.LSPErrorCodes.RequestCancelled
    # The session goes on.
    assert (await pulling.pull(uri)).kind == "full"


async def test_what_changes_during_a_long_check_is_checked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    server, uri = Server(), "untitled:score.py"
    text = JSON + "\n\nx = 1" * 20_000
    server.mirror.open(lsp.TextDocumentItem(uri, "python", 1, text))
    reading, go_on, servers = threading.Event(), threading.Event(), []

    def slowly(_: Document, names: frozenset[str] | None, config: LintConfig) -> list[Diagnostic]:
        servers.append(config.server)
        reading.set()
        assert go_on.wait(60 * FACTOR)
        return []

    monkeypatch.setattr(checking, "findings", slowly)
    document = server.get(uri)
    assert document is not None
    try:
        check = asyncio.create_task(server.checker.check(document))
        assert await asyncio.to_thread(reading.wait, 60 * FACTOR)
        server.settings = Settings(server="azureml")
        server.everything_changed()
        go_on.set()
        async with asyncio.timeout(PATIENCE_S):
            checked = await check
        assert servers == ["mldeploy", "azureml"]
        assert server.checker.known(document) is checked
    finally:
        go_on.set()
        server.checker.close()
        server.samples.close()


async def test_deployment_files_are_checked_by_what_they_are(editor: Editor, tmp_path: Path) -> None:
    config = editor.open(
        (tmp_path / "deploymentconfig.json").as_uri(), '{"computeType": "aci", "enableAppInsights": true}', "json"
    )
    assert "MLD842" in codes(await editor.diagnostics(config))
    environment = editor.open(
        (tmp_path / "conda.yml").as_uri(), "dependencies:\n  - python=3.11\n  - pip:\n    - sklearn\n", "yaml"
    )
    assert "MLD805" in codes(await editor.diagnostics(environment))


async def test_no_findings_where_another_part_shows_them(start_editor: StartEditor) -> None:
    quiet = {"diagnostics": False}
    pulling = await start_editor(pull=True, options=quiet)
    assert (await pulling.pull(pulling.open("file:///project/score.py", MISSING_GLOBAL))).items == ()
    editor = await start_editor(options=quiet)
    uri = editor.open("file:///project/score.py", MISSING_GLOBAL)
    # Findings come again when the client asks for them, and what comes first is not the empty list of before.
    editor.client.workspace_did_change_configuration(
        lsp.DidChangeConfigurationParams({"mldeploy": {"diagnostics": True}})
    )
    assert "MLD301" in codes(await editor.diagnostics(uri))
    assert [len(item.diagnostics) > 0 for item in editor.published] == [True]


async def test_settings_of_pyproject_apply_and_are_read_again(start_editor: StartEditor, tmp_path: Path) -> None:
    editor = await start_editor(watch=True)
    uri = editor.open((tmp_path / "score.py").as_uri(), MISSING_GLOBAL)
    assert "MLD301" in codes(await editor.diagnostics(uri))
    (tmp_path / "pyproject.toml").write_text('[tool.mldeploy.lint]\nignore = ["MLD301"]\n')
    editor.client.workspace_did_change_watched_files(
        lsp.DidChangeWatchedFilesParams(
            [lsp.FileEvent((tmp_path / "pyproject.toml").as_uri(), lsp.FileChangeType.Created)]
        )
    )
    await editor.diagnostics(uri, until=lambda found: "MLD301" not in codes(found))


@pytest.mark.parametrize(
    ("encoding", "column"), [("utf-16", 25), ("utf-8", 27), ("utf-32", 24)], ids=["utf-16", "utf-8", "utf-32"]
)
async def test_columns_are_counted_in_the_units_of_the_client(
    start_editor: StartEditor, encoding: str, column: int
) -> None:
    editor = await start_editor(encodings=(encoding,))
    assert editor.initialized is not None
    assert editor.initialized.capabilities.position_encoding == encoding
    text = MISSING_GLOBAL.replace("    return model", '    note = "😀"; return model')
    uri = editor.open("file:///project/score.py", text)
    found = await editor.diagnostics(uri)
    finding = next(item for item in found if item.code == "MLD301")
    lines = text.split("\n")
    shown: Any = place(finding)
    if shown[0] == 9:
        assert shown[1] == column
    else:
        assert lines[shown[0]].lstrip().startswith("model")
    # An edit behind the emoji lands where the client means it.
    editor.change(uri, ((9, column, 9, column + 5), "other"))
    changed = await editor.diagnostics(uri)
    assert changed != found


@pytest.mark.parametrize("strange", ["\x0c", "\u2028", "\x85", "\x0b"], ids=["form feed", "U+2028", "NEL", "VT"])
async def test_characters_that_end_no_line_do_not_shift_edits(editor: Editor, strange: str) -> None:
    uri = editor.open("file:///project/score.py", f"# a{strange}b\n" + MISSING_GLOBAL)
    finding = next(item for item in await editor.diagnostics(uri) if item.code == "MLD301")
    editor.change(uri, ((6, 0, 6, 0), "    global model\n"))
    assert "MLD301" not in codes(await editor.diagnostics(uri))
    editor.change(uri, ((6, 0, 7, 0), ""))
    again = next(item for item in await editor.diagnostics(uri) if item.code == "MLD301")
    assert place(again) == place(finding)


@pytest.mark.parametrize("newline", ["\r\n", "\r"], ids=["CRLF", "CR"])
async def test_other_line_ends_are_line_ends(editor: Editor, newline: str) -> None:
    uri = editor.open("file:///project/score.py", MISSING_GLOBAL.replace("\n", newline))
    found = await editor.diagnostics(uri)
    plain = editor.open("file:///project/score2.py", MISSING_GLOBAL)
    assert [place(item) for item in found] == [place(item) for item in await editor.diagnostics(plain)]
    editor.change(uri, ((5, 0, 5, 0), f"    global model{newline}"))
    assert "MLD301" not in codes(await editor.diagnostics(uri))
