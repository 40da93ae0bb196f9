"""A Docker Engine of a test's own, which it may stop and kill: nothing of the machine's engine is touched.

It has its own folders, its own socket and a bridge of its own. It writes no packet-filter rules (the machine's engine
owns those), so its containers have published ports, through the engine's proxy, and no way out.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.patience import FACTOR

#: How long an engine takes to start, or to end, at most: what it does not do in this time it never does.
_START_S = 30.0 * FACTOR


class OwnEngine:
    """See the module's docstring.

    Args:
        folder: everything of the engine lies in it; its path must be short, for a socket's name has 107 characters.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"unix://{folder}/engine.sock"
        number = uuid.uuid4().int % 200
        self._bridge = f"mldt{number}"
        self._gateway = f"10.231.{number}.1/24"
        self._process: subprocess.Popen[bytes] | None = None
        self._machine = dict(os.environ)

    def up(self) -> None:
        """Start it, and return when it answers."""
        if not Path("/sys/class/net", self._bridge).exists():
            for words in (
                f"link add name {self._bridge} type bridge",
                f"addr add {self._gateway} dev {self._bridge}",
                f"link set {self._bridge} up",
            ):
                subprocess.run(["ip", *words.split()], check=True, capture_output=True, timeout=20)
        with (self.folder / "engine.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    "dockerd", "--host", self.address, "--data-root", str(self.folder / "data"),
                    "--exec-root", str(self.folder / "exec"), "--pidfile", str(self.folder / "engine.pid"),
                    "--bridge", self._bridge, "--iptables=false", "--ip-masq=false",
                ],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            )  # fmt: skip
        deadline = time.monotonic() + _START_S
        while self.docker("info", check=False) is None:
            assert self._process.poll() is None, (self.folder / "engine.log").read_text()[-2000:]
            assert time.monotonic() < deadline, "the engine does not answer"
            time.sleep(0.05)

    def down(self) -> None:
        """Stop it as an administrator would."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it (SIGKILL); its containers' processes are left to themselves."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)
            self._process.wait(timeout=_START_S)
            self._process = None
        # Its containerd dies with it. As long as nobody has asked how it ended, the next engine takes it for alive.
        with suppress(OSError, ValueError):
            path = Path("/proc") / (self.folder / "exec/containerd/containerd.pid").read_text().strip()
            deadline = time.monotonic() + _START_S
            while path.exists() and time.monotonic() < deadline:
                time.sleep(0.05)

    def docker(self, *words: str, check: bool = True) -> str | None:
        """Run the client; None when it fails and need not succeed."""
        done = subprocess.run(
            ["docker", "--host", self.address, *words], capture_output=True, text=True, timeout=60 * FACTOR, check=False
        )
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout if done.returncode == 0 else None

    def take(self, *images: str) -> None:
        """Copy images from the machine's engine."""
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE, env=self._machine) as saved:
            load = ["docker", "--host", self.address, "load"]
            subprocess.run(load, stdin=saved.stdout, check=True, capture_output=True, timeout=90 * FACTOR)
        assert saved.returncode == 0

    def count(self) -> dict[str, list[str]]:
        """Everything that is on it, by kind."""
        kinds = {
            "containers": ("ps", "-a", "--format", "{{.Names}}"),
            "images": ("images", "-a", "--format", "{{.ID}}"),
            "networks": ("network", "ls", "--format", "{{.Name}}"),
            "volumes": ("volume", "ls", "--format", "{{.Name}}"),
        }
        return {kind: sorted((self.docker(*words) or "").split()) for kind, words in kinds.items()}

    def processes(self) -> list[str]:
        """The command lines of processes that work for this engine: shims, proxies, containerd."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if str(self.folder) in words and "pytest" not in words:
                    found.append(words.strip())
        return sorted(found)

    def remove(self) -> None:
        """Remove its containers, end it, and take everything of it away."""
        with suppress(Exception):
            if self._process is None:
                self.up()
            if listed := (self.docker("ps", "-aq") or "").split():
                self.docker("rm", "--force", "--volumes", *listed)
        with suppress(Exception):
            self.down()
        subprocess.run(["ip", "link", "delete", self._bridge], check=False, capture_output=True, timeout=20)
        for line in Path("/proc/self/mounts").read_text().splitlines():
            place = line.split()[1]
            if place.startswith(str(self.folder)):
                subprocess.run(["umount", "--lazy", place], check=False, capture_output=True, timeout=20)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def own_engine() -> Iterator[OwnEngine]:
    """Give a running engine of one's own, the one that DOCKER_HOST names meanwhile; skip where none can be started."""
    if os.geteuid() != 0 or not shutil.which("dockerd") or not shutil.which("ip"):
        pytest.skip("an engine of one's own needs root, dockerd and ip")
    # In memory where there is some: what an engine unpacks takes a disk many times as long to write, and to forget.
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2 * 2**30
    folder = (memory if roomy else Path("/tmp")) / f"mldt-{uuid.uuid4().hex[:8]}"
    folder.mkdir(mode=0o711)
    engine = OwnEngine(folder)
    before = os.environ.get("DOCKER_HOST")
    try:
        engine.up()
        os.environ["DOCKER_HOST"] = engine.address
        yield engine
    finally:
        os.environ.pop("DOCKER_HOST", None)
        if before is not None:
            os.environ["DOCKER_HOST"] = before
        engine.remove()
