"""Several versions in containers: the router among them reaches the others by a Docker network."""

from __future__ import annotations

import subprocess
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import NotSupportedError
from tests.core.traffic.test_endpoint import is_share

pytestmark = [pytest.mark.docker, pytest.mark.timeout(400)]

SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    return {answer!r}\n"


@pytest.fixture
def network() -> Iterator[str]:
    name = f"mldeploy-test-{uuid.uuid4().hex[:8]}"
    subprocess.run(["docker", "network", "create", name], check=True, capture_output=True)
    yield name
    subprocess.run(["docker", "network", "rm", name], check=True, capture_output=True)


def test_versions_in_containers_share_the_requests(workspace: Workspace, tmp_path: Path, network: str) -> None:
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
    endpoint.finish("green")
    assert {service.score({}) for _ in range(10)} == {"two"}
    service.delete()
