"""Pushing to and pulling from real registries: with and without credentials, broken off and taken up again."""

from __future__ import annotations

import json
import stat
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_mldeploy.core.environment import EnvironmentSpec
from jupyter_mldeploy.core.progress import Progress
from jupyter_mldeploy.errors import ForbiddenError, InvalidInputError, NotFoundError, TargetUnavailableError
from tests.ports import free_port

from .docker_images import SCRIPT, Cutting, Shop, docker, registry, running, score, unique

pytestmark = [pytest.mark.docker, pytest.mark.slow]
USER, PASSWORD = "keeper", "registrypassword123"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    found = Shop(tmp_path)
    yield found
    found.close()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a registry that asks nobody who he is."""
    with registry(tmp_path_factory.mktemp("plain")) as address:
        yield address


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a registry with basic auth."""
    with registry(tmp_path_factory.mktemp("guarded"), USER, PASSWORD) as address:
        yield address


def layers(address: str, repository: str, tag: str) -> dict[str, int]:
    """Return the layers of a pushed image, digest → bytes as they are stored."""
    request = urllib.request.Request(
        f"http://{address}/v2/{repository}/manifests/{tag}",
        headers={"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        manifest = json.loads(answer.read())
    return {item["digest"]: item["size"] for item in (*manifest["layers"], manifest["config"])}


def test_pushing_what_changed_only_and_pulling_it(shop: Shop, plain: str) -> None:
    images = shop.workspace.images
    first = shop.build()
    repository = f"team/{shop.name}"
    pushed = images.push_named(first, f"{plain}/{repository}")
    assert pushed.location.startswith(f"{plain}/{repository}@sha256:")
    assert images.get(first.id).location == pushed.location
    second = shop.build(SCRIPT + "# one line more\n")
    images.push_named(second, f"{plain}/{repository}")
    one, two = layers(plain, repository, "1"), layers(plain, repository, "2")
    new = sum(size for digest, size in two.items() if digest not in one)
    assert 0 < new <= 200 * 1024
    assert docker("images", "--quiet", f"{plain}/{repository}") == "", "no tag is left behind"
    docker("rmi", second.reference)
    reference = images.pull(second)
    assert reference == images.get(second.id).location
    try:
        with running(reference) as (_, port):
            assert score(port, {"data": [[1, 1]]}) == [3]
    finally:
        docker("rmi", reference)


def test_credentials_by_reference_and_from_the_docker_configuration(
    shop: Shop, guarded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    (tmp_path / "docker").mkdir()
    images = shop.workspace.images
    image = shop.build()
    destination = f"{guarded}/team/{shop.name}"
    with pytest.raises(ForbiddenError) as refused:
        images.push_named(image, destination)
    assert f"docker login {guarded}" in str(refused.value.hint)
    secret = tmp_path / "password"
    secret.write_text("wrong-password\n", encoding="utf-8")
    by_file = {"username": USER, "password": f"file:{secret}"}
    with pytest.raises(ForbiddenError):
        images.push_named(image, destination, credentials=by_file)
    secret.write_text(f"{PASSWORD}\n", encoding="utf-8")
    assert images.push_named(image, destination, credentials=by_file).digest.startswith("sha256:")
    assert PASSWORD not in images.read_log(image)
    # A credential helper, as `docker login` leaves one behind.
    helper = tmp_path / "bin" / "docker-credential-mldeploytest"
    helper.parent.mkdir()
    answer = json.dumps({"Username": USER, "Secret": PASSWORD})
    helper.write_text(f"#!{sys.executable}\nimport sys\nsys.stdin.read()\nprint('''{answer}''')\n", encoding="utf-8")
    helper.chmod(helper.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(helper.parent), prepend=":")
    (tmp_path / "docker" / "config.json").write_text(json.dumps({"credHelpers": {guarded: "mldeploytest"}}))
    assert images.push_named(image, f"{destination}:helped").reference.endswith(":helped")
    docker("rmi", image.reference)
    assert images.pull(image).startswith(destination)
    docker("rmi", images.get(image.id).location)


def test_a_private_base_image_is_fetched_with_the_environments_credentials(
    shop: Shop, guarded: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    base = f"{guarded}/team/base:{unique('t')}"
    seed = shop.build()
    # An image of ours is as good a base as any: it has the right Python.
    shop.workspace.images.push_named(
        seed, base, credentials={"username": USER, "password": f"file:{_file(tmp_path, PASSWORD)}"}
    )
    monkeypatch.setenv("BASE_PASSWORD", PASSWORD)
    account = {"address": guarded, "username": USER, "password": "${BASE_PASSWORD}"}
    spec = EnvironmentSpec(pip=("numpy",), base_image=base, registry=account)
    bare = EnvironmentSpec(pip=("numpy",), base_image=base)
    try:
        with pytest.raises(ForbiddenError):
            shop.build(environment=bare)
        image = shop.build(environment=spec)
        with running(image.reference) as (_, port):
            assert score(port, {"data": [[1, 1]]}) == [3]
        for text in (docker("history", "--no-trunc", image.reference), docker("inspect", image.reference)):
            assert PASSWORD not in text
        docker("rmi", image.reference)
    finally:
        for stage in (item for found in shop.workspace.images.list() for item in reversed(found.stages)):
            if stage not in seed.stages:
                docker("rmi", stage, check=False)
        docker("rmi", base, check=False)


def test_a_push_that_breaks_off_is_taken_up_again(shop: Shop, plain: str) -> None:
    image = shop.build()
    relay = Cutting(int(plain.rpartition(":")[2]), cuts=2, after=300_000)
    try:
        repository = f"cut/{shop.name}"
        pushed = shop.workspace.images.push_named(image, f"127.0.0.1:{relay.port}/{repository}")
    finally:
        relay.close()
    assert relay.cut == 2
    assert pushed.digest
    assert sum(layers(plain, repository, "1").values()) > 10_000_000


def test_a_registry_that_is_not_there_fails_cleanly(shop: Shop) -> None:
    image = shop.build()
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(TargetUnavailableError, match="could not be pushed"):
        shop.workspace.images.push_named(image, f"{address}/x/y", progress=Progress(60))
    assert docker("images", "--quiet", f"{address}/x/y") == ""
    assert shop.workspace.images.get(image.id).locations == ()
    with pytest.raises(InvalidInputError, match="not a place in a registry"):
        shop.workspace.images.push_named(image, "no-registry:tag")


def test_an_image_that_the_engine_has_lost_cannot_be_pushed(shop: Shop, plain: str) -> None:
    image = shop.build()
    docker("rmi", image.reference)
    with pytest.raises(NotFoundError, match="does not have the image"):
        shop.workspace.images.push_named(image, f"{plain}/x/y")


def _file(folder: Path, text: str) -> Path:
    path = folder / "secret"
    path.write_text(text, encoding="utf-8")
    return path
