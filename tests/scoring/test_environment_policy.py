"""Which variables a service sees."""

from __future__ import annotations

import pytest

from jupyter_mldeploy.scoring import environment_policy
from jupyter_mldeploy.scoring.environment_policy import cores, is_kept, scrubbed, thread_variables


@pytest.mark.parametrize(
    "name",
    ["PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS",
     "PYTHONPATH", "HTTPS_PROXY", "MY_SETTING", "KEYBOARD", "MONKEY_BARS"],
)  # fmt: skip
def test_what_programs_need_is_kept(name: str) -> None:
    assert is_kept(name)


@pytest.mark.parametrize(
    "name",
    ["JPY_PARENT_PID", "JUPYTERHUB_API_TOKEN", "JUPYTER_TOKEN", "AZURE_CLIENT_ID", "AWS_PROFILE",
     "GOOGLE_APPLICATION_CREDENTIALS", "HF_TOKEN", "DB_PASSWORD", "API_KEY", "my_secret", "SSH_AUTH_SOCK",
     "KUBECONFIG", "PYTHONSTARTUP", "MPLBACKEND", "AZUREML_MODEL_DIR", "MLDEPLOY_PRIMARY_KEY", "SCORING_TIMEOUT_MS"],
)  # fmt: skip
def test_what_belongs_to_others_is_removed(name: str) -> None:
    assert not is_kept(name)


def test_scrubbing_leaves_values_alone() -> None:
    assert scrubbed({"PATH": "/bin", "A_TOKEN": "x", "PLAIN": "y"}) == {"PATH": "/bin", "PLAIN": "y"}


def test_threads_times_workers_stay_within_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment_policy, "cores", lambda: 8)
    assert set(thread_variables(1).values()) == {"8"}
    assert set(thread_variables(3).values()) == {"2"}
    assert set(thread_variables(64).values()) == {"1"}
    assert thread_variables(2, {"MKL_NUM_THREADS": "6"}) == {}


def test_there_is_at_least_one_core() -> None:
    assert cores() >= 1
