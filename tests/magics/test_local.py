"""``%%deploy`` on this machine, in a shell of this process: cells, objects, failures and what goes on serving."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import DeploymentError

from .conftest import SCRIPT, Shell

MODEL_CELL = """
def init():
    pass

def run(data):
    import json
    return model.predict([json.loads(data)["x"]]).tolist()
"""


def test_a_failure_in_init_names_the_line_of_the_cell(local: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    local.value(f"%%deploy svc\n{SCRIPT}")
    capsys.readouterr()
    result = local.run("\n%%deploy svc\n\ndef init():\n    open('nope.bin')\n\ndef run(data):\n    return data\n")
    assert isinstance(result.error_in_exec, DeploymentError)
    output = "".join(capsys.readouterr())
    assert "▶ 5 │     open('nope.bin')" in output
    assert "cell In[3]" in output
    assert "Revision 1 goes on serving" in output
    assert local.value("%deploy test svc [1]") == "[1]"


def test_a_failure_in_another_cell_names_that_cell(local: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    local.value("def read(path):\n    with open(path) as stream:\n        return stream.read()")
    result = local.run("%%deploy svc --cells\ndef init():\n    read('nope.txt')\n\ndef run(data):\n    return data\n")
    assert isinstance(result.error_in_exec, DeploymentError)
    output = "".join(capsys.readouterr())
    assert "▶ 2 │     with open(path) as stream:" in output
    assert "cell In[2], line 2, in read" in output
    assert "cell In[3] line 3, in init: read('nope.txt')" in output


def test_a_failing_file_is_shown_with_its_line(local: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    Path("score.py").write_text("def init():\n    raise RuntimeError('no')\n\ndef run(data):\n    return data\n")
    local.run("%%deploy svc --from score.py")
    output = "".join(capsys.readouterr())
    assert "score.py, line 2, in init" in output
    assert "▶ 2 │     raise RuntimeError('no')" in output


def test_objects_of_the_kernel_are_handed_over(local: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn")
    local.value("from sklearn.linear_model import Ridge\nmodel = Ridge(alpha=0.0).fit([[0.0], [1.0]], [0.0, 2.0])")
    local.value(f"%%deploy svc --object model\n{MODEL_CELL}")
    output = capsys.readouterr().out
    assert "model" in output
    assert "sha256:" in output
    assert local.value('%deploy test svc {"x": [3.0]}') == [pytest.approx(6.0)]
    service = Workspace().service("svc")
    bundle = service.workspace.bundles.get(service.revisions()[-1].bundle)
    assert any(item.startswith("scikit-learn==") for item in bundle.environment["pip"])
    assert [model.name for model in bundle.models] == ["model"]


def test_a_dry_run_with_an_object_keeps_no_service(local: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    local.value("model = {'weight': 2}")
    local.value(f"%%deploy svc --object model --dry-run\n{SCRIPT}")
    assert "Plan" in capsys.readouterr().out
    assert Workspace().services() == []


def test_the_same_cell_again_is_a_hot_swap_on_the_same_address(local: Shell) -> None:
    local.value(f"%%deploy svc\n{SCRIPT}")
    service = Workspace().service("svc")
    before = service.scoring_uri
    local.value(f"%%deploy svc\n{SCRIPT.replace('return data', 'return [data]')}")
    assert service.scoring_uri == before
    assert local.value("%deploy test svc 1") == ["1"]
    local.value("%deploy rollback")
    assert local.value("%deploy test svc 1") == "1"
