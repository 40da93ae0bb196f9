"""v2's YAML of online deployments and endpoints."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from jupyter_mldeploy.core.azure_files.v1files import read_deployment_file
from jupyter_mldeploy.core.config import DeploymentConfig
from jupyter_mldeploy.core.environment import EnvironmentSpec
from jupyter_mldeploy.errors import InvalidConfigurationError, InvalidInputError

DEPLOYMENT = """\
$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json
name: blue
endpoint_name: my-endpoint
model: {model}
code_configuration:
  code: ../onlinescoring
  scoring_script: score.py
environment: {environment}
environment_variables:
  COLOUR: blue
instance_type: Standard_DS3_v2
instance_count: 1
request_settings:
  request_timeout_ms: 3000
  max_concurrent_requests_per_instance: 2
liveness_probe:
  initial_delay: 10
"""


class PlainTarget:
    """As much of a target as reading a configuration needs."""

    name: ClassVar[str] = "plain"
    config_type: ClassVar[type[DeploymentConfig]] = DeploymentConfig


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "onlinescoring").mkdir()
    (tmp_path / "onlinescoring" / "score.py").write_text("def init(): ...\ndef run(data): return data\n")
    (tmp_path / "endpoint").mkdir()
    (tmp_path / "model.pkl").write_bytes(b"1")
    (tmp_path / "conda.yml").write_text("name: e\ndependencies:\n- pip:\n  - scikit-learn\n")
    return tmp_path / "endpoint"


def write(folder: Path, model: str = "azureml:ridge:1", environment: str = "azureml:env:2", more: str = "") -> Path:
    path = folder / "blue.yml"
    path.write_text(DEPLOYMENT.format(model=model, environment=environment) + more)
    return path


def test_settings_and_content_are_taken_over(folder: Path) -> None:
    file = read_deployment_file(write(folder))
    config, notes = file.config_for(PlainTarget())  # type: ignore[arg-type]
    assert config == {
        "environment_variables": {"COLOUR": "blue"},
        "scoring_timeout_ms": 3000,
        "replica_max_concurrent_requests": 2,
    }
    (note,) = notes
    for idle in ("instance_type", "instance_count", "liveness_probe.initial_delay"):
        assert idle in note
    assert file.content is not None
    assert file.content.entry_script is not None
    assert file.content.entry_script.resolve() == folder.parent / "onlinescoring" / "score.py"
    assert file.content.source_directory is not None
    assert file.content.models == ("ridge:1",)
    assert file.content.environment == "env:2"


def test_paths_are_relative_to_the_file(folder: Path) -> None:
    file = read_deployment_file(
        write(folder, "{path: ../model.pkl}", "{name: mine, conda_file: ../conda.yml, image: base:1}")
    )
    assert file.content is not None
    assert [Path(model).resolve() for model in file.content.models] == [folder.parent / "model.pkl"]
    assert file.content.environment == EnvironmentSpec("mine", pip=("scikit-learn",), base_image="base:1")


def test_an_environment_in_azure_is_named(folder: Path) -> None:
    file = read_deployment_file(write(folder, environment="azureml://registries/azureml/environments/x/versions/1"))
    assert file.content is not None
    assert file.content.environment is None
    assert "kept in Azure" in " ".join(file.config_for(PlainTarget())[1])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("request_setings: {}\n", "did you mean 'request_settings"),
        ("scale_settings: 3\n", "must be an object with type"),
        ("auth_mode: aad_token\n", "services here have keys"),
    ],
)
def test_wrong_settings_are_refused(folder: Path, more: str, said: str) -> None:
    with pytest.raises(InvalidConfigurationError) as caught:
        read_deployment_file(write(folder, more=more))
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("model", "environment", "said"),
    [("../nothere.pkl", "azureml:env:2", "nothere.pkl"), ("azureml:m:1", "curated", "environment must be azureml:")],
)
def test_what_is_not_there_is_named(folder: Path, model: str, environment: str, said: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_deployment_file(write(folder, model, environment))
    assert said in caught.value.message
    assert "blue.yml" in caught.value.message


def test_an_endpoint_file_gives_its_settings(folder: Path) -> None:
    path = folder / "endpoint.yml"
    path.write_text("name: my-endpoint\nauth_mode: key\ntags: {a: b}\ntraffic: {blue: 100}\n")
    config, notes = read_deployment_file(path).config_for(PlainTarget())  # type: ignore[arg-type]
    assert config == {"auth_enabled": True, "tags": {"a": "b"}}
    assert "traffic has no effect" in notes[0]
