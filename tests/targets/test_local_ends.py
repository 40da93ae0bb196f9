"""What ends a service or a part of it, and what survives: crashes, hangs, kills, its time to live."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import (
    ScoringError,
    TargetUnavailableError,
)
from tests.patience import FACTOR
from tests.ports import is_kept
from tests.targets.local_service import ECHO, answer_of, facts, supervisor, wait_for


@pytest.mark.parametrize("ending", ["os._exit(9)", "ctypes.string_at(0)", "os.kill(os.getpid(), 9)"])
def test_a_request_that_ends_the_worker_ends_only_itself(deploy: Callable[..., Service], ending: str) -> None:
    service = deploy(
        f"""
        import ctypes, os
        def init(): pass
        def run(data):
            if data == '"end"':
                {ending}
            return data
        """
    )
    with pytest.raises((TargetUnavailableError, ScoringError)):
        service.score('"end"')
    assert answer_of(service, "1") == "1"
    messages = [event.message for event in service.events() if event.kind == "worker"]
    wait_for(lambda: service.state == "Healthy", "health")
    messages = [event.message for event in service.events() if event.kind == "worker"]
    assert any("starts again in" in message for message in messages)
    assert len(messages) == len(set(messages)), "an event is imported once"


def test_a_run_that_hangs_in_native_code_is_ended_and_the_service_goes_on(deploy: Callable[..., Service]) -> None:
    service = deploy(
        """
        import time
        def init(): pass
        def run(data):
            if data == '"hang"':
                time.sleep(600)
            return data
        """,
        scoring_timeout_ms=2000,
    )
    with pytest.raises((ScoringError, TargetUnavailableError)):
        service.score('"hang"', timeout_s=40 * FACTOR)
    assert answer_of(service, "1") == "1"


def test_a_killed_supervisor_is_seen_and_start_brings_the_service_back(deploy: Callable[..., Service]) -> None:
    service = deploy()
    uri = str(service.scoring_uri)
    os.kill(supervisor(service), signal.SIGKILL)
    wait_for(lambda: service.state == "Failed", "the discovery")
    assert "The supervisor is gone" in str(service.reason)
    assert "`start` brings the service back" in str(service.reason)
    with pytest.raises(TargetUnavailableError):
        service.score("1")
    service.start()
    assert service.state == "Healthy"
    assert service.score("1") == "1"
    assert is_kept(uri, str(service.scoring_uri))


def test_a_killed_supervisors_service_can_be_updated_and_deleted(deploy: Callable[..., Service]) -> None:
    service = deploy()
    os.kill(supervisor(service), signal.SIGKILL)
    service = deploy(ECHO.replace("return data", "return 'new'"))
    assert service.score("1") == "new"
    os.kill(supervisor(service), signal.SIGKILL)
    service.delete()


def test_a_crash_loop_becomes_the_services_state(deploy: Callable[..., Service], tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    service = deploy(f"import os\ndef init():\n    assert not os.path.exists({str(broken)!r}), 'the disk is gone'\n"
                     "def run(data): return data\n")  # fmt: skip
    broken.touch()
    os.kill(facts(service)["workers"][0]["pid"], signal.SIGKILL)
    wait_for(lambda: service.state == "Failed", "the crash loop")
    assert "CrashLoop" in str(service.reason)
    assert "the disk is gone" in str(service.reason)
    broken.unlink()
    service.update(tmp_path / "score.py")
    assert service.score("1") == "1"


def test_time_to_live_stops_the_service_and_start_gives_it_another_life(deploy: Callable[..., Service]) -> None:
    before = time.time()
    service = deploy(ttl="1h")
    assert before + 3600 <= facts(service)["expires"] <= time.time() + 3600
    service.update(config={"ttl": "1s"})
    wait_for(lambda: service.state == "Stopped", "the end")
    assert service.reason == "its time to live is over"
    service.start()
    assert service.logs().count("revision 2 serves") == 2
    wait_for(lambda: service.logs().count("the service stops: its time to live is over") == 2, "the second end")


def command_line(pid: int) -> bytes:
    """Return how a process was called; nothing when there is none, or when it has ended and waits for its parent."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def test_nothing_is_left_after_deletion(deploy: Callable[..., Service], workspace: Workspace) -> None:
    service = deploy(workers=2)
    pids = [item["pid"] for item in facts(service)["workers"]] + [supervisor(service)]
    uid = service.record.uid
    service.delete()
    assert [pid for pid in pids if command_line(pid)] == []
    assert list((workspace.home / "services").iterdir()) == []
    assert list(workspace.log_directory(uid).glob("*.log"))


def test_a_process_that_only_has_the_supervisors_number_is_left_alone(
    deploy: Callable[..., Service], workspace: Workspace
) -> None:
    service = deploy()
    pid = supervisor(service)
    directory = workspace.service_directory(service.record.uid) / "target"
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: service.state == "Failed", "the discovery")
    with subprocess.Popen(["sleep", "600"]) as stranger:
        for name in ("supervisor.json", "status.json"):
            text = (directory / name).read_text()
            (directory / name).write_text(text.replace(f'"pid": {pid}', f'"pid": {stranger.pid}'))
        assert service.state == "Failed"
        service.delete()
        assert stranger.poll() is None
        stranger.kill()


def test_the_service_outlives_the_process_that_deployed_it(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(ECHO)
    program = (
        "import os, sys\nfrom jupyter_mldeploy.core.workspace import Workspace\n"
        "Workspace(sys.argv[1]).deploy('outlives', sys.argv[2])\nos.kill(os.getpid(), 9)\n"
    )
    command = [sys.executable, "-c", program, str(workspace.home), str(tmp_path / "score.py")]
    done = subprocess.run(command, timeout=60 * FACTOR)
    assert done.returncode == -signal.SIGKILL
    assert workspace.service("outlives").score("1") == "1"


def test_a_deployment_whose_process_is_killed_leaves_nothing_half_done(workspace: Workspace, tmp_path: Path) -> None:
    started = tmp_path / "started"
    (tmp_path / "score.py").write_text(
        f"import time\ndef init():\n    open({str(started)!r}, 'w').close()\n    time.sleep(600)\n"
        "def run(data): return data\n"
    )
    program = (
        "import sys\nfrom jupyter_mldeploy.core.workspace import Workspace\n"
        "Workspace(sys.argv[1]).deploy('killed', sys.argv[2])\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(workspace.home), str(tmp_path / "score.py")]) as process:
        wait_for(started.exists, "init()")
        process.kill()
    service = workspace.service("killed")
    wait_for(lambda: service.state == "Failed", "the verdict")
    assert service.revisions()[0].state == "failed"
    directory = workspace.service_directory(service.record.uid) / "target"
    wait_for(lambda: not (directory / "control.sock").exists(), "the end of the supervisor")
    service.delete()
