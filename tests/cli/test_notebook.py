"""Deploying a notebook's ``%%deploy`` cell from the file: found, never run, never changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import ROW, SCRIPT, Run

CELL = SCRIPT.replace("import json, os, joblib, numpy as np", "import json, os, joblib")
HELPERS = "import numpy as np\n\nSCALE = 2\n\n\ndef scaled(values):\n    return values * SCALE\n"


def write_notebook(path: Path, *cells: str, counts: bool = True) -> Path:
    """Write a notebook whose code cells ran in order; the first one would end the process if it were run."""
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "cells": [
            {"cell_type": "markdown", "id": "intro", "metadata": {}, "source": "# Analysis"},
            *(
                {
                    "cell_type": "code",
                    "id": f"cell-{number}",
                    "metadata": {},
                    "source": source,
                    "outputs": [],
                    "execution_count": number if counts else None,
                }
                for number, source in enumerate(cells, 1)
            ),
        ],
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def notebook(folder: Path) -> Path:
    """A notebook in a folder of its own, beside its model."""
    place = folder / "work"
    place.mkdir()
    (folder / "ridge.pkl").rename(place / "ridge.pkl")
    return write_notebook(
        place / "analysis.ipynb",
        "raise SystemExit('a notebook that is read must not be run')",
        "%%deploy nb-one --model ridge.pkl --workers 2 --tag from=line\n" + SCRIPT,
        HELPERS,
        "%%deploy nb-two --cells --model ridge.pkl\n"
        + CELL.replace(".tolist()", "")
        .replace("return model", "return scaled(model")
        .replace('"]))', '"]))).tolist()'),
    )


def test_the_cell_is_deployed_and_the_file_stays_as_it_is(mldeploy: Run, notebook: Path, prediction: float) -> None:
    before = notebook.read_bytes(), notebook.stat().st_mtime_ns
    done = mldeploy("deploy", "nb-one", "--notebook", "work/analysis.ipynb", "--tag", "from=shell", "--json")
    assert done.code == 0, done.err
    assert done.json["tags"] == {"from": "shell"}, "the command line overrides the cell's line"
    scored = mldeploy("score", "nb-one", "-d", json.dumps({"data": [ROW]}))
    assert json.loads(scored.out) == pytest.approx([prediction])
    (revision,) = mldeploy("revisions", "nb-one", "--json").json["revisions"]
    assert revision["config"]["workers"] == 2, "the cell's line applies where the command line says nothing"
    assert revision["origin"]["cell_id"] == "cell-2"
    assert revision["origin"]["notebook"].endswith("work/analysis.ipynb")
    assert (notebook.read_bytes(), notebook.stat().st_mtime_ns) == before
    assert mldeploy("delete", "nb-one").code == 0


def test_names_come_from_other_cells(mldeploy: Run, notebook: Path, prediction: float) -> None:
    before = notebook.read_bytes()
    done = mldeploy("deploy", "nb-two", "--notebook", str(notebook))
    assert done.code == 0, done.err
    assert "note: Taken from" in done.err
    assert "scaled" in done.err
    scored = mldeploy("score", "nb-two", "-d", json.dumps({"data": [ROW]}))
    assert json.loads(scored.out) == pytest.approx([2 * prediction])
    assert notebook.read_bytes() == before
    assert mldeploy("delete", "nb-two").code == 0


def test_a_failure_points_into_the_cell(mldeploy: Run, notebook: Path) -> None:
    write_notebook(
        notebook, "X = 1", "%%deploy nb-fail --model ridge.pkl\n" + SCRIPT.replace('"ridge.pkl"', '"lasso.pkl"')
    )
    done = mldeploy("deploy", "nb-fail", "--notebook", str(notebook))
    assert done.code == 1
    assert "cell In[2], line 7, in init" in done.err
    assert '▶ 7 │     model = joblib.load(os.path.join(os.environ["AZUREML_MODEL_DIR"], "lasso.pkl"))' in done.err
    assert mldeploy("delete", "nb-fail").code == 0


def test_a_cell_is_chosen_by_its_id(mldeploy: Run, notebook: Path) -> None:
    planned = mldeploy("plan", "other-name", "--notebook", str(notebook), "--cell", "cell-2", "--json")
    assert planned.code == 0, planned.err
    assert planned.json["service"] == "other-name"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("nb-none", "--notebook", "work/analysis.ipynb"), 3, "cell 3 (cell-2): %%deploy nb-one"),
        (("nb-one", "--notebook", "work/nothere.ipynb"), 2, "nothere.ipynb"),
        (("nb-one", "--notebook", "score.py"), 2, "not a notebook"),
        (("nb-one", "score.py", "--notebook", "work/analysis.ipynb"), 2, "Both an entry script"),
        (("nb-one", "score.py", "--cells"), 2, "--cells is about a notebook"),
    ],
)
def test_what_cannot_be_found_is_said(
    mldeploy: Run, notebook: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    done = mldeploy("deploy", *words)
    assert done.code == code
    assert said in done.err
    assert done.err.count("\n") == 1


def test_what_needs_a_kernel_is_refused(mldeploy: Run, notebook: Path) -> None:
    write_notebook(notebook, "%%deploy nb-obj --object model\n" + SCRIPT, "%%deploy nb-var --model {path}\n" + SCRIPT)
    done = mldeploy("deploy", "nb-obj", "--notebook", str(notebook))
    assert done.code == 2
    assert "--object" in done.err
    by_id = mldeploy("deploy", "nb-var", "--notebook", str(notebook), "--cell", "cell-2")
    assert by_id.code == 2
    assert "{path}" in by_id.err


def test_a_name_that_no_cell_binds_is_named(mldeploy: Run, notebook: Path) -> None:
    write_notebook(
        notebook, "%%deploy nb-miss --cells\n" + SCRIPT.replace("return model", "return missing_helper(model)")
    )
    done = mldeploy("deploy", "nb-miss", "--notebook", str(notebook), "--json")
    assert done.code == 2
    assert "missing_helper" in done.error["message"]
