"""What tests with a real Docker Engine share: a workspace, a small environment, containers that go away, registries."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.environment import EnvironmentSpec
from jupyter_mldeploy.core.image import Image
from jupyter_mldeploy.core.images.assembly import environment_context
from jupyter_mldeploy.core.images.packaging import read_bundle
from jupyter_mldeploy.core.workspace import Workspace
from tests.ports import free_port
from tests.real_parts import SHARED

SCRIPT = """\
import json
import os

import numpy


def init():
    global weights
    print("reading the weights")
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "weights.json")) as stream:
        weights = numpy.array(json.load(stream))


def run(data):
    return (numpy.array(json.loads(data)["data"]) @ weights).tolist()
"""
#: The same without a package, for tests that install everything anew.
PLAIN_SCRIPT = """\
import json
import os


def init():
    global weights
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "weights.json")) as stream:
        weights = json.load(stream)


def run(data):
    return [sum(a * b for a, b in zip(row, weights)) for row in json.loads(data)["data"]]
"""
#: One environment for all tests: its packages are installed once, and the engine keeps the stage.
ENVIRONMENT = EnvironmentSpec(python="3.11", pip=("numpy", "azureml-defaults"))
KEPT = environment_context(ENVIRONMENT).stages[-1].reference
BASE = "python:3.11-slim-bookworm"


def docker(*words: str, check: bool = True, timeout: float = 120) -> str:
    """Run the docker client and return what it prints."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0 or not check, done.stderr
    return done.stdout.strip()


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


class Shop:
    """A workspace whose images are removed at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = Workspace(folder / "ws")
        self.name = unique("im")
        self.weights = folder / "weights.json"
        # The same weights for all, in bytes of its own: no other shop has, and removes, the stage with them.
        own = f"{uuid.uuid4().int:b}".translate({ord("0"): " ", ord("1"): "\t"})
        self.weights.write_text(f"[1, 2]{own}\n", encoding="utf-8")

    def bundle(self, text: str = SCRIPT, environment: EnvironmentSpec = ENVIRONMENT, **files: str) -> Any:
        source = self.folder / "source"
        source.mkdir(exist_ok=True)
        for name, content in {"score.py": text, **files}.items():
            (source / name).write_text(content, encoding="utf-8")
        from jupyter_mldeploy.core.assemble import Source

        script = Source.from_file(source / "score.py", source_directory=source)
        return read_bundle(self.workspace, [self.weights], script, environment=environment)

    def build(self, text: str = SCRIPT, environment: EnvironmentSpec = ENVIRONMENT, **files: str) -> Image:
        return self.workspace.images.build(self.name, self.bundle(text, environment, **files))

    def close(self) -> None:
        for image in self.workspace.images.list():
            for reference in [image.reference, *reversed(image.stages)]:
                if reference != KEPT:
                    docker("rmi", reference, check=False)


@contextmanager
def running(image: str, *options: str) -> Iterator[tuple[str, int]]:
    """Run an image's container as an operator would who trusts nobody; give its name and port."""
    name = unique("im")
    docker(
        "run", "--detach", "--name", name, "--publish", "127.0.0.1::5001", "--read-only", "--tmpfs", "/tmp",
        "--cap-drop", "ALL", "--security-opt", "no-new-privileges", *options, image,
    )  # fmt: skip
    try:
        port = int(docker("port", name, "5001").splitlines()[0].rpartition(":")[2])
        wait_until(lambda: answers(port) or _ended(name), 60)
        assert not _ended(name), docker("logs", name)
        yield name, port
    finally:
        docker("rm", "--force", "--volumes", name, check=False)


def answers(port: int) -> bool:
    with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def _ended(name: str) -> bool:
    return docker("inspect", "--format", "{{.State.Status}}", name) == "exited"


def score(port: int, document: Any) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/score", json.dumps(document).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def wait_until(condition: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


@contextmanager
def registry(folder: Path, user: str = "", password: str = "") -> Iterator[str]:
    """Run a registry of one's own on a free port, with basic auth when there is a user; give its address."""
    port = free_port()
    state = folder / "registry"
    environment = {**os.environ, "DOCKER_TEST_STATE": str(state), "REGISTRY_PORT": str(port)}
    if user:
        environment |= {"REGISTRY_USER": user, "REGISTRY_PASSWORD": password}
    engine = str(SHARED / "docker" / "engine")
    if not Path(engine).is_file():
        pytest.skip("there is no registry to start here")
    subprocess.run([engine, "registry"], env=environment, check=True, capture_output=True, timeout=110)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        subprocess.run([engine, "down", "registry"], env=environment, check=False, capture_output=True, timeout=60)


class Wire:
    """A relay to this machine's engine, whose address it has, until it is cut."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.address = f"tcp://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                upstream = socket.socket(socket.AF_UNIX)
                upstream.connect("/var/run/docker.sock")
                self._open += [client, upstream]
                for source, target in ((client, upstream), (upstream, client)):
                    threading.Thread(target=self._pass, args=(source, target), daemon=True).start()

    @staticmethod
    def _pass(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """Cut all connections and take no more."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # which wakes the thread that accepts
        self._listening.close()
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Cutting:
    """A relay to a registry that cuts each of the first connections after some bytes of request."""

    def __init__(self, port: int, *, cuts: int, after: int) -> None:
        self._target = port
        self._cuts = cuts
        self._after = after
        self.cut = 0
        self._lock = threading.Lock()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            upstream = socket.create_connection(("127.0.0.1", self._target))
            threading.Thread(target=self._pass, args=(client, upstream, True), daemon=True).start()
            threading.Thread(target=self._pass, args=(upstream, client, False), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        passed = 0
        with suppress(OSError):
            while data := source.recv(65536):
                passed += len(data)
                if counted and passed > self._after and self._may_cut():
                    break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _may_cut(self) -> bool:
        with self._lock:
            if self.cut >= self._cuts:
                return False
            self.cut += 1
            return True

    def close(self) -> None:
        self._listening.close()
