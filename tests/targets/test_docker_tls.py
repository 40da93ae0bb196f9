"""Services on the Docker target that serve with a certificate."""

from __future__ import annotations

import http.client
import ssl
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import InvalidConfigurationError, InvalidInputError, NotSupportedError
from tests.targets.docker_service import ECHO, docker, parts, revision
from tests.targets.local_service import wait_for
from tests.targets.test_docker_builder import certificate

pytestmark = pytest.mark.docker


def presented(port: int) -> str:
    """The certificate that the service shows."""
    return ssl.get_server_certificate(("127.0.0.1", port), timeout=10)


def ask(port: int, trusted: Path, key: str) -> int:
    """Ask as a caller does who trusts one certificate alone; return the status."""
    context = ssl.create_default_context(cafile=str(trusted))
    connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=20)
    try:
        connection.request("POST", "/score", "1", {"Authorization": f"Bearer {key}"})
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_certificate_serves_is_renewed_and_can_go(workspace: Workspace, tmp_path: Path, own: str) -> None:
    script, certificate_file, key_file = tmp_path / "score.py", tmp_path / "cert.pem", tmp_path / "key.pem"
    script.write_text(ECHO.format(answer="one"))
    certificate(tmp_path)
    tls: dict[str, Any] = {"tls_certificate_file": str(certificate_file), "tls_key_file": str(key_file)}
    service = workspace.deploy(f"tls-{own}", script, target="docker", config=tls, timeout_s=100)
    port = int(str(service.scoring_uri).rpartition(":")[2].partition("/")[0])
    assert service.scoring_uri == f"https://127.0.0.1:{port}/score"
    assert service.score("1") == ["one", "1"]
    assert ask(port, certificate_file, service.keys().primary) == 200
    assert ask(port, certificate_file, "wrong") == 401
    service.regenerate_key("primary")
    assert ask(port, certificate_file, service.keys().primary) == 200
    with pytest.raises(NotSupportedError, match="has a certificate"):
        workspace.targets.get("docker").peer_uri(workspace.deployer.reference(service.record))  # type: ignore[attr-defined]
    private = "".join(key_file.read_text().splitlines()[1:-1])
    shown = "".join(str(item) + docker("logs", item["Id"]) for item in parts(service)).replace("\\n", "")
    assert private not in shown

    before, container = presented(port), revision(service)["Id"]
    certificate(tmp_path)
    service.start(timeout_s=60)
    wait_for(lambda: presented(port) != before, "the renewed certificate")
    assert ask(port, certificate_file, service.keys().primary) == 200
    assert (revision(service)["Id"], revision(service)["RestartCount"]) == (container, 0)
    wait_for(lambda: revision(service)["State"]["Health"]["Status"] == "healthy", "the health check", 60)

    certificate(tmp_path)
    certificate_file.unlink()
    with pytest.raises(InvalidConfigurationError, match="cannot be used: No such file"):
        service.update(script, timeout_s=100)
    service.update(config={"tls_certificate_file": None, "tls_key_file": None}, timeout_s=100)
    assert service.scoring_uri == f"http://127.0.0.1:{port}/score"
    assert service.score("1") == ["one", "1"]


def test_what_makes_no_certificate_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    script, other = tmp_path / "score.py", tmp_path / "other"
    script.write_text(ECHO.format(answer="one"))
    other.mkdir()
    certificate(tmp_path)
    certificate(other)
    half = {"tls_certificate_file": str(tmp_path / "cert.pem")}
    with pytest.raises(InvalidInputError, match="belong together"):
        workspace.deploy("tls-half", script, target="docker", config=half)
    with pytest.raises(InvalidConfigurationError, match=r"cert\.pem with the key .*key\.pem cannot be used"):
        workspace.deploy("tls-mixed", script, target="docker", config={**half, "tls_key_file": str(other / "key.pem")})
    assert [item.name for item in workspace.services() if item.record.live_revision] == []
