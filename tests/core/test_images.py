"""The image registry of a workspace: versions, states, logs, deletion, pushes; with an engine that is a dictionary."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.bundle import Bundle
from jupyter_mldeploy.core.environment import EnvironmentSpec
from jupyter_mldeploy.core.garbage import collect_garbage
from jupyter_mldeploy.core.image import CreationState, Images
from jupyter_mldeploy.core.images.built import BuiltImage
from jupyter_mldeploy.core.images.packaging import read_bundle
from jupyter_mldeploy.core.progress import Progress
from jupyter_mldeploy.core.records import Origin
from jupyter_mldeploy.core.target import Availability
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import (
    BusyError,
    ConflictError,
    DeploymentError,
    EnvironmentBuildError,
    InUseError,
    InvalidInputError,
    InvalidNameError,
    NotFoundError,
    NotSupportedError,
    TargetUnavailableError,
)
from tests.patience import FACTOR

from .memory_builder import MemoryBuilder, MemoryBuilders

SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"
PLAIN = EnvironmentSpec(python="3.11", pip=("six",))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    found = Workspace(tmp_path / "ws")
    found.images = Images(found, builders=MemoryBuilders())
    return found


@pytest.fixture
def engine(workspace: Workspace) -> MemoryBuilder:
    builders = workspace.images.builders
    assert isinstance(builders, MemoryBuilders)
    return builders.memory


def bundle_of(workspace: Workspace, text: str = SCRIPT, models: Any = ()) -> Bundle:
    script = workspace.home / "score.py"
    script.write_text(text, encoding="utf-8")
    return read_bundle(workspace, models, script, environment=PLAIN)


def test_versions_states_and_logs(workspace: Workspace, engine: MemoryBuilder) -> None:
    images = workspace.images
    first = images.build("ridge", bundle_of(workspace), tags={"a": "b"}, description="d")
    assert (first.id, first.state, first.tags, first.kind) == ("ridge:1", CreationState.SUCCEEDED, {"a": "b"}, "image")
    assert first.location == first.reference == engine.built[0]
    assert "Step 1/1" in images.read_log(first)
    assert images.build("ridge", bundle_of(workspace)).id == "ridge:1", "the same content keeps its version"
    second = images.build("ridge", bundle_of(workspace, SCRIPT + "# new\n"))
    assert second.id == "ridge:2"
    assert images.get("ridge").id == "ridge:2"
    assert [item.id for item in images.list()] == ["ridge:2", "ridge:1"]
    assert [item.id for item in images.list(tags=[["a", "b"]])] == ["ridge:1"]
    assert images.list(model="other") == []
    assert len(engine.built) == 2


def test_what_the_engine_has_lost_is_built_again_as_the_same_version(
    workspace: Workspace, engine: MemoryBuilder
) -> None:
    images = workspace.images
    image = images.build("ridge", bundle_of(workspace))
    engine.images.clear()
    with pytest.raises(NotFoundError, match="never pushed"):
        images.pull(image)
    again = images.build("ridge", bundle_of(workspace))
    assert (again.id, again.state) == ("ridge:1", CreationState.SUCCEEDED)
    assert len(engine.built) == 2


def test_another_workspace_finds_the_engines_image(workspace: Workspace, engine: MemoryBuilder, tmp_path: Path) -> None:
    workspace.images.build("ridge", bundle_of(workspace))
    other = Workspace(tmp_path / "other")
    other.images = Images(other, builders=workspace.images.builders)
    image = other.images.build("ridge", bundle_of(other))
    assert (image.state, image.facts["fresh"]) == (CreationState.SUCCEEDED, False)
    assert len(engine.built) == 1


def test_a_build_that_fails_is_kept_with_its_reason_and_log(workspace: Workspace, engine: MemoryBuilder) -> None:
    engine.fails = "no version of nosuch fits."
    with pytest.raises(EnvironmentBuildError) as caught:
        workspace.images.build("ridge", bundle_of(workspace))
    image = workspace.images.get("ridge:1")
    assert (image.state, image.reason) == (CreationState.FAILED, "no version of nosuch fits.")
    assert caught.value.details["log"] == str(workspace.images.log_path(image))
    with pytest.raises(InvalidInputError, match="its state is Failed"):
        workspace.images.push_named(image, "r.example/x")
    engine.fails = None
    assert workspace.images.build("ridge", bundle_of(workspace)).id == "ridge:2"


def test_names_are_checked_before_anything_is_built(workspace: Workspace, engine: MemoryBuilder) -> None:
    for name in ("Ridge", "r", "a" * 33, "a_b"):
        with pytest.raises(InvalidNameError):
            workspace.images.build(name, bundle_of(workspace))
    assert engine.built == []


def test_two_builds_of_one_image_are_one(workspace: Workspace, engine: MemoryBuilder) -> None:
    bundle = bundle_of(workspace)
    inside, go_on = threading.Event(), threading.Event()
    found: list[str] = []

    def during(_: Progress) -> None:
        inside.set()
        assert go_on.wait(20 * FACTOR)

    engine.during = during
    threads = [
        threading.Thread(target=lambda: found.append(workspace.images.build("ridge", bundle).id)) for _ in range(3)
    ]
    threads[0].start()
    assert inside.wait(20 * FACTOR)
    for thread in threads[1:]:
        thread.start()
    assert workspace.images.get("ridge").state is CreationState.RUNNING
    with pytest.raises(BusyError):
        workspace.images.delete("ridge:1")
    go_on.set()
    for thread in threads:
        thread.join(20 * FACTOR)
    assert found == ["ridge:1"] * 3
    assert len(engine.built) == 1


def test_images_that_share_an_environment_do_not_install_it_twice(workspace: Workspace, engine: MemoryBuilder) -> None:
    """While one image's build installs the packages, another one's waits."""
    bundles = [bundle_of(workspace), bundle_of(workspace, SCRIPT + "# other\n")]
    (stage,) = workspace.images.context(bundles[0]).below
    building, most = [0], [0]
    go_on = threading.Event()

    def during(_: Progress) -> None:
        with engine.lock:
            building[0] += 1
            most[0] = max(most[0], building[0])
        assert go_on.wait(20 * FACTOR)
        with engine.lock:
            engine.images[stage] = BuiltImage(stage, "sha256:" + "0" * 64, 1, "")
            building[0] -= 1

    engine.during = during
    threads = [
        threading.Thread(target=workspace.images.build, args=(f"ridge-{number}", bundle))
        for number, bundle in enumerate(bundles)
    ]
    for thread in threads:
        thread.start()
    threading.Timer(0.5, go_on.set).start()
    for thread in threads:
        thread.join(30 * FACTOR)
    assert len(engine.built) == 2
    assert most[0] == 1


def test_a_cancelled_build_is_failed(workspace: Workspace, engine: MemoryBuilder) -> None:
    progress = Progress(60)

    def during(now: Progress) -> None:
        now.cancelled.set()
        now.check()

    engine.during = during
    with pytest.raises(DeploymentError, match="cancelled"):
        workspace.images.build("ridge", bundle_of(workspace), progress=progress)
    assert workspace.images.get("ridge").state is CreationState.FAILED


KILLED = """\
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.core.memory_builder import MemoryBuilders
from tests.core.test_images import Images, Workspace, bundle_of
workspace = Workspace(sys.argv[1])
workspace.images = Images(workspace, builders=MemoryBuilders())
workspace.images.builders.memory.during = lambda _: os.kill(os.getpid(), signal.SIGKILL)
workspace.images.build("ridge", bundle_of(workspace))
"""


def test_a_build_whose_process_was_killed_is_settled_and_cleared_away(
    workspace: Workspace, engine: MemoryBuilder
) -> None:
    root = str(Path(__file__).resolve().parents[2])
    done = subprocess.run([sys.executable, "-c", KILLED, str(workspace.home), root], check=False, timeout=60 * FACTOR)
    assert done.returncode == -signal.SIGKILL
    (image,) = workspace.images.list()
    assert (image.state, image.reason) == (
        CreationState.FAILED,
        "The process that built it ended before it was done.",
    )
    assert any("Step 1/1" in line for line in engine.discarded[0])
    assert workspace.images.build("ridge", bundle_of(workspace)).id == "ridge:2"


def test_deleting(workspace: Workspace, engine: MemoryBuilder) -> None:
    images = workspace.images
    one = images.build("ridge", bundle_of(workspace))
    images.delete(one)
    assert engine.images == {}
    assert not images.log_path(one).exists()
    with pytest.raises(NotFoundError):
        images.get("ridge:1")
    assert images.build("ridge", bundle_of(workspace)).id == "ridge:2", "a number is never given twice"
    engine.usable = Availability(False, "no engine", "start it")
    with pytest.raises(TargetUnavailableError, match="no engine"):
        images.delete("ridge:2")
    images.delete("ridge:2", force=True)
    assert images.list() == []


def test_an_image_that_a_service_runs_is_not_deleted(workspace: Workspace) -> None:
    bundle = bundle_of(workspace)
    built = workspace.images.for_service("ridge", bundle, Progress(60))
    assert built.fresh
    assert built.bundle == bundle.digest
    record = workspace.catalogue.create_service("ridge", "docker", description=None, tags={}, properties={})
    revision = workspace.catalogue.add_revision(record.uid, bundle.digest, {}, Origin(), {})
    workspace.catalogue.settle_live(record.uid, revision.number, {})
    with pytest.raises(InUseError, match="service ridge revision 1"):
        workspace.images.delete("ridge:1")
    assert list(workspace.images.users("ridge:1")) == ["service ridge revision 1"]
    assert not workspace.images.for_service("ridge", bundle, Progress(60)).fresh


def test_tags_and_properties(workspace: Workspace) -> None:
    images = workspace.images
    image = images.build("ridge", bundle_of(workspace))
    assert images.add_tags(image, {"a": 1}).tags == {"a": 1}
    assert images.remove_tags(image, ["a"]).tags == {}
    with pytest.raises(NotFoundError):
        images.remove_tags(image, ["a"])
    assert images.add_properties(image, {"p": "q"}).properties == {"p": "q"}
    with pytest.raises(ConflictError, match="can only be added"):
        images.add_properties(image, {"p": "z"})


def test_pushing_with_credentials_by_reference(
    workspace: Workspace, engine: MemoryBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = workspace.images
    image = images.build("ridge", bundle_of(workspace))
    pushed = images.push_named(image, "r.example:5000/team/ridge")
    assert (pushed.reference, engine.pushed[-1][2]) == ("r.example:5000/team/ridge:1", None)
    assert images.get("ridge").location == pushed.location
    monkeypatch.setenv("REGISTRY_TOKEN", "s3cret-token")
    images.push_named(
        image, "r.example/team/ridge:blue", credentials={"username": "me", "password": "env:REGISTRY_TOKEN"}
    )
    assert engine.pushed[-1][1:] == ("r.example/team/ridge:blue", {"username": "me", "password": "s3cret-token"})
    assert len(images.get("ridge").locations) == 2
    with pytest.raises(InvalidInputError, match="never the value itself") as caught:
        images.push_named(image, "r.example/x", credentials={"username": "me", "password": "hunter2"})
    assert "hunter2" not in str(caught.value)
    with pytest.raises(InvalidInputError, match="not set"):
        images.push_named(image, "r.example/x", credentials={"username": "me", "password": "env:NO_SUCH"})
    for path in workspace.home.rglob("*"):
        if path.is_file():
            assert b"s3cret-token" not in path.read_bytes(), path


def test_the_name_that_a_killed_push_leaves_on_the_engine_is_taken_away(
    workspace: Workspace, engine: MemoryBuilder
) -> None:
    """A push gives the image a name on the engine for the time being; its process may die in the middle."""
    images = workspace.images
    image = images.build("ridge", bundle_of(workspace))

    class Died(BaseException):
        pass

    def die(*_: Any) -> Any:
        # As after kill -9: what the process would have done next is not done.
        images._rows.change = lambda item, **_: item  # type: ignore[method-assign]
        engine.images["r.example/x:1"] = engine.images[image.reference]
        raise Died

    engine.push = die  # type: ignore[method-assign]
    with pytest.raises(Died):
        images.push_named(image, "r.example/x")
    again = Images(workspace, builders=images.builders)
    assert again.get("ridge").facts["pushing"] == "r.example/x:1"
    again.delete("ridge:1")
    assert engine.images == {}


def test_an_environment_alone(workspace: Workspace, engine: MemoryBuilder) -> None:
    images = workspace.images
    image = images.build_environment(EnvironmentSpec("My Env", python="3.11", pip=("six",)))
    assert (image.id, image.kind) == ("my-env:1", "environment")
    assert image.reference.startswith("mldeploy-stages/environment:")
    service = images.build("ridge", bundle_of(workspace))
    assert service.stages == (image.reference,), "services stand on it"
    with pytest.raises(NotSupportedError, match="environment alone"):
        images.save(image, workspace.home / "out")


def test_an_image_of_a_service_that_is_asked_for_by_name_does_not_go_with_the_service(
    workspace: Workspace, engine: MemoryBuilder
) -> None:
    bundle = bundle_of(workspace)
    built = workspace.images.for_service("ridge", bundle, Progress(60))
    image = workspace.images.build("ridge", bundle, description="kept", tags={"a": "b"})
    assert (image.id, image.kind, image.description, image.tags) == ("ridge:1", "image", "kept", {"a": "b"})
    assert workspace.images.collecting().forget_service("ridge") == 0
    assert built.reference in engine.images
    assert workspace.images.get("ridge").state is CreationState.SUCCEEDED


def test_garbage_collection_removes_idle_stages_and_images_of_services_that_are_gone(
    workspace: Workspace, engine: MemoryBuilder
) -> None:
    bundle = bundle_of(workspace)
    built = workspace.images.for_service("ridge", bundle, Progress(60))
    image = workspace.images.get("ridge")
    for stage in image.stages:
        engine.images[stage] = engine.images[built.reference]
    collect_garbage(workspace, grace_s=3600)
    assert built.reference in engine.images, "it is too young"
    collect_garbage(workspace, grace_s=0)
    assert engine.images == {}
    assert workspace.images.list() == []


# Packages.


def test_a_package(workspace: Workspace, engine: MemoryBuilder, capsys: pytest.CaptureFixture[str]) -> None:
    script = workspace.home / "score.py"
    script.write_text(SCRIPT, encoding="utf-8")
    model = workspace.home / "ridge.pkl"
    model.write_bytes(b"weights")
    package = workspace.package([model], script, environment=PLAIN, image_label="blue")
    package.wait_for_creation(show_output=True)
    assert package.serialize() == {
        "generateDockerfile": False,
        "packageType": "DockerImage",
        "state": "Succeeded",
        "location": package.location,
    }
    assert package.location.startswith("mldeploy/package:")
    assert package.pull() == package.location
    assert "Step 1/1" in str(package.get_logs())
    assert isinstance(package.get_logs(decode=False), bytes)
    shown = capsys.readouterr().out
    assert "Package creation Succeeded: package:1" in shown
    assert package.image.tags == {"label": "blue"}
    assert workspace.images.list(model="ridge.pkl")[0].kind == "package"
    assert package.get_container_registry().address == "docker.io"


def test_a_package_of_files_needs_no_engine(
    workspace: Workspace, engine: MemoryBuilder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.usable = Availability(False, "no engine", "start it")
    script = workspace.home / "score.py"
    script.write_text(SCRIPT, encoding="utf-8")
    with pytest.raises(TargetUnavailableError):
        workspace.package([], script, environment=PLAIN)
    package = workspace.package([], script, True, environment=PLAIN)
    package.wait_for_creation()
    assert package.package_type == "DockerBuildContext"
    path = package.save(tmp_path / "imagefiles")
    assert package.location == str(path)
    assert {item.name for item in path.iterdir()} == {"Dockerfile", "app", "environment", "runtime"}
    assert f"docker build --tag myimage {path}" in capsys.readouterr().out
    with pytest.raises(NotSupportedError, match="no image to pull"):
        package.pull()
    assert engine.built == []


def test_a_packages_registry(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    script = workspace.home / "score.py"
    script.write_text(SCRIPT, encoding="utf-8")
    monkeypatch.setenv("BASE_PASSWORD", "hunter2hunter2")
    registry = {"address": "r.example", "username": "me", "password": "${BASE_PASSWORD}"}
    spec = EnvironmentSpec(base_image="r.example/base:1", registry=registry)
    package = workspace.package([], script, True, environment=spec)
    package.wait_for_creation()
    found = package.get_container_registry()
    assert (found.address, found.username, found.password) == ("r.example", "me", "hunter2hunter2")
    assert "hunter2" not in repr(found)
    pushed = workspace.package(
        [],
        script,
        environment=PLAIN,
        push_to="r.example:5000/team/x",
        credentials={"username": "me", "password": "env:BASE_PASSWORD"},
    )
    assert pushed.location.startswith("r.example:5000/team/x@sha256:")
    assert pushed.get_container_registry().address == "r.example:5000"


def test_a_package_that_cannot_be_made_says_why_where_one_waits(workspace: Workspace, engine: MemoryBuilder) -> None:
    script = workspace.home / "score.py"
    script.write_text(SCRIPT, encoding="utf-8")
    engine.fails = "the index is down."
    package = workspace.package([], script, environment=PLAIN)
    with pytest.raises(EnvironmentBuildError, match="the index is down"):
        package.wait_for_creation()
    assert package.state == "Failed"
    with pytest.raises(EnvironmentBuildError):
        _ = package.location
    with pytest.raises(NotSupportedError, match="not pushed"):
        workspace.package([], script, True, environment=PLAIN, push_to="r.example/x")


def test_building_needs_the_variables_of_a_private_index(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from jupyter_mldeploy.core.images.credentials import blot_out, build_secrets

    monkeypatch.delenv("PIP_TOKEN", raising=False)
    with pytest.raises(InvalidInputError, match="PIP_TOKEN"):
        build_secrets(("PIP_TOKEN",))
    monkeypatch.setenv("PIP_TOKEN", "abcdef123")
    assert build_secrets(("PIP_TOKEN",)) == {"PIP_TOKEN": "abcdef123"}
    assert blot_out("https://u:abcdef123@x", ("abcdef123", "u")) == "https://u:***@x"


def test_builders_that_are_missing_or_broken_are_explained(workspace: Workspace, engine: MemoryBuilder) -> None:
    from importlib.metadata import EntryPoint

    from jupyter_mldeploy.core.images.builder import GROUP, Builders

    broken = Builders({"bad": EntryPoint("bad", "no.such.module:Builder", GROUP)})
    with pytest.raises(TargetUnavailableError, match="could not be loaded"):
        broken.get("bad")
    with pytest.raises(NotFoundError, match="no image builder named 'docker'"):
        broken.get()
    assert broken.describe()[0]["ok"] is False
    installed = Builders()
    assert installed.names() == ["docker", "dockerfile"]
    assert installed.get("dockerfile").available().ok
    with pytest.raises(NotSupportedError, match="only writes files"):
        installed.get("dockerfile").pull("x", None, Progress(1), print)


def test_the_log_of_a_running_build_can_be_followed(workspace: Workspace, engine: MemoryBuilder) -> None:
    seen: list[str] = []
    engine.during = lambda _: seen.append(workspace.images.read_log(workspace.images.get("ridge")))
    workspace.images.build("ridge", bundle_of(workspace))
    assert "Step 1/1 : memory" in seen[0]
    size = workspace.images.log_path(workspace.images.get("ridge")).stat().st_size
    assert workspace.images.read_log("ridge", offset=size) == ""


def test_an_environment_that_no_image_can_have_is_refused_before_anything_is_created(
    tmp_path: Path, engine: MemoryBuilder, workspace: Workspace
) -> None:
    from dataclasses import replace

    from .memory_target import memory_targets

    targets = memory_targets()
    target = targets.get("memory")
    needy = type("Needy", (type(target),), {"capabilities": replace(target.capabilities, needs_image=True)})
    targets._loaded["memory"] = needy()
    workspace.targets = targets
    script = tmp_path / "score.py"
    script.write_text(SCRIPT, encoding="utf-8")
    old = EnvironmentSpec(python="3.6", pip=("scikit-learn==0.20.0",))
    with pytest.raises(EnvironmentBuildError, match="had its end of life in December 2021"):
        workspace.deploy("svc", script, environment=old, target="memory")
    assert workspace.services() == []
    assert workspace.deploy("svc", script, environment=PLAIN, target="memory").state == "Healthy"
    assert engine.built == [], "this target builds nothing"
