"""``%%deploy`` cells of notebook files: found, read, captured; the file is never run or changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat.v4 as v4
import pytest

from jupyter_mldeploy.core.notebook import read_notebook
from jupyter_mldeploy.errors import CaptureError, InvalidInputError, NotFoundError

RUN = "def init(): pass\ndef run(data):\n    return data * SCALE"


def write(path: Path, cells: list[Any], **extra: Any) -> Path:
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells, **extra}
    path.write_text(json.dumps(document))
    return path


def code(source: str, count: int | None = None, cell_id: str | None = None, outputs: Any = ()) -> dict[str, Any]:
    cell = dict(v4.new_code_cell(source, execution_count=count, outputs=list(outputs)))  # type: ignore[no-untyped-call]
    if cell_id:
        cell["id"] = cell_id
    return cell


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    return write(
        tmp_path / "analysis.ipynb",
        [
            {"cell_type": "markdown", "metadata": {}, "source": ["%%deploy not-this\n", "text"], "id": "m"},
            code("SCALE = 2\nprint(SCALE)", 1, "scale"),
            code(f"%%deploy one --cells --workers 2\n{RUN}", 2, "deploy-one"),
            code("UNUSED = 3", 3),
            code(f"\n%%deploy two\n{RUN}", None, "deploy-two"),
        ],
    )


def test_the_cell_of_a_service_is_found_with_its_options(notebook: Path) -> None:
    before = notebook.read_bytes()
    found = read_notebook(notebook).deploy_cell("one")
    assert (found.number, found.cell.id, found.options().workers) == (3, "deploy-one", 2)
    capture = found.capture()
    assert capture.script.startswith("SCALE = 2\n")
    assert "UNUSED" not in capture.script
    assert capture.line_map["map"][0] == [1, "scale", 1, 1]
    assert capture.line_map["map"][1] == [4, "deploy-one", 2, 2]
    assert notebook.read_bytes() == before


def test_without_cells_the_script_is_the_cell_alone(notebook: Path) -> None:
    deployed = read_notebook(notebook).deploy_cell("two")
    assert deployed.capture().script == f"{RUN}\n"
    assert deployed.capture(cells=True).script.startswith("SCALE = 2\n")
    assert deployed.capture().line_map["map"][0] == [1, "deploy-two", 3, None]


def test_several_cells_or_none_list_the_candidates(notebook: Path, tmp_path: Path) -> None:
    document = read_notebook(notebook)
    with pytest.raises(InvalidInputError, match=r"2 %%deploy cells") as caught:
        document.deploy_cell()
    assert "cell 3 (deploy-one): %%deploy one --cells --workers 2" in str(caught.value)
    assert document.deploy_cell(cell_id="deploy-two").name == "two"
    with pytest.raises(NotFoundError, match="no %%deploy cell for 'three'"):
        document.deploy_cell("three")
    empty = write(tmp_path / "empty.ipynb", [code("x = 1")])
    with pytest.raises(NotFoundError, match="has no %%deploy cell"):
        read_notebook(empty).deploy_cell("one")


def test_the_order_is_that_of_execution(tmp_path: Path) -> None:
    path = write(
        tmp_path / "n.ipynb",
        [
            code("%%deploy svc --cells\ndef run(d): return SCALE", 9),
            code("SCALE = 'later in the document, earlier in time'", 2),
            code("SCALE = 'never run'", None),
            code("SCALE = SCALE.upper()", 5),
        ],
    )
    script = read_notebook(path).deploy_cell().capture().script
    assert script.index("later") < script.index("upper")
    assert "never run" not in script


def test_cleared_notebooks_are_read_in_the_order_of_the_document(tmp_path: Path) -> None:
    path = write(
        tmp_path / "n.ipynb", [code("A = 1"), code("A = 2"), code("%%deploy svc --cells\ndef run(d): return A")]
    )
    assert "A = 2" in read_notebook(path).deploy_cell().capture().script


def test_cells_that_failed_count_up_to_the_line_that_failed(tmp_path: Path) -> None:
    traceback = ["\x1b[31mNameError\x1b[39m  Traceback", "\x1b[36mCell\x1b[39m\x1b[36m \x1b[39mIn[1], line 2", "..."]
    error = {"output_type": "error", "ename": "NameError", "evalue": "x", "traceback": traceback}
    path = write(
        tmp_path / "n.ipynb",
        [code("A = 1\nboom()\nB = 2", 1, outputs=[error]), code("%%deploy svc --cells\ndef run(d): return A, B", 2)],
    )
    with pytest.raises(CaptureError) as caught:
        read_notebook(path).deploy_cell().capture()
    assert [item["name"] for item in caught.value.details["unresolved"]] == ["B"]
    assert "ended with an error" in str(caught.value)


def test_a_deploy_cell_whose_last_deployment_failed_is_read_whole(tmp_path: Path) -> None:
    error = {"output_type": "error", "ename": "DeploymentError", "evalue": "x", "traceback": []}
    path = write(tmp_path / "n.ipynb", [code("%%deploy svc --cells\ndef run(d): return 1", 2, outputs=[error])])
    assert "def run" in read_notebook(path).deploy_cell().capture().script


def test_numbers_given_twice_are_said(tmp_path: Path) -> None:
    path = write(
        tmp_path / "n.ipynb",
        [code("A = 1", 1), code("A = 2", 1), code("%%deploy svc --cells\ndef run(d): return A", 2)],
    )
    warnings = read_notebook(path).deploy_cell().capture().warnings
    assert [item.kind for item in warnings] == ["order"]
    assert "In[1]" in warnings[0].message


def test_a_line_that_takes_values_from_the_kernel_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "n.ipynb", [code("%%deploy {name} --cells\ndef run(d): return 1")])
    deployed = read_notebook(path).deploy_cells[0]
    assert deployed.name is None
    with pytest.raises(InvalidInputError, match=r"takes \{name\} from the kernel"):
        deployed.options()


def test_errors_of_the_line_name_the_option(tmp_path: Path) -> None:
    path = write(tmp_path / "n.ipynb", [code("%%deploy svc --modle x\ndef run(d): return 1")])
    with pytest.raises(InvalidInputError, match="Did you mean --model"):
        read_notebook(path).deploy_cell().options()


def test_format_3_is_read(tmp_path: Path) -> None:
    shape = {"cell_type": "code", "outputs": [], "language": "python", "metadata": {}}
    deploy = "%%deploy svc --cells\ndef run(d): return K"
    cells = [{**shape, "input": ["K = 4"], "prompt_number": 1}, {**shape, "input": deploy, "prompt_number": 2}]
    path = tmp_path / "old.ipynb"
    path.write_text(json.dumps({"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}))
    assert read_notebook(path).deploy_cell().capture().script.startswith("K = 4\n")


def test_notebooks_without_ids_and_with_unknown_keys_are_read(tmp_path: Path) -> None:
    cell = code("%%deploy svc\ndef run(d): return 1", 1)
    del cell["id"]
    path = write(tmp_path / "n.ipynb", [{**cell, "strange": 1}])
    deployed = read_notebook(path).deploy_cell()
    assert deployed.capture().line_map["map"][0][2:] == [2, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        (b"\xff\xfe", "not UTF-8"),
        (b"{", "not a notebook that can be read"),
        (b"[]", "not a notebook"),
        (b"{}", "not a notebook"),
        (b'{"nbformat": 99, "nbformat_minor": 0, "cells": []}', "not a notebook that can be read"),
        (b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "missing an expected key: cells"),
    ],
)
def test_files_that_are_no_notebooks(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "n.ipynb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidInputError, match=message):
        read_notebook(path)
