"""``python -m jupyter_mldeploy.scoring``: the server of containers and terminals."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from jupyter_mldeploy.scoring.shared_imports import available_cores
from tests.patience import FACTOR
from tests.ports import free_port

from .worker_process import PLAIN, Answer, ask_on, wait_until

PIDS = PLAIN.replace("    pass", "    import os; print('model dir', os.environ.get('AZUREML_MODEL_DIR'))") + (
    "import os, signal\ndef run(data):\n    if data == 'die':\n        os.kill(os.getpid(), signal.SIGKILL)\n"
    "    return [os.getpid(), os.getppid()]\n"
)


class Command:
    def __init__(self, directory: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self.output = directory / "output.txt"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "jupyter_mldeploy.scoring", *arguments],
                cwd=directory,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
            )

    def ask(self, port: int, method: str, path: str, body: str | None = None) -> Answer | None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10 * FACTOR)
        try:
            return ask_on(connection, method, path, body)
        except OSError:
            return None
        finally:
            connection.close()

    def up(self, port: int) -> None:
        wait_until(lambda: (answer := self.ask(port, "GET", "/")) and answer.status == 200)


@contextmanager
def command(directory: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Command]:
    running = Command(directory, *arguments, environment=environment)
    try:
        yield running
    finally:
        running.process.terminate()
        try:
            running.process.wait(15 * FACTOR)
        except subprocess.TimeoutExpired:
            running.process.kill()
            running.process.wait()


def test_serving_crashing_and_stopping(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(PIDS)
    port = free_port()
    arguments = ("--entry_script", "score.py", "--port", str(port), "--model_dir", "models", "--worker_count", "2")
    with command(tmp_path, *arguments) as server:
        server.up(port)
        seen = set()

        def ask() -> bool:
            answer = server.ask(port, "POST", "/score", "x")
            if answer is not None:
                pid, parent = answer.json()
                assert parent == server.process.pid
                seen.add(pid)
            return len(seen) == 2

        wait_until(ask)
        before = set(seen)
        assert server.ask(port, "POST", "/score", "die") is None
        seen.clear()
        wait_until(lambda: ask() and seen - before)
        assert f"model dir {tmp_path / 'models'}" in server.output.read_text()
        assert "ended by SIGKILL" in server.output.read_text()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(15 * FACTOR) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_are_renewed_after_so_many_requests(tmp_path: Path, workers: int) -> None:
    (tmp_path / "score.py").write_text(PIDS)
    port = free_port()
    arguments = ("--entry_script", "score.py", "--port", str(port), "--worker_count", str(workers))
    environment = {"MLDEPLOY_MAX_REQUESTS_PER_WORKER": "20"}
    with command(tmp_path, *arguments, environment=environment) as server:
        server.up(port)
        seen: list[int] = []

        def ask() -> int:
            answer = server.ask(port, "POST", "/score", "x")
            assert answer is not None  # none is lost
            assert answer.status == 200
            seen.append(answer.json()[0])
            return len(set(seen))

        wait_until(lambda: ask() >= workers + 2, 60 * FACTOR)
        assert len(seen) >= 40
        assert "ended" not in server.output.read_text()


def test_separate_health_port_and_configuration_file(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(PIDS)
    (tmp_path / "settings.json").write_text('{"SERVICE_NAME": "from-file"}')
    port, health = free_port(), free_port()
    with command(
        tmp_path,
        *("--port", str(port), "--health_port", str(health), "--config_file", "settings.json"),
        environment={"AZUREML_ENTRY_SCRIPT": "score.py", "SEPERATE_HEALTH_ENDPOINT": "true"},
    ) as server:
        server.up(port)
        answer = server.ask(health, "GET", "/")
        assert answer is not None
        assert answer.body == b"Healthy"
        document = server.ask(port, "GET", "/swagger.json")
        assert document is not None
        assert document.json()["info"]["title"] == "from-file"


def test_workers_share_imports_and_divide_cores(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("")
    script = (
        "import decimal, os, helper\n"
        + PLAIN
        + ("def run(data):\n    return [os.environ['OMP_NUM_THREADS'], loaded]\n")
    )
    # Asked before the script's own imports: has the parent loaded it already?
    probe = "import sys\nloaded = ['decimal' in sys.modules, 'helper' in sys.modules]\n"
    (tmp_path / "score.py").write_text(probe + script)
    for setting, shared in (("true", True), ("false", False)):
        port = free_port()
        environment = {"WORKER_COUNT": "2", "WORKER_PRELOAD": setting}
        with command(tmp_path, "--entry_script", "score.py", "--port", str(port), environment=environment) as server:
            server.up(port)
            answer = server.ask(port, "POST", "/score", "x")
            assert answer is not None
            assert answer.json() == [str(max(1, available_cores() // 2)), [shared, False]]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured with Linux's smaps")
def test_a_further_worker_takes_little_memory(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text("import sklearn.linear_model\n" + PIDS)
    own: dict[int, int] = {}
    for workers in (1, 2):
        port = free_port()
        arguments = ("--entry_script", "score.py", "--port", str(port), "--worker_count", str(workers))
        with command(tmp_path, *arguments) as server:
            wait_until(lambda server=server, port=port: server.ask(port, "GET", "/"), 140 * FACTOR)
            answer = server.ask(port, "POST", "/score", "x")
            assert answer is not None
            text = Path(f"/proc/{answer.json()[0]}/smaps_rollup").read_text()
            found = re.search(r"^Private_Dirty:\s+(\d+)", text, re.MULTILINE)
            assert found is not None
            own[workers] = int(found[1]) // 1024
    assert own[1] > 50  # what it would take without sharing
    assert own[2] < 25


def test_the_parent_is_small() -> None:
    """It stays in memory beside every worker; these modules would double what it takes."""
    code = "import sys; had = set(sys.modules); import jupyter_mldeploy.scoring.standalone_main; "
    code += "print(*(set(sys.modules) - had))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"argparse", "asyncio", "ctypes", "dataclasses", "inspect", "logging", "pathlib", "typing"} & set(loaded)


def test_imports_that_start_threads_are_not_shared(tmp_path: Path) -> None:
    site = tmp_path / "lib" / "site-packages"
    site.mkdir(parents=True)
    program = "import threading, time\nthreading.Thread(target=time.sleep, args=(999,), daemon=True).start()\n"
    (site / "threaded.py").write_text(program)
    (tmp_path / "score.py").write_text("import threaded\n" + PIDS)
    port = free_port()
    environment = {"WORKER_COUNT": "2", "PYTHONPATH": str(site)}
    with command(tmp_path, "--entry_script", "score.py", "--port", str(port), environment=environment) as server:
        server.up(port)
        assert "imports are not shared" in server.output.read_text()


def test_unix_socket(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(PIDS)
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(path))  # left behind by a dead process
    with command(tmp_path, "--entry_script", "score.py", "--unix_socket", str(path)):

        def answered() -> bool:
            with socket.socket(socket.AF_UNIX) as client:
                try:
                    client.connect(str(path))
                    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    return b"Healthy" in client.recv(1000)
                except OSError:
                    return False

        wait_until(answered)
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("def init():\n    raise ValueError('told to')\ndef run(data):\n    pass\n", "ValueError: told to"),
        ("import no_such_module\n", "no_such_module"),
        (None, "does not exist"),
    ],
)
def test_script_that_cannot_be_served(tmp_path: Path, script: str | None, words: str) -> None:
    if script is not None:
        (tmp_path / "score.py").write_text(script)
    server = Command(tmp_path, "--entry_script", "score.py", "--port", str(free_port()), "--model_dir", ".")
    assert server.process.wait(30 * FACTOR) == 3
    output = server.output.read_text()
    assert words in output
    assert "Model directory:" in output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--entry_script"),
        (("--entry_script", "score.py", "--port", "99999"), "65535"),
        (("--entry_script", "score.py", "--worker_count", "none"), "worker_count"),
        (("--entry_script", "score.py", "--config_file", "missing.json"), "AZUREML_CONFIG_FILE"),
    ],
)
def test_wrong_arguments(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    server = Command(tmp_path, *arguments)
    assert server.process.wait(30 * FACTOR) == 2
    assert words in server.output.read_text()


def test_taken_port(tmp_path: Path) -> None:
    (tmp_path / "score.py").write_text(PIDS)
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = Command(tmp_path, "--entry_script", "score.py", "--port", str(port))
        assert server.process.wait(30 * FACTOR) == 2
        assert f"port {port}" in server.output.read_text()
