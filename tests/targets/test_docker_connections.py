"""Connections to the engine are given back, whoever opened them and however far their answers were read."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from jupyter_mldeploy.errors import TargetUnavailableError
from jupyter_mldeploy.targets.docker_client import _IDLE, engine_client
from jupyter_mldeploy.targets.docker_engine import availability, engine
from tests.targets.docker_service import engine_over_tcp

pytestmark = pytest.mark.docker


def sockets() -> int:
    """How many sockets this process has open."""
    found = 0
    for path in Path("/proc/self/fd").iterdir():
        try:
            found += str(path.readlink()).startswith("socket:")
        except OSError:
            continue
    return found


def test_threads_come_and_go_and_leave_no_connection() -> None:
    """Sixteen at once, each of which stops in the middle of an answer, twice."""
    errors: list[BaseException] = []
    ready = threading.Barrier(16)

    def look() -> None:
        try:
            with engine_client() as client:
                ready.wait(30)
                assert client.version()["ApiVersion"]
                next(iter(client.events(since=0, until=1, decode=True)), None)
                stream = client._stream_helper(client._get(client._url("/images/json"), stream=True))
                next(stream)
        except BaseException as error:
            errors.append(error)

    gc.collect()
    gc.disable()  # nothing is to be left to it
    try:
        before = sockets()
        for _ in range(2):
            threads = [threading.Thread(target=look) for _ in range(16)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert errors == []
            assert sockets() - before <= _IDLE
    finally:
        gc.enable()


FIRST_USE = """
import sys, threading
from jupyter_mldeploy.targets.docker_client import engine_client
sys.setswitchinterval(1e-5)


def use(begun):
    while begun not in sys.modules:
        pass
    with engine_client() as client:
        client.version()


threads = [threading.Thread(target=use, args=(begun,)) for begun in ("sys", "docker", "docker.errors", "docker.utils")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
use("docker.context")
"""


def test_threads_that_are_the_first_to_use_docker_do_not_spoil_it() -> None:
    """The package's modules import one another; a server's threads may begin with any of them, at any moment."""
    done = subprocess.run([sys.executable, "-c", FIRST_USE], capture_output=True, text=True, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def leave_in_the_middle() -> None:
    with engine_client() as client:
        client.events(since=0, until=1, decode=True)
        raise KeyError


def test_what_goes_wrong_closes_its_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gc.collect()
    gc.disable()
    try:
        with engine_client():
            pass  # one may wait for its next user, and is closed when another engine is asked for
        before = sockets()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
        assert not availability().ok
        for opened in (engine_client, engine):
            with pytest.raises(TargetUnavailableError), opened():
                pass
        with engine_over_tcp() as address:
            monkeypatch.setenv("DOCKER_HOST", address)
            with pytest.raises(KeyError):
                leave_in_the_middle()
        assert sockets() <= before
    finally:
        gc.enable()
