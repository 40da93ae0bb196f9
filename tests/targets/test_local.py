"""What is particular to the local target: ports, configurations, logs, keys, files."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.target import LogLine
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import (
    ConflictError,
    DeploymentError,
    InvalidConfigurationError,
    InvalidInputError,
    ScoringError,
    TargetUnavailableError,
)
from tests.patience import FACTOR
from tests.ports import free_port, is_kept
from tests.targets.local_service import ECHO, facts, wait_for


def test_a_fixed_port_is_used_and_a_taken_one_refused_before_anything_exists(
    deploy: Callable[..., Service], workspace: Workspace
) -> None:
    with socket.socket() as taken:
        port = free_port()  # nobody else gets it between its two lives
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(ConflictError, match=rf"Port {port} is taken by .*\(pid {os.getpid()}\)") as refusal:
            deploy(port=port)
        assert "leave port out" in str(refusal.value)
        assert workspace.services() == []
    assert deploy(port=port).scoring_uri == f"http://127.0.0.1:{port}/score"


def test_a_free_port_stays_the_services_own(deploy: Callable[..., Service], tmp_path: Path) -> None:
    service = deploy()
    uri = str(service.scoring_uri)
    service.update(tmp_path / "score.py")
    assert service.scoring_uri == uri
    service.stop()
    service.start()
    assert is_kept(uri, str(service.scoring_uri))
    assert service.score("1") == "1"


def test_an_update_may_move_to_another_port(deploy: Callable[..., Service]) -> None:
    service = deploy()
    port = free_port()
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

    def all_of_it() -> list[LogLine]:
        lines, _ = service.log_lines()
        texts = "\n".join(line.text for line in lines)
        told = ("from init", "from run", "raw bytes", "ZeroDivisionError")
        return lines if all(expected in texts for expected in told) else []

    lines = wait_for(all_of_it, "the log")
    assert {line.revision for line in lines if "from run" in line.text} == {1}
    assert {line.source for line in lines if "from run" in line.text} == {"worker-1"}


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
    service.stop()  # a file may go at any moment before
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
        asker.join(20 * FACTOR)
    assert failures == []
    old = service.keys().primary
    service.regenerate_key("primary")
    for _ in range(10):
        assert service.request("1", headers={"Authorization": f"Bearer {old}"}).status == 401, "in every worker at once"


@pytest.mark.slow
def test_a_worker_that_does_not_read_new_keys_in_time_is_named(deploy: Callable[..., Service]) -> None:
    service = deploy(heartbeat_timeout_s=600)
    old = {"Authorization": f"Bearer {service.keys().primary}"}
    worker = facts(service)["workers"][0]["pid"]
    os.kill(worker, signal.SIGSTOP)
    try:
        with pytest.raises(TargetUnavailableError, match="worker-1 of service 'local-svc' did not read the new keys"):
            service.regenerate_key("primary")
    finally:
        os.kill(worker, signal.SIGCONT)
    wait_for(lambda: service.request("1", headers=old).status == 401, "the new keys")
    assert service.score("1") == "1"


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
