"""Starting a supervisor, finding one again, and making sure that nothing of a service is left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from . import journal
from .control import ControlClient, NotReachableError, remove
from .environment_policy import scrubbed
from .order import SETTINGS, ServiceSettings
from .processes import MARK, is_alive, marked, send_signal

#: Starts without the site module: the supervisor needs the standard library and this package, nothing else.
_BOOTSTRAP = (
    "import sys;sys.path.insert(0,sys.argv.pop(1));"
    "from jupyter_mldeploy.scoring.supervisor import main;sys.exit(main())"
)

_PACKAGE = Path(__file__).resolve().parent.parent


def provide_runtime(directory: Path) -> Path:
    """Make a directory that holds this package and no other, for ``sys.path`` of any interpreter; return it."""
    runtime = directory / "runtime"
    runtime.mkdir(exist_ok=True)
    link = runtime / _PACKAGE.name
    if not link.is_symlink() or link.readlink() != _PACKAGE:
        link.unlink(missing_ok=True)
        link.symlink_to(_PACKAGE)
    return runtime


class Starting:
    """A supervisor that is on its way; :meth:`client` gives the connection to it."""

    def __init__(self, process: subprocess.Popen[bytes], peer: socket.socket) -> None:
        self._process = process
        self._peer = peer

    def client(self) -> ControlClient:
        """Return the connection; commands may be sent at once. A supervisor that cannot start answers with an error.

        Raises:
            NotReachableError: the process itself could not run.
        """
        # The process that was started forks and ends at once, so that the service is nobody's child.
        if self._process.wait():
            self._peer.close()
            raise NotReachableError(f"the supervisor could not be started with {sys.executable}")
        return ControlClient(self._peer)


def start_supervisor(directory: Path, settings: ServiceSettings) -> Starting:
    """Begin to start a detached supervisor, without waiting for anything.

    Args:
        directory: the service's directory; its ``supervisor.out`` gets what goes wrong before there is a log.

    Raises:
        NotReachableError: the interpreter cannot be executed.
    """
    journal.write_json(directory / SETTINGS, settings._asdict())
    ours, theirs = socket.socketpair()
    arguments = [sys.executable, "-I", "-S", "-c", _BOOTSTRAP, settings.runtime]
    arguments += ["--detach", "--attend", str(theirs.fileno()), str(directory)]
    environment = {**scrubbed(), MARK: settings.uid, "MLDEPLOY_SERVICE_NAME": settings.name}
    log = os.open(directory / "supervisor.out", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            arguments, env=environment, cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            pass_fds=(theirs.fileno(),), start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        ours.close()
        raise NotReachableError(f"the supervisor could not be started with {sys.executable}: {error}") from error
    finally:
        theirs.close()
        os.close(log)
    return Starting(process, ours)


def find_supervisor(directory: Path) -> dict[str, Any] | None:
    """Return the identity of the supervisor that runs the service in ``directory``, or None when none is alive."""
    identity = journal.read_json(directory / journal.IDENTITY)
    if identity is None or not is_alive(int(identity["pid"]), identity["token"]):
        return None
    return identity


def connect_supervisor(directory: Path) -> ControlClient:
    """Connect to the supervisor of the service in ``directory``.

    Raises:
        NotReachableError: none is alive.
        TimeoutError: one is, and takes no calls now.
    """
    identity = find_supervisor(directory)
    if identity is None:
        raise NotReachableError("the supervisor is gone")
    return ControlClient.connect(Path(identity["control"]))


def leftovers(directory: Path, uid: str) -> list[tuple[int, str]]:
    """Return (pid, token) of all living processes of the service: those recorded, and those that carry its mark."""
    found = dict(marked(uid))
    identity = journal.read_json(directory / journal.IDENTITY) or {}
    status = journal.read_json(directory / journal.STATUS) or {}
    for item in [identity, *status.get("workers", ()), *status.get("warm_parents", ())]:
        pid, token = int(item.get("pid") or 0), item.get("token")
        if pid and is_alive(pid, token):
            found[pid] = str(token)
    return sorted(found.items())


def sweep(directory: Path, uid: str, *, grace_s: float = 0.0, wait_s: float = 10.0) -> int:
    """End every process of the service: SIGTERM with ``grace_s`` seconds to obey, then SIGKILL. Return how many."""
    first = leftovers(directory, uid)
    if grace_s and first:
        for pid, token in first:
            send_signal(pid, token, signal.SIGTERM)
        wait_gone(first, grace_s)
    deadline = time.monotonic() + wait_s
    while rest := leftovers(directory, uid):
        for pid, token in rest:
            send_signal(pid, token, signal.SIGKILL, group=True)
        wait_gone(rest, max(0.1, min(1.0, deadline - time.monotonic())))
        if time.monotonic() > deadline:
            break
    identity = journal.read_json(directory / journal.IDENTITY) or {}
    if "control" in identity:  # a supervisor of an earlier version may have noted less
        remove(Path(identity["control"]))
    return len(first)


def wait_gone(processes: list[tuple[int, str]], seconds: float) -> None:
    """Wait until all processes, (pid, token) each, have ended, or for ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(is_alive(pid, token) for pid, token in processes):
        time.sleep(0.002)
