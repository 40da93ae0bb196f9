"""How services on the Docker target end: what is recognised, within seconds, and what it takes to come back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import DeploymentError, ScoringError, TargetUnavailableError
from jupyter_mldeploy.targets import docker as docker_target
from jupyter_mldeploy.targets import docker_observe, docker_rollout
from jupyter_mldeploy.targets.docker_house import Part
from tests.patience import FACTOR
from tests.targets.docker_service import ECHO, belongings, docker, kill_first_process, parts, revision
from tests.targets.local_service import wait_for
from tests.targets.time_limits import HANGS, LIMITS, check_time_limits

pytestmark = pytest.mark.docker

Deploy = Callable[..., Service]

#: The time in which a state has to be right.
SOON_S = 5.0 * FACTOR


@pytest.fixture
def deploy(workspace: Workspace, tmp_path: Path, own: str) -> Deploy:
    def call(text: str = ECHO.format(answer="one"), name: str = f"ends-{own}", **config: Any) -> Service:
        path = tmp_path / "score.py"
        path.write_text(textwrap.dedent(text))
        return workspace.deploy(name, path, target="docker", config=config, timeout_s=110)

    return call


def state_soon(service: Service, state: str, words: str = "") -> str:
    """Wait until the state is as it should be; return the reason."""

    def look() -> str | None:
        record = service.refresh()
        reason = str(record.reason)
        return reason if record.state == state and words in reason else None

    try:
        return str(wait_for(look, f"{state} ({words})", SOON_S))
    except AssertionError:
        raise AssertionError(f"it is {service.record.state}: {service.record.reason}") from None


def test_a_container_that_was_killed_is_told_and_started_again(deploy: Deploy) -> None:
    """By ``docker kill`` the user wanted it gone; killed by the kernel the engine starts it again by itself."""
    service = deploy()
    docker("kill", revision(service)["Id"])
    assert "exit code 137" in state_soon(service, "Failed")
    with pytest.raises(TargetUnavailableError):
        service.score("1")
    service.start(timeout_s=110)
    assert service.state == "Healthy"
    assert service.score("1") == ["one", "1"]
    kill_first_process(service)
    wait_for(lambda: revision(service)["RestartCount"] == 1, "the restart")
    state_soon(service, "Healthy")
    assert service.score("1") == ["one", "1"]
    assert any("exit code 137" in event.message for event in service.events())


def test_a_killed_door_comes_back(deploy: Deploy) -> None:
    service = deploy()
    door = next(item for item in parts(service) if item["Config"]["Labels"]["mldeploy.role"] == "door")
    os.kill(int(door["State"]["Pid"]), signal.SIGKILL)
    wait_for(lambda: json.loads(docker("inspect", door["Id"]))[0]["RestartCount"] == 1, "the restart")

    def answers() -> bool:
        try:
            return bool(service.score("1") == ["one", "1"])
        except (TargetUnavailableError, ScoringError):
            return False

    wait_for(lambda: answers() and service.state == "Healthy", "an answer", SOON_S)


def test_a_crash_loop_is_named_with_the_users_exception(deploy: Deploy, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    text = """
        import os


        def init():
            if os.path.exists("/shared/broken"):
                raise KeyError("no weights here")


        def run(data):
            return data
    """
    service = deploy(text, volumes=[f"{shared}:/shared:ro"])
    (shared / "broken").touch()
    kill_first_process(service)
    wait_for(lambda: revision(service)["RestartCount"] >= 3, "three restarts", 60)
    reason = state_soon(service, "Failed", "CrashLoop")
    assert "KeyError: 'no weights here'" in reason
    assert "score.py line 7" in reason
    (shared / "broken").unlink()
    wait_for(lambda: service.state == "Healthy", "the recovery", 90)
    assert service.score("1") == "1"


def test_the_memory_limit_is_named_at_the_start_and_while_serving(deploy: Deploy) -> None:
    text = """
        def init():
            {init}


        def run(data):
            global kept
            kept = b"x" * int(data)
            return len(kept)
    """
    with pytest.raises(DeploymentError, match=r"137.*memory limit of 0\.125 GB") as failure:
        deploy(text.format(init="bytearray(b'x') * 400_000_000"), memory_gb=0.125)
    assert failure.value.hint is not None
    assert "memory" in failure.value.hint
    service = deploy(text.format(init="pass"), memory_gb=0.125, name="ends-serving")
    assert service.score("10") == 10
    with pytest.raises((ScoringError, TargetUnavailableError)):
        service.score("400000000")
    wait_for(lambda: facts(service).get("last_crash"), "the account of the crash", SOON_S)
    assert "memory limit of 128 MiB" in facts(service)["last_crash"]
    state_soon(service, "Healthy")
    assert service.score("10") == 10


def facts(service: Service) -> dict[str, Any]:
    return dict(service.workspace.deployer.look(service.name)[1].facts)


def test_an_update_that_fails_keeps_the_old_revision_and_shows_the_traceback(deploy: Deploy, tmp_path: Path) -> None:
    service = deploy()
    (tmp_path / "score.py").write_text(
        "import xgboost_is_missing\n\n\ndef init():\n    pass\n\n\ndef run(data):\n    pass\n"
    )
    with pytest.raises(DeploymentError, match="Revision 1 goes on serving") as failure:
        service.update(tmp_path / "score.py", timeout_s=110)
    shown = str(failure.value)
    assert "xgboost_is_missing" in shown
    assert "score.py line 1" in shown
    assert failure.value.postmortem["stage"] == "import"
    assert any("ModuleNotFoundError" in line for line in failure.value.log_tail)
    assert service.score("1") == ["one", "1"]
    assert [item["State"]["Status"] for item in parts(service)] == ["running", "running"]


def test_the_traceback_is_shown_although_the_container_does_not_end(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_rollout, "_ENDS_S", 1.0)
    monkeypatch.setattr(docker_rollout, "_ENDS_AT_LEAST_S", 1.0)
    text = """
        import signal
        import sys
        import time


        class Stuck:
            def write(self, text):
                return len(text)

            def flush(self):
                time.sleep(600)


        def init():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            sys.stdout = Stuck()
            raise KeyError("no weights here")


        def run(data):
            return data
    """
    with pytest.raises(DeploymentError, match="KeyError: 'no weights here'") as failure:
        deploy(text)
    assert "score.py line 18" in str(failure.value)


def test_time_limits_hold_and_a_health_check_that_fails_is_seen(deploy: Deploy) -> None:
    """A run() that sleeps is ended; one that keeps the interpreter to itself makes a worker that never answers."""
    text = f"""
