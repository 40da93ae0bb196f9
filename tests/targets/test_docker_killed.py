"""A deployment to Docker whose process is killed at its worst moments: nothing is left over, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_mldeploy.core.workspace import Workspace
from tests.targets.docker_service import ECHO, belongings, parts
from tests.targets.local_service import wait_for

pytestmark = pytest.mark.docker

DEPLOY = """
import os
import sys
from pathlib import Path
from jupyter_mldeploy.core.images.making import Making
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.targets import docker_rollout


def killed(*arguments):
    os.kill(os.getpid(), 9)


def killed_after(method):
    def call(self, *arguments, **more):
        method(self, *arguments, **more)
        killed()
    return call


home, name, script, moment = sys.argv[1:]
if moment == "while the image is built":
    Making._build = killed
elif moment == "before its container is made":
    docker_rollout.create_revision = killed
elif moment == "after it has taken over":
    docker_rollout.Rollout._until_it_serves = killed_after(docker_rollout.Rollout._until_it_serves)
Workspace(Path(home)).deploy(name, Path(script), target="docker", timeout_s=100)
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "score.py"
    path.write_text(ECHO.format(answer="one"))
    return path


def kill_a_deployment(workspace: Workspace, name: str, script: Path, moment: str) -> None:
    """Deploy in another process, which kills itself at that moment."""
    command = [sys.executable, "-c", DEPLOY, str(workspace.home), name, str(script), moment]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert ended.returncode == -9, ended.stderr


def containers_and_volumes(name: str) -> list[str]:
    return [item for item in belongings(name) if not item.startswith("mldeploy/")]


def test_killed_while_the_image_is_built(workspace: Workspace, script: Path, worker_id: str) -> None:
    name = f"killed-built-{worker_id}"
    script.write_text(ECHO.format(answer=name))  # an image of its own
    kill_a_deployment(workspace, name, script, "while the image is built")
    workspace.service(name).delete()
    assert (workspace.images.list(), belongings(name)) == ([], [])

    kill_a_deployment(workspace, name, script, "while the image is built")
    service = workspace.deploy(name, script, target="docker", timeout_s=100)
    assert service.score("1") == [name, "1"]
    service.delete()
    assert (workspace.images.list(), belongings(name)) == ([], [])


def test_killed_before_its_container_is_made(workspace: Workspace, script: Path, worker_id: str) -> None:
    name = f"killed-made-{worker_id}"
    kill_a_deployment(workspace, name, script, "before its container is made")
    service = workspace.service(name)
    record = service.refresh()
    assert (record.state, record.reason) == ("Failed", "The process that deployed it ended before it was done.")
    assert containers_and_volumes(name) == []

    kill_a_deployment(workspace, name, script, "before its container is made")
    workspace.deploy(name, script, target="docker", timeout_s=100)  # without a look in between
    assert service.score("1") == ["one", "1"]
    service.delete()
    assert belongings(name) == []


def test_killed_after_it_has_taken_over(workspace: Workspace, script: Path, worker_id: str) -> None:
    name = f"killed-over-{worker_id}"
    service = workspace.deploy(name, script, target="docker", timeout_s=100)
    script.write_text(ECHO.format(answer="two"))
    kill_a_deployment(workspace, name, script, "after it has taken over")
    assert service.score("1") == ["two", "1"]

    def settled() -> bool:
        return service.refresh().state == "Healthy" and len(parts(service)) == 2

    wait_for(settled, "the end of the replaced revision", 60)
    assert [item.state for item in service.revisions()] == ["superseded", "live"]
    policies = {item["HostConfig"]["RestartPolicy"]["Name"] for item in parts(service)}
    assert policies == {"always"}
    service.delete()
    assert belongings(name) == []
