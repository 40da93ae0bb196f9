"""``collect_model_data`` of the local target: where the rows lie, and that they outlive the service."""

from __future__ import annotations

from pathlib import Path

from jupyter_mldeploy.core.workspace import Workspace
from tests.targets.local_service import wait_for

SCRIPT = """
from azureml.monitoring import ModelDataCollector

def init():
    global inputs
    inputs = ModelDataCollector("m", designation="inputs")

def run(data):
    inputs.collect(data)
    return data
"""


def test_rows_are_kept_below_the_services_data_directory(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home")
    script = tmp_path / "score.py"
    script.write_text(SCRIPT)
    service = workspace.deploy("collects", script, config={"collect_model_data": True, "auth_enabled": False})
    folder = service.data_directory
    try:
        assert service.score("x") == "x"
        # A worker that is being replaced may be killed before it has written what it holds back.
        wait_for(lambda: any(len(path.read_text().splitlines()) == 2 for path in folder.rglob("*.csv")), "the row")
        service.update(config={"collect_model_data": False})
        service.score("y")
    finally:
        service.delete()
    (path,) = folder.rglob("*.csv")
    assert path.relative_to(folder).parts[:6] == ("modeldata", "default", "default", "default", "collects", "m")
    lines = path.read_text().splitlines()
    assert len(lines) == 2
    assert "x" in lines[1]