import re
import time


def init():
    pass


def run(data):
    {HANGS}
    return bool(re.match("(a+)+$", data))
"""
    # A check has as long as the interval between two of them, and a busy machine may take a second to begin one.
    service = deploy(text, health_interval_s=2, **LIMITS)
    check_time_limits(service)
    wait_for(lambda: revision(service)["State"]["Health"]["Status"] == "healthy", "the first check", 60 * FACTOR)
    with pytest.raises(TargetUnavailableError):
        service.score("a" * 40 + "b", timeout_s=1)
    wait_for(lambda: service.refresh().state == "Unhealthy", "the failing check", 60 * FACTOR)
    assert "health check" in str(service.record.reason)


def test_stopped_by_hand_is_not_healthy(deploy: Deploy) -> None:
    service = deploy()
    docker("stop", *(item["Id"] for item in parts(service)))
    assert "start" in state_soon(service, "Failed")
    service.start(timeout_s=110)
    assert service.score("1") == ["one", "1"]
    docker("rm", "-f", *(item["Id"] for item in parts(service)))
    state_soon(service, "Failed", "Nothing of it")
    service.start(timeout_s=110)
    assert service.score("1") == ["one", "1"]


DEPLOY = """
import sys
from pathlib import Path
from jupyter_mldeploy.core.workspace import Workspace

home, name, script = sys.argv[1:]
Workspace(Path(home)).deploy(name, Path(script), target="docker", timeout_s=100)
"""
SLOW = """\
import time


