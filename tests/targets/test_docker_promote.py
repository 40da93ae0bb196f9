"""From a notebook cell to the local target and on to Docker: the same bytes, or a refusal."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import ConflictError, CorruptStoreError, TargetUnavailableError
from tests.targets.docker_service import belongings, docker, revision

pytestmark = pytest.mark.docker

CELL = """
import os

def init():
    global factor
    factor = float(open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "factor.txt")).read())

def run(data):
    return [factor * float(data), os.environ.get("MLDEPLOY_REVISION", "")]
"""


def test_the_same_bytes_go_to_docker_or_none(
    workspace: Workspace, tmp_path: Path, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "score.py").write_text(CELL)
    (tmp_path / "factor.txt").write_text("3")
    name = f"promo-{own}"
    local = workspace.deploy(name, tmp_path / "score.py", models=[tmp_path / "factor.txt"], timeout_s=60)

    with monkeypatch.context() as absent:
        absent.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
        with pytest.raises(TargetUnavailableError, match="No Docker Engine answers"):
            local.promote("docker")
    assert [item.name for item in workspace.services()] == [name], "a refusal leaves no service"

    promoted = local.promote("docker", timeout_s=110)
    assert promoted.name == f"{name}-docker"
    assert promoted.score("2")[0] == local.score("2")[0] == 6.0
    first, second = local.revisions()[-1], promoted.revisions()[-1]
    assert first.bundle == second.bundle
    assert second.facts["promoted_from"] == {"service": name, "revision": 1, "bundle": first.bundle}
    image = docker("inspect", "-f", '{{index .Config.Labels "mldeploy.bundle"}}', revision(promoted)["Image"])
    assert image.strip() == first.bundle

    # A tag that somebody moved to another image is noticed.
    reference = revision(promoted)["Config"]["Image"]
    promoted.delete()
    docker("tag", "python:3.11-slim-bookworm", reference)
    with pytest.raises(ConflictError, match="holds the bundle none and not"):
        local.promote("docker", timeout_s=110)
    docker("rmi", reference)
    workspace.service(f"{name}-docker").delete()

    # Bytes that are not what was deployed are refused before anything exists.
    bundle = workspace.bundles.get(first.bundle)
    blob = workspace.store.blobs.path(next(iter(bundle.models[0].tree.files)).digest)
    blob.chmod(0o600)
    blob.write_text("4")
    with pytest.raises(CorruptStoreError, match=r"factor\.txt"):
        local.promote("docker", timeout_s=110)
    assert belongings(f"{name}-docker") == []
