"""``mldeploy plan -o``: deployments as files, and how many replicas a load needs. No cluster is asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from jupyter_mldeploy.cli import main

IMAGE = ["--set", "image=r.example.com/iris:1"]


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MLDEPLOY_HOME", str(tmp_path / "home"))
    path = tmp_path / "score.py"
    path.write_text("def init():\n    pass\n\n\ndef run(data):\n    return data\n")
    return str(path)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    out, err = capsys.readouterr()
    return code or 0, out, err


def test_manifests_go_to_stdout(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "plan", "iris", script, "--target", "kubernetes", "-o", "yaml", *IMAGE)
    assert code == 0
    items: list[dict[str, Any]] = list(yaml.safe_load_all(out))
    assert {item["kind"] for item in items} == {"ServiceAccount", "Deployment", "HorizontalPodAutoscaler", "Service"}
    assert "kubectl -n default create secret generic iris-keys" in out


def test_the_image_that_will_be_built_is_named_by_its_content(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ("plan", "iris", script, "--target", "kubernetes", "-o", "yaml", "--set", "registry=r.example.com/team")
    images = []
    for _ in range(2):
        items = list(yaml.safe_load_all(run(capsys, *command)[1]))
        (deployment,) = [item for item in items if item["kind"] == "Deployment"]
        images.append(deployment["spec"]["template"]["spec"]["containers"][0]["image"])
    assert images[0] == images[1]
    assert images[0].startswith("r.example.com/team/iris:")


def test_several_files_need_a_folder(script: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    command = ["plan", "iris", script, "--target", "kubernetes", "-o", "kustomize", *IMAGE]
    code, _, err = run(capsys, *command)
    assert code != 0
    assert "--to" in err
    folder = tmp_path / "deploy"
    code, out, _ = run(capsys, *command, "--to", str(folder))
    assert code == 0
    assert str(folder / "base" / "kustomization.yaml") in out
    assert run(capsys, *command, "--to", str(folder))[0] == 0  # the same content again
    (folder / "base" / "service.yaml").write_text("mine: true\n")
    code, _, err = run(capsys, *command, "--to", str(folder))
    assert code != 0
    assert "has another content" in err
    assert (folder / "base" / "service.yaml").read_text() == "mine: true\n"


def test_other_targets_say_that_they_cannot(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "plan", "iris", script, "-o", "yaml")
    assert code != 0
    assert "Target 'local' does not write 'yaml'" in err


def test_an_unknown_layout_names_the_known_ones(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "plan", "iris", script, "--target", "kubernetes", "-o", "terraform", *IMAGE)
    assert code != 0
    assert "yaml, kustomize, helm, kserve" in err


def test_a_load_is_sized_in_the_plan(script: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "plan", "iris", script, "--rps", "20", "--latency", "10s")
    assert code == 0
    assert "286 replicas" in err
    code, out, _ = run(capsys, "--json", "plan", "iris", script, "--rps", "20", "--latency", "10s")
    assert json.loads(out)["sizing"]["replicas"] == 286
    assert run(capsys, "plan", "iris", script, "--rps", "20")[0] != 0
