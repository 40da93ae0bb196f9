"""``enable_app_insights`` of the local target: what is told, where it lies, and what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from jupyter_mldeploy.core.config import DeploymentConfig
from jupyter_mldeploy.core.environment import EnvironmentSpec
from jupyter_mldeploy.core.telemetry import require_destination, with_telemetry
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import InvalidConfigurationError
from jupyter_mldeploy.targets.container_settings import container_variables
from jupyter_mldeploy.targets.docker_config import DockerConfig
from jupyter_mldeploy.targets.docker_plan import plan_steps
from tests.scoring.worker_process import wait_until

SCRIPT = "def init():\n    pass\n\ndef run(data):\n    print('got', data)\n    return data\n"


def _text(folder: Path) -> str:
    return "".join(path.read_text() for path in folder.glob("*.jsonl"))


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "score.py"
    path.write_text(SCRIPT)
    return path


def test_telemetry_is_kept_in_the_services_data_directory(tmp_path: Path, script: Path) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="opentelemetry-sdk is not installed")
    workspace = Workspace(tmp_path / "home")
    on = {"enable_app_insights": True, "auth_enabled": False}
    plan = workspace.deployer.plan(workspace.request("tells", script, config=on))
    (step,) = [item for item in plan.steps if item.what == "telemetry"]
    service = workspace.deploy("tells", script, config=on)
    folder = service.data_directory / "telemetry"
    try:
        assert service.score("x") == "x"
        wait_until(lambda: all(text in _text(folder) for text in ("POST /score", "got x")))
        service.update(config={"enable_app_insights": False})
        service.score("not told")
    finally:
        service.delete()
    assert step.detail.startswith("files in ")
    traces, logs = (folder / "traces.jsonl").read_text(), (folder / "logs.jsonl").read_text()
    assert '"stringValue":"tells"' in traces
    assert traces.count('"POST /score"') == 1
    assert "got x" in logs
    assert "not told" not in traces + logs
    json.loads(traces.splitlines()[0])


def test_an_interpreter_without_the_libraries_is_refused_before_anything_exists(tmp_path: Path, script: Path) -> None:
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    bare.chmod(0o755)
    workspace = Workspace(tmp_path / "home")
    with pytest.raises(InvalidConfigurationError, match=r"enable_app_insights needs opentelemetry-sdk.* does not have"):
        workspace.deploy("tells", script, config={"enable_app_insights": True, "python": str(bare)})


def test_built_environments_get_the_libraries(tmp_path: Path, script: Path) -> None:
    workspace = Workspace(tmp_path / "home")
    given = EnvironmentSpec(pip=("opentelemetry-sdk==1.40",))
    plan = workspace.deployer.plan(workspace.request("tells", script, environment=given))
    bundle = workspace.bundles.get(plan.bundle)
    off, on = DeploymentConfig(), DeploymentConfig(enable_app_insights=True)
    azure = DeploymentConfig(enable_app_insights=True, secrets={"APPLICATIONINSIGHTS_CONNECTION_STRING": "env:X"})
    own = bundle.environment
    assert with_telemetry(own, off) == own
    expected = ["opentelemetry-sdk==1.40", "opentelemetry-exporter-otlp-proto-http>=1.39"]
    assert with_telemetry(own, on)["pip"] == expected
    assert any(item.startswith("azure-monitor") for item in with_telemetry(own, azure)["pip"])
    images = workspace.images
    plain, telling = images.context(bundle), images.context(bundle, with_telemetry(own, on))
    assert telling.bundle == plain.bundle
    assert telling.digest != plain.digest


def test_a_target_without_files_wants_to_know_where_to() -> None:
    require_destination(DeploymentConfig())
    require_destination(
        DeploymentConfig(enable_app_insights=True, environment_variables={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"})
    )
    with pytest.raises(InvalidConfigurationError, match="where telemetry goes"):
        require_destination(DeploymentConfig(enable_app_insights=True))


def test_the_docker_target_asks_where_to_before_it_asks_its_engine() -> None:
    config = DockerConfig(enable_app_insights=True)
    with pytest.raises(InvalidConfigurationError, match="where telemetry goes"):
        plan_steps(None, None, config, None)  # type: ignore[arg-type]
    there = DockerConfig(
        enable_app_insights=True, environment_variables={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://x:4318"}
    )
    found = container_variables(there, "svc", 1)
    assert found["AML_APP_INSIGHTS_ENABLED"] == "true"
    assert found["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://x:4318"
