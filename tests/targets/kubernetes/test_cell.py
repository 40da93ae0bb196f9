"""The main job in a cluster: a notebook's cell becomes running pods, answers, and explains its own failure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import DeploymentError
from tests.patience import FACTOR
from tests.targets.kubernetes.conftest import REGISTRY, way

pytestmark = [pytest.mark.kubernetes, pytest.mark.docker]

GOOD = "def init():\n    global factor\n    factor = 3\n\ndef run(data):\n    return factor\n"
BAD = "def init():\n    raise ValueError('bad weights')\n\ndef run(data):\n    return data\n"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """An IPython shell with the magics; its services are deleted afterwards."""
    monkeypatch.setenv("MLDEPLOY_HOME", str(tmp_path / "home"))
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    made = InteractiveShell(config=config)
    made.run_cell("%load_ext jupyter_mldeploy")
    yield made
    made.run_cell("%unload_ext jupyter_mldeploy")
    for service in Workspace(tmp_path / "home").services():
        service.delete()


def test_a_cell_becomes_pods_and_its_failure_names_its_line(
    shell: InteractiveShell, base: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    if "registry" not in way():
        pytest.skip(f"no registry at {REGISTRY}")
    line = f"%%deploy cell-svc --target kubernetes --timeout {100 * FACTOR:g} "
    line += " ".join(f"--set {name}={value}" for name, value in base.items())
    shell.run_cell(f"{line}\n{GOOD}", store_history=True).raise_error()
    tested = shell.run_cell("%deploy test cell-svc [1]", store_history=True)
    tested.raise_error()
    assert tested.result == 3
    capsys.readouterr()
    failed = shell.run_cell(f"{line}\n{BAD}", store_history=True)
    assert isinstance(failed.error_in_exec, DeploymentError)
    output = "".join(capsys.readouterr())
    assert "▶ 3 │     raise ValueError('bad weights')" in output
    assert "cell In[3], line 3, in init" in output
    assert "Revision 1 goes on serving" in output
    assert shell.run_cell("%deploy test cell-svc [1]").result == 3
