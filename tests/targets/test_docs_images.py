"""``docs/images.md``, section "Packages": its blocks run line by line, as the v1 documents' "package models" did."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_port

from .docker_images import SCRIPT, answers, docker, unique, wait_until

pytestmark = [pytest.mark.docker, pytest.mark.slow]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "images.md"
CONDA = "name: project_environment\ndependencies:\n- python=3.11\n- numpy\n- pip:\n  - azureml-defaults\n"


def blocks() -> Iterator[tuple[str, str]]:
    """Yield (language, text) of the section's code blocks."""
    section = PAGE.read_text(encoding="utf-8").partition("\n## Packages\n")[2].partition("\n## ")[0]
    yield from re.findall(r"^```(\w+)\n(.*?)^```", section, re.DOTALL | re.MULTILINE)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLDEPLOY_HOME", str(tmp_path / "ws"))
    (tmp_path / "sklearn_regression_model.pkl").write_text(json.dumps(list(range(10))), encoding="utf-8")
    script = SCRIPT.replace("weights.json", "sklearn_regression_model.pkl")
    (tmp_path / "score.py").write_text(script, encoding="utf-8")
    (tmp_path / "myenv.yml").write_text(CONDA, encoding="utf-8")
    values = {"entryScript": "score.py", "runtime": "python", "condaFile": "myenv.yml"}
    (tmp_path / "inferenceconfig.json").write_text(json.dumps(values), encoding="utf-8")
    return tmp_path


def test_the_package_section_works_line_by_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port, container, tag = free_port(), unique("im"), unique("im")
    names: dict[str, object] = {}
    removed: list[str] = []
    answered = 0
    (client,) = [text for language, text in blocks() if language == "python" and "urlopen" in text]

    def call() -> None:
        wait_until(lambda: answers(port), 60)
        exec(client.replace("6789", str(port)), names)
        docker("rm", "--force", container)

    try:
        for language, text in blocks():
            if language == "console":
                for line in text.splitlines():
                    command = line.removeprefix("$ ").replace("6789", str(port)).replace("mycontainer", container)
                    command = command.replace("IMAGE", str(removed[-1]) if removed else "").replace("myimage", tag)
                    words = command.split()
                    if words[1] == "run":
                        words.insert(2, "--detach")
                    subprocess.run(words, check=True, capture_output=True, timeout=110)
                    if words[1] == "run":
                        call()
                        answered += 1
            elif text != client:
                exec(text, names)
                package = names["package"]
                if package.package_type == "DockerImage":  # type: ignore[attr-defined]
                    removed.append(package.location)  # type: ignore[attr-defined]
    finally:
        docker("rm", "--force", container, check=False)
        for reference in [tag, *dict.fromkeys(removed)]:
            docker("rmi", reference, check=False)
    shown = capsys.readouterr().out
    assert answered == 2
    assert shown.count("[330,165]") == 2
    assert "Address: docker.io" in shown
    assert "Package creation Succeeded: package:1" in shown
    assert (project / "imagefiles" / "Dockerfile").is_file()
    assert [item.name for item in (project / "imagefiles" / "azureml-models").iterdir()] == ["sklearn_regression_model"]
