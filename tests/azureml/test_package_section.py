"""The section "package models" of the v1 documents, run line by line as it stands there."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy import azureml as facade
from tests.patience import FACTOR
from tests.ports import free_port
from tests.seeds.scripts import SEEDS
from tests.targets.docker_images import SCRIPT, answers, docker, unique, wait_until

DOCUMENT = SEEDS / "003_3a73d53e6a0e9fb9.txt"
pytestmark = [
    pytest.mark.docker,
    pytest.mark.slow,
    pytest.mark.skipif(not DOCUMENT.exists(), reason="the documents are not beside this checkout"),
    pytest.mark.skipif(importlib.util.find_spec("azureml") is not None, reason="Azure's own packages come first"),
]
BEFORE = """
from azureml.core import Environment, Model, Workspace
from azureml.core.model import InferenceConfig
ws = Workspace.from_config()
model = Model.register(ws, 'sklearn_regression_model.pkl', 'sklearn_regression_model')
myenv = Environment.from_conda_specification('myenv', 'myenv.yml')
inference_config = InferenceConfig(entry_script='score.py', environment=myenv)
"""
CONDA = "name: project_environment\ndependencies:\n- python=3.11\n- numpy\n- pip:\n  - azureml-defaults\n"


def blocks() -> Iterator[tuple[str, str]]:
    """Yield (language, text) of the section's code blocks."""
    text = DOCUMENT.read_text(encoding="utf-8")
    section = text.partition('<a name="package-models">')[2].partition('<a name="clean-up-resources">')[0]
    yield from re.findall(r"^ *```(\w+)\n(.*?)^ *```", section, re.DOTALL | re.MULTILINE)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLDEPLOY_HOME", str(tmp_path / "ws"))
    (tmp_path / "sklearn_regression_model.pkl").write_text(json.dumps(list(range(10))), encoding="utf-8")
    (tmp_path / "score.py").write_text(SCRIPT.replace("weights.json", "sklearn_regression_model.pkl"))
    (tmp_path / "myenv.yml").write_text(CONDA, encoding="utf-8")
    facade.install()
    yield tmp_path
    facade.uninstall()


def test_the_section_works_line_by_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    container, tag = unique("im"), unique("im")
    names: dict[str, Any] = {}
    exec(BEFORE, names)
    found = list(blocks())
    (client,) = [text for language, text in found if language == "python" and "requests.post" in text]
    images: list[str] = []
    ran: list[str] = []

    def command(line: str) -> None:
        values = {"mycontainer": container, "myimage": tag, "<imagefiles>": "./imagefiles", "<imageid>": images[0]}
        for word, value in values.items():
            line = line.replace(word, value)
        words = line.split()
        if words[1] == "login":  # Docker Hub's public images ask nobody who they are
            return
        if words[1] == "run":
            port = free_port()
            here = [word.replace("6789", str(port)) for word in words[2:]]
            subprocess.run([*words[:2], "--detach", *here], check=True, capture_output=True, timeout=110 * FACTOR)
            wait_until(lambda: answers(port), 60 * FACTOR)
            exec(client.replace("6789", str(port)), names)
            docker("kill", container)
            docker("rm", container)
        else:
            subprocess.run(words, check=True, capture_output=True, timeout=110 * FACTOR)
        ran.append(words[1])

    try:
        for language, text in found:
            if language == "bash" and "kill" not in text:
                command(text.strip())
            elif language == "python" and text != client:
                exec(text, names)
                if not images:
                    images.append(names["package"].pull())
    finally:
        docker("rm", "--force", container, check=False)
        for reference in [tag, *images]:
            docker("rmi", reference, check=False)
    assert ran == ["run", "build", "run"]
    shown = capsys.readouterr().out
    assert shown.count("[330,165]") == 2
    assert "Status: Image is here" in shown
    assert "Address: docker.io" in shown
