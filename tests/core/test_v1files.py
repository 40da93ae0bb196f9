"""v1's deploymentconfig.json: every key is taken over or named, an unknown one is refused with the closest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import create_model

from jupyter_mldeploy.core.azure_files.v1files import read_deployment_file
from jupyter_mldeploy.core.azure_files.v1keys import V1_KEYS
from jupyter_mldeploy.core.config import DeploymentConfig
from jupyter_mldeploy.errors import InvalidConfigurationError, InvalidInputError


class PortConfig(DeploymentConfig):
    port: int | None = None


class PortTarget:
    """As much of a target as reading a configuration needs."""

    name: ClassVar[str] = "ports"
    config_type: ClassVar[type[DeploymentConfig]] = PortConfig


_PARAMETERS = {name for key in V1_KEYS for name in key.fields} - set(DeploymentConfig.model_fields)


class EverythingTarget:
    """A target that has every setting that v1 had."""

    name: ClassVar[str] = "everything"
    config_type: ClassVar[type[DeploymentConfig]] = create_model(
        "Everything", __base__=DeploymentConfig, **dict.fromkeys(_PARAMETERS, (Any, None))
    )


def write(folder: Path, values: Any, name: str = "deploymentconfig.json") -> Path:
    path = folder / name
    path.write_text(values if isinstance(values, str) else json.dumps(values))
    return path


def test_keys_become_our_settings_or_are_named(tmp_path: Path) -> None:
    file = read_deployment_file(
        write(
            tmp_path,
            {
                "computeType": "Local",
                "port": 6789,
                "authEnabled": False,
                "scoringTimeoutMs": 1000,
                "maxConcurrentRequestsPerContainer": 3,
                "maxQueueWaitMs": 250,
                "numReplicas": 2,
                "containerResourceRequirements": {"cpu": 1, "memoryInGB": 2},
                "location": None,
            },
        )
    )
    assert (file.target, file.compute_type) == ("local", "Local")
    config, notes = file.config_for(PortTarget())  # type: ignore[arg-type]
    assert config == {
        "port": 6789,
        "auth_enabled": False,
        "scoring_timeout_ms": 1000,
        "replica_max_concurrent_requests": 3,
        "max_request_wait_time": 250,
    }
    (note,) = notes
    for idle in ("numReplicas", "containerResourceRequirements.cpu", "containerResourceRequirements.memoryInGB"):
        assert idle in note
    assert "no effect on target 'ports'" in note
    assert "--workers" in note
    assert "location" not in note, "null means that the key was not given"


def test_no_key_is_dropped_silently(tmp_path: Path) -> None:
    """Whatever v1's table lists comes out as a setting, as a service key, or in a note."""
    values: dict[str, Any] = {"computeType": "aks"}
    for key in V1_KEYS:
        section, dot, inner = key.path.partition(".")
        value: Any = {"a": "b"} if key.path in {"tags", "properties"} else "1"
        if dot:
            values.setdefault(section, {})[inner] = value
        else:
            values[section] = value
    values["tokenAuthEnabled"] = "0"  # keys and tokens exclude each other
    file = read_deployment_file(write(tmp_path, values))
    assert dict(file.keys) == {"primary": "1", "secondary": "1"}
    config, notes = file.config_for(EverythingTarget())  # type: ignore[arg-type]
    assert notes == []
    assert set(config) == {name for key in V1_KEYS for name in key.fields[:1]}


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ({"enableAppInsights": True}, "appInsightsEnabled"),
        ({"auth_enabled": True}, "authEnabled"),
        ({"maxQueueWaitsMs": 1}, "maxQueueWaitMs"),
        ({"num_replicas": 1}, "numReplicas"),
        ({"cpu": 1}, "containerResourceRequirements.cpu"),
        ({"containerResourceRequirements": {"memoryGB": 1}}, "containerResourceRequirements.memoryInGB"),
        ({"autoScaler": {"minReplica": 1}}, "autoScaler.minReplicas"),
    ],
)
def test_an_unknown_key_names_the_closest(tmp_path: Path, wrong: dict[str, Any], meant: str) -> None:
    path = write(tmp_path, {"computeType": "aci", **wrong})
    with pytest.raises(InvalidConfigurationError) as caught:
        read_deployment_file(path)
    assert f"did you mean {meant!r}" in caught.value.message
    assert caught.value.field != meant


def test_all_unknown_keys_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigurationError) as caught:
        read_deployment_file(write(tmp_path, {"computeType": "aci", "zzz": 1, "qqq": 2}))
    assert {problem["field"] for problem in caught.value.problems} == {"zzz", "qqq"}


def test_a_section_must_be_an_object(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigurationError, match="must be an object with cpu, memoryInGB"):
        read_deployment_file(write(tmp_path, {"computeType": "aci", "containerResourceRequirements": 4}))


def test_a_wrong_value_is_reported_under_v1s_name(tmp_path: Path) -> None:
    file = read_deployment_file(write(tmp_path, {"computeType": "local", "scoringTimeoutMs": "soon"}))
    with pytest.raises(InvalidConfigurationError, match=r"scoringTimeoutMs: .*'soon'") as caught:
        file.config_for(PortTarget())  # type: ignore[arg-type]
    assert caught.value.field == "scoringTimeoutMs"


@pytest.mark.parametrize(
    ("values", "problem"), [({"authEnabled": True}, "missing"), ({"computeType": "vm"}, "'vm' is not known")]
)
def test_compute_type_is_required_and_known(tmp_path: Path, values: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidConfigurationError, match=f"{problem}.*local, aci, aks, aksendpoint"):
        read_deployment_file(write(tmp_path, values))


def test_a_file_with_our_own_keys_needs_no_compute_type(tmp_path: Path) -> None:
    file = read_deployment_file(write(tmp_path, "target: local\nport: 5001\n", "deploy.yml"))
    assert file.target == "local"
    assert file.config_for(PortTarget()) == ({"port": 5001}, [])  # type: ignore[arg-type]
    with pytest.raises(InvalidConfigurationError, match="computeType is missing"):
        read_deployment_file(write(tmp_path, {"port": 5001}), needs_compute_type=True)


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("d.json", '{"computeType": "local",}', "line 1 column 25"),
        ("d.json", "[1]", "does not hold an object"),
        ("d.json", "[" * 100_000, "nested too deeply"),
        ("d.yml", "a: [1", "line 1 column 6"),
        ("d.yml", "a: &a [*a]\n? [b]\n: c", "."),
    ],
)
def test_a_broken_file_is_one_sentence(tmp_path: Path, name: str, text: str, problem: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_deployment_file(write(tmp_path, text, name))
    assert problem in caught.value.message
    assert name in caught.value.message
    assert "\n" not in caught.value.message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"nothere\.json.*No such file"):
        read_deployment_file(tmp_path / "nothere.json")


def test_service_keys_stay_out_of_the_configuration_and_out_of_reprs(tmp_path: Path) -> None:
    file = read_deployment_file(write(tmp_path, {"computeType": "aci", "keys": {"primaryKey": "a-secret-primary-key"}}))
    assert file.keys == {"primary": "a-secret-primary-key"}
    assert "a-secret" not in repr(file)
    config, _ = file.config_for(PortTarget())  # type: ignore[arg-type]
    assert "a-secret" not in str(config)
