"""What changes texts: fixes, fix-all, generated schemas, renaming; and where things are defined and used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from jupyter_mldeploy.core.lint import RULES, lint_source
from jupyter_mldeploy.core.script.source import SourceText
from tests.lsp.editor import Editor, span
from tests.lsp.scripts import JSON, MISSING_GLOBAL, SCHEMA
from tests.lsp.test_features import at

pytestmark = pytest.mark.asyncio

URI = "file:///project/score.py"
EVERYWHERE = span(0, 0, 999, 0)


def apply(text: str, edit: lsp.WorkspaceEdit, *, version: int = 1) -> str:
    """Apply an edit of one document as an editor does, with UTF-16 columns."""
    assert edit.document_changes is not None
    change = edit.document_changes[0]
    assert isinstance(change, lsp.TextDocumentEdit)
    assert change.text_document.version == version
    source = SourceText(text)

    def offset(position: lsp.Position) -> int:
        return source.offset(position.line + 1, source.from_utf16_column(position.line + 1, position.character))

    changes = [(offset(item.range.start), offset(item.range.end), item.new_text) for item in change.edits]  # type: ignore[union-attr]
    for start, end, new in sorted(changes, key=lambda item: item[:2], reverse=True):
        text = text[:start] + new + text[end:]
    return text


async def actions(editor: Editor, uri: str, place: lsp.Range, *only: str) -> list[lsp.CodeAction]:
    found = await editor.client.text_document_code_action_async(
        lsp.CodeActionParams(lsp.TextDocumentIdentifier(uri), place, lsp.CodeActionContext([], only=list(only) or None))
    )
    return [item for item in found or () if isinstance(item, lsp.CodeAction)]


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
async def test_a_quick_fix_repairs_what_it_is_about(editor: Editor, newline: str) -> None:
    text = MISSING_GLOBAL.replace("\n", newline)
    editor.open(URI, text)
    finding = next(item for item in await editor.diagnostics(URI) if item.code == "MLD301")
    found = await actions(editor, URI, finding.range, "quickfix")
    fix = next(item for item in found if item.diagnostics and item.diagnostics[0].code == "MLD301")
    assert fix.edit is not None
    fixed = apply(text, fix.edit)
    assert f"def init():{newline}    global model{newline}" in fixed
    assert "MLD301" not in [item.code for item in lint_source(fixed, path="score.py")]


async def test_the_only_element_of_a_prediction_is_offered_and_not_taken_by_fix_all(editor: Editor) -> None:
    text = RULES["MLD409"].bad.replace("float(prediction)", 'float(prediction), "😀": int(model.predict([[1.0]]))')
    editor.open(URI, text)
    findings = [item for item in await editor.diagnostics(URI) if item.code == "MLD409"]
    assert len(findings) == 2
    for finding in findings:
        found = await actions(editor, URI, finding.range, "quickfix")
        (fix,) = [item for item in found if item.diagnostics and item.diagnostics[0].code == "MLD409"]
        assert fix.title == "Add .item()"
        assert fix.edit is not None
        fixed = apply(text, fix.edit)
        assert ("float(prediction.item())" in fixed) is ("int(model.predict([[1.0]]).item())" not in fixed)
    for action in await actions(editor, URI, span(0, 0, 0, 0), "source.fixAll"):
        assert action.edit is not None
        assert ".item()" not in apply(text, action.edit)


async def test_fixes_land_right_behind_an_emoji(editor: Editor) -> None:
    text = SCHEMA.replace("def run(data,", "def run(datum,").replace("predict(data)", "predict(datum)")
    text = text.replace('@input_schema("data"', '@(lambda f: f)  # 😀\n@input_schema("data"')
    text = text.replace("import json\n", 'import json; flag = "😀"; import sklearn.externals.joblib as old\n')
    editor.open(URI, text)
    await editor.diagnostics(URI)
    for action in await actions(editor, URI, EVERYWHERE, "quickfix"):
        assert action.edit is not None
        fixed = apply(text, action.edit)
        compile(fixed, "score.py", "exec")
        assert fixed.count("😀") == 2


async def test_fix_all_applies_every_safe_fix_once(editor: Editor) -> None:
    text = MISSING_GLOBAL.replace("import joblib\n", "from sklearn.externals import joblib\n")
    editor.open(URI, text)
    await editor.diagnostics(URI)
    found = await actions(editor, URI, span(0, 0, 0, 0), "source.fixAll")
    assert [item.kind for item in found] == ["source.fixAll.mldeploy"]
    assert found[0].edit is not None
    fixed = apply(text, found[0].edit)
    codes = [item.code for item in lint_source(fixed, path="score.py")]
    assert "MLD601" not in codes
    assert "MLD301" not in codes


async def test_an_except_is_converted_to_a_response_with_a_status(editor: Editor) -> None:
    editor.open(URI, JSON)
    finding = next(item for item in await editor.diagnostics(URI) if item.code == "MLD404")
    found = [
        item
        for item in await actions(editor, URI, finding.range, "quickfix")
        if item.diagnostics and item.diagnostics[0].code == "MLD404" and "AMLResponse" in item.title
    ]
    assert found[0].edit is not None
    fixed = apply(JSON, found[0].edit)
    assert "return AMLResponse(str(error), 500)" in fixed
    assert "import AMLResponse" in fixed


async def test_schema_decorators_are_generated_from_a_sample(editor: Editor) -> None:
    text = JSON.replace("\n\ndef run", "\nsample = pd.DataFrame({'age': [42]})\n\n\ndef run").replace(
        "import joblib\n", "import joblib\nimport pandas as pd\n"
    )
    editor.open(URI, text)
    found = await actions(editor, URI, lsp.Range(at(text, "def run"), at(text, "def run")), "refactor")
    generated = next(item for item in found if item.title.startswith("Generate @input_schema"))
    assert generated.edit is not None
    changed = apply(text, generated.edit)
    assert '@input_schema("raw_data", PandasParameterType(sample))\ndef run' in changed
    compile(changed, "score.py", "exec")
    assert "import PandasParameterType" in changed


async def test_a_parameter_is_renamed_with_its_schema(editor: Editor) -> None:
    editor.open(URI, SCHEMA)
    for position in (at(SCHEMA, '"data"', 2), at(SCHEMA, "run(data", 5), at(SCHEMA, "predict(data", 9)):
        prepared: Any = await editor.client.text_document_prepare_rename_async(
            lsp.PrepareRenameParams(lsp.TextDocumentIdentifier(URI), position)
        )
        assert prepared.placeholder == "data"
        edit = await editor.client.text_document_rename_async(
            lsp.RenameParams(lsp.TextDocumentIdentifier(URI), position, "rows")
        )
        assert edit is not None
        changed = apply(SCHEMA, edit)
        assert '@input_schema("rows"' in changed
        assert 'def run(rows, method="fast")' in changed
        assert "model.predict(rows)" in changed


async def test_names_that_would_change_the_script_are_refused(editor: Editor) -> None:
    editor.open(URI, SCHEMA)
    for name in ("method", "model", "not a name", "class"):
        with pytest.raises(JsonRpcException, match="name"):
            await editor.client.text_document_rename_async(
                lsp.RenameParams(lsp.TextDocumentIdentifier(URI), at(SCHEMA, "run(data", 5), name)
            )


async def locations(editor: Editor, method: str, uri: str, position: lsp.Position) -> list[tuple[str, int, int]]:
    document = lsp.TextDocumentIdentifier(uri)
    found: Any
    if method == "definition":
        found = await editor.client.text_document_definition_async(lsp.DefinitionParams(document, position))
    else:
        found = await editor.client.text_document_references_async(
            lsp.ReferenceParams(lsp.ReferenceContext(include_declaration=True), document, position)
        )
    return [(item.uri, item.range.start.line, item.range.start.character) for item in found or ()]


async def test_a_schema_name_leads_to_the_parameter_and_its_uses(editor: Editor) -> None:
    editor.open(URI, SCHEMA)
    parameter = at(SCHEMA, "run(data", 4)
    assert await locations(editor, "definition", URI, at(SCHEMA, '"data"', 2)) == [
        (URI, parameter.line, parameter.character)
    ]
    found = await locations(editor, "references", URI, parameter)
    assert len(found) == 3


async def test_a_model_name_leads_to_its_registration(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text('model = Model.register(ws, model_path="ridge.pkl",\n    model_name="ridge")\n')
    script = (tmp_path / "score.py").as_uri()
    editor.open(script, MISSING_GLOBAL)
    cells = editor.open_notebook((tmp_path / "t.ipynb").as_uri(), 'mlflow.log_model(m, registered_model_name="ridge")')
    found = await locations(editor, "definition", script, at(MISSING_GLOBAL, '"ridge"', 3))
    assert ((tmp_path / "train.py").as_uri(), 1, 16) in found
    assert any(uri == cells[0] for uri, _, _ in found)
    references = await locations(editor, "references", script, at(MISSING_GLOBAL, '"ridge"', 3))
    assert any(uri == script for uri, _, _ in references)


async def test_configurations_lead_to_scripts_and_back(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(JSON)
    text = '{\n  "entryScript": "score.py"\n}\n'
    (tmp_path / "inferenceconfig.json").write_text(text)
    config = editor.open((tmp_path / "inferenceconfig.json").as_uri(), text, "json")
    script = (tmp_path / "score.py").as_uri()
    assert await locations(editor, "definition", config, lsp.Position(1, 20)) == [(script, 0, 0)]
    editor.open(script, JSON)
    assert await locations(editor, "references", script, at(JSON, "def run", 5)) == [(config, 1, 17)]
    (tmp_path / "conda.yml").write_text("dependencies: [python]\n")
    cells = editor.open_notebook((tmp_path / "t.ipynb").as_uri(), "%%deploy ridge --env conda.yml\n")
    assert await locations(editor, "definition", cells[0], lsp.Position(0, 24)) == [
        ((tmp_path / "conda.yml").as_uri(), 0, 0)
    ]
