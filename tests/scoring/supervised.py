"""A supervised service in a temporary directory, for tests of the supervisor."""

from __future__ import annotations

import http.client
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_mldeploy.scoring import journal
from jupyter_mldeploy.scoring.control import ControlClient, ControlError
from jupyter_mldeploy.scoring.order import ServiceSettings
from jupyter_mldeploy.scoring.settings import Settings
from jupyter_mldeploy.scoring.spec import WorkerSpec
from jupyter_mldeploy.scoring.starting import connect_supervisor, leftovers, provide_runtime, start_supervisor, sweep
from tests.patience import FACTOR

HERE = Path(__file__).parent
SCRIPT = "def init(): pass\ndef run(text): return text\n"


def wait_for(condition: Callable[[], Any], what: str = "the condition", seconds: float = 40.0 * FACTOR) -> Any:
    """Return the first true value of ``condition``; fail when it does not come."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds:g} s"
        time.sleep(0.005)


class Supervised:
    """Starts a service's supervisor, gives it orders, and asks the service itself."""

    def __init__(self, base: Path, name: str = "tested") -> None:
        self.base = base
        self.uid = f"{name}-{uuid.uuid4().hex}"  # processes are ended by it: no other test run may have the same
        self.name = name
        self.directory = base / "service"
        self.logs = base / "logs"
        self.directory.mkdir(parents=True, exist_ok=True)
        self.environment = {"PYTHONPATH": str(HERE)}
        self.revision = 0
        self.port = 0
        self._client: ControlClient | None = None

    def start(self, script: str = SCRIPT, settings: dict[str, Any] | None = None, **order: Any) -> dict[str, Any]:
        """Start the supervisor and its first revision."""
        values = {
            "uid": self.uid,
            "name": self.name,
            "log_directory": str(self.logs),
            "runtime": str(provide_runtime(self.directory)),
            "patience_s": 60.0 * FACTOR,  # on a busy machine a replaced worker may take long to be up
            **(settings or {}),
        }
        self._client = start_supervisor(self.directory, ServiceSettings(**values)).client()
        return self.swap(script, **order)

    def swap(self, script: str = SCRIPT, **order: Any) -> dict[str, Any]:
        """Give the order for another revision and return the supervisor's answer."""
        self.revision += 1
        answer = self.client.call("swap", timeout_s=30 * FACTOR, order=self.order(script, **order))
        self.port = answer["port"]
        return answer

    def order(self, script: str = SCRIPT, *, serve: dict[str, Any] | None = None, **values: Any) -> dict[str, Any]:
        """Lay out a revision, with settings of the server, and return an order for it."""
        app = self.base / f"app-{self.revision}"
        app.mkdir(exist_ok=True)
        (app / "score.py").write_text(script)
        spec = self.base / f"{self.revision}.worker.json"
        settings = Settings(**(serve or {}))
        found = WorkerSpec(entry_script="score.py", app_root=str(app), revision=str(self.revision), settings=settings)
        found.write(spec)
        return {
            "revision": self.revision,
            "spec": str(spec),
            "interpreter": sys.executable,
            "environment": self.environment,
            "worker": "fake_worker:run_worker",
            "learn": False,
            "drain_s": 5.0,
            **values,
        }

    @property
    def client(self) -> ControlClient:
        """The open connection to the supervisor."""
        if self._client is None:
            self._client = connect_supervisor(self.directory)
        return self._client

    def hang_up(self) -> None:
        """Close the connection to the supervisor."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def status(self) -> dict[str, Any]:
        """Ask the supervisor how the service is."""
        return self.client.call("status", timeout_s=5 * FACTOR)

    def workers(self) -> list[dict[str, Any]]:
        """The workers that serve."""
        return [worker for worker in self.status()["workers"] if worker["phase"] == "serving"]

    def ask(self, body: str = "hello", timeout_s: float = 90.0 * FACTOR) -> tuple[int, str, str]:
        """Send one request; return status, body and the worker's label ``revision:slot:pid``."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        try:
            connection.request("POST", "/score", body.encode())
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.getheader("X-Worker") or ""
        finally:
            connection.close()

    def journal(self) -> list[dict[str, Any]]:
        """What the supervisor wrote down."""
        return journal.read_journal(self.directory)

    def messages(self) -> str:
        """The journal's sentences."""
        return "\n".join(entry["message"] for entry in self.journal())

    def processes(self) -> list[tuple[int, str]]:
        """All living processes of the service."""
        return leftovers(self.directory, self.uid)

    def log_text(self) -> str:
        """Everything in the log."""
        with suppress(ControlError, TimeoutError):
            self.client.call("sync-logs", timeout_s=5 * FACTOR)
        return "".join(path.read_text() for path in sorted(self.logs.glob("*.log")))

    def stop(self, grace_s: float = 2.0) -> None:
        """Stop the service and wait until nothing of it runs."""
        self.client.call("stop", timeout_s=5 * FACTOR, grace_s=grace_s)
        self.hang_up()
        wait_for(lambda: not self.processes(), "the end of all processes")

    def clean(self) -> None:
        """End whatever still runs."""
        self.hang_up()
        sweep(self.directory, self.uid)
