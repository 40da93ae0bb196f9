"""A service whose workspace was lost: found with the engine alone, and taken over while it serves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_mldeploy.core.adoption import adopt, strangers
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import ConflictError, NotFoundError, NotSupportedError

pytestmark = pytest.mark.docker

SCRIPT = """
import os


def init():
    pass


def run(data):
    return [{answer!r}, sorted(os.listdir(os.environ["AZUREML_MODEL_DIR"]))]
"""


def test_a_service_outlives_its_workspace(tmp_path: Path, own: str) -> None:
    name = f"adopted-{own}"
    script, model = tmp_path / "score.py", tmp_path / "weights.txt"
    script.write_text(SCRIPT.format(answer="one"))
    model.write_text("42")
    lost = Workspace(tmp_path / "lost")
    first = lost.deploy(name, script, models=[model], target="docker", config={"tags": {"a": "b"}}, timeout_s=110)
    key, digest = first.keys().primary, first.revisions()[-1].bundle
    try:
        home = tmp_path / "home"
        shown = subprocess.run(
            [Path(sys.executable).with_name("mldeploy"), "adopt", "--json", "--workspace", home],
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        assert name in [item["name"] for item in json.loads(shown.stdout)["services"]]
        fresh = Workspace(home)
        with pytest.raises(NotFoundError, match="no service 'nobody'"):
            adopt(fresh, "nobody", "docker")
        with pytest.raises(NotSupportedError):
            strangers(fresh, "local")
        service = adopt(fresh, name, "docker")
        assert (service.state, service.revision, service.keys().primary) == ("Healthy", 1, key)
        assert service.revisions()[-1].bundle == digest
        assert service.record.tags == {"a": "b"}
        assert service.score("1") == ["one", ["weights.txt"]]
        assert name not in [item.name for item in strangers(fresh, "docker")]
        with pytest.raises((ConflictError, NotFoundError)):
            adopt(fresh, name, "docker")
        script.write_text(SCRIPT.format(answer="two"))
        service.update(script, timeout_s=110)
        assert service.score("1") == ["two", ["weights.txt"]]
        service.rollback(timeout_s=110)
        assert service.score("1")[0] == "one"
        service.delete()
    finally:
        first.delete()
