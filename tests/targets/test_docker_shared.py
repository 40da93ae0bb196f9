"""Images on an engine that several use: workspaces with services of one name, and images asked for by name."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.images.built import BuiltImage
from jupyter_mldeploy.core.images.context import Stage
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import InUseError
from jupyter_mldeploy.targets import docker_builder, docker_rollout
from jupyter_mldeploy.targets.docker_builder import DockerBuilder
from tests.targets.docker_images import ENVIRONMENT, PLAIN_SCRIPT, Shop, answers, docker, running, unique
from tests.targets.docker_service import ECHO, belongings
from tests.targets.local_service import wait_for

pytestmark = pytest.mark.docker


def test_a_service_takes_only_its_own_images_with_it(tmp_path: Path, own: str) -> None:
    name = f"shared-{own}"
    script = tmp_path / "score.py"
    mine, theirs = Workspace(tmp_path / "mine"), Workspace(tmp_path / "theirs")
    try:
        script.write_text(ECHO.format(answer="one"))
        service = mine.deploy(name, script, target="docker", timeout_s=110)
        other = theirs.deploy(name, script, target="docker", timeout_s=110)
        first = mine.images.get(name)
        assert theirs.images.get(name).reference == first.reference, "the same content has the same name"
        kept = mine.images.build(name, mine.bundles.get(service.revisions()[-1].bundle), tags={"by": "hand"})
        assert (kept.id, kept.kind) == (first.id, "image")
        with pytest.raises(InUseError, match=f"service {name} revision 1"):
            mine.images.delete(kept)

        script.write_text(ECHO.format(answer="two"))
        other.update(script, timeout_s=110)
        other.delete()
        assert theirs.images.list(name) == []
        assert docker("images", "--quiet", kept.reference), "the other workspace's service runs it"

        service.delete()
        assert [item.id for item in mine.images.list(name)] == [kept.id]
        assert docker("images", "--quiet", kept.reference), "it was asked for by name"
        mine.images.delete(kept)
        assert belongings(name) == []
    finally:
        for workspace in (mine, theirs):
            for left in workspace.services():
                left.delete()


def test_images_of_earlier_revisions_go_when_there_are_many(
    tmp_path: Path, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest stay for a quick way back, and the door's; the catalogue knows what the engine has."""
    monkeypatch.setattr("jupyter_mldeploy.core.images.collecting.KEPT_REVISIONS", 2)
    name = f"many-{own}"
    script = tmp_path / "score.py"
    workspace = Workspace(tmp_path / "home")
    script.write_text(ECHO.format(answer=0))
    service = workspace.deploy(name, script, target="docker", timeout_s=110)
    own = ("--filter", f"label=mldeploy.uid={service.record.uid}")
    try:
        for number in range(1, 4):
            script.write_text(ECHO.format(answer=number))
            service.update(script, timeout_s=110)
            # The replaced revision ends in the background, and keeps its image until then.
            wait_for(
                lambda: len(docker("ps", "-aq", *own).split()) == 2, "only the door and the live revision are left"
            )
        known = [item.reference for item in workspace.images.list(name)]
        there = docker("images", "--format", "{{.Repository}}:{{.Tag}}", f"mldeploy/{name}").split()
        assert len(known) == 3
        assert sorted(there) == sorted(known)
        service.rollback(timeout_s=110)
        assert service.score("1") == [2, "1"]
    finally:
        service.delete()
    assert belongings(name) == []


@pytest.mark.parametrize("returns", [False, True])
def test_what_a_stage_stands_on_may_be_removed_while_it_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, returns: bool
) -> None:
    """As another workspace does with the last service that used it; or it builds it anew right away."""
    spec = replace(ENVIRONMENT, pip=(), variables={"OWN": unique("gone")})  # nobody else's image
    with closing(Shop(tmp_path)) as shop:
        own = shop.workspace.images.context(shop.bundle(PLAIN_SCRIPT, spec)).stages[0].reference
        build_stage, find, spare = DockerBuilder._build_stage, docker_builder._find, f"{unique('spare')}:1"
        removed: list[str] = []

        def remove_first(self: DockerBuilder, engine: Any, stage: Stage, below: str | None, *more: Any) -> None:
            if below == own and not removed:
                if returns:
                    docker("tag", own, spare)
                docker("rmi", "--force", own)
                removed.append(own)
            build_stage(self, engine, stage, below, *more)

        def find_again(engine: Any, reference: str) -> BuiltImage | None:
            if returns and removed and reference == own:
                docker("tag", spare, own)
            return find(engine, reference)

        monkeypatch.setattr(docker_builder, "_find", find_again)
        monkeypatch.setattr(DockerBuilder, "_build_stage", remove_first)
        image = shop.build(PLAIN_SCRIPT, spec)
        docker("rmi", spare, check=False)
        assert removed == [own]
        assert "was removed while" in shop.workspace.images.read_log(image)
        with running(image.reference) as (_, port):
            assert answers(port)


def test_an_image_may_be_removed_before_its_container_exists(
    tmp_path: Path, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by another workspace that deletes the last service that used it; it is built once more."""
    name = f"removed-{own}"
    script = tmp_path / "score.py"
    script.write_text(ECHO.format(answer=unique("removed")))  # nobody else's image
    create = docker_rollout.create_revision
    removed: list[str] = []

    def remove_first(engine: Any, job: Any, config: Any, image: BuiltImage, door: Any) -> str:
        if not removed:
            docker("rmi", "--force", image.reference)
            removed.append(image.reference)
        return create(engine, job, config, image, door)

    monkeypatch.setattr(docker_rollout, "create_revision", remove_first)
    service = Workspace(tmp_path / "home").deploy(name, script, target="docker", timeout_s=110)
    try:
        assert len(removed) == 1
        assert service.score("1")[1] == "1"
    finally:
        service.delete()
    assert belongings(name) == []
