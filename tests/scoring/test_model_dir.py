"""Where models lie, and what is said when they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mldeploy.scoring.model_dir import ModelNotFoundError, get_model_path, model_tree


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for path in ("ridge/1/old.pkl", "ridge/2/model.pkl", "ridge/10/model.pkl", "net/3/outputs/weights.bin"):
        file = tmp_path / "azureml-models" / path
        file.parent.mkdir(parents=True)
        file.write_bytes(b"x" * 10)
    monkeypatch.setenv("AML_APP_ROOT", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "azureml-models"


def test_path_is_the_one_entry_of_a_version(root: Path) -> None:
    assert get_model_path("ridge", 1) == str(root / "ridge/1/old.pkl")
    assert get_model_path("net") == str(root / "net/3/outputs")


def test_highest_version_by_number(root: Path) -> None:
    assert get_model_path("ridge") == str(root / "ridge/10/model.pkl")


def test_file_beside_the_script(root: Path) -> None:
    Path("local.pkl").touch()
    assert get_model_path("local.pkl") == "local.pkl"


def test_relative_to_the_working_directory_without_app_root(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AML_APP_ROOT")
    assert get_model_path("ridge", 1) == "azureml-models/ridge/1/old.pkl"


@pytest.mark.parametrize(("name", "version"), [("ridge", 7), ("model.pkl", None), ("other", None), ("local.pkl", 1)])
def test_error_lists_what_is_there(root: Path, name: str, version: int | None) -> None:
    with pytest.raises(ModelNotFoundError) as caught:
        get_model_path(name, version)
    text = str(caught.value)
    assert repr(name) in text
    assert "net (3), ridge (1, 2, 10)" in text
    assert "weights.bin  10 B" in text


def test_several_entries(root: Path) -> None:
    (root / "ridge/10/second.pkl").touch()
    with pytest.raises(ModelNotFoundError, match=r"2 entries.*AZUREML_MODEL_DIR"):
        get_model_path("ridge")


def test_tree(root: Path) -> None:
    assert model_tree(root / "net") == [f"{root / 'net'}/", "  3/", "    outputs/", "      weights.bin  10 B"]
    assert "does not exist" in model_tree(root / "nothing")[0]
    assert "not set" in model_tree(None)[0]
    (root / "loop").symlink_to(root)
    (root / "broken").symlink_to(root / "nothing")
    lines = model_tree(root)
    assert any("(broken link)" in line for line in lines)
    assert len(lines) < 20
    for number in range(300):
        (root / f"file{number}").touch()
    assert len(model_tree(root, 200)) == 201
    assert "first 200 lines" in model_tree(root, 200)[-1]
