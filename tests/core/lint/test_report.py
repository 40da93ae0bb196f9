"""Findings as text, JSON, SARIF and GitHub annotations."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_mldeploy.core.lint import lint_paths
from jupyter_mldeploy.core.lint.files import FileReport
from jupyter_mldeploy.core.lint.report import FORMATS, render

SCRIPT = "from sklearn.externals import joblib  # 🎉\n\ndef init():\n    pass\n\ndef run(raw_data):\n    return 1\n"


@pytest.fixture
def reports(tmp_path: Path) -> list[FileReport]:
    (tmp_path / "score.py").write_text(SCRIPT, encoding="utf-8")
    (tmp_path / "good.py").write_text("x = 1\n", encoding="utf-8")
    return lint_paths([tmp_path])


def test_text(reports: list[FileReport]) -> None:
    lines = render(reports).splitlines()
    assert lines[0].endswith("score.py:1:1: error: MLD601 [*] " + reports[1].diagnostics[0].message)
    assert lines[-1] == "1 error, 1 info in 2 files. 1 can be fixed with --fix."


def test_json(reports: list[FileReport]) -> None:
    body = json.loads(render(reports, "json"))
    assert [item["code"] for item in body] == ["MLD601", "MLD111"]
    assert body[0]["fixes"][0]["title"] == "Import joblib itself"


def test_github(reports: list[FileReport]) -> None:
    first, second = render(reports, "github").splitlines()
    assert first.startswith("::error file=")
    assert ",line=1,col=1,endLine=1,endColumn=37,title=MLD601 removed-sklearn-externals::" in first
    assert second.startswith("::notice ")


def test_sarif(reports: list[FileReport]) -> None:
    log = json.loads(render(reports, "sarif"))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["MLD111", "MLD601"]
    assert run["columnKind"] == "unicodeCodePoints"
    first = run["results"][0]
    assert (first["ruleId"], first["ruleIndex"], first["level"]) == ("MLD601", 1, "error")
    place = first["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 37}
    assert place["contextRegion"]["snippet"]["text"] == SCRIPT.splitlines()[0]
    change = first["fixes"][0]["artifactChanges"][0]["replacements"][0]
    assert change["insertedContent"]["text"] == "import joblib"


@pytest.mark.parametrize("output", FORMATS)
def test_nothing_found(output: str) -> None:
    text = render([FileReport("a.py", ())], output)  # type: ignore[arg-type]
    assert text in {"", "[]\n", "No findings in 1 file.\n"} or json.loads(text)["runs"][0]["results"] == []
