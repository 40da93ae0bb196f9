"""``%%deploy NAME --model FILE`` with an empty cell."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from jupyter_mldeploy.core.workspace import Workspace

from .conftest import Shell


def test_an_empty_cell_with_a_model(shell: Shell, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.pkl").write_bytes(pickle.dumps({}))
    shell.value("%%deploy svc --target memory --model m.pkl --dry-run\n")
    assert "was not read" in capsys.readouterr().out
    result = shell.run("%%deploy svc --target memory --model m.pkl\n")
    assert "neither predict() nor transform()" in str(result.error_in_exec)
    assert Workspace(tmp_path / "home").catalogue.services() == []
