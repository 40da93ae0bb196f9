"""Parts of the test cluster that are stopped or killed, and started again as they were."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from jupyter_mldeploy.errors import MldeployError
from jupyter_mldeploy.targets.k8s.cluster import Cluster
from tests.patience import FACTOR

HOME = Path(os.environ.get("K8S_TEST_DIR", "/tmp/k8s-test"))
#: Seconds within which a part must end, and the cluster must work again.
_END_S, _WORK_S = 30 * FACTOR, 90 * FACTOR

#: Complaint about a connection that was reset before TLS began, which a part of the cluster that is killed may do:
#: ``SSLSocket._create`` of Python 3.11 and 3.12 raises without closing it.
LOST_SOCKET = "unclosed <ssl.SSLSocket"


class Part:
    """One process of the cluster, such as ``kube-apiserver``; how it was started is read from the process itself."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._file = HOME / "run" / f"{name}.pid"
        pid, began = self._known()
        assert _began(pid) == began, f"{name} does not run"
        self._command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")
        pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().rstrip("\0").split("\0")
        self._environment = dict(pair.split("=", 1) for pair in pairs if "=" in pair)

    def runs(self) -> bool:
        """Whether the process is there."""
        pid, began = self._known()
        return _began(pid) == began

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End the process and wait until it is gone."""
        pid, began = self._known()
        if _began(pid) == began:
            os.kill(pid, how)
        deadline = time.monotonic() + _END_S
        while _began(pid) == began:
            assert time.monotonic() < deadline, f"{self._name} does not end"
            time.sleep(0.05)

    def pause(self) -> None:
        """Hold the process up."""
        os.kill(self._known()[0], signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on. Idempotent."""
        os.kill(self._known()[0], signal.SIGCONT)

    def start(self, *more: str) -> None:
        """Start it as it was started, with ``more`` arguments; it outlives the tests."""
        if self.runs():
            return
        line = f'setsid nohup "$@" </dev/null >>"{HOME}/log/{self._name}.log" 2>&1 & echo $!'
        command = ["sh", "-c", line, "sh", *self._command, *more]
        started = subprocess.run(command, env=self._environment, stdout=subprocess.PIPE, text=True, check=True)
        pid = int(started.stdout)
        self._file.write_text(f"{pid} {_began(pid)}\n")

    def _known(self) -> tuple[int, str]:
        pid, began = self._file.read_text().split()
        return int(pid), began


@contextlib.contextmanager
def parts(cluster: Cluster, *names: str) -> Iterator[Sequence[Part]]:
    """Hand out parts of the cluster; whatever happens, they run afterwards, and the cluster works."""
    found = [Part(name) for name in names]
    try:
        yield found
    finally:
        for part in found:
            part.start()
        wait_until_it_works(cluster)
        with warnings.catch_warnings():  # here, not in whichever test comes next
            warnings.filterwarnings("ignore", LOST_SOCKET, ResourceWarning)
            gc.collect()


def wait_until_it_works(cluster: Cluster) -> None:
    """Wait until the API server answers, and the node takes pods."""
    deadline = time.monotonic() + _WORK_S
    while not _works(cluster):
        assert time.monotonic() < deadline, "the cluster does not work again"
        time.sleep(0.2)


def _works(cluster: Cluster) -> bool:
    try:
        if cluster.raw("GET", "/readyz", timeout_s=5) != b"ok":
            return False
        nodes = cluster.list("Node", None)
    except MldeployError:
        return False
    conditions = [item for node in nodes for item in node["status"]["conditions"] if item["type"] == "Ready"]
    tainted = any((node["spec"].get("taints") or ()) for node in nodes)
    return not tainted and bool(conditions) and all(item["status"] == "True" for item in conditions)


def _began(pid: int) -> str:
    """Return the clock tick in which a process began, "" when there is none (any more)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]
