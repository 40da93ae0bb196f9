"""A deployment to Docker whose process is killed at its worst moments: nothing is left over, and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.targets import docker_sweep
from jupyter_mldeploy.targets.docker_house import Part
from tests.patience import FACTOR
from tests.targets.docker_service import ECHO, belongings, parts
from tests.targets.local_service import wait_for

pytestmark = pytest.mark.docker

DEPLOY = """
import os
import signal
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


def told_and_killed(engine, door, revision):
    os.kill(engine.inspect_container(door.id)["State"]["Pid"], signal.SIGSTOP)
    killed_after(docker_rollout_let_take_over)(engine, door, revision)


home, name, script, moment = sys.argv[1:]
if moment == "while the image is built":
    Making._build = killed
elif moment == "before its container is made":
    docker_rollout.create_revision = killed
elif moment == "before its door has heard of it":
    docker_rollout_let_take_over, docker_rollout.let_take_over = docker_rollout.let_take_over, told_and_killed
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


def test_killed_while_the_image_is_built(workspace: Workspace, script: Path, own: str) -> None:
    name = f"killed-built-{own}"
    script.write_text(ECHO.format(answer=name))  # an image of its own
    kill_a_deployment(workspace, name, script, "while the image is built")
    workspace.service(name).delete()
    assert (workspace.images.list(), belongings(name)) == ([], [])

    kill_a_deployment(workspace, name, script, "while the image is built")
    service = workspace.deploy(name, script, target="docker", timeout_s=100)
    assert service.score("1") == [name, "1"]
    service.delete()
    assert (workspace.images.list(), belongings(name)) == ([], [])


def test_killed_before_its_container_is_made(workspace: Workspace, script: Path, own: str) -> None:
    name = f"killed-made-{own}"
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


def test_killed_after_it_has_taken_over(workspace: Workspace, script: Path, own: str) -> None:
    name = f"killed-over-{own}"
    service = workspace.deploy(name, script, target="docker", timeout_s=100)
    script.write_text(ECHO.format(answer="two"))
    kill_a_deployment(workspace, name, script, "after it has taken over")
    # The replaced revision accepts until it has heard that it is to end, and nobody is left who would wait for that.
    wait_for(lambda: service.score("1") == ["two", "1"], "an answer of the new revision")
    check_that_it_has_taken_over(service)


def test_killed_before_its_door_has_heard_of_it(
    workspace: Workspace, script: Path, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks while the door gets no time to run must not remove what is going to serve in a moment."""
    name = f"killed-told-{own}"
    service = workspace.deploy(name, script, target="docker", timeout_s=100)
    (door,) = [item for item in parts(service) if item["Config"]["Labels"]["mldeploy.role"] == "door"]
    script.write_text(ECHO.format(answer="two"))
    try:
        kill_a_deployment(workspace, name, script, "before its door has heard of it")
        seen = threading.Event()
        told = docker_sweep.is_to_take_over

        def look(engine: Any, part: Part) -> int:
            seen.set()
            return told(engine, part)

        monkeypatch.setattr(docker_sweep, "is_to_take_over", look)
        with ThreadPoolExecutor(1) as pool:
            looking = pool.submit(service.refresh)
            assert seen.wait(60 * FACTOR)
            os.kill(door["State"]["Pid"], signal.SIGCONT)
            looking.result()
    finally:
        with suppress(ProcessLookupError):
            os.kill(door["State"]["Pid"], signal.SIGCONT)
    wait_for(lambda: service.score("1") == ["two", "1"], "an answer of the new revision")
    check_that_it_has_taken_over(service)


def check_that_it_has_taken_over(service: Service) -> None:
    def settled() -> bool:
        return service.refresh().state == "Healthy" and len(parts(service)) == 2

    wait_for(settled, "the end of the replaced revision", 60 * FACTOR)
    assert [item.state for item in service.revisions()] == ["superseded", "live"]
    policies = {item["HostConfig"]["RestartPolicy"]["Name"] for item in parts(service)}
    assert policies == {"always"}
    service.delete()
    assert belongings(service.name) == []
