"""Many processes register, bundle, read and collect garbage in one workspace at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from jupyter_mldeploy.core.bundle import BundleStore
from jupyter_mldeploy.core.model import ModelRegistry
from jupyter_mldeploy.core.store import Store
from tests.patience import FACTOR

WORKER = """
import sys
from pathlib import Path
from jupyter_mldeploy.core.bundle import BundleStore
from jupyter_mldeploy.core.model import ModelRegistry
from jupyter_mldeploy.core.store import Store
from jupyter_mldeploy.errors import BusyError

home, number, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
file = home.parent / f"model-{number}.bin"
sys.stdin.readline()  # all start at once, in a home that does not exist yet
store = Store(home)
models, bundles = ModelRegistry(store), BundleStore(store)
for index in range(rounds):
    file.write_text(f"{number} {index % 3}")
    model = models.register(file, "shared", tags={"by": number})
    print(model.version, flush=True)
    models.add_tags(model, {"index": index})
    models.add_tags("shared:1", {f"{number}-{index}": True})
    bundle = bundles.create(
        entry_script="score.py",
        source={"score.py": b"# %d" % (index % 2)},
        models=[models.get("shared")],
        environment={},
    )
    bundles.materialise(bundle, home / "bundles" / bundle.short)
    bundles.verify(bundles.get(bundle.digest))
    models.list(latest=True)
    if index % 4 == 3:
        try:
            bundles.gc(grace_s=0, timeout_s=0.01)
        except BusyError:
            pass
"""


def test_eight_processes_at_once(tmp_path: Path) -> None:
    home, workers, rounds = tmp_path / "home", 8, 8
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, home, str(number), str(rounds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(workers)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    results = [process.communicate(timeout=100 * FACTOR) for process in processes]
    assert [error for _, error in results] == [""] * workers

    versions = sorted(int(line) for output, _ in results for line in output.split())
    assert versions == list(range(1, workers * rounds + 1))
    store = Store(home)
    listed = ModelRegistry(store).list("shared")
    assert [model.version for model in listed] == versions
    assert all("index" in model.tags for model in listed)
    updates = {f"{number}-{index}" for number in range(workers) for index in range(rounds)}
    assert updates <= set(listed[0].tags), "an update was lost"
    bundles = BundleStore(store)
    for bundle in bundles.list():
        bundles.verify(bundle)
    assert list((home / "tmp").iterdir()) == []
