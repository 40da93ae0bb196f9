"""What becomes of services when their engine is stopped, or killed: with an engine of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import MldeployError
from tests.patience import FACTOR
from tests.targets.docker_service import ECHO
from tests.targets.local_service import wait_for
from tests.targets.own_engine import OwnEngine, own_engine
from tests.targets.test_docker_ends import state_soon

pytestmark = pytest.mark.docker


@pytest.fixture
def engine(workspace: Workspace, tmp_path: Path, own: str) -> Iterator[OwnEngine]:
    """An engine that has what an image is built on; the machine's own builds that first, where it has a way out."""
    source = tmp_path / "first.py"
    source.write_text(ECHO.format(answer="first"))
    name = f"seed-{own}"
    workspace.package([], source, image_name=name).wait_for_creation()
    with own_engine() as engine:
        engine.take(*workspace.images.get(name).stages)
        yield engine
    workspace.images.delete(name)


def deploy(workspace: Workspace, folder: Path, name: str, **config: object) -> Service:
    path = folder / "score.py"
    path.write_text(ECHO.format(answer=name))
    return workspace.deploy(name, path, target="docker", config=config, timeout_s=60 * FACTOR)


def answers(service: Service) -> bool:
    try:
        return bool(service.score("1") == [service.name, "1"])
    except MldeployError:
        return False


def test_services_come_back_with_an_engine_that_was_stopped_or_killed(
    engine: OwnEngine, workspace: Workspace, tmp_path: Path
) -> None:
    kept = deploy(workspace, tmp_path, "kept")
    frail = deploy(workspace, tmp_path, "frail", restart="unless-stopped")
    before = engine.count()

    engine.down()
    assert "Docker Engine" in state_soon(kept, "Failed", "No such file")
    engine.up()
    for service in (kept, frail):
        wait_for(lambda: service.state == "Healthy" and answers(service), "its return", 60 * FACTOR)  # noqa: B023
    assert engine.count() == before

    engine.kill()
    assert "Docker Engine" in state_soon(kept, "Failed", "refused")
    engine.up()
    assert "`start`" in state_soon(frail, "Failed", "their engine was killed")
    wait_for(lambda: kept.state == "Healthy" and answers(kept), "its return", 60 * FACTOR)
    frail.start(timeout_s=60 * FACTOR)
    assert frail.state == "Healthy"
    assert answers(frail)
    assert engine.count() == before

    def shims() -> int:
        return sum("containerd-shim" in line for line in engine.processes())

    # A container's former shim ends a moment after its new one has begun.
    wait_for(lambda: shims() == len(before["containers"]), "no process of a container that the engine knows no more")
