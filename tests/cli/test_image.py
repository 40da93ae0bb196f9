"""``mldeploy image``, ``model package`` and ``environment plan``, in this process and without an engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.cli import main
from jupyter_mldeploy.core import image as image_module
from tests.core.memory_builder import MemoryBuilder, MemoryBuilders

SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"
CONDA = "name: e\ndependencies:\n- python=3.11\n- pip:\n  - six\n  - azureml-defaults\n"
OLD = "name: project_environment\ndependencies:\n- python=3.6.2\n- scikit-learn=0.20.0\n- pip:\n  - azureml-defaults\n"
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def builders(monkeypatch: pytest.MonkeyPatch) -> MemoryBuilders:
    found = MemoryBuilders()
    monkeypatch.setattr(image_module, "Builders", lambda: found)
    return found


@pytest.fixture
def engine(builders: MemoryBuilders) -> MemoryBuilder:
    return builders.memory


@pytest.fixture
def call(
    tmp_path: Path, builders: MemoryBuilders, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Call:
    monkeypatch.setenv("MLDEPLOY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for name, text in {"score.py": SCRIPT, "e.yml": CONDA, "old.yml": OLD, "weights.json": "[1]"}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    def run(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        seen = capsys.readouterr()
        return code, seen.out, seen.err

    return run


def document(done: tuple[int, str, str]) -> Any:
    assert done[0] == 0, done[2]
    return json.loads(done[1])


def package(call: Call, *more: str) -> Any:
    return document(call("model", "package", "-m", "weights.json", "--es", "score.py", "-e", "e.yml", "--json", *more))


def test_the_life_of_an_image(call: Call, engine: MemoryBuilder) -> None:
    made = package(call, "--il", "blue", "-n", "ridge")
    assert (made["id"], made["kind"], made["tags"]) == ("ridge:1", "package", {"label": "blue"})
    (listed,) = document(call("image", "list", "--json", "--tag", "label=blue"))["images"]
    assert listed["id"] == "ridge:1"
    assert "ridge:1" in call("image", "list")[1]
    assert "Step 1/1" in call("image", "logs", "ridge")[1]
    pushed = document(call("image", "push", "ridge", "r.example/team/ridge", "--json"))
    assert pushed["reference"] == "r.example/team/ridge:1"
    assert document(call("image", "show", "ridge", "--json"))["location"] == pushed["location"]
    assert pushed["location"] in call("image", "show", "ridge")[1]
    assert document(call("image", "pull", "ridge", "--json"))["reference"] == made["reference"]
    changed = document(call("image", "update", "ridge", "--add-tag", "a=b", "--remove-tag", "label", "--json"))
    assert changed["tags"] == {"a": "b"}
    again = document(call("image", "build", "--bundle", made["bundle"], "-n", "other", "--json"))
    assert again["id"] == "other:1"
    assert call("image", "delete", "ridge")[0] == 2
    assert call("image", "delete", "ridge:1")[1] == "deleted ridge:1\n"
    assert call("image", "show", "ridge")[0] != 0


def test_a_package_of_files(call: Call, engine: MemoryBuilder, tmp_path: Path) -> None:
    made = package(call, "--output-path", "out")
    assert made["location"] == str(tmp_path / "out")
    assert (tmp_path / "out" / "Dockerfile").is_file()
    assert engine.built == []
    saved = call("image", "save", "package", "again")
    assert "docker build --tag myimage" in saved[1]
    assert (tmp_path / "again" / "Dockerfile").read_bytes() == (tmp_path / "out" / "Dockerfile").read_bytes()


def test_passwords_are_references(call: Call, engine: MemoryBuilder) -> None:
    package(call)
    code, _, err = call("image", "push", "package", "r.example/x", "--username", "me", "--password", "hunter2")
    assert code != 0
    assert "never the value itself" in err
    assert "hunter2" not in err
    assert "go together" in call("image", "push", "package", "r.example/x", "--username", "me")[2]


def test_what_is_contradictory_is_refused(call: Call) -> None:
    assert "--ic or --entry-script" in call("model", "package", "-m", "weights.json")[2]
    assert (
        "files are not pushed" in call("model", "package", "--es", "score.py", "--output-path", "x", "--push", "y/z")[2]
    )
    assert "SERVICE or a --bundle" in call("image", "build")[2]
    assert "no service" in call("image", "build", "nosuch")[2].lower()


def test_the_plan_of_an_old_environment(call: Call, tmp_path: Path) -> None:
    code, out, _ = call("environment", "plan", "old.yml")
    assert code == 1
    assert "Python 3.6.2 had its end of life in December 2021" in out
    assert "scikit-learn=0.20.0 cannot be had" in out
    code, out, _ = call("environment", "plan", "old.yml", "--suggest")
    assert code == 0
    (tmp_path / "new.yml").write_text(out, encoding="utf-8")
    assert call("environment", "plan", "new.yml")[0] == 0
    assert document(call("environment", "plan", "e.yml", "--json"))["kind"] == "pip"
    refused = call("model", "package", "--es", "score.py", "-e", "old.yml")
    assert refused[0] != 0
    assert "environment plan" in refused[2]


def test_an_environments_image_and_its_files(call: Call, engine: MemoryBuilder, tmp_path: Path) -> None:
    document(call("environment", "create", "-n", "mine", "-f", "e.yml", "--json"))
    built = document(call("environment", "build", "mine", "--image", "--json"))
    assert (built["id"], built["kind"]) == ("mine:1", "environment")
    assert document(call("environment", "build", "mine", "--image", "--json"))["facts"]["fresh"] is False
    assert len(engine.built) == 1
    assert document(call("environment", "build", "mine", "--save", "env", "--json"))["path"] == str(tmp_path / "env")
    assert "azureml-defaults: not installed" in (tmp_path / "env" / "Dockerfile").read_text()


def test_builders(call: Call) -> None:
    names = [item["name"] for item in document(call("image", "builders", "--json"))["builders"]]
    assert names == ["docker", "dockerfile"]
    assert "Dockerfile" in call("image", "builders")[1]


def test_an_image_becomes_a_service(call: Call, engine: MemoryBuilder) -> None:
    """Its very bytes: of another target too, which needs no image."""
    image = package(call, "-n", "sums")
    made = document(call("image", "deploy", "sums:1", "adder", "--target", "local", "--set", "workers=2", "--json"))
    try:
        shown = document(call("status", "adder", "--json"))
        assert (shown["state"], len(shown["facts"]["workers"])) == ("Healthy", 2)
        assert made["digest"] == image["bundle"]
        assert document(call("score", "adder", "-d", "[1]", "--json"))["result"] == "[1]"
        assert document(call("image", "show", "sums", "--json"))["used_by"] == ["service adder revision 1"]
        code, _, error = call("image", "delete", "sums:1")
        assert (code, "in use by service adder revision 1" in error) == (4, True)
        code, _, error = call("image", "deploy", "sums:2", "adder", "--target", "local")
        assert (code, "sums:2" in error) == (3, True)
        assert document(call("image", "deploy", "sums", "adder", "--target", "local", "--json"))["revision"] == 2
        assert call("completion", "words", "--", "image", "deploy", "")[1].split() == ["sums:1"]
    finally:
        call("delete", "adder")
    assert call("image", "delete", "sums:1")[0] == 0
