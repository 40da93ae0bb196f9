"""A deployment to a cluster whose process is killed: the next look takes away what it left, and nothing is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.targets.k8s.cluster import Cluster

pytestmark = [pytest.mark.kubernetes, pytest.mark.docker]

SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    return {answer!r}\n"
DEPLOY = """
import json
import os
import sys
from pathlib import Path
from jupyter_mldeploy.core.workspace import Workspace

home, name, script, config, moment = sys.argv[1:]


def report(step, text):
    if step == moment:
        os.kill(os.getpid(), 9)


Workspace(Path(home)).deploy(
    name, Path(script), target="kubernetes", config=json.loads(config), timeout_s=200, report=report
)
"""


def kill_a_deployment(workspace: Workspace, name: str, script: Path, config: dict[str, Any], moment: str) -> None:
    """Deploy in another process, which kills itself when it comes to that step."""
    command = [sys.executable, "-c", DEPLOY, str(workspace.home), name, str(script), json.dumps(config), moment]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=220, check=False)
    assert ended.returncode == -9, ended.stderr


def test_what_a_killed_deployment_left_is_taken_away(
    workspace: Workspace, cluster: Cluster, namespace: str, base: dict[str, Any], tmp_path: Path
) -> None:
    name, script = f"s{uuid.uuid4().hex[:6]}-{os.getpid()}", tmp_path / "score.py"

    def there(*kinds: str) -> list[str]:
        found = [item["metadata"]["name"] for kind in kinds for item in cluster.list(kind, namespace)]
        return [item for item in found if item.startswith(name)]

    script.write_text(SCRIPT.format(answer="one"))
    kill_a_deployment(workspace, name, script, base, "schedule")
    assert there("Deployment") == [f"{name}-r1"]
    service = workspace.service(name)
    record = service.refresh()
    assert (record.state, record.reason) == ("Failed", "The process that deployed it ended before it was done.")
    assert there("Deployment", "Service", "ServiceAccount") == []

    workspace.deploy(name, script, target="kubernetes", config=base, timeout_s=200)
    script.write_text(SCRIPT.format(answer="two"))
    kill_a_deployment(workspace, name, script, base, "schedule")
    assert service.refresh().state == "Healthy"
    assert there("Deployment") == [f"{name}-r2"]
    assert service.score("1") == "one"
    assert [item.state for item in service.revisions()] == ["failed", "live", "failed"]
    service.delete()
    assert there("Deployment", "Service", "ServiceAccount") == []
