"""What is particular to the local target: processes, ports, limits, and what survives a kill."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import (
    ConflictError,
    DeploymentError,
    InvalidConfigurationError,
    InvalidInputError,
    ScoringError,
    TargetUnavailableError,
)

ECHO = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds:g} s"
        time.sleep(0.01)
    return found


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    found = Workspace(tmp_path / "home")
    yield found
    for service in found.services():
        service.delete()


@pytest.fixture
def deploy(workspace: Workspace, tmp_path: Path) -> Callable[..., Service]:
    def call(text: str = ECHO, name: str = "local-svc", **config: Any) -> Service:
        path = tmp_path / "score.py"
        path.write_text(textwrap.dedent(text))
        return workspace.deploy(name, path, config=config, timeout_s=60)

    return call


def facts(service: Service) -> dict[str, Any]:
    target = service.workspace.targets.get("local")
    return dict(target.observe(service.workspace.deployer.reference(service.record)).facts)


def supervisor(service: Service) -> int:
    return int(facts(service)["supervisor_pid"])


def test_a_fixed_port_is_used_and_a_taken_one_refused_before_anything_exists(
    deploy: Callable[..., Service], workspace: Workspace
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConflictError, match=rf"Port {port} is taken by .*\(pid {os.getpid()}\)") as refusal:
            deploy(port=port)
        assert "leave port out" in str(refusal.value)
        assert workspace.services() == []
    assert deploy(port=port).scoring_uri == f"http://127.0.0.1:{port}/score"


def test_a_free_port_stays_the_services_own(deploy: Callable[..., Service], tmp_path: Path) -> None:
    service = deploy()
    uri = service.scoring_uri
    service.update(tmp_path / "score.py")
    assert service.scoring_uri == uri
    service.stop()
    service.start()
    assert service.scoring_uri == uri
    assert service.score("1") == "1"


def test_an_update_may_move_to_another_port(deploy: Callable[..., Service]) -> None:
    service = deploy()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    service.update(config={"port": port})
    assert service.scoring_uri == f"http://127.0.0.1:{port}/score"
    assert service.score("1") == "1"


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"bind_all": True, "auth_enabled": False}, "auth_enabled must stay on"),
        ({"workers": 0}, "workers must be from 1 to 1024"),
        ({"port": 70_000}, "port: input should be less than or equal to 65535"),
        ({"isolated": True, "python": sys.executable}, "leave out python, or isolated"),
        ({"ttl": "never"}, "ttl: "),
        ({"worker": 2}, "unknown key, did you mean 'workers'"),
    ],
)
def test_configurations_that_cannot_work_are_refused(
    deploy: Callable[..., Service], workspace: Workspace, config: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidConfigurationError, match=message):
        deploy(**config)
    assert workspace.services() == []


def test_an_interpreter_that_is_not_there_is_refused(deploy: Callable[..., Service], workspace: Workspace) -> None:
    with pytest.raises(InvalidInputError, match="no Python interpreter at '/nowhere/python'"):
        deploy(python="/nowhere/python")
    assert workspace.services() == []


def test_the_network_needs_another_port_or_a_restart(deploy: Callable[..., Service]) -> None:
    service = deploy()
    with pytest.raises((InvalidConfigurationError, DeploymentError, ConflictError), match=r"cannot be opened|is taken"):
        service.update(config={"bind_all": True})
    assert service.score("1") == "1"
    service.stop()
    service.update(config={"bind_all": True})
    assert service.score("1") == "1"


def test_the_plan_tells_what_changes(deploy: Callable[..., Service], workspace: Workspace, tmp_path: Path) -> None:
    deploy()
    request = workspace.request("local-svc", tmp_path / "score.py", config={"workers": 3})
    steps = [(step.action, step.what) for step in workspace.deployer.plan(request).steps]
    assert steps == [("keep", "supervisor"), ("create", "revision 2"), ("replace", "revision 1")]


def test_threads_of_libraries_are_cut_to_the_cores(deploy: Callable[..., Service], monkeypatch: Any) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    text = """
        import os
        def init(): pass
        def run(data): return [os.environ.get('OMP_NUM_THREADS'), os.environ['WORKER_COUNT']]
    """
    service = deploy(text, workers=64)
    assert service.score("1") == ["1", "64"]
    service.update(config={"workers": 1, "environment_variables": {"MKL_NUM_THREADS": "3"}})
    assert service.score("1") == [None, "1"]


def test_what_a_script_prints_and_raises_is_in_the_log(deploy: Callable[..., Service]) -> None:
    service = deploy(
        """
        import os, sys
        def init():
            print("from init")
        def run(data):
            print("from run")
            os.write(2, b"raw bytes\\n")
            return 1 / 0
        """
    )
    with pytest.raises(ScoringError):
        service.score("1")
    lines, _ = service.log_lines()
    texts = "\n".join(line.text for line in lines)
    for expected in ("from init", "from run", "raw bytes", "ZeroDivisionError"):
        assert expected in texts
    assert {line.revision for line in lines if "from run" in line.text} == {1}
    assert {line.source for line in lines if "from run" in line.text} == {"worker-1"}


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
    assert service.score("1") == "1"
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
        scoring_timeout_ms=300,
    )
    began = time.monotonic()
    with pytest.raises((ScoringError, TargetUnavailableError)):
        service.score('"hang"')
    assert time.monotonic() - began < 10
    assert service.score("1") == "1"


def test_a_killed_supervisor_is_seen_and_start_brings_the_service_back(deploy: Callable[..., Service]) -> None:
    service = deploy()
    uri = service.scoring_uri
    os.kill(supervisor(service), signal.SIGKILL)
    wait_for(lambda: service.state == "Failed", "the discovery")
    assert "The supervisor is gone" in str(service.reason)
    assert "`start` brings the service back" in str(service.reason)
    with pytest.raises(TargetUnavailableError):
        service.score("1")
    service.start()
    assert service.state == "Healthy"
    assert service.score("1") == "1"
    assert service.scoring_uri == uri


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
    wait_for(lambda: service.state == "Failed", "the crash loop", 10)
    assert "CrashLoop" in str(service.reason)
    assert "the disk is gone" in str(service.reason)
    broken.unlink()
    service.update(tmp_path / "score.py")
    assert service.score("1") == "1"


def test_time_to_live_stops_the_service_and_start_gives_it_another_life(deploy: Callable[..., Service]) -> None:
    service = deploy(ttl="1s")
    assert facts(service)["expires"] == pytest.approx(time.time() + 1, abs=1)
    wait_for(lambda: service.state == "Stopped", "the end")
    assert service.reason == "its time to live is over"
    service.start()
    assert service.state == "Healthy"


def test_nothing_is_left_after_deletion(deploy: Callable[..., Service], workspace: Workspace) -> None:
    service = deploy(workers=2)
    pids = [item["pid"] for item in facts(service)["workers"]] + [supervisor(service)]
    uid = service.record.uid
    service.delete()
    alive = [pid for pid in pids if Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes()]
    assert alive == []
    assert list((workspace.home / "services").iterdir()) == []
    assert list(workspace.log_directory(uid).glob("*.log"))


def test_the_service_outlives_the_process_that_deployed_it(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(ECHO)
    program = (
        "import os, sys\nfrom jupyter_mldeploy.core.workspace import Workspace\n"
        "Workspace(sys.argv[1]).deploy('outlives', sys.argv[2])\nos.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(workspace.home), str(tmp_path / "score.py")], timeout=60)
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


def test_rolling_back_is_quick_because_old_revisions_stay_for_a_while(
    deploy: Callable[..., Service], workspace: Workspace
) -> None:
    service = deploy()
    for number in range(7):
        service = deploy(ECHO.replace("return data", f"return {number}"))
    kept = sorted(
        int(path.name)
        for path in (workspace.service_directory(service.record.uid) / "target" / "revisions").iterdir()
        if path.is_dir()
    )
    assert kept == [4, 5, 6, 7, 8]
    service.rollback()
    assert service.score("1") == 5


def test_log_size_is_bounded(deploy: Callable[..., Service], workspace: Workspace) -> None:
    service = deploy(
        """
        def init(): pass
        def run(data):
            for number in range(20_000):
                print('x' * 100)
            return number
        """,
        log_max_mb=1,
    )
    for _ in range(3):
        service.score("1")
    lines, _ = service.log_lines(limit=10)
    assert lines
    size = sum(path.stat().st_size for path in workspace.log_directory(service.record.uid).glob("*.log"))
    assert size < 4 << 20


@pytest.mark.slow
def test_an_isolated_service_has_an_interpreter_of_its_own(deploy: Callable[..., Service]) -> None:
    service = deploy("import sys\ndef init(): pass\ndef run(data): return sys.prefix\n", isolated=True)
    assert Path(service.score("1")).resolve() != Path(sys.prefix).resolve()


def test_clients_may_ask_while_keys_change(deploy: Callable[..., Service]) -> None:
    service = deploy(workers=2)
    stop = threading.Event()
    failures: list[str] = []

    def ask() -> None:
        while not stop.is_set():
            answer = service.request("1")
            if not answer.ok:
                failures.append(answer.text)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        for _ in range(5):
            service.regenerate_key("secondary")
    finally:
        stop.set()
        asker.join(20)
    assert failures == []
    old = service.keys().primary
    service.regenerate_key("primary")
    for _ in range(10):
        assert service.request("1", headers={"Authorization": f"Bearer {old}"}).status == 401, "in every worker at once"


def test_a_long_path_to_the_workspace_is_no_obstacle(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*(["a-directory-with-a-long-name"] * 6))
    (tmp_path / "score.py").write_text(ECHO)
    workspace = Workspace(deep)
    service = workspace.deploy("deep", tmp_path / "score.py")
    try:
        assert service.score("1") == "1"
        assert service.update(tmp_path / "score.py").revision == 2
    finally:
        service.delete()


def test_the_supervisors_files_are_for_their_owner_only(deploy: Callable[..., Service], workspace: Workspace) -> None:
    service = deploy(secrets={}, environment_variables={"A": "1"})
    directory = workspace.service_directory(service.record.uid) / "target"
    assert directory.stat().st_mode & 0o077 == 0
    for name in ("control.sock", "service.json", "status.json", "supervisor.json"):
        assert (directory / name).stat().st_mode & 0o077 == 0, name
    assert json.loads((directory / "service.json").read_text())["name"] == "local-svc"
