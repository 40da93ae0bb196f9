"""Shells in this process and real kernels, each with a workspace of its own."""

from __future__ import annotations

import os
import queue
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.magics import load_ipython_extension, unload_ipython_extension
from tests.core.memory_target import memory_targets
from tests.patience import FACTOR

SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"


class Shell:
    """An IPython shell that is not the process's own."""

    def __init__(self) -> None:
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "nocolor"
        self.ip = InteractiveShell(config=config)

    def run(self, cell: str) -> Any:
        """Run a cell as a user would and return IPython's result."""
        return self.ip.run_cell(cell, store_history=True)

    def value(self, cell: str) -> Any:
        """Run a cell that works and return its value."""
        result = self.run(cell)
        result.raise_error()
        return result.result


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A shell with the magics over a workspace whose only target is a file."""
    monkeypatch.chdir(tmp_path)
    made = Shell()
    load_ipython_extension(made.ip, workspace=Workspace(tmp_path / "home", targets=memory_targets()))
    yield made
    unload_ipython_extension(made.ip)


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shell]:
    """A shell with the magics over a workspace with the real targets; its services are deleted afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLDEPLOY_HOME", str(tmp_path / "home"))
    made = Shell()
    made.run("%load_ext jupyter_mldeploy")
    yield made
    made.run("%unload_ext jupyter_mldeploy")
    for service in Workspace(tmp_path / "home").services():
        service.delete()


@dataclass
class Ran:
    """What a kernel sent about one cell."""

    status: str
    messages: list[dict[str, Any]] = field(default_factory=list)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Return the contents of the messages of one type."""
        return [message["content"] for message in self.messages if message["msg_type"] == kind]

    @property
    def stdout(self) -> str:
        """What was printed."""
        return "".join(item["text"] for item in self.of("stream") if item["name"] == "stdout")


class Kernel:
    """A running IPython kernel."""

    def __init__(self, folder: Path) -> None:
        from jupyter_client.manager import start_new_kernel

        environment = {**os.environ, "MLDEPLOY_HOME": str(folder / "home"), "JPY_SESSION_NAME": "/x/analysis.ipynb"}
        for attempt in range(3):
            try:
                self.manager, self.client = start_new_kernel(60 * FACTOR, "python3", cwd=str(folder), env=environment)
                break
            except RuntimeError:  # its ports were chosen before it began to start; somebody else got one of them
                if attempt == 2:
                    raise

    def send(self, code: str, *, cell_id: str | None = None, watched: bool = True) -> str:
        """Send a cell as a notebook frontend (``watched``) or a batch executor would; return the message's id."""
        content = {
            "code": code, "silent": False, "store_history": True, "user_expressions": {},
            "allow_stdin": watched, "stop_on_error": True,
        }  # fmt: skip
        metadata = {"cellId": cell_id} if cell_id else {}
        message = self.client.session.msg("execute_request", content, metadata=metadata)
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def collect(self, sent: str, *, until: str | None = None) -> Ran:
        """Return what comes back for a message, up to its end or up to a message of the type ``until``."""
        ran = Ran("running")
        while True:
            message = self.client.get_iopub_msg(timeout=60 * FACTOR)
            if message["parent_header"].get("msg_id") != sent:
                continue
            ran.messages.append(message)
            if until is not None and message["msg_type"] == until:
                return ran
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
        while ran.status == "running":
            try:
                reply = self.client.get_shell_msg(timeout=60 * FACTOR)
            except queue.Empty:
                break
            if reply["parent_header"].get("msg_id") == sent:
                ran.status = reply["content"]["status"]
        return ran

    def run(self, code: str, *, cell_id: str | None = None, watched: bool = True) -> Ran:
        """Run a cell and return everything that came back."""
        return self.collect(self.send(code, cell_id=cell_id, watched=watched))

    def stop(self) -> None:
        """End the kernel."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A real kernel with the magics loaded; the services of its workspace are deleted afterwards."""
    folder = tmp_path_factory.mktemp("kernel")
    running = Kernel(folder)
    try:
        assert running.run("%load_ext jupyter_mldeploy").status == "ok"
        yield running
    finally:
        running.stop()
        for service in Workspace(folder / "home").services():
            service.delete()
