"""A full disk: one clear sentence, nothing half done, and work goes on once there is room."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_mldeploy.core.bundle import BundleStore
from jupyter_mldeploy.core.model import ModelRegistry
from jupyter_mldeploy.core.store import Store
from jupyter_mldeploy.errors import StoreFullError


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system is not permitted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def fill(path: Path, *, leave: int = 0) -> None:
    with path.open("wb", buffering=0) as stream:
        size = 1 << 16
        while size:
            try:
                stream.write(bytes(size))
            except OSError:
                size //= 2
        stream.truncate(max(0, stream.tell() - leave))


def test_a_model_that_does_not_fit_is_refused_first(small_disk: Path, tmp_path: Path) -> None:
    models = ModelRegistry(Store(small_disk / "home"))
    (tmp_path / "small").write_bytes(b"x")
    (tmp_path / "big").write_bytes(bytes(8 << 20))
    models.register(tmp_path / "small", "small")
    seen: list[int] = []
    with pytest.raises(
        StoreFullError, match=r"Could not store 'big' \(8\.4 MB\): there is no room at .*left"
    ) as caught:
        models.register(tmp_path / "big", "big", progress=lambda done, _: seen.append(done))
    assert seen == []
    assert caught.value.http_status == 507
    assert "MLDEPLOY_HOME" in str(caught.value)
    assert [model.id for model in models.list()] == ["small:1"]
    assert list((small_disk / "home" / "tmp").iterdir()) == []


def test_a_disk_that_fills_while_files_are_copied(small_disk: Path, tmp_path: Path) -> None:
    models = ModelRegistry(Store(small_disk / "home"))
    (tmp_path / "net").mkdir()
    for index in range(5):
        (tmp_path / "net" / str(index)).write_bytes(bytes([index]) * (1 << 20))
    with pytest.raises(StoreFullError):
        models.register(tmp_path / "net", "net")
    assert models.list() == []
    assert list((small_disk / "home" / "tmp").iterdir()) == []
    assert [path for path in (small_disk / "home" / "blobs").rglob("*") if path.is_file()] == []
    (tmp_path / "net" / "4").unlink()
    (tmp_path / "net" / "3").unlink()
    assert models.register(tmp_path / "net", "net").version == 1


def test_the_catalogue_runs_full_and_recovers(small_disk: Path, tmp_path: Path) -> None:
    store = Store(small_disk / "home")
    models, bundles = ModelRegistry(store), BundleStore(store)
    (tmp_path / "m").write_bytes(b"x")
    models.register(tmp_path / "m", "m")
    fill(small_disk / "filler", leave=64 << 10)
    acknowledged = 1

    def register_for_ever() -> None:
        nonlocal acknowledged
        while acknowledged < 2000:
            models.register(tmp_path / "m", "m", description="long " * 400)
            acknowledged += 1

    with pytest.raises(StoreFullError) as caught:
        register_for_ever()
    assert "\n" not in caught.value.message
    assert len(models.list()) == acknowledged
    with pytest.raises(StoreFullError):
        bundles.create(entry_script="s.py", source={"s.py": bytes(1 << 20)}, environment={})
    assert bundles.list() == []

    assert len(ModelRegistry(Store(store.home)).list()) == acknowledged, "a full disk hides what is there"
    (small_disk / "filler").unlink()
    assert models.register(tmp_path / "m", "m").version == acknowledged + 1
    bundle = bundles.create(entry_script="s.py", source={"s.py": b"x"}, environment={})
    bundles.verify(bundle)


def test_a_workspace_cannot_be_made_on_a_full_disk(small_disk: Path) -> None:
    fill(small_disk / "filler")
    with pytest.raises(StoreFullError, match="open the workspace"):
        Store(small_disk / "home")
    (small_disk / "filler").unlink()
    assert ModelRegistry(Store(small_disk / "home")).list() == []


def test_laying_out_and_exporting_on_a_full_disk(small_disk: Path, tmp_path: Path) -> None:
    bundles = BundleStore(Store(tmp_path / "home"))
    bundle = bundles.create(
        entry_script="score.py", source={"score.py": b"x", "big.bin": bytes(8 << 20)}, environment={}
    )
    with pytest.raises(StoreFullError):
        bundles.materialise(bundle, small_disk / "out")
    with pytest.raises(StoreFullError, match="export bundle"):
        bundles.export(bundle, small_disk / "out.tar")
    assert list(small_disk.iterdir()) == []


LIMITED = """
import resource, sys
from pathlib import Path
from jupyter_mldeploy.core.model import ModelRegistry
from jupyter_mldeploy.core.store import Store
from jupyter_mldeploy.errors import StoreFullError

models = ModelRegistry(Store(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
try:
    models.register(sys.argv[2], "big")
except StoreFullError as error:
    print(error.message)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.getrlimit(resource.RLIMIT_FSIZE)[1],) * 2)
print(models.list(), models.register(sys.argv[2], "big").id)
"""


def test_a_file_size_limit_is_told_like_a_full_disk(tmp_path: Path) -> None:
    # Needs no privilege, so that some way of running out of room is tested everywhere.
    (tmp_path / "big").write_bytes(bytes(3 << 20))
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path / "home", tmp_path / "big"], capture_output=True, text=True, check=True
    )
    first, second = done.stdout.splitlines()
    assert first.startswith("Could not store 'big' (3.1 MB): there is no room at")
    assert "File too large" in first
    assert second == "[] big:1"
