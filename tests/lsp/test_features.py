"""Hover, completion, signatures, lenses, hints, symbols, folding in scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types as lsp

from tests.lsp.conftest import StartEditor
from tests.lsp.editor import Editor, span
from tests.lsp.scripts import JSON, SCHEMA

pytestmark = pytest.mark.asyncio

URI = "file:///project/score.py"
MODEL_PATH = """\
from azureml.core.model import Model

def init():
    p = Model.get_model_path("r

def run(data):
    pass
"""


def at(text: str, needle: str, shift: int = 0) -> lsp.Position:
    """Return the position of a needle in an ASCII text, moved by some columns."""
    offset = text.index(needle)
    line = text.count("\n", 0, offset)
    return lsp.Position(line, offset - (text.rfind("\n", 0, offset) + 1) + shift)


async def hover(editor: Editor, uri: str, position: lsp.Position) -> str:
    found = await editor.client.text_document_hover_async(lsp.HoverParams(lsp.TextDocumentIdentifier(uri), position))
    assert found is not None
    assert isinstance(found.contents, lsp.MarkupContent)
    return found.contents.value


async def complete(editor: Editor, uri: str, position: lsp.Position) -> dict[str, lsp.CompletionItem]:
    found = await editor.client.text_document_completion_async(
        lsp.CompletionParams(lsp.TextDocumentIdentifier(uri), position)
    )
    assert isinstance(found, lsp.CompletionList)
    return {item.label: item for item in found.items}


async def test_hover_shows_what_a_parameter_decodes_to(editor: Editor) -> None:
    editor.open(URI, SCHEMA)
    for position in (at(SCHEMA, "run(data", 5), at(SCHEMA, '"data"', 2), at(SCHEMA, "predict(data", 9)):
        text = await hover(editor, URI, position)
        assert "ndarray float64 (n, 3)" in text
        assert "[[0.1, 2.0, 3.5]]" in text


async def test_hover_over_run_shows_request_curl_and_swagger(editor: Editor) -> None:
    editor.open(URI, SCHEMA)
    text = await hover(editor, URI, at(SCHEMA, "def run", 5))
    assert "kind: schema" in text
    assert '{"data": [[0.1, 2.0, 3.5]], "method": "fast"}' in text
    assert "curl -sS" in text
    assert "ServiceInput" in text


async def test_hover_shows_where_models_lie(start_editor: StartEditor, tmp_path: Path) -> None:
    from jupyter_mldeploy.core.workspace import Workspace

    (tmp_path / "ridge.pkl").write_bytes(b"model")
    Workspace(tmp_path / "workspace").models.register(tmp_path / "ridge.pkl", "ridge")
    editor = await start_editor()
    editor.open(URI, JSON)
    assert "AZUREML_MODEL_DIR" in await hover(editor, URI, at(JSON, "AZUREML_MODEL_DIR", 3))
    text = JSON.replace('os.path.join(os.environ["AZUREML_MODEL_DIR"], "ridge.pkl")', 'Model.get_model_path("ridge")')
    editor.change(URI, text)
    assert "azureml-models/ridge/1/ridge.pkl" in await hover(editor, URI, at(text, "get_model_path", 3))


async def test_hover_over_a_finding_says_when_and_how_it_fails(editor: Editor) -> None:
    text = SCHEMA.replace("def run(data,", "def run(datum,").replace("predict(data)", "predict(datum)")
    editor.open(URI, text)
    finding = next(item for item in await editor.diagnostics(URI) if item.code == "MLD201")
    shown = await hover(editor, URI, finding.range.start)
    assert "MLD201" in shown
    assert "is not in the decorated function" in shown


async def test_an_error_at_import_is_shown(editor: Editor) -> None:
    text = SCHEMA.replace("NumpyParameterType(np.array([[0.1, 2.0, 3.5]]))", "NumpyParameterType([[0.1]])")
    editor.open(URI, text)
    assert "must provide a sample Numpy array" in await hover(editor, URI, at(text, "def run", 5))


async def test_names_of_parameters_complete_inside_input_schema(editor: Editor) -> None:
    text = SCHEMA.replace('@input_schema("data", NumpyParameterType(np.array([[0.1, 2.0, 3.5]])))', '@input_schema("')
    editor.open(URI, text)
    found = await complete(editor, URI, at(text, '@input_schema("\n', 15))
    assert set(found) == {"data", "method"}
    assert found["data"].sort_text < found["method"].sort_text  # type: ignore[operator]


async def test_type_classes_bring_their_import(editor: Editor) -> None:
    text = JSON + "\n\nx = PandasPa"
    editor.open(URI, text)
    found = await complete(editor, URI, at(text, "PandasPa", 8))
    item = found["PandasParameterType"]
    assert item.additional_text_edits
    assert "import PandasParameterType" in item.additional_text_edits[0].new_text
    assert item.insert_text_format == lsp.InsertTextFormat.Snippet


async def test_imports_that_are_there_are_not_added_again(editor: Editor) -> None:
    text = SCHEMA + "\n\nx = NumpyPa"
    editor.open(URI, text)
    item = (await complete(editor, URI, at(text, "x = NumpyPa", 11)))["NumpyParameterType"]
    assert not item.additional_text_edits


async def test_variables_of_the_container_complete(editor: Editor) -> None:
    text = JSON.replace('os.environ["AZUREML_MODEL_DIR"]', 'os.environ["AZ')
    editor.open(URI, text)
    assert "AZUREML_MODEL_DIR" in await complete(editor, URI, at(text, 'environ["AZ', 11))


async def test_registered_models_and_versions_complete(start_editor: StartEditor, tmp_path: Path) -> None:
    from jupyter_mldeploy.core.workspace import Workspace

    (tmp_path / "ridge.pkl").write_bytes(b"model")
    registry = Workspace(tmp_path / "workspace").models
    for _ in range(2):
        registry.register(tmp_path / "ridge.pkl", "ridge")
    editor = await start_editor()
    text = MODEL_PATH
    editor.open(URI, text)
    assert "ridge" in await complete(editor, URI, at(text, 'path("r', 7))
    other = text.replace('path("r', 'path("ridge", version=')
    editor.change(URI, other)
    assert set(await complete(editor, URI, at(other, "version=", 8))) == {"1", "2"}
    notebook = (tmp_path / "train.ipynb").as_uri()
    cells = editor.open_notebook(notebook, "fitted = 1", "%%deploy ridge --model \ndef init():\n    pass\n")
    found = await complete(editor, cells[1], lsp.Position(0, 23))
    assert {"ridge", "ridge:1", "ridge:2"} <= set(found)
    assert "ridge.pkl" in found


async def test_looking_for_models_makes_no_workspace(editor: Editor, tmp_path: Path) -> None:
    text = MODEL_PATH
    editor.open(URI, text)
    assert await complete(editor, URI, at(text, 'path("r', 7)) == {}
    assert not (tmp_path / "workspace").exists()


async def test_options_of_deploy_complete(editor: Editor) -> None:
    cells = editor.open_notebook(
        "file:///project/a.ipynb", "fitted = 1", "%%deploy ridge --\n", "%%deploy x --object \n"
    )
    found = await complete(editor, cells[1], lsp.Position(0, 17))
    assert {"--model", "--target", "--workers"} <= set(found)
    assert set(await complete(editor, cells[2], lsp.Position(0, 20))) == {"fitted"}
    assert "worker processes" in await hover(
        editor, editor.open_notebook("file:///project/b.ipynb", "%%deploy x --workers 2\n")[0], lsp.Position(0, 14)
    )


async def test_skeletons_complete_where_run_is_missing(editor: Editor) -> None:
    cells = editor.open_notebook("file:///project/a.ipynb", "%%deploy ridge\nru")
    found = await complete(editor, cells[0], lsp.Position(1, 2))
    assert {"run: JSON", "run: schema", "run: raw HTTP", "run: batch"} <= set(found)
    edits = found["run: schema"].additional_text_edits or []
    assert any("input_schema" in edit.new_text for edit in edits)


async def test_nothing_completes_inside_other_strings_and_comments(editor: Editor) -> None:
    text = JSON + '\n\nx = "Numpy\n# Numpy\n'
    editor.open(URI, text)
    assert await complete(editor, URI, at(text, '"Numpy', 6)) == {}
    assert await complete(editor, URI, at(text, "# Numpy", 7)) == {}


async def test_signature_help_follows_the_arguments(editor: Editor) -> None:
    text = SCHEMA.replace("StandardPythonParameterType([1.5])", "NumpyParameterType(np.array([1, (2, 3)]), ")
    editor.open(URI, text)

    async def active(position: lsp.Position) -> tuple[str, Any]:
        found = await editor.client.text_document_signature_help_async(
            lsp.SignatureHelpParams(lsp.TextDocumentIdentifier(URI), position)
        )
        assert found is not None
        return found.signatures[0].label.partition("(")[0], found.active_parameter

    assert await active(at(text, "[1, (2, 3)]), ", 14)) == ("NumpyParameterType", 1)
    assert await active(at(text, '"data", ', 8)) == ("input_schema", 1)
    keyword = text.replace('"data", Numpy', '"data", optional=Numpy')
    editor.change(URI, keyword)
    assert await active(at(keyword, "optional=", 9)) == ("input_schema", 3)


async def test_lenses_say_the_kind_and_what_can_be_done(editor: Editor) -> None:
    editor.open(URI, SCHEMA)
    lenses = await editor.client.text_document_code_lens_async(lsp.CodeLensParams(lsp.TextDocumentIdentifier(URI)))
    titles = [lens.command.title for lens in lenses or () if lens.command]
    assert titles == ["kind: schema", "Deploy", "Test with sample", "Show Swagger"]
    assert all(lens.range.start == at(SCHEMA, "def run", 4) for lens in lenses or ())


async def test_lenses_and_hints_can_be_switched_off(start_editor: StartEditor) -> None:
    editor = await start_editor(options={"codeLenses": False, "inlayHints": False})
    editor.open(URI, SCHEMA)
    document = lsp.TextDocumentIdentifier(URI)
    assert not await editor.client.text_document_code_lens_async(lsp.CodeLensParams(document))
    assert not await editor.client.text_document_inlay_hint_async(lsp.InlayHintParams(document, span(0, 0, 99, 0)))


async def test_hints_show_decoded_types_and_json_in_strings(editor: Editor) -> None:
    text = SCHEMA.replace("return model.predict(data).tolist()", "return json.dumps(model.predict(data).tolist())")
    editor.open(URI, text)
    await editor.diagnostics(URI)
    hints = await editor.client.text_document_inlay_hint_async(
        lsp.InlayHintParams(lsp.TextDocumentIdentifier(URI), span(0, 0, 99, 0))
    )
    shown = {(hint.position.line, str(hint.label)) for hint in hints or ()}
    line = at(text, "def run").line
    assert (line, ": ndarray float64 (n, 3)") in shown
    assert (line, ": str") in shown
    assert any(label == "→ JSON in a string" for _, label in shown)


async def test_symbols_show_the_contract(editor: Editor) -> None:
    editor.open(URI, SCHEMA)
    symbols: Any = await editor.client.text_document_document_symbol_async(
        lsp.DocumentSymbolParams(lsp.TextDocumentIdentifier(URI))
    )
    run = next(item for item in symbols if item.name == "run")
    assert run.detail == "schema"
    assert [child.name for child in run.children] == ["input data", "input method", "output", "data", "method"]
    assert any(item.name == "init" for item in symbols)


async def test_folding_covers_imports_and_functions(editor: Editor) -> None:
    editor.open(URI, SCHEMA)
    found = await editor.client.text_document_folding_range_async(
        lsp.FoldingRangeParams(lsp.TextDocumentIdentifier(URI))
    )
    ranges = {(item.start_line, item.end_line) for item in found or ()}
    assert (0, 7) in ranges
    assert (at(SCHEMA, '@input_schema("data"').line, SCHEMA.count("\n") - 1) in ranges


async def test_scripts_that_are_no_entry_scripts_get_nothing(editor: Editor) -> None:
    uri = editor.open("file:///project/tool.py", "def main(data):\n    return data\n")
    document = lsp.TextDocumentIdentifier(uri)
    assert not await editor.client.text_document_code_lens_async(lsp.CodeLensParams(document))
    assert not await editor.client.text_document_document_symbol_async(lsp.DocumentSymbolParams(document))
    assert await editor.client.text_document_hover_async(lsp.HoverParams(document, lsp.Position(0, 10))) is None


async def test_keys_and_values_of_deployment_files(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(JSON)
    uri = editor.open((tmp_path / "deploymentconfig.json").as_uri(), '{\n  "computeType": "aks",\n  "\n}\n', "json")
    assert {"autoScaler", "authEnabled"} <= set(await complete(editor, uri, lsp.Position(2, 3)))
    assert {"aci", "aks", "local"} <= set(await complete(editor, uri, lsp.Position(1, 18)))
    nested = '{\n  "computeType": "aks",\n  "autoScaler": {\n    "\n  }\n}\n'
    editor.change(uri, nested)
    assert "minReplicas" in await complete(editor, uri, lsp.Position(3, 5))
    assert "Where the service runs" in await hover(editor, uri, lsp.Position(1, 6))
    config = editor.open((tmp_path / "inferenceconfig.json").as_uri(), '{\n  "entryScript": "\n}\n', "json")
    assert "score.py" in await complete(editor, config, lsp.Position(1, 18))
    endpoint = editor.open((tmp_path / "blue.yml").as_uri(), "endpoint_name: a\nrequest_settings:\n  re\n", "yaml")
    assert "request_timeout_ms" in await complete(editor, endpoint, lsp.Position(2, 4))
    symbols: Any = await editor.client.text_document_document_symbol_async(
        lsp.DocumentSymbolParams(lsp.TextDocumentIdentifier(endpoint))
    )
    assert symbols[0].name == "endpoint_name"
