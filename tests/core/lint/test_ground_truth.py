"""Known scripts: what fails under Azure's packages is reported, what works stays silent."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_mldeploy.core.lint import RULES, LintConfig, lint_source

from .case import Case
from .ground_truth import CASES

AZURE = LintConfig(server="azureml")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    compile(case.script, "score.py", "exec")
    found = lint_source(case.script, kind="script")
    if case.code is not None:
        assert case.code in [item.code for item in found]
    else:
        assert [item for item in found if item.severity in {"error", "warning"}] == []


@pytest.mark.parametrize("case", [case for case in CASES if case.stage == ""], ids=lambda case: case.name)
def test_working_scripts_have_no_certain_error(case: Case) -> None:
    found = lint_source(case.script, kind="script", config=AZURE)
    certain = [item for item in found if item.severity == "error" and RULES[item.code].zero_fp]
    assert [item.code for item in certain if item.code not in {"MLD603"}] == []


@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.stage in {"I", "L"} and case.code not in {"MLD108"}],
    ids=lambda case: case.name,
)
def test_what_stops_the_start_is_an_error(case: Case) -> None:
    found = [item for item in lint_source(case.script, kind="script", config=AZURE) if item.code == case.code]
    assert found
    assert {item.severity for item in found} == {"error"}


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("inference_schema") is None, reason="inference-schema is not installed")
@pytest.mark.parametrize(
    "case",
    [case for case in CASES if "inference_schema" in case.script and case.stage == "I"],
    ids=lambda case: case.name,
)
def test_the_real_package_fails_on_import(case: Case, tmp_path: Path) -> None:
    script = tmp_path / "entry_module.py"
    script.write_text(case.script, encoding="utf-8")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0, json.dumps(done.stderr[-400:])
