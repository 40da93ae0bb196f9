"""Laying a bundle out as a directory."""

from __future__ import annotations

import json
import os
import shutil
import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.bundle import Bundle, BundleStore
from jupyter_mldeploy.core.model import ModelRegistry
from jupyter_mldeploy.core.store import Store
from jupyter_mldeploy.errors import (
    AlreadyExistsError,
)
from tests.patience import FACTOR

SCORE = b"def init():\n    pass\n\ndef run(data):\n    return data\n"
ENVIRONMENT = {"python": "3.11", "pip": ["numpy==1.26.4"]}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture
def bundles(store: Store) -> BundleStore:
    return BundleStore(store)


@pytest.fixture
def models(store: Store) -> ModelRegistry:
    return ModelRegistry(store)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    directory = tmp_path / "files"
    (directory / "net").mkdir(parents=True)
    (directory / "ridge.pkl").write_bytes(b"ridge" * 100)
    (directory / "net" / "weights.bin").write_bytes(b"weights")
    return directory


def make(bundles: BundleStore, **changes: Any) -> Bundle:
    given: dict[str, Any] = {"entry_script": "score.py", "source": {"score.py": SCORE}, "environment": ENVIRONMENT}
    return bundles.create(**{**given, **changes})


def listing(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_a_bundle_is_laid_out(bundles: BundleStore, models: ModelRegistry, files: Path, tmp_path: Path) -> None:
    program = files / "tool.sh"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    bundle = make(
        bundles,
        entry_script="pkg/score.py",
        source={"pkg/score.py": SCORE, "tool.sh": program},
        models=[models.register(files / "ridge.pkl", "ridge"), models.register(files / "net", "net")],
        origin={"lines": [[1, 2]]},
    )
    dest = tmp_path / "somewhere" / "out"
    assert bundles.materialise(bundle, dest) == dest
    assert listing(dest) == [
        "app/pkg/score.py",
        "app/tool.sh",
        "azureml-models/net/1/net/weights.bin",
        "azureml-models/ridge/1/ridge.pkl",
        "bundle.json",
        "line_map.json",
    ]
    assert (dest / "app" / "pkg" / "score.py").read_bytes() == SCORE
    assert os.access(dest / "app" / "tool.sh", os.X_OK)
    assert json.loads((dest / "line_map.json").read_text()) == {"lines": [[1, 2]]}
    assert json.loads((dest / "bundle.json").read_text())["manifest"] == bundle.manifest()
    model = dest / "azureml-models" / "ridge" / "1" / "ridge.pkl"
    assert stat.S_IMODE(model.stat().st_mode) == 0o444
    assert model.stat().st_nlink == 2, "a second copy of the model was made"
    (dest / "app" / "pkg" / "score.py").write_text("edited while debugging")
    bundles.verify(bundle)


def test_a_bundle_without_models_still_has_their_directory(bundles: BundleStore, tmp_path: Path) -> None:
    dest = bundles.materialise(make(bundles), tmp_path / "out")
    assert (dest / "azureml-models").is_dir()
    assert listing(dest) == ["app/score.py", "bundle.json"]


def test_laying_out_again_does_nothing_and_repairs(bundles: BundleStore, tmp_path: Path) -> None:
    bundle, dest = make(bundles), tmp_path / "out"
    bundles.materialise(bundle, dest)
    before = dest.stat().st_ino
    bundles.materialise(bundle, dest)
    assert dest.stat().st_ino == before
    (dest / "app" / "score.py").unlink()
    bundles.materialise(bundle, dest)
    assert (dest / "app" / "score.py").read_bytes() == SCORE
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    assert list((tmp_path / "home" / "tmp").iterdir()) == []


def test_laying_out_never_overwrites_something_else(bundles: BundleStore, tmp_path: Path) -> None:
    bundle, other = make(bundles), make(bundles, source={"score.py": b"# other"})
    bundles.materialise(other, tmp_path / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious").write_text("x")
    (tmp_path / "file").write_text("x")
    for name in ("out", "full", "file"):
        with pytest.raises(AlreadyExistsError, match="something else already"):
            bundles.materialise(bundle, tmp_path / name)
    assert (tmp_path / "full" / "precious").exists()
    (tmp_path / "empty").mkdir()
    bundles.materialise(bundle, tmp_path / "empty")
    assert listing(tmp_path / "empty") == ["app/score.py", "bundle.json"]


def test_many_lay_out_the_same_at_once(bundles: BundleStore, tmp_path: Path) -> None:
    bundle = make(bundles, source={"score.py": SCORE, **{f"f{index}": str(index).encode() for index in range(30)}})
    failures: list[BaseException] = []

    def work() -> None:
        try:
            bundles.materialise(bundle, tmp_path / "out")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30 * FACTOR)
    assert failures == []
    assert len(listing(tmp_path / "out")) == 32


def test_laying_out_on_another_file_system(bundles: BundleStore, models: ModelRegistry, files: Path) -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == files.stat().st_dev:
        pytest.skip("there is no second file system to write to")
    bundle = make(bundles, models=[models.register(files / "ridge.pkl", "ridge")])
    place = shared / f"mldeploy-test-{os.getpid()}"
    left = place / ".out-1-0badc0de-00000000"
    left.mkdir(parents=True)
    theirs = place / ".output-1-0badc0de-00000000"
    theirs.mkdir()
    try:
        dest = bundles.materialise(bundle, place / "out")
        assert (dest / "azureml-models" / "ridge" / "1" / "ridge.pkl").read_bytes() == b"ridge" * 100
        assert sorted(path.name for path in place.iterdir()) == [theirs.name, "out"], "a dead process's work is left"
    finally:
        shutil.rmtree(place)
