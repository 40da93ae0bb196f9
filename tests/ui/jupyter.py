"""A real JupyterLab with directories of its own and the build of the extension that belongs to these sources."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from jupyter_mldeploy.core.workspace import Workspace
from tests.patience import FACTOR

ROOT = Path(__file__).parents[2]
TOKEN = "test"
JUPYTERLAB_LSP = "@jupyter-lsp/jupyterlab-lsp"
#: jupyterlab-lsp is installed, and off but where a test is about it.
DISABLED = (
    "@jupyterlab/apputils-extension:announcements",
    "@jupyterlab/extensionmanager-extension:plugin",
    JUPYTERLAB_LSP,
)


def assets() -> ModuleType:
    """Return labextension/assets.py, which is a script and no module of the package."""
    spec = importlib.util.spec_from_file_location("assets", ROOT / "labextension" / "assets.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def built() -> Path:
    """Return the build of the present sources; without one the tests would be about something else, so they fail."""
    found = assets().fresh()
    if found is None:
        pytest.fail("The built JupyterLab extension is not of these sources: run `make lab`.", pytrace=False)
    return Path(found)


@dataclass
class Lab:
    """A running JupyterLab.

    Args:
        folder: everything that it writes lies below this folder.
        base_url: as behind JupyterHub, for example ``/user/ada/``.
        options: further command-line options.
        config: text of the server's configuration file, a Python script.
        app: the application: ``lab`` or ``notebook``.
    """

    folder: Path
    base_url: str = "/"
    options: tuple[str, ...] = ()
    config: str = ""
    app: str = "lab"
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _reserved: socket.socket | None = field(default=None, repr=False)

    @property
    def port(self) -> int:
        """The same one for as long as this object is used, also while nothing listens there."""
        if self._reserved is None:
            self._reserved = reserved_port()
        return int(self._reserved.getsockname()[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.base_url}"

    @property
    def root(self) -> Path:
        """What the file browser shows."""
        return self.folder / "files"

    @property
    def home(self) -> Path:
        """The workspace of the server and of its kernels."""
        return self.folder / "workspace"

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.home)

    @property
    def log(self) -> str:
        return (self.folder / "lab.log").read_text(encoding="utf-8", errors="replace")

    def start(self) -> Lab:
        """Start it and wait until it answers; after a stop it has the same port again."""
        config = self.folder / "config"
        self.disable(*DISABLED)
        (config / "jupyter_server_config.py").write_text(self.config)
        # Among the user's data, before what the environment has: Notebook 7 serves no files of an extra path.
        extensions = self.folder / "data" / "labextensions"
        extensions.mkdir(parents=True, exist_ok=True)
        link = extensions / "jupyter-mldeploy"
        if not link.is_symlink():
            link.symlink_to(built(), target_is_directory=True)
        for each in (self.root, self.folder / "data", self.folder / "runtime", self.folder / "ipython"):
            each.mkdir(exist_ok=True)
        environment = {
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(config),
            "JUPYTER_DATA_DIR": str(self.folder / "data"),
            "JUPYTER_PREFER_ENV_PATH": "0",
            "JUPYTER_RUNTIME_DIR": str(self.folder / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(self.folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.folder / "workspaces"),
            "IPYTHONDIR": str(self.folder / "ipython"),
            "MLDEPLOY_HOME": str(self.home),
        }
        module, name = {"lab": ("jupyterlab", "LabApp"), "notebook": ("notebook", "JupyterNotebookApp")}[self.app]
        command = [
            sys.executable, "-m", module, "--no-browser", "--allow-root", "--ip=127.0.0.1",
            f"--port={self.port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}",
            f"--ServerApp.root_dir={self.root}", f"--ServerApp.base_url={self.base_url}",
            f"--{name}.expose_app_in_browser=True",
            *self.options,
        ]  # fmt: skip
        with (self.folder / "lab.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, cwd=self.folder, start_new_session=True
            )
        deadline = time.monotonic() + 60 * FACTOR
        while True:
            assert self.process.poll() is None, self.log
            try:
                self.api("targets")
                return self
            except OSError:
                assert time.monotonic() < deadline, self.log
                time.sleep(0.1)

    def disable(self, *extensions: str) -> None:
        """Switch extensions off, and no others, for pages that are opened from now on."""
        folder = self.folder / "config" / "labconfig"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "page_config.json").write_text(json.dumps({"disabledExtensions": dict.fromkeys(extensions, True)}))

    @contextmanager
    def enabled(self, extension: str) -> Iterator[None]:
        """Switch on what is off otherwise, for pages that are opened meanwhile."""
        self.disable(*(each for each in DISABLED if each != extension))
        yield
        self.disable(*DISABLED)

    def stop(self) -> None:
        """End it and its kernels; services go on."""
        if self.process is None:
            return  # it was never there
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20 * FACTOR)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(10 * FACTOR)

    def kill(self) -> None:
        """End it as a power cut does: nothing is tidied up."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10 * FACTOR)

    def end(self) -> None:
        """End it for good, and its services too."""
        self.stop()
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None
        self.delete_services()

    def delete_services(self, begin: str = "") -> None:
        """Delete the services of the workspace whose names begin so."""
        if (self.home / "catalogue.db").exists():
            workspace = self.workspace
            for record in workspace.catalogue.services():
                if record.name.startswith(begin):
                    workspace.deployer.delete(record.name)

    def api(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """Send a request to the extension's REST API and return the decoded answer."""
        request = urllib.request.Request(
            f"{self.url}mldeploy/api/v1/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"},
            method=method or ("GET" if body is None else "POST"),
        )
        with urllib.request.urlopen(request, timeout=60 * FACTOR) as answer:
            return json.load(answer)

    def deploy(self, name: str, source: str | None = None) -> dict[str, Any]:
        """Deploy an entry script by REST and wait for its end."""
        body = {"name": name, "source": {"text": source or SCRIPT.format(factor=2)}}
        return self.succeeded(self.api("services?wait_s=30", body))

    def succeeded(self, operation: dict[str, Any]) -> dict[str, Any]:
        """Wait for the end of long work, which has to be a success."""
        deadline = time.monotonic() + 180 * FACTOR
        while operation["state"] == "running" and time.monotonic() < deadline:
            operation = self.api(f"operations/{operation['id']}?wait_s=30")
        assert operation["state"] == "succeeded", operation
        return operation


SCRIPT = """\
import json


def init():
    global factor
    factor = {factor}
    print("ready with", factor)


def run(data):
    rows = json.loads(data)["data"]
    print("rows", len(rows))
    return [value * factor for value in rows]
"""


def reserved_port() -> socket.socket:
    """Return a socket that keeps its port from everyone who asks for any free one, until it is closed.

    A server that is told the port can listen there meanwhile: neither socket minds the other, and this one never
    listens, so that nobody reaches it.
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    return holder


CELL = """\
%%deploy {name}
import json

def init():
    print("ready")

def run(data):
    return [value * {factor} for value in json.loads(data)["data"]]
"""
LOAD = "%load_ext jupyter_mldeploy"
