"""``mldeploy lint``: formats, fixes, exit codes, notebooks that stay as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_mldeploy.cli import main
from jupyter_mldeploy.cli.lint import FORMATS

from .test_notebook import write_notebook

GOOD = """\
import json


def init():
    global model
    model = len


def run(data):
    return model(json.loads(data)["data"])
"""
BAD = GOOD.replace("import json\n", "import json\n\nfrom sklearn.externals import joblib\n")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_exit_codes_tell_clean_findings_and_failure(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "score.py").write_text(GOOD)
    assert main(["lint", "score.py"]) == 0
    (here / "score.py").write_text(BAD)
    assert main(["lint", "score.py"]) == 1
    assert main(["lint", "score.py", "--exit-zero"]) == 0
    assert main(["lint", "score.py", "--ignore", "mld601"]) == 0
    assert main(["lint", "score.py", "--select", "MLD4"]) == 0
    capsys.readouterr()
    for words in (["nothere.py"], ["score.py", "--select", "XYZ"], ["score.py", "--unsafe-fixes"], ["--output", "xml"]):
        assert main(["lint", *words]) == 2
        seen = capsys.readouterr()
        assert seen.out == ""
        assert seen.err.startswith("error: ")
        assert seen.err.count("\n") == 1


def test_folders_are_walked(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a").mkdir()
    (here / "a" / "score.py").write_text(BAD)
    (here / "a" / "setup.py").write_text("x = 1\n")
    assert main(["lint"]) == 1
    assert "a/score.py:3:1: error: MLD601" in capsys.readouterr().out
    assert main(["lint", "a", "a/score.py", "--json"]) == 1
    codes = [item["code"] for item in json.loads(capsys.readouterr().out)]
    assert codes.count("MLD601") == 1, "a file that is named twice is reported once"


def test_formats(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from jupyter_mldeploy.core.lint.report import FORMATS as KNOWN

    assert FORMATS == KNOWN
    (here / "score.py").write_text(BAD)
    shown = {}
    for output in FORMATS:
        assert main(["lint", "score.py", "--output", output]) == 1
        shown[output] = capsys.readouterr().out
    assert json.loads(shown["json"])[0]["code"] == "MLD601"
    assert json.loads(shown["sarif"])["runs"][0]["results"][0]["ruleId"] == "MLD601"
    assert shown["github"].startswith("::error file=score.py,line=3")
    assert "score.py:3:1" in shown["text"]


def test_fixes_are_applied_and_only_safe_ones(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = here / "score.py"
    script.write_text(BAD.replace("return model", "return json.dumps(model(data)) or model"))
    assert main(["lint", "score.py", "--fix"]) == 0
    text = script.read_text()
    assert "import joblib\n" in text
    assert "sklearn.externals" not in text
    assert "json.dumps(" in text, "what changes the answer is left to a person"
    capsys.readouterr()


def test_a_notebook_is_checked_and_stays_as_it_is(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notebook = write_notebook(
        here / "analysis.ipynb", "raise SystemExit", "%%deploy svc\n" + BAD, "%%writefile other.py\n" + GOOD
    )
    before = notebook.read_bytes(), notebook.stat().st_mtime_ns
    assert main(["lint", "analysis.ipynb", "--json"]) == 1
    (finding,) = [item for item in json.loads(capsys.readouterr().out) if item["severity"] == "error"]
    assert (finding["code"], finding["cell_id"], finding["line"]) == ("MLD601", "cell-2", 4)
    assert (notebook.read_bytes(), notebook.stat().st_mtime_ns) == before
    assert main(["lint", "analysis.ipynb", "--fix"]) == 0
    cells = json.loads(notebook.read_text())["cells"]
    assert "".join(cells[1]["source"]) == "raise SystemExit"
    assert "sklearn.externals" not in "".join(cells[2]["source"])


def test_configuration_files_are_checked(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "deploymentconfig.json").write_text('{"computeType": "aci", "auth_enabled": true}')
    assert main(["lint", "deploymentconfig.json"]) == 1
    assert "authEnabled" in capsys.readouterr().out


def test_settings_of_the_project_apply(here: Path) -> None:
    (here / "score.py").write_text(BAD)
    (here / "pyproject.toml").write_text('[tool.mldeploy.lint]\nignore = ["MLD601"]\n')
    assert main(["lint", "score.py"]) == 0
    (here / "pyproject.toml").write_text("[tool.mldeploy.lint]\nignored = []\n")
    assert main(["lint", "score.py"]) == 2
