"""Whole notebooks executed by nbclient and papermill."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from jupyter_mldeploy.core.card import MIME
from jupyter_mldeploy.core.workspace import Workspace
from tests.patience import NOTEBOOK

from .conftest import SCRIPT

BROKEN = SCRIPT.replace("    pass\n", "    raise RuntimeError('no model today')\n")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("MLDEPLOY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for service in Workspace().services():
        service.delete()


def notebook(*cells: str) -> Any:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return made


def test_nbclient_saves_one_card_and_fails_at_the_failed_deployment(folder: Path) -> None:
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    made = notebook(
        "%load_ext jupyter_mldeploy",
        f"%%deploy svc\n{SCRIPT}",
        "answer = %deploy test svc [1, 2]\nanswer",
        f"%%deploy svc\n{BROKEN}",
        "print('not reached')",
    )
    with pytest.raises(CellExecutionError) as caught:
        NotebookClient(made, resources={"metadata": {"path": str(folder)}}, **NOTEBOOK).execute()
    assert caught.value.ename == "DeploymentError"
    assert "no model today" in str(caught.value)
    assert "svc revision 2 did not go live" in str(caught.value)
    deployed, tested, failed, last = made.cells[1:]
    (card,) = [item for item in deployed.outputs if item.output_type == "display_data"]
    assert card.data[MIME]["kind"] == "deployment"
    assert "Healthy" in card.data["text/html"]
    assert tested.outputs[-1].data["text/plain"] == "'[1, 2]'"
    (error,) = [item for item in failed.outputs if item.output_type == "error"]
    assert "▶ 3 │     raise RuntimeError('no model today')" in "\n".join(error.traceback)
    assert last.outputs == []
    nbformat.validate(made)
    assert Workspace().service("svc").score([1]) == "[1]", "what is live outlives the execution"


def test_papermill_with_parameters_runs_and_stops_at_a_failure(folder: Path) -> None:
    papermill = pytest.importorskip("papermill")
    made = notebook(
        "factor = 1",
        "%load_ext jupyter_mldeploy",
        "%%deploy svc --cells\nimport json\n\ndef init():\n    pass\n\n"
        "def run(data):\n    return json.loads(data) * factor\n",
        "answer = %deploy test svc 7\nassert answer == 7 * factor, answer",
        f"%%deploy svc\n{BROKEN}",
    )
    made.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(made, folder / "in.ipynb")
    with pytest.raises(papermill.PapermillExecutionError) as caught:
        papermill.execute_notebook(
            "in.ipynb",
            "out.ipynb",
            parameters={"factor": 6},
            progress_bar=False,
            kernel_name="python3",
            start_timeout=NOTEBOOK["startup_timeout"],
            iopub_timeout=NOTEBOOK["iopub_timeout"],
            config=NOTEBOOK["config"],
        )
    assert caught.value.ename == "DeploymentError"
    assert "no model today" in str(caught.value)
    saved = nbformat.read(folder / "out.ipynb", as_version=4)
    cards = [
        output.data[MIME]["kind"]
        for cell in saved.cells
        for output in cell.get("outputs", ())
        if output.output_type == "display_data" and MIME in output.data
    ]
    assert cards == ["deployment"]
    assert Workspace().service("svc").score(7) == 42
