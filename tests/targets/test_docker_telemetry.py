"""Telemetry of a container: what it tells arrives at a receiver outside of it."""

from __future__ import annotations

import json
from ipaddress import ip_network
from pathlib import Path

import pytest

from jupyter_mldeploy.core.workspace import Workspace
from tests.targets.docker_service import docker

pytestmark = pytest.mark.docker

SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    print('got', data)\n    return data\n"


def engine_side() -> str:
    """Return the address under which containers reach this machine."""
    (pool,) = json.loads(docker("network", "inspect", "bridge", "--format", "{{json .IPAM.Config}}"))
    # An engine that has never been restarted names no gateway; it takes the first address then.
    return str(pool.get("Gateway") or next(ip_network(pool["Subnet"]).hosts()))


def test_a_container_tells_a_receiver_outside_of_its_requests(workspace: Workspace, tmp_path: Path, own: str) -> None:
    """The image gets the libraries by itself, the variables name the receiver: no more than two keys are set."""
    pytest.importorskip("opentelemetry.proto", reason="opentelemetry-proto is not installed")
    from tests.scoring.otlp_receiver import receiving

    path = tmp_path / "score.py"
    path.write_text(SCRIPT)
    with receiving(host=engine_side()) as receiver:
        config = {
            "enable_app_insights": True,
            "environment_variables": {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url},
        }
        service = workspace.deploy(f"tells-{own}", path, target="docker", config=config, timeout_s=110)
        try:
            assert service.score("x") == "x"
            answered = receiver.span("POST /score", resultCode="200")
            called = receiver.span("run()")
            line = receiver.record("got x")
        finally:
            service.delete()
    assert called.parent_id == answered.span_id
    assert line.trace_id == answered.trace_id
    assert answered.resource["service.name"] == service.name
    assert answered.resource["mldeploy.revision"] == "1"
