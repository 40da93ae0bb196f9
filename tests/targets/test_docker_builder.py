"""Images built by a real Docker Engine: they serve, are small where they change, and hold no secret."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from jupyter_mldeploy.core.environment import EnvironmentSpec
from jupyter_mldeploy.core.image import CreationState
from jupyter_mldeploy.core.progress import Progress
from jupyter_mldeploy.errors import DeploymentError, EnvironmentBuildError, InUseError, TargetUnavailableError

from .docker_images import (
    BASE,
    ENVIRONMENT,
    PLAIN_SCRIPT,
    SCRIPT,
    Shop,
    Wire,
    docker,
    running,
    score,
    unique,
    wait_until,
)

pytestmark = [pytest.mark.docker, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    found = Shop(tmp_path)
    yield found
    found.close()


def test_an_image_serves_read_only_without_rights_and_drains(shop: Shop) -> None:
    image = shop.build()
    with running(image.reference, "--env", "SERVICE_NAME=ridge") as (name, port):
        assert score(port, {"data": [[1, 1], [2, 3]]}) == [3, 8]
        facts = json.loads(docker("inspect", name))[0]
        assert facts["Config"]["User"] == "10001:10001"
        assert docker("exec", name, "python", "-c", "import os; print(os.getuid(), os.access('.', os.W_OK))") == (
            "10001 False"
        )
        assert docker("exec", name, "python", "-m", "this", check=False), "the image's Python works in it"
        docker(
            "exec", name, "python", "-I", "-S", "/opt/mldeploy/runtime/jupyter_mldeploy/scoring/healthcheck.py"
        )  # fails when the service is not healthy
        # An orphan is buried by the first process; without that its entry would stay for ever.
        docker("exec", name, "sh", "-c", "(sleep 0.1 & echo $! > /tmp/orphan)")
        orphan = docker("exec", name, "cat", "/tmp/orphan")
        wait_until(lambda: docker("exec", name, "sh", "-c", f"test -e /proc/{orphan} || echo gone") == "gone", 20)
        installed = docker("exec", name, "cat", "/opt/mldeploy/environment/installed.txt")
        assert "numpy==" in installed
        assert "azureml" not in installed
        docker("stop", "--time", "40", name)
        lines = [json.loads(line) for line in docker("logs", name).splitlines()]
        assert any("reading the weights" in line["message"] for line in lines)
        assert json.loads(docker("inspect", name))[0]["State"]["ExitCode"] == 0


def test_tls_and_keys_come_from_mounted_files(shop: Shop, tmp_path: Path) -> None:
    image = shop.build()
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    certificate(secrets)
    (secrets / "keys.json").write_text('{"primary": "first-key", "secondary": "second-key"}', encoding="utf-8")
    for path in secrets.iterdir():
        path.chmod(0o644)  # the container's user is another one
    name = unique("im")
    docker(
        "run", "--detach", "--name", name, "--publish", "127.0.0.1::5001", "--read-only", "--tmpfs", "/tmp",
        "--volume", f"{secrets}:/secrets:ro", "--env", "MLDEPLOY_KEYS_FILE=/secrets/keys.json",
        "--env", "MLDEPLOY_TLS_CERTIFICATE_FILE=/secrets/cert.pem", "--env", "MLDEPLOY_TLS_KEY_FILE=/secrets/key.pem",
        image.reference,
    )  # fmt: skip
    check = "/opt/mldeploy/runtime/jupyter_mldeploy/scoring/healthcheck.py"
    healthy = f"python -I -S {check} 2>/dev/null && echo healthy"
    try:
        wait_until(lambda: docker("exec", name, "sh", "-c", healthy, check=False) == "healthy", 60)
        port = int(docker("port", name, "5001").splitlines()[0].rpartition(":")[2])
        trust = ssl.create_default_context(cafile=str(secrets / "cert.pem"))
        for key, status in (("second-key", 200), ("wrong", 401)):
            connection = http.client.HTTPSConnection("localhost", port, context=trust, timeout=20)
            connection.request("POST", "/score", '{"data": [[1, 1]]}', {"Authorization": f"Bearer {key}"})
            assert connection.getresponse().status == status
            connection.close()
    finally:
        docker("rm", "--force", name)


def certificate(folder: Path) -> None:
    """Write a certificate for localhost that signs itself: ``cert.pem`` and ``key.pem``."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def test_a_script_that_fails_ends_the_container_with_its_traceback(shop: Shop) -> None:
    image = shop.build(SCRIPT.replace('print("reading the weights")', "raise ValueError('the weights are gone')"))
    name = unique("im")
    try:
        done = subprocess.run(
            ["docker", "run", "--name", name, image.reference], capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        docker("rm", "--force", name, check=False)
    assert done.returncode == 3
    assert "ValueError: the weights are gone" in done.stdout
    assert "weights.json" in done.stdout, "the model directory is listed"


@pytest.mark.parametrize("builder", ["classic", "buildkit"])
def test_the_saved_context_is_built_by_hand_with_either_builder(shop: Shop, tmp_path: Path, builder: str) -> None:
    # The classic builder finds the steps of our own build in its cache; BuildKit has one of its own.
    # The environment stage is this test's own: a shop takes it away at the end, and deployments stand on the plain one.
    bare = EnvironmentSpec(python="3.11", variables={"OWN": unique("kit")})
    text, spec = (SCRIPT, ENVIRONMENT) if builder == "classic" else (PLAIN_SCRIPT, bare)
    image = shop.build(text, environment=spec)
    folder = shop.workspace.images.save(image, tmp_path / "imagefiles")
    tag = unique("im")
    variables = {"DOCKER_BUILDKIT": "1"} if builder == "buildkit" else {}
    # Debian's own client has BuildKit; one that comes first on the path may not.
    client = "/usr/bin/docker" if variables and Path("/usr/bin/docker").exists() else "docker"
    try:
        subprocess.run(
            [client, "build", "--tag", tag, str(folder)], env={**os.environ, **variables}, check=True,
            capture_output=True, timeout=110,
        )  # fmt: skip
        with running(tag) as (_, port):
            assert score(port, {"data": [[1, 1]]}) == [3]
    finally:
        docker("rmi", tag, check=False)


def test_a_change_of_code_is_two_small_steps(shop: Shop) -> None:
    shop.build()
    again = shop.build(SCRIPT + "# changed\n")
    log = shop.workspace.images.read_log(again)
    assert "The models stage is there already" in log
    assert "pip" not in log
    assert log.count("Step ") == 3  # FROM, LABEL, COPY
    layers = json.loads(docker("history", "--format", "{{json .}}", "--no-trunc", again.reference).splitlines()[0])
    assert layers["Size"].endswith("B")
    assert "kB" not in layers["Size"] or float(layers["Size"].removesuffix("kB")) < 100


def test_a_requirement_that_does_not_exist_is_named_and_nothing_is_left(shop: Shop) -> None:
    steps = (f"RUN echo {shop.name}",)
    spec = replace(ENVIRONMENT, pip=("numpy", "no-such-distribution-of-ours==1"), dockerfile_steps=steps)
    said: list[str] = []
    with pytest.raises(EnvironmentBuildError, match="no-such-distribution-of-ours") as caught:
        shop.workspace.images.build(
            shop.name, shop.bundle(environment=spec), progress=Progress(300, lambda _, line: said.append(line))
        )
    assert "pip install" in caught.value.details["step"]
    assert caught.value.details["log_tail"]
    assert any(line.startswith("step 2 of") for line in said), "it was streamed"
    image = shop.workspace.images.get(shop.name)
    assert image.state is CreationState.FAILED
    assert "no-such-distribution-of-ours" in shop.workspace.images.read_log(image)
    assert leaves(shop.name) == []


def test_a_cancelled_build_leaves_nothing(shop: Shop) -> None:
    progress = Progress(300)

    def report(_: str, line: str) -> None:
        if line == "begun":
            progress.cancelled.set()

    progress = Progress(300, report)
    spec = replace(
        ENVIRONMENT, dockerfile_steps=(f"RUN echo {shop.name}", "RUN echo begun; sleep 1; echo on; sleep 100")
    )
    with pytest.raises(DeploymentError, match="cancelled"):
        shop.workspace.images.build(shop.name, shop.bundle(environment=spec), progress=progress)
    wait_until(lambda: leaves(shop.name) == [], 60)


KILLED = """\
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from dataclasses import replace
from jupyter_mldeploy.core.progress import Progress
from tests.targets.docker_images import ENVIRONMENT, Shop
shop = Shop(Path(sys.argv[2]))
spec = replace(ENVIRONMENT, dockerfile_steps=(f"RUN echo {shop.name}", "RUN echo begun; sleep 100"))
report = lambda _, line: print(line, flush=True)
shop.workspace.images.build(sys.argv[3], shop.bundle(environment=spec), progress=Progress(300, report))
"""


def test_killing_the_builder_leaves_nothing_and_the_state_is_right(shop: Shop) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(ROOT), str(shop.folder), shop.name], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert any(line.strip() == "begun" for line in process.stdout), "the step runs"
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    process.stdout.close()
    wait_until(lambda: shop.workspace.images.get(shop.name).state is CreationState.FAILED, 60)
    assert "ended before it was done" in str(shop.workspace.images.get(shop.name).reason)
    wait_until(lambda: leaves(shop.name) == [], 60)


