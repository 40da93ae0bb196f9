"""Settings and worker specifications: names, defaults, and what an error says."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from jupyter_mldeploy.scoring.errors import SettingsError
from jupyter_mldeploy.scoring.settings import Settings, read_config_file
from jupyter_mldeploy.scoring.spec import WorkerSpec


def test_v1_variables() -> None:
    settings = Settings.from_environment(
        {
            "SCORING_TIMEOUT_MS": "1500",
            "AML_CORS_ORIGINS": "http://a.com, http://b.com",
            "AZUREML_LOG_LEVEL": "warn",
            "SERVICE_NAME": "diabetes",
            "SERVICE_VERSION": "2.1",
            "SERVICE_PATH_PREFIX": "api/v1",
            "SERVER_VERSION_LOG_RESPONSE_ENABLED": "false",
        }
    )
    assert settings.scoring_timeout_ms == 1500
    assert settings.cors_origins == ("http://a.com", "http://b.com")
    assert settings.log_level == "WARNING"
    assert (settings.service_name, settings.service_version) == ("diabetes", "2.1")
    assert settings.service_path_prefix == "api/v1"
    assert settings.server_version_header is False


def test_v1_defaults() -> None:
    settings = Settings.from_environment({})
    assert settings == Settings()
    assert (settings.service_name, settings.service_version, settings.scoring_timeout_ms) == (
        "ML service",
        "1.0",
        3600000,
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SCORING_TIMEOUT_MS", "soon"),
        ("SCORING_TIMEOUT_MS", "0"),
        ("MLDEPLOY_MAX_BATCH_SIZE", "1.5"),
        ("MLDEPLOY_ERROR_DETAIL", "everything"),
        ("MLDEPLOY_TIMEOUT_STATUS", "418"),
        ("MLDEPLOY_ACCESS_LOG", "perhaps"),
        ("AZUREML_LOG_LEVEL", "LOUD"),
        ("MLDEPLOY_KEEP_ALIVE_S", "-1"),
    ],
)
def test_errors_name_the_variable_and_the_value(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({variable: value})
    assert str(caught.value).startswith(f"{variable} must be ")
    assert repr(value) in str(caught.value)


def test_every_field_has_a_variable_of_its_own() -> None:
    names = [item.metadata["env"] for item in dataclasses.fields(Settings)]
    assert len(set(names)) == len(names)


def test_settings_survive_json() -> None:
    settings = Settings(cors_origins=("https://a.com",), max_batch_size=8, keep_alive_s=1.5, access_log=False)
    assert Settings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings
    with pytest.raises(SettingsError, match=r"Unknown setting 'max_batch'.*max_batch_size"):
        Settings.from_dict({"max_batch": 1})


def test_configuration_file(tmp_path: Path) -> None:
    script = tmp_path / "src" / "score.py"
    script.parent.mkdir()
    assert read_config_file({}, tmp_path, script) == {}
    (script.parent / "config.json").write_text('{"SCORING_TIMEOUT_MS": 20, "hidden_size": 768}')
    content = read_config_file({}, tmp_path, script)
    assert Settings.from_environment({}, content).scoring_timeout_ms == 20
    assert Settings.from_environment({"SCORING_TIMEOUT_MS": "30"}, content).scoring_timeout_ms == 30
    (tmp_path / "config.json").write_text('["a model brought this file"]')
    assert read_config_file({}, tmp_path, script) == content
    with pytest.raises(SettingsError, match="AZUREML_CONFIG_FILE"):
        read_config_file({"AZUREML_CONFIG_FILE": str(tmp_path / "none.json")}, tmp_path, script)
    with pytest.raises(SettingsError, match=r"SCORING_TIMEOUT_MS .in the configuration file. must be"):
        Settings.from_environment({}, {"SCORING_TIMEOUT_MS": "soon"})


def test_specification_survives_its_file(tmp_path: Path) -> None:
    spec = WorkerSpec(
        entry_script="score.py",
        app_root=str(tmp_path),
        model_dir="azureml-models/a/1",
        revision="3",
        settings=Settings(max_batch_size=4),
        self_test_body="{}",
    )
    spec.write(tmp_path / "worker.json")
    assert WorkerSpec.read(tmp_path / "worker.json") == spec
    assert spec.script_path == tmp_path / "score.py"


def test_name_of_the_service() -> None:
    spec = WorkerSpec(entry_script="a.py", app_root="/", service_name="ridge")
    assert spec.named().settings.service_name == "ridge"
    own = dataclasses.replace(spec, settings=Settings(service_name="own"))
    assert own.named().settings.service_name == "own"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("[]", "does not hold"),
        ('{"app_root": "/"}', "'entry_script'"),
        ('{"app_root": "/", "entry_script": "a.py", "speed": 1}', "'speed'"),
        ('{"app_root": "/", "entry_script": "a.py", "settings": {"max_batch_size": 0}}', "max_batch_size"),
    ],
)
def test_specifications_that_cannot_be_used(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "worker.json").write_text(text)
    with pytest.raises(SettingsError, match=words):
        WorkerSpec.read(tmp_path / "worker.json")
