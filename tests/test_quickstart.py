"""The notebook that `make demo` and Binder run does what it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.patience import FACTOR

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_quickstart_notebook_runs_and_shows_each_step(tmp_path: Path) -> None:
    result = tmp_path / "executed.ipynb"
    before = (ROOT / "binder" / "quickstart.ipynb").read_bytes()
    run = subprocess.run(
        [sys.executable, str(ROOT / "binder" / "run_quickstart.py"), str(result)],
        capture_output=True,
        text=True,
        timeout=240 * FACTOR,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert (ROOT / "binder" / "quickstart.ipynb").read_bytes() == before
    cells = {cell.id: cell for cell in nbformat.read(result, as_version=4).cells}

    card = cells["deploy"].outputs[-1].data
    facts = card["application/vnd.mldeploy+json"]
    assert "Healthy" in card["text/plain"]
    assert "http://" in card["text/plain"]
    assert "<script" not in card["text/html"]
    assert facts["version"]
    assert "predictions: [" in str(cells["score"].outputs)
    assert "'model': 'diabetes-ridge:1'" in str(cells["score-again"].outputs)

    (error,) = [output for output in cells["fail"].outputs if output.output_type == "error"]
    shown = str(cells["fail"].outputs)
    assert "forest.pkl" in shown
    assert "line 12" in shown, "the failing line is counted in the cell, its magic line included"
    assert error.ename
    assert "live revision: 2" in str(cells["still"].outputs)
    assert "deleted" in str(cells["delete"].outputs).lower()
