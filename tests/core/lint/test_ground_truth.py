"""Known scripts: what fails under Azure's packages is reported, what works stays silent."""

from __future__ import annotations

import importlib.util
import json
import os
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


def _azure_python() -> str | None:
    """Return an interpreter that has Azure's packages: this one, or the one that MLDEPLOY_AZUREML_PYTHON names."""
    if importlib.util.find_spec("azureml_inference_server_http") is not None:
        return sys.executable
    return os.environ.get("MLDEPLOY_AZUREML_PYTHON")


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.skipif(_azure_python() is None, reason="Azure's packages are not installed; see MLDEPLOY_AZUREML_PYTHON")
def test_the_cases_are_true() -> None:
    """Every script really fails, or works, at the stage that its case says, under Azure's own packages."""
    cases = [case for case in CASES if not case.when]
    given = json.dumps([{"name": case.name, "script": case.script, "request": case.request} for case in cases])
    helper = str(Path(__file__).with_name("azure_stage.py"))
    done = subprocess.run(
        [_azure_python() or "", helper], input=given, capture_output=True, text=True, timeout=1_800, check=True
    )
    found = {name: result["stage"] for name, result in json.loads(done.stdout).items()}
    assert found == {case.name: case.stage for case in cases}
