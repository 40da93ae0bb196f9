"""Access tokens of services: issuing, signing keys, configuration."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jupyter_mldeploy.core.config import DeploymentConfig, read_config
from jupyter_mldeploy.core.tokens import TokenKeyFile
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import (
    ConflictError,
    InvalidConfigurationError,
    InvalidInputError,
    NotSupportedError,
)

from .memory_target import memory_targets

SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"


def test_a_token_tells_its_times_and_hides_itself(tmp_path: Path) -> None:
    file = TokenKeyFile(tmp_path / "token_keys.json")
    token = file.issue("svc")
    now = datetime.now(UTC)
    assert token.token_type == "Bearer"
    assert timedelta(hours=11, minutes=59) < token.expiry_on - now <= timedelta(hours=12)
    assert now < token.refresh_after < token.expiry_on
    assert token.access_token not in repr(token)
    assert all(key.key not in repr(key) for key in file.read())
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


@pytest.mark.parametrize("life_s", [0, -5, 59, 10**9, float("nan")])
def test_a_life_must_be_sensible(tmp_path: Path, life_s: float) -> None:
    with pytest.raises(InvalidInputError, match="cannot live"):
        TokenKeyFile(tmp_path / "keys.json").issue("svc", life_s=life_s)


def test_rotation_keeps_one_previous_key(tmp_path: Path) -> None:
    file = TokenKeyFile(tmp_path / "keys.json")
    first = file.ensure()[0].kid
    file.rotate()
    second = file.read()[0].kid
    assert [key.kid for key in file.read()] == [second, first]
    file.rotate()
    assert [key.kid for key in file.read()][1] == second
    file.rotate(revoke=True)
    assert len(file.read()) == 1


def test_tokens_switch_keys_off_and_both_are_refused() -> None:
    config = read_config(DeploymentConfig, {"token_auth_enabled": True})
    assert (config.auth_enabled, config.token_auth_enabled) == (False, True)
    assert read_config(DeploymentConfig, {"token_auth_enabled": False}).auth_enabled
    with pytest.raises(InvalidConfigurationError, match="auth_enabled and token_auth_enabled cannot both be true"):
        read_config(DeploymentConfig, {"token_auth_enabled": True, "auth_enabled": True})


def test_a_target_without_tokens_refuses_before_anything_exists(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home", targets=memory_targets())
    script = tmp_path / "score.py"
    script.write_text(SCRIPT)
    with pytest.raises(NotSupportedError, match="token auth"):
        workspace.deploy("echo", script, target="memory", config={"token_auth_enabled": True})
    assert workspace.services() == []
    service = workspace.deploy("echo", script, target="memory")
    with pytest.raises(ConflictError, match="takes no access tokens"):
        service.get_access_token()
    with pytest.raises(ConflictError, match="takes no access tokens"):
        service.rotate_token_key()
    with pytest.raises(NotSupportedError, match="token auth"):
        service.update(config={"token_auth_enabled": True})
