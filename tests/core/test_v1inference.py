"""v1's inferenceconfig.json: where its paths lead, and what becomes of its environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.azure_files.v1inference import read_inference_file
from jupyter_mldeploy.errors import InvalidConfigurationError, InvalidInputError


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project whose configuration lies in ``deployment/`` and whose scripts lie in several places."""
    for folder in ("deployment", "src", "deployment/src"):
        (tmp_path / folder).mkdir()
    for place in ("src/score.py", "deployment/beside.py", "here.py", "deployment/src/inner.py"):
        (tmp_path / place).write_text("def init(): ...\ndef run(data): return data\n")
    (tmp_path / "conda.yml").write_text("name: c\ndependencies:\n- python=3.8\n- pip:\n  - scikit-learn\n")
    (tmp_path / "src" / "steps.txt").write_text("RUN echo hello\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(project: Path, **values: Any) -> Any:
    path = project / "deployment" / "inferenceconfig.json"
    path.write_text(json.dumps(values))
    return read_inference_file(path)


@pytest.mark.parametrize(
    ("values", "script"),
    [
        ({"entryScript": "beside.py"}, "deployment/beside.py"),
        ({"entryScript": "here.py"}, "here.py"),
        ({"entryScript": "src/score.py"}, "src/score.py"),
        ({"entryScript": "inner.py", "sourceDirectory": "src"}, "deployment/src/inner.py"),
        ({"entryScript": "score.py", "sourceDirectory": "../src"}, "src/score.py"),
    ],
)
def test_paths_lead_beside_the_file_first_and_then_here(project: Path, values: dict[str, Any], script: str) -> None:
    found = read(project, **values)
    assert found.entry_script.resolve() == project / script
    source = found.source()
    assert source.text.startswith("def init")
    assert source.script == Path(script).name


def test_every_place_that_was_tried_is_named(project: Path) -> None:
    with pytest.raises(InvalidInputError) as caught:
        read(project, entryScript="nothere.py", sourceDirectory="src")
    for place in ("deployment/src", "deployment", str(project)):
        assert place in caught.value.message
    assert caught.value.field == "entryScript"


def test_legacy_keys_become_an_environment(project: Path) -> None:
    found = read(
        project,
        entryScript="score.py",
        sourceDirectory="../src",
        runtime="python",
        condaFile="conda.yml",
        extraDockerfileSteps="steps.txt",
        baseImageRegistry={"address": "a.example", "username": "u", "password": "${PASSWORD}"},
    )
    spec = found.environment
    assert spec is not None
    assert spec.pip == ("scikit-learn",)
    assert spec.dockerfile_steps == ("RUN echo hello",)
    assert spec.registry["address"] == "a.example"
    base = read(
        project, entryScript="here.py", baseImage="mine:1", enableGpu=True, cudaVersion="12.6", runtime="spark-py"
    ).environment
    assert base is not None
    assert (base.base_image, base.gpu, base.runtime) == ("mine:1", "12.6", "spark-py")
    plain = read(project, entryScript="here.py", enableGpu=True).environment
    assert plain is not None
    assert plain.gpu == "any"
    assert read(project, entryScript="here.py").environment is None


def test_a_clear_password_is_refused(project: Path) -> None:
    with pytest.raises(InvalidInputError, match="clear text"):
        read(project, entryScript="here.py", baseImage="x", baseImageRegistry={"password": "hunter2"})


def test_an_environments_conda_file_is_found(project: Path) -> None:
    found = read(
        project, entryScript="here.py", environment={"name": "e", "python": {"condaDependenciesFile": "conda.yml"}}
    )
    assert found.environment is not None
    assert (found.environment.name, found.environment.python) == ("e", "3.8")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"entryScript": "here.py", "EntryScript": "x"}, "did you mean 'entryScript'"),
        ({"entryScript": "here.py", "conda_file": "x"}, "did you mean 'condaFile'"),
        ({"entryScript": 3}, "must be text"),
        ({"entryScript": "here.py", "baseImageRegistry": {"user": "x"}}, "there are address, username, password"),
    ],
)
def test_wrong_keys_are_named(project: Path, values: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidConfigurationError) as caught:
        read(project, **values)
    assert said in caught.value.message
