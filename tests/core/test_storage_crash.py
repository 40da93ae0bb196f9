"""``kill -9`` at any point while models are registered and bundles made: nothing lost, nothing half done."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_mldeploy.core.bundle import BundleStore
from jupyter_mldeploy.core.model import ModelRegistry
from jupyter_mldeploy.core.store import Store

# Registers for ever and says so: "copy" while bytes are copied, "done <id>" when a version was acknowledged.
REGISTER = """
import itertools
import sys
from pathlib import Path
from jupyter_mldeploy.core.bundle import BundleStore
from jupyter_mldeploy.core.model import ModelRegistry
from jupyter_mldeploy.core.store import Store

home, work = Path(sys.argv[1]), Path(sys.argv[2])
store = Store(home)
models, bundles = ModelRegistry(store), BundleStore(store)
more = {f"pkg/module_{index}.py": b"# %d" % -index for index in range(100)}
for number in itertools.count(int(sys.argv[3])):
    big = work / "net" / "weights.bin"
    big.parent.mkdir(exist_ok=True)
    big.write_bytes(number.to_bytes(8, "big") * (1 << 19))
    (work / "net" / "config.json").write_text(str(number))
    model = models.register(work / "net", "net", progress=lambda done, total: print("copy", done, flush=True))
    print("done", model.id, flush=True)
    bundle = bundles.create(
        entry_script="score.py", source={"score.py": b"# %d" % number, **more}, models=[model], environment={}
    )
    print("bundle", bundle.digest, flush=True)
    bundles.materialise(bundle, home / "bundles" / str(number))
    print("placed", home / "bundles" / str(number), flush=True)
"""


def run_and_kill(home: Path, work: Path, start: int, lines: int, pause_s: float) -> list[str]:
    with subprocess.Popen(
        [sys.executable, "-c", REGISTER, home, work, str(start)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        try:
            process.wait(pause_s)
        except subprocess.TimeoutExpired:
            process.kill()
        said += process.stdout.readlines()
    assert process.returncode == -9, "the process ended by itself"
    return [line.strip() for line in said if line.endswith("\n")]


def check(home: Path, said: list[str], verified: set[str]) -> int:
    """Everything acknowledged is there and whole, everything there is whole, and nothing else is left."""
    store = Store(home)
    models, bundles = ModelRegistry(store), BundleStore(store)
    assert list((home / "tmp").iterdir()) == []

    listed = models.list("net")
    assert [model.version for model in listed] == list(range(1, len(listed) + 1))
    acknowledged = {line.split()[1] for line in said if line.startswith("done")}
    assert acknowledged <= {model.id for model in listed}
    for model in listed[-3:]:
        assert [entry.path for entry in model.tree.files] == ["net/config.json", "net/weights.bin"]
        for entry in model.tree.files:
            store.blobs.verify(entry.digest)
            assert store.blobs.path(entry.digest).stat().st_size == entry.size

    known = {bundle.digest: bundle for bundle in bundles.list()}
    assert {line.split()[1] for line in said if line.startswith("bundle")} <= set(known)
    for bundle in list(known.values())[-2:]:
        bundles.verify(bundle)
    for line in said:
        if line.startswith("placed"):
            assert (Path(line.split(maxsplit=1)[1]) / "bundle.json").is_file()
    for place in (home / "bundles").glob("*"):
        assert (place / "bundle.json").is_file(), "a bundle was laid out by half"

    # Before garbage is collected too: a blob that has its name is complete.
    new = {f"sha256:{path.parent.name}{path.name}" for path in (home / "blobs").rglob("*") if path.is_file()} - verified
    for digest in new:
        store.blobs.verify(digest)
    verified |= new
    bundles.gc(grace_s=0)
    wanted = {entry.digest for model in listed for entry in model.tree.files}
    wanted |= {entry.digest for bundle in known.values() for entry in bundle.source.files}
    stored = {f"sha256:{path.parent.name}{path.name}" for path in (home / "blobs").rglob("*") if path.is_file()}
    assert stored == wanted
    return len(listed)


def kill_often(tmp_path: Path, times: int, seed: int) -> None:
    chance = random.Random(seed)
    home, work = tmp_path / "home", tmp_path / "work"
    work.mkdir()
    said: list[str] = []
    verified: set[str] = set()
    count = 0
    for _ in range(times):
        # By lines, to hit the copying; by time, to hit what lies between: flushing, renaming, committing, placing.
        lines = chance.randrange(1, 18)
        said += run_and_kill(home, work, count * 1000 + chance.randrange(1000), lines, chance.random() * 0.015)
        count = check(home, said, verified)
    assert any(line.startswith("copy") for line in said)
    store = Store(home)
    assert ModelRegistry(store).register(work / "net" / "config.json", "net").version == count + 1


def test_a_killed_register_leaves_nothing_half_done(tmp_path: Path) -> None:
    kill_often(tmp_path, times=6, seed=20261121)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_register_killed_many_times(tmp_path: Path) -> None:
    kill_often(tmp_path, times=60 if int(os.environ.get("MLDEPLOY_SOAK_S", "15")) >= 60 else 25, seed=7)