def init():
    print("it begins", flush=True)
    time.sleep(300)


def run(data):
    return data
"""


def kill_a_deployment(workspace: Workspace, tmp_path: Path, name: str) -> None:
    """Begin a deployment in another process and kill that while init() runs."""
    script = tmp_path / "score.py"
    script.write_text(SLOW)
    process = subprocess.Popen([sys.executable, "-c", DEPLOY, str(workspace.home), name, str(script)])
    try:

        def began() -> bool:
            listed = docker("ps", "--filter", f"name=mldeploy-{name}-", "--format", "{{.Names}}").split()
            return any("it begins" in docker("logs", item) for item in listed if item.rpartition("-")[2].isdecimal())

        wait_for(began, "the candidate", 100)
    finally:
        process.kill()
        process.wait()


def test_a_killed_first_deployment_leaves_nothing(workspace: Workspace, tmp_path: Path, own: str) -> None:
    name = f"ends-killed-{own}"
    kill_a_deployment(workspace, tmp_path, name)
    service = workspace.service(name)
    state_soon(service, "Failed")
    assert service.revisions()[0].state == "failed"
    assert [item for item in belongings(name) if not item.startswith("mldeploy/")] == []
    service.delete()
    assert belongings(name) == []


def test_a_killed_update_leaves_the_old_revision(workspace: Workspace, tmp_path: Path, own: str) -> None:
    name = f"ends-update-{own}"
    (tmp_path / "score.py").write_text(ECHO.format(answer="one"))
    service = workspace.deploy(name, tmp_path / "score.py", target="docker", timeout_s=110)
    before = belongings(name)
    kill_a_deployment(workspace, tmp_path, name)
    state_soon(service, "Healthy")
    assert service.score("1") == ["one", "1"]
    assert [item.state for item in service.revisions()] == ["live", "failed"]
    assert [item for item in belongings(name) if not item.startswith("mldeploy/")] == [
        item for item in before if not item.startswith("mldeploy/")
    ]


def test_a_door_that_notes_late_whom_it_serves_costs_no_revision(
    workspace: Workspace, tmp_path: Path, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, noted, read = 0, {}, docker_observe.door_state

    def door_state(engine: Any, door: Part) -> dict[str, Any]:
        nonlocal late, noted
        if late:
            late -= 1
            return noted
        noted = read(engine, door)
        return noted

    def report(step: str, _text: str) -> None:
        nonlocal late
        if step == "take over":
            late = 3

    monkeypatch.setattr(docker_observe, "door_state", door_state)
    script = tmp_path / "score.py"
    for answer in ("one", "two"):
        script.write_text(ECHO.format(answer=answer))
        service = workspace.deploy(f"ends-late-{own}", script, target="docker", timeout_s=110, report=report)
        assert (service.state, service.score("1")) == ("Healthy", [answer, "1"])
    service.delete()


def test_a_replaced_revision_that_the_engine_starts_again_goes(
    workspace: Workspace, tmp_path: Path, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It drains by itself as soon as it is replaced; on a busy machine that is before anybody has dismissed it."""
    again: list[bool] = []
    dismiss = docker_target.dismiss

    def started() -> str:
        return str(docker("inspect", "--format", "{{.State.StartedAt}}", old))

    def dismiss_late(*arguments: Any) -> None:
        again.append(bool(wait_for(lambda: started() != before, "started again", 30)))
        dismiss(*arguments)

    script = tmp_path / "score.py"
    script.write_text(ECHO.format(answer="one"))
    service = workspace.deploy(f"ends-again-{own}", script, target="docker", timeout_s=110)
    old = str(revision(service)["Id"])
    before = started()
    monkeypatch.setattr(docker_target, "dismiss", dismiss_late)
    script.write_text(ECHO.format(answer="two"))
    service.update(script, timeout_s=110)
    assert again == [True]
    wait_for(lambda: old not in docker("ps", "--all", "--quiet", "--no-trunc"), "gone", 3 * SOON_S)
    assert service.score("1") == ["two", "1"]
    service.delete()
