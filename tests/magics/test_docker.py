"""``%%deploy NAME --target docker`` in a notebook: a cell becomes a container, and its errors name the cell's line."""

from __future__ import annotations

import pytest

from jupyter_mldeploy.core.workspace import Workspace

from .conftest import Shell

pytestmark = pytest.mark.docker

CELL = "def init():\n    {init}\n\n\ndef run(data):\n    return [{answer!r}, data]\n"


def test_a_cell_becomes_a_container(local: Shell, worker_id: str) -> None:
    name = f"cell-{worker_id}"
    deploy = f"%%deploy {name} --target docker --memory-gb 0.5 --set cpus=1\n"
    shown = local.value(deploy + CELL.format(init="pass", answer="one"))
    assert "Healthy" in str(shown._repr_mimebundle_()) if hasattr(shown, "_repr_mimebundle_") else True
    service = Workspace().service(name)
    assert service.record.target == "docker"
    assert service.score("1") == ["one", "1"]
    local.value(deploy + CELL.format(init="pass", answer="two"))
    assert service.score("1") == ["two", "1"]
    failed = local.run(deploy + CELL.format(init="raise KeyError('weights')", answer="three"))
    assert failed.error_in_exec is not None
    text = str(failed.error_in_exec)
    assert "KeyError: 'weights'" in text
    assert "Revision 2 goes on serving" in text
    assert "line 2" in text or "line 3" in text
    assert "Cell" in text or "In[" in text or "cell" in text, text
    assert service.score("1") == ["two", "1"]
    local.value(f"%deploy rollback {name}")
    assert service.score("1") == ["one", "1"]
