"""Texts that want to do harm: bounded time, an answer, and a server that goes on."""

from __future__ import annotations

import sys

import psutil
import pytest
from lsprotocol import types as lsp

from tests.lsp.conftest import StartEditor
from tests.lsp.editor import Editor, codes
from tests.lsp.scripts import MISSING_GLOBAL, SCHEMA

pytestmark = pytest.mark.asyncio

URI = "file:///project/score.py"
HOSTILE = {
    "5 MB": SCHEMA + "\nx = 1" * 850_000,
    "brackets": "def init():\n    pass\n\ndef run(data):\n    return " + "[" * 10_000,
    "null bytes": SCHEMA.replace("import json", "import json\0\0\0"),
    "one long line": "x = '" + "a" * 900_000 + "'\n" + SCHEMA,
    "lone surrogate": SCHEMA.replace("import json", 'import json  # "\\ud800"'),
    "only line ends": "\r\n\r\r\n\n" * 10_000,
    "nothing": "",
}


def processor_time(editor: Editor) -> float:
    """Seconds of work of the server's process: what else runs on the machine does not count."""
    server = editor.client._server
    assert server is not None
    spent = psutil.Process(server.pid).cpu_times()
    return float(spent.user + spent.system)


@pytest.mark.parametrize("name", list(HOSTILE))
async def test_hostile_scripts_get_an_answer(editor: Editor, name: str) -> None:
    started = processor_time(editor)
    editor.open(URI, HOSTILE[name])
    found = await editor.diagnostics(URI)
    assert processor_time(editor) - started < 15
    if name == "5 MB":
        assert codes(found) == ["MLD001"]
    if name in {"brackets", "null bytes"}:
        assert "MLD100" in codes(found)
    document, position = lsp.TextDocumentIdentifier(URI), lsp.Position(10**6, 10**6)
    client = editor.client
    await client.text_document_hover_async(lsp.HoverParams(document, position))
    await client.text_document_completion_async(lsp.CompletionParams(document, position))
    await client.text_document_signature_help_async(lsp.SignatureHelpParams(document, position))
    await client.text_document_document_symbol_async(lsp.DocumentSymbolParams(document))
    await client.text_document_folding_range_async(lsp.FoldingRangeParams(document))
    await client.text_document_code_lens_async(lsp.CodeLensParams(document))
    await client.text_document_definition_async(lsp.DefinitionParams(document, position))
    assert processor_time(editor) - started < 30
    other = editor.open("file:///project/other.py", MISSING_GLOBAL)
    assert "MLD301" in codes(await editor.diagnostics(other))


async def test_a_yaml_bomb_is_refused(editor: Editor) -> None:
    bomb = "dependencies: &a0 [x]\n" + "".join(
        f"k{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]\n" for number in range(1, 12)
    )
    uri = editor.open("file:///project/conda.yml", bomb, "yaml")
    assert codes(await editor.diagnostics(uri)) == ["MLD001"]
    await editor.client.text_document_document_symbol_async(lsp.DocumentSymbolParams(lsp.TextDocumentIdentifier(uri)))


async def test_messages_about_unknown_documents_are_survived(editor: Editor) -> None:
    unknown = "file:///project/unknown.py"
    editor.versions[unknown] = 1
    editor.change(unknown, "text")
    editor.close(unknown)
    document = lsp.TextDocumentIdentifier(unknown)
    assert await editor.client.text_document_hover_async(lsp.HoverParams(document, lsp.Position(0, 0))) is None
    editor.open(URI, MISSING_GLOBAL)
    editor.change(URI, ((99, 99, 500, 3), "\n# end"), ((0, 0, 0, 0), "# start\n"))
    assert "MLD301" in codes(await editor.diagnostics(URI))


async def test_a_rule_that_raises_costs_only_itself(start_editor: StartEditor) -> None:
    code = (
        "from dataclasses import replace\n"
        "from jupyter_mldeploy.core.lint import rule, RULES\n"
        "len(RULES)\n"
        "def broken(ctx):\n    raise RuntimeError('broken rule')\n"
        "rule._RULES['MLD301'] = replace(RULES['MLD301'], check=broken)\n"
        "RULES.__dict__.pop('_all')\n"
        "from mldeploy_lsp.__main__ import main\nmain([])\n"
    )
    editor = await start_editor(command=[sys.executable, "-c", code])
    text = MISSING_GLOBAL.replace("import joblib\n", "from sklearn.externals import joblib\n")
    editor.open(URI, text)
    found = codes(await editor.diagnostics(URI))
    assert "MLD301" not in found
    assert "MLD601" in found
