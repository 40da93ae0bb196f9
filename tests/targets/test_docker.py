"""What is particular to the Docker target: how containers are made, named, guarded, found again and moved."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import (
    ConflictError,
    InvalidConfigurationError,
    NotSupportedError,
    TargetUnavailableError,
)
from jupyter_mldeploy.targets import docker_access, docker_house, docker_rollout
from tests.patience import FACTOR
from tests.ports import free_port
from tests.targets.docker_service import ECHO, belongings, docker, engine_over_tcp, held, parts, revision
from tests.targets.local_service import wait_for

pytestmark = pytest.mark.docker

Deploy = Callable[..., Service]


@pytest.fixture
def deploy(workspace: Workspace, tmp_path: Path, own: str) -> Deploy:
    """Deploys a script's text to Docker; keywords are its configuration."""

    def call(text: str = ECHO.format(answer="one"), name: str = f"docker-{own}", **config: Any) -> Service:
        path = tmp_path / "score.py"
        path.write_text(text)
        return workspace.deploy(name, path, target="docker", config=config, timeout_s=110)

    return call


SECRET = 's3cret-väl"ue-4711'


def test_containers_have_no_privileges_and_secrets_are_nowhere_to_be_seen(
    deploy: Deploy, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read-only, not root, no capabilities; keys and secrets are in no label, variable, layer, log or file of ours."""
    monkeypatch.setenv("DOCKER_TEST_SECRET", SECRET)
    text = (
        "import os\n\n\ndef init():\n    print('password:', os.environ['TOKEN_X'])\n\n\ndef run(data):\n"
        "    found = {}\n"
        "    for place in ('/var/azureml-app', '/opt/mldeploy', '/run/mldeploy', '/'):\n"
        "        found[place] = os.access(place, os.W_OK)\n"
        "    status = dict(line.split(':', 1) for line in open('/proc/self/status'))\n"
        "    return [os.getuid(), found, status['CapEff'].strip(), len(os.environ['TOKEN_X'])]\n"
    )
    service = deploy(text, secrets={"TOKEN_X": "env:DOCKER_TEST_SECRET"}, memory_gb=0.5, cpus=1)
    user, writable, capabilities, length = service.score("1")
    assert (user, set(writable.values()), int(capabilities, 16), length) == (10_001, {False}, 0, len(SECRET))
    for part in parts(service):
        host = part["HostConfig"]
        assert (host["ReadonlyRootfs"], host["CapDrop"], host["Privileged"]) == (True, ["ALL"], False)
        assert host["SecurityOpt"] == ["no-new-privileges"]
        assert part["Config"]["User"] == "10001:10001"
    assert revision(service)["HostConfig"]["Memory"] == 2**29
    assert revision(service)["HostConfig"]["NanoCpus"] == 10**9
    keys = service.keys()
    seen = json.dumps(parts(service)) + str(service.logs())
    for part in parts(service):
        seen += (
            docker("history", "--no-trunc", part["Image"])
            + docker("logs", part["Id"])
            + docker("inspect", part["Image"])
        )
    for secret in (SECRET, json.dumps(SECRET)[1:-1], keys.primary, keys.secondary):
        assert secret not in seen
    assert "password: ***" in seen
    for path in workspace.home.rglob("*"):
        if path.is_file() and path.name != "keys.json":
            data = path.read_bytes()
            assert SECRET.encode() not in data
            assert keys.primary.encode() not in data, path


def test_nothing_is_left_after_deletion(deploy: Deploy, tmp_path: Path, own: str) -> None:
    """Containers, volume, images: what two revisions needed is gone with the service."""
    name = f"docker-gone-{own}"
    before = belongings(name)
    service = deploy(name=name)
    (tmp_path / "score.py").write_text(ECHO.format(answer="two"))
    service.update(tmp_path / "score.py", timeout_s=110)
    assert len(belongings(name)) > len(before)
    service.delete()
    assert belongings(name) == before == []


def test_the_port_stays_and_can_be_changed(deploy: Deploy, workspace: Workspace, tmp_path: Path) -> None:
    """The service's address survives updates and restarts; a change of it opens another door and closes the old one."""
    service = deploy()
    uri = service.scoring_uri
    service.update(config={"environment_variables": {"A": "1"}}, timeout_s=110)
    assert service.scoring_uri == uri
    port = free_port()
    service.update(config={"port": port}, timeout_s=110)
    assert service.scoring_uri == f"http://127.0.0.1:{port}/score"
    assert service.score("1") == ["one", "1"]
    other = free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", other))
        taken.listen()
        with pytest.raises(ConflictError, match="port"):
            service.update(config={"port": other}, timeout_s=110)
    assert service.score("1") == ["one", "1"], "a failed update leaves what was there"
    with pytest.raises(ConflictError, match=f"Port {port} is taken by the container 'mldeploy-docker"):
        deploy(name="docker-other", port=port)
    assert [item.name for item in workspace.services()] == [service.name]


def test_what_the_engine_cannot_do_is_refused_before_anything_exists(deploy: Deploy, workspace: Workspace) -> None:
    for config, message in (
        ({"cpus": 4096}, "cpus: the engine's machine has"),
        ({"memory_gb": 100_000}, "memory_gb: the engine's machine has"),
        ({"network": "no-such-network"}, "docker network create no-such-network"),
        ({"network": "host"}, "the service's port is published"),
        ({"volumes": ["/tmp"]}, "is not SOURCE:/PATH"),
        ({"volumes": ["x:/tmp/here"]}, "belongs to the service itself"),
        ({"bind_all": True, "auth_enabled": False}, "auth_enabled must stay on"),
    ):
        with pytest.raises(InvalidConfigurationError, match=message):
            deploy(**config)
    with pytest.raises(NotSupportedError, match="no GPU support"):
        deploy(gpus=1)
    assert workspace.services() == []


def test_without_an_engine_local_is_offered(
    deploy: Deploy, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The refusal says how to get an engine; services that were there are shown with the reason."""
    service = deploy()
    with monkeypatch.context() as absent:
        absent.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
        with pytest.raises(TargetUnavailableError, match="No Docker Engine answers") as refusal:
            deploy(name="docker-second")
        assert "'local'" in str(refusal.value.hint)
        assert "docs.docker.com" in str(refusal.value.hint)
        record = service.refresh()
        assert record.state == "Failed"
        assert "No Docker Engine answers" in str(record.reason)
        assert isinstance(service.logs(), str)
    assert service.state == "Healthy"
    assert service.score("1") == ["one", "1"]


def test_volumes_and_networks(deploy: Deploy, tmp_path: Path, own: str) -> None:
    """A folder is mounted read-only; other containers of a network reach the service by its name."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "words.txt").write_text("hello")
    network = f"mldeploy-test-{own}"
    docker("network", "create", network)
    try:
        text = "def init():\n    pass\n\n\ndef run(data):\n    return open('/data/words.txt').read()\n"
        service = deploy(text, volumes=[f"{folder}:/data:ro"], network=network, auth_enabled=False)
        assert service.score("1") == "hello"
        code = (
            "import urllib.request as r;"
            f"print(r.urlopen(r.Request('http://{service.name}:5001/score', data=b'1')).read())"
        )
        image = revision(service)["Image"]
        answer = docker("run", "--rm", "--network", network, "--entrypoint", "python", image, "-c", code)
        assert "hello" in answer
        service.delete()
    finally:
        docker("network", "rm", network)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An engine at a TCP address."""
    with engine_over_tcp() as address:
        monkeypatch.setenv("DOCKER_HOST", address)
        yield address


def test_an_engine_elsewhere_needs_nothing_mounted(elsewhere: str, deploy: Deploy, tmp_path: Path) -> None:
    """Over TCP the whole of it works: image, keys, secrets, models and logs travel through the engine's interface."""
    (tmp_path / "secret.txt").write_text("over-the-wire-77")
    text = "import os\n\n\ndef init():\n    print('it begins')\n\n\ndef run(data):\n    return os.environ['WORD']\n"
    service = deploy(text, secrets={"WORD": f"file:{tmp_path}/secret.txt"})
    assert service.score("1") == "over-the-wire-77"
    assert "it begins" in str(service.logs())
    assert all(item["Type"] == "volume" for part in parts(service) for item in part["Mounts"])


def test_a_revision_that_is_ready_before_its_log_is_opened_is_heard(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine seconds can pass between the container's start and the reading of its log."""

    class SlowFollower(docker_rollout.Follower):
        def __init__(self, container: str, since: float = 0.0) -> None:
            wait_for(lambda: _ready_for(container) > 2.5, "the revision has been ready for a while")
            super().__init__(container, since)

    monkeypatch.setattr(docker_rollout, "Follower", SlowFollower)
    service = deploy()
    assert service.score({}) == ["one", "{}"]
    service.stop()
    service.start()
    assert service.score({}) == ["one", "{}"]
    service.delete()


def _ready_for(container: str) -> float:
    """Return for how many seconds a container has been ready since it was started; 0 if it is not."""
    started = docker_house.moment(json.loads(docker("inspect", container))[0]["State"]["StartedAt"])
    assert started is not None
    lines = [json.loads(line) for line in docker("logs", container).splitlines()]
    said = [line["time"] for line in lines if (line.get("event") or {}).get("event") == "ready"]
    return time.time() - said[-1] if said and said[-1] > started else 0.0


def test_changed_keys_count_when_every_worker_has_read_them(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that gets no time to run answers no question, and would take the former key afterwards."""
    service = deploy(workers=2)
    former = service.keys().primary
    looks: list[dict[str, Any]] = []
    read = docker_access.door_state

    def look(engine: Any, door: docker_house.Part) -> dict[str, Any]:
        looks.append(read(engine, door))
        return looks[-1]

    monkeypatch.setattr(docker_access, "door_state", look)
    monkeypatch.setattr(docker_access, "_PATIENCE_S", 100.0 * FACTOR)
    with held(service) as worker, ThreadPoolExecutor(1) as pool:
        changing = pool.submit(service.regenerate_key, "primary")
        takes_new = {"Authorization": f"Bearer {wait_for(lambda: changed_key(service, former), 'another key')}"}
        wait_for(lambda: service.request("1", headers=takes_new).ok, "an answer of the other worker")
        wait_for(lambda: changing.done() or len(looks) > 3, "looks at what the door says", 90 * FACTOR)
        assert not changing.done()
        os.kill(worker, signal.SIGCONT)
        changing.result()
    with_former = {"Authorization": f"Bearer {former}"}
    assert {service.request("1", headers=with_former).status for _ in range(20)} == {401}


def changed_key(service: Service, former: str) -> str:
    present = service.keys().primary
    return "" if present == former else present


def test_many_processes_read_the_log_and_each_line_comes_once(deploy: Deploy) -> None:
    service = deploy("def init():\n    pass\n\n\ndef run(data):\n    print('line', data)\n    return 1\n")
    for number in range(20):
        service.score(str(number))
    readers = [
        threading.Thread(target=lambda: Service(Workspace(service.workspace.home), service.name).logs())
        for _ in range(3)
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join(60)
    text = str(service.logs())
    assert [len(re.findall(rf"line {number}\b", text)) for number in range(20)] == [1] * 20


def test_the_command_line_needs_to_know_nothing_of_docker(tmp_path: Path, own: str) -> None:
    """``mldeploy deploy --target docker --set …``: fields, help and refusals come from the target's schema."""
    (tmp_path / "score.py").write_text(ECHO.format(answer="cli"))
    name = f"docker-cli-{own}"

    def mldeploy(*arguments: str, code: int = 0) -> str:
        environment = {**os.environ, "MLDEPLOY_HOME": str(tmp_path / "home")}
        done = subprocess.run(
            [Path(sys.executable).with_name("mldeploy"), *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=110,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    assert '"docker"' in mldeploy("target", "list", "--json")
    try:
        shown = mldeploy("deploy", name, "score.py", "--target", "docker", "--memory-gb", "0.5", "--json")
        assert json.loads(shown)["target"] == "docker"
        assert "cli" in mldeploy("score", name, "--data", "1")
    finally:
        mldeploy("delete", name)


def test_collected_model_data_outlives_the_service(deploy: Deploy, tmp_path: Path, own: str) -> None:
    volume = f"docker-rows-{own}"
    text = (
        "from azureml.monitoring import ModelDataCollector\n\n\ndef init():\n    global inputs\n"
        "    inputs = ModelDataCollector('m', designation='inputs')\n\n\n"
        "def run(data):\n    inputs.collect(data)\n    return data\n"
    )
    service = deploy(text, collect_model_data=True, data_volume=volume)
    image = revision(service)["Config"]["Image"]
    rows = ("run", "--rm", "--entrypoint", "sh", "-v", f"{volume}:/data", "python:3.11-slim-bookworm", "-c")
    try:
        assert service.score("kept") == "kept"
        wait_for(lambda: "kept" in docker(*rows, "find /data -name '*.csv' | xargs cat"), "the row")
        service.delete()
        assert "kept" in docker(*rows, "find /data -name '*.csv' | xargs cat")
        assert f"/{service.name}" in docker(*rows, "find /data -name '*.csv'")
    finally:
        for left in service.workspace.services():
            left.delete()
        docker("volume", "rm", "--force", volume)
    assert image not in docker("images", "--format", "{{.Repository}}:{{.Tag}}")