@pytest.mark.skipif(not Path("/var/run/docker.sock").exists(), reason="the engine has no socket here")
def test_an_engine_that_breaks_off_is_named_and_the_state_is_right(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire()
    bundle = shop.bundle(
        environment=replace(ENVIRONMENT, dockerfile_steps=(f"RUN echo {shop.name}", "RUN echo begun; sleep 100"))
    )

    def report(_: str, line: str) -> None:
        if line == "begun":
            wire.cut()

    with monkeypatch.context() as patch:
        patch.setenv("DOCKER_HOST", wire.address)
        with pytest.raises(TargetUnavailableError, match="Docker Engine"):
            shop.workspace.images.build(shop.name, bundle, progress=Progress(60, report))
        image = shop.workspace.images.get(shop.name)
        assert image.state is CreationState.FAILED
        assert "Docker Engine" in str(image.reason)
        assert not shop.workspace.images.builders.get().available().ok


def leaves(name: str) -> list[str]:
    """Return the containers and the images without a tag that builds of an image left; its steps say its name."""
    containers = docker("ps", "--all", "--quiet", "--no-trunc").split()
    left = [item for item in containers if f"echo {name}" in docker("inspect", item, check=False)]
    for item in docker("images", "--quiet", "--filter", "dangling=true").split():
        if f"echo {name}" in docker("history", "--no-trunc", item, check=False):
            left.append(item)
    return left


def test_steps_of_ones_own_and_a_base_dockerfile(shop: Shop) -> None:
    own = f"FROM {BASE} AS words\nRUN echo hello > /words.txt\n\nFROM {BASE}\nCOPY --from=words /words.txt /\n"
    spec = EnvironmentSpec(
        base_dockerfile=own,
        dockerfile_steps=(
            "COPY greeting.txt /opt/greeting.txt",
            "ENV GREETING=/opt/greeting.txt",
            "RUN cat /opt/greeting.txt",
        ),
    )
    image = shop.build(PLAIN_SCRIPT, environment=spec, **{"greeting.txt": f"good {shop.name}\n"})
    assert f"good {shop.name}" in shop.workspace.images.read_log(image)
    shown = docker("run", "--rm", "--entrypoint", "sh", image.reference, "-c", "cat $GREETING /words.txt; id -u")
    assert shown.split() == ["good", shop.name, "hello", "10001"]
    with running(image.reference) as (_, port):
        assert score(port, {"data": [[1, 1]]}) == [3]


def test_a_base_image_with_the_wrong_python_is_found_out_before_anything_is_installed(shop: Shop) -> None:
    spec = EnvironmentSpec(python="3.12", pip=("numpy",), base_image=BASE)
    with pytest.raises(EnvironmentBuildError, match=r"the base image has Python 3\.11; the environment asks for 3\.12"):
        shop.build(environment=spec)


def test_a_base_image_that_nobody_has(shop: Shop) -> None:
    spec = EnvironmentSpec(base_image="127.0.0.1:1/nobody/has:this")
    with pytest.raises(TargetUnavailableError, match=r"base image 127\.0\.0\.1:1/nobody/has:this could not be fetched"):
        shop.build(environment=spec)


def test_an_image_that_a_container_uses_is_not_deleted(shop: Shop) -> None:
    image = shop.build()
    with running(image.reference):
        with pytest.raises(InUseError, match="used by a container"):
            shop.workspace.images.delete(image)
        assert shop.workspace.images.get(image.id).state is CreationState.SUCCEEDED
    shop.workspace.images.delete(image)
    assert docker("images", "--quiet", image.reference) == ""


# Secrets.


class Index(BaseHTTPRequestHandler):
    """A package index with one distribution, for those who know the password."""

    token = ""
    wheel = b""
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        expected = base64.b64encode(f"user:{self.token}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {expected}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="index"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.asked.append(self.path)
        name = "mldeploy_secret_probe-1.0-py3-none-any.whl"
        body = self.wheel if self.path.endswith(".whl") else f'<a href="/{name}">{name}</a>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/zip" if self.path.endswith(".whl") else "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def wheel(folder: Path) -> bytes:
    import zipfile

    path = folder / "wheel.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mldeploy_secret_probe.py", "value = 42\n")
        info = "mldeploy_secret_probe-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: mldeploy-secret-probe\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path.read_bytes()


def test_the_token_of_a_private_index_is_nowhere(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = unique("tokenvalue")
    Index.token, Index.wheel = token, wheel(tmp_path)
    bridge = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}") or "172.17.0.1"
    server = ThreadingHTTPServer((bridge, 0), Index)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("INDEX_TOKEN", token)
    before = set(docker("images", "--all", "--quiet", "--no-trunc").split())
    try:
        address = f"{bridge}:{server.server_port}"
        spec = EnvironmentSpec(
            python="3.11",
            pip=("mldeploy-secret-probe",),
            pip_options=(
                f"--extra-index-url http://user:${{INDEX_TOKEN}}@{address}/simple",
                f"--trusted-host {bridge}",
            ),
        )
        script = f"import mldeploy_secret_probe\n{PLAIN_SCRIPT}"
        image = shop.build(script, environment=spec)
    finally:
        server.shutdown()
        server.server_close()
    assert any(path.endswith(".whl") for path in Index.asked), "the index was used"
    with running(image.reference) as (name, port):
        assert score(port, {"data": [[1, 1]]}) == [3]
        assert token not in docker("logs", name)
        assert token not in docker("exec", name, "env")
        found = docker(
            "exec", "--user", "0", name, "grep", "-rl", token, "/opt", "/etc", "/var", "/usr/local", check=False
        )
        assert found == ""
    made = set(docker("images", "--all", "--quiet", "--no-trunc").split()) - before
    assert made
    for item in made:
        assert token not in docker("history", "--no-trunc", item, check=False)
        assert token not in docker("inspect", item, check=False)
    for path in shop.workspace.home.rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes(), path
