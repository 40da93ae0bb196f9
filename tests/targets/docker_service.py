"""Helpers for tests of the Docker target: an engine's view of things, counted and shown."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from jupyter_mldeploy.core.service import Service
from tests.targets.docker_images import Wire

ECHO = "import os\n\n\ndef init():\n    pass\n\n\ndef run(data):\n    return [{answer!r}, data]\n"


def docker(*arguments: str) -> str:
    """Run the docker client and return what it printed."""
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True, timeout=60).stdout


def parts(service: Service | str) -> list[dict[str, Any]]:
    """What the engine knows of a service's containers, the door last."""
    uid = service if isinstance(service, str) else service.record.uid
    listed = docker("ps", "-aq", "--no-trunc", "--filter", f"label=mldeploy.uid={uid}").split()
    inspect = ["docker", "container", "inspect", *listed]
    # What has gone since it was listed is left out, and makes the client's exit code another one.
    shown = subprocess.run(inspect, capture_output=True, text=True, check=False, timeout=60).stdout if listed else ""
    found = json.loads(shown or "[]")
    return sorted(found, key=lambda item: item["Config"]["Labels"]["mldeploy.role"], reverse=True)


def revision(service: Service) -> dict[str, Any]:
    """The container of the newest revision."""
    roles = [item for item in parts(service) if item["Config"]["Labels"]["mldeploy.role"] == "revision"]
    return max(roles, key=lambda item: json.loads(item["Config"]["Labels"]["mldeploy.revision"])["number"])


def belongings(name: str) -> list[str]:
    """Everything on the engine that bears a service's name: containers, volumes, images, networks."""
    kinds = (
        ("ps", "-a", "--format", "{{.Names}}"),
        ("volume", "ls", "--format", "{{.Name}}"),
        ("images", "--format", "{{.Repository}}:{{.Tag}}"),
        ("network", "ls", "--format", "{{.Name}}"),
    )
    return sorted(line for kind in kinds for line in docker(*kind).splitlines() if name in line)


def kill_first_process(service: Service) -> None:
    """Kill the container's first process behind the engine's back, as the kernel would."""
    os.kill(int(revision(service)["State"]["Pid"]), signal.SIGKILL)


@contextmanager
def held(service: Service) -> Iterator[int]:
    """Give a worker of a service's revision, the last one, no time to run; yield its pid on this machine."""
    found = revision(service)
    listed = {int(line.split()[1]) for line in docker("top", found["Id"]).splitlines()[1:]}
    worker = max(listed - {found["State"]["Pid"]})
    os.kill(worker, signal.SIGSTOP)
    try:
        yield worker
    finally:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGCONT)


@contextmanager
def engine_over_tcp() -> Iterator[str]:
    """Offer this machine's engine at a TCP address, as one elsewhere would be."""
    wire = Wire()
    try:
        yield wire.address
    finally:
        wire.cut()
