"""Several versions in containers: the router among them reaches the others by a Docker network."""

from __future__ import annotations

import subprocess
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.traffic.members import member_name
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import NotSupportedError
from jupyter_mldeploy.targets.docker import DockerTarget
from tests.core.traffic.test_endpoint import is_share
from tests.patience import FACTOR
from tests.targets.docker_service import docker, parts, revision
from tests.targets.local_service import wait_for

pytestmark = [pytest.mark.docker, pytest.mark.timeout(400)]

SCRIPT = """
import os
import time

def init():
    pass

def run(data):
    if data == "hold":
        print("it is held")
        while not os.path.exists("/tmp/go"):
            time.sleep(0.01)
    return {answer!r}
"""


@pytest.fixture
def network() -> Iterator[str]:
    name = f"mldeploy-test-{uuid.uuid4().hex[:8]}"
    subprocess.run(["docker", "network", "create", name], check=True, capture_output=True)
    yield name
    subprocess.run(["docker", "network", "rm", name], check=True, capture_output=True)


@pytest.fixture
def seeing_out(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Two events: it is waited for replaced revisions, and that is over."""
    began, ended = threading.Event(), threading.Event()
    see_out = DockerTarget.see_out

    def watched(*arguments: Any, **more: Any) -> None:
        began.set()
        see_out(*arguments, **more)
        ended.set()

    monkeypatch.setattr(DockerTarget, "see_out", watched)
    return began, ended


def test_versions_in_containers_share_the_requests(
    workspace: Workspace, tmp_path: Path, network: str, seeing_out: tuple[threading.Event, threading.Event]
) -> None:
    for answer in ("one", "two"):
        (tmp_path / f"{answer}.py").write_text(SCRIPT.format(answer=answer))
    name = f"t{uuid.uuid4().hex[:8]}"
    service = workspace.deploy(name, tmp_path / "one.py", target="docker", timeout_s=200)
    endpoint = workspace.endpoint(name)
    with pytest.raises(NotSupportedError, match="is in none"):
        endpoint.create_version("green", tmp_path / "two.py", timeout_s=200)
    assert [item.name for item in workspace.catalogue.services()] == [name]
    assert service.score({}) == "one"

    service.update(config={"network": network})
    address = service.scoring_uri
    endpoint.create_version("green", tmp_path / "two.py", traffic=40, timeout_s=200)
    found = Counter(service.score({}) for _ in range(150))
    assert is_share(found["two"], 150, 40), found
    assert service.scoring_uri == address
    began, ended = seeing_out
    with ThreadPoolExecutor(2) as pool:
        green = workspace.service(member_name(name, "green"))
        held = pool.submit(service.request, "hold", headers={"azureml-model-deployment": "green"})
        wait_for(lambda: "it is held" in str(green.logs()), "the request")
        began.clear()
        ended.clear()
        finishing = pool.submit(endpoint.finish, "green")
        try:
            wait_for(lambda: began.is_set() or finishing.done(), "the wait for the router")
            assert not ended.wait(1.0), "the router still waits for an answer"
            assert not finishing.done()
        finally:
            docker("exec", revision(green)["Id"], "touch", "/tmp/go")
        finishing.result(60 * FACTOR)
        running = [item for item in parts(service) if item["State"]["Running"]]
        assert len(running) == 2, "the door and the one revision; the router went before its versions"
        assert held.result(60 * FACTOR).json() == "two"
    assert {service.score({}) for _ in range(10)} == {"two"}
    service.delete()
