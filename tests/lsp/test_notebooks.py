"""Notebook cells: what ``%%deploy`` and ``%%writefile`` cells are, and the names of the cells around them."""

from __future__ import annotations

import pytest

from tests.lsp.editor import Editor, codes
from tests.lsp.scripts import MISSING_GLOBAL

pytestmark = pytest.mark.asyncio

NOTEBOOK = "file:///project/train.ipynb"
CELL = """\
%%deploy ridge --model ridge.pkl
def init():
    pass


def run(data):
    return scale * 2
"""


async def test_names_of_other_cells_are_told_from_names_of_none(editor: Editor) -> None:
    cells = editor.open_notebook(NOTEBOOK, "x = 1", CELL)
    assert "MLD306" in codes(await editor.diagnostics(cells[1]))
    editor.change_cell(NOTEBOOK, cells[0], "scale = 3")
    await editor.diagnostics(cells[1], until=lambda found: "MLD307" in codes(found))
    editor.change_cell(NOTEBOOK, cells[0], "scales = 3")
    await editor.diagnostics(cells[1], until=lambda found: "MLD306" in codes(found))


async def test_ordinary_cells_get_no_findings(editor: Editor) -> None:
    cells = editor.open_notebook(NOTEBOOK, MISSING_GLOBAL, CELL)
    await editor.diagnostics(cells[1])
    assert all(item.uri != cells[0] for item in editor.published)


async def test_writefile_cells_are_what_they_write(editor: Editor) -> None:
    cells = editor.open_notebook(
        NOTEBOOK,
        "%%writefile score.py\n" + MISSING_GLOBAL,
        "%%writefile deploymentconfig.json\n" + '{"computeType": "aci", "enableAppInsights": true}',
    )
    found = await editor.diagnostics(cells[0])
    assert "MLD301" in codes(found)
    assert all(item.range.start.line > 0 for item in found)
    assert "MLD842" in codes(await editor.diagnostics(cells[1]))


async def test_cells_come_and_go(editor: Editor) -> None:
    cells = editor.open_notebook(NOTEBOOK, CELL)
    assert "MLD306" in codes(await editor.diagnostics(cells[0]))
    editor.splice_cells(NOTEBOOK, 0, [], {f"{NOTEBOOK}#new": "scale = 1"})
    await editor.diagnostics(cells[0], until=lambda found: "MLD307" in codes(found))
    editor.splice_cells(NOTEBOOK, 0, [f"{NOTEBOOK}#new"], {})
    await editor.diagnostics(cells[0], until=lambda found: "MLD306" in codes(found))


async def test_a_cell_that_stops_being_deployed_loses_its_findings(editor: Editor) -> None:
    cells = editor.open_notebook(NOTEBOOK, CELL)
    await editor.diagnostics(cells[0])
    editor.change_cell(NOTEBOOK, cells[0], CELL.replace("%%deploy ridge --model ridge.pkl", "# no magic"))
    assert await editor.diagnostics(cells[0]) == []


async def test_ipython_commands_in_a_cell_are_no_syntax_errors(editor: Editor) -> None:
    cells = editor.open_notebook(
        NOTEBOOK, CELL.replace("scale * 2", "2").replace("def init", "%matplotlib inline\ndef init")
    )
    assert "MLD100" not in codes(await editor.diagnostics(cells[0]))


async def test_pulled_findings_of_a_cell(pulling: Editor) -> None:
    cells = pulling.open_notebook(NOTEBOOK, "x = 1", CELL)
    assert "MLD306" in codes((await pulling.pull(cells[1])).items)
    pulling.change_cell(NOTEBOOK, cells[0], "scale = 3")
    assert "MLD307" in codes((await pulling.pull(cells[1])).items)
    assert pulling.client.diagnostic_refresh_count >= 1
