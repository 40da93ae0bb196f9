"""A real Jupyter server in a process of its own: killed in the middle of a deployment, and started again."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.workspace import Workspace
from tests.patience import FACTOR

from .conftest import script

SLOW = script().replace("def init():", "def init():\n    import time\n    time.sleep(600)")
TOKEN = "test-token"
#: Seconds in which a server ends, less than the five minutes that a deployment may take.
ENDS_S = min(60 * FACTOR, 240.0)


class Server:
    """A Jupyter server process."""

    def __init__(self, home: Path, log: Path) -> None:
        environment = {
            **os.environ,
            "MLDEPLOY_HOME": str(home / "ws"),
            "HOME": str(home),
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "JUPYTER_TOKEN": TOKEN,
        }
        command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root", "--port=0"]
        command += ["--ServerApp.base_url=/user/ann/", f"--ServerApp.root_dir={home}"]
        command += ["--ServerApp.allow_unauthenticated_access=False"]
        others = (
            "jupyterlab",
            "jupyter_lsp",
            "notebook",
            "notebook_shim",
            "jupyter_server_terminals",
            "voila.server_extension",
        )
        enabled = {"jupyter_mldeploy": True, **dict.fromkeys(others, False)}
        command += [f"--ServerApp.jpserver_extensions={enabled}"]
        self.log = log
        with log.open("wb") as stream:
            self.process = subprocess.Popen(command, env=environment, cwd=home, stdout=stream, stderr=stream)
        try:
            self.address = self._address()
        except BaseException:
            self.end(signal.SIGKILL)
            raise

    def _address(self) -> str:
        deadline = time.monotonic() + 90 * FACTOR
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            found = re.search(r"http://127\.0\.0\.1:(\d+)/user/ann/", self.log.read_text())
            if found:  # it is told shortly before the server listens
                with contextlib.suppress(OSError, http.client.HTTPException):
                    self.address = found[0] + "mldeploy/api/v1"
                    self.ask("GET", "/operations")
                    return self.address
            time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        request = urllib.request.Request(self.address + path, method=method)
        request.add_header("Authorization", f"token {TOKEN}")
        if body is not None:
            request.data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, timeout=60 * FACTOR) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def done(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Return an operation that has ended; the server waits for half a minute at most."""
        _, operation = self.ask(method, f"{path}?wait_s=30", body)
        while operation["state"] == "running":
            _, operation = self.ask("GET", f"/operations/{operation['id']}?wait_s=30")
        return dict(operation)

    def end(self, how: signal.Signals) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(ENDS_S)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Server]]:
    """Return a function that starts a server; whatever is left is ended and deleted."""
    servers: list[Server] = []

    def begin() -> Server:
        servers.append(Server(tmp_path, tmp_path / f"server-{len(servers)}.log"))
        return servers[-1]

    yield begin
    for server in servers:
        server.end(signal.SIGKILL)
    workspace = Workspace(tmp_path / "ws")
    for record in workspace.catalogue.services():
        workspace.deployer.delete(record.name)


def wait_for(condition: Callable[[], Any], seconds: float = 40 * FACTOR) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return value


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_server_killed_in_the_middle_of_an_update_leaves_a_true_record(start: Callable[[], Server]) -> None:
    first = start()
    done = first.done("POST", "/services", {"name": "lives", "source": {"text": script(2)}})
    assert done["state"] == "succeeded", done
    status, operation = first.ask("POST", "/services/lives/update", {"source": {"text": SLOW}})
    assert status == 202
    wait_for(
        lambda: any(step["step"] == "place" for step in first.ask("GET", f"/operations/{operation['id']}")[1]["steps"])
    )
    first.end(signal.SIGKILL)

    second = start()
    status, cut = second.ask("GET", f"/operations/{operation['id']}")
    assert (status, cut["state"], cut["error"]["code"]) == (200, "interrupted", "interrupted")
    assert cut["error"]["message"] == (
        "The Jupyter server ended during this update. lives serves revision 1 and is: Healthy. Revision 2 failed."
    )
    assert cut["error"]["details"] == {"kind": "update", "service": "lives", "live_revision": 1}
    status, again = second.ask("GET", f"/operations/{done['id']}")
    assert (again["state"], again["result"]["revision"]) == ("succeeded", 1)
    assert second.ask("POST", f"/operations/{operation['id']}/cancel")[1]["state"] == "interrupted"
    states = {item["id"]: item["state"] for item in second.ask("GET", "/operations")[1]["operations"]}
    assert states == {done["id"]: "succeeded", operation["id"]: "interrupted"}
    settled = wait_for(
        lambda: [
            item
            for item in (second.ask("GET", "/services/lives"), second.ask("GET", "/services/lives/revisions"))[1][1][
                "revisions"
            ]
            if item["state"] == "failed"
        ]
    )
    assert settled[0]["revision"] == 2
    assert settled[0]["reason"] == "The process that deployed it ended before it was done."
    status, shown = second.ask("GET", "/services/lives")
    assert (shown["state"], shown["revision"]) == ("Healthy", 1)
    status, answer = second.ask("POST", "/services/lives/invoke", {"payload": {"data": [3]}})
    assert answer["body"]["json"] == [6]
    status, events = second.ask("GET", "/events?service=lives")
    assert [item["kind"] for item in events["events"]].count("revision_failed") == 1

    done = second.done("POST", "/services/lives/update", {"source": {"text": script(7)}})
    assert (done["state"], done["result"]["revision"]) == ("succeeded", 3)
    assert second.end(signal.SIGTERM) == 0
    assert "Traceback" not in second.log.read_text()

    third = start()  # a deployment does not end with the server
    status, answer = third.ask("POST", "/services/lives/invoke", {"payload": {"data": [3]}})
    assert answer["body"]["json"] == [21]
    assert "JupyterServerAuthWarning" not in third.log.read_text()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_server_that_is_stopped_does_not_wait_for_a_deployment(start: Callable[[], Server]) -> None:
    server = start()
    server.ask("POST", "/services", {"name": "waits", "source": {"text": SLOW}})
    wait_for(lambda: server.ask("GET", "/services")[1]["services"])
    assert server.end(signal.SIGTERM) == 0  # long before the deployment does
