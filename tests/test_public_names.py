"""The public face: what `import jupyter_mldeploy` gives, that it is typed, and what it costs."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import jupyter_mldeploy as mld
from jupyter_mldeploy import errors

PUBLIC = [
    "AlreadyExistsError",
    "BusyError",
    "CaptureError",
    "ConflictError",
    "CorruptStoreError",
    "DeadlineExceededError",
    "DeploymentError",
    "EntryScriptError",
    "Environment",
    "EnvironmentBuildError",
    "ForbiddenError",
    "InUseError",
    "InvalidConfigurationError",
    "InvalidInputError",
    "InvalidNameError",
    "MldeployError",
    "Model",
    "NotFoundError",
    "NotSupportedError",
    "ScoringError",
    "Service",
    "State",
    "StoreError",
    "StoreFullError",
    "TargetUnavailableError",
    "Workspace",
    "__version__",
    "deploy",
    "load_ipython_extension",
    "unload_ipython_extension",
]


def test_exported_members() -> None:
    assert mld.__all__ == PUBLIC
    assert set(PUBLIC) <= set(dir(mld))


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(mld, name) is not None


def test_every_error_is_public() -> None:
    tree = {name for name, value in vars(errors).items() if inspect.isclass(value) and issubclass(value, Exception)}
    assert tree == {name for name in PUBLIC if name.endswith("Error")}


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'depoly'"):
        mld.depoly  # type: ignore[attr-defined]  # noqa: B018


def test_deploy_takes_what_the_workspace_takes() -> None:
    ours = inspect.signature(mld.deploy).parameters
    theirs = dict(inspect.signature(mld.Workspace.deploy).parameters)
    del theirs["self"]
    assert list(ours) == list(theirs)
    assert [(item.kind, item.default) for item in ours.values()] == [
        (item.kind, item.default) for item in theirs.values()
    ]


def test_deploy_uses_the_default_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLDEPLOY_HOME", str(tmp_path / "home"))
    with pytest.raises(mld.InvalidInputError, match=r"no entry script 'nope\.py'"):
        mld.deploy("svc", "nope.py")
    assert mld.Workspace().home == tmp_path / "home"


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys; before = set(sys.modules); import jupyter_mldeploy; print(*sorted(set(sys.modules) - before))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(found) == {"__future__", "jupyter_mldeploy", "jupyter_mldeploy._version"}


@pytest.mark.slow
def test_type_checkers_see_the_public_names(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    module = tmp_path / "user.py"
    module.write_text(
        "import jupyter_mldeploy as mld\n"
        "service: mld.Service = mld.deploy('svc', 'score.py', models=['ridge.pkl'])\n"
        "reveal_type(service)\n"
        "reveal_type(mld.Workspace().models)\n"
        "mld.deploy('svc', 'score.py', modles=[])\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(module)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert 'Revealed type is "jupyter_mldeploy.core.service.Service"' in done.stdout
    assert "ModelRegistry" in done.stdout
    assert 'Unexpected keyword argument "modles"' in done.stdout
