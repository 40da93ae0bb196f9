"""Bundles: the digest, storing, verifying, deleting, garbage."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.bundle import Bundle, BundleModel, BundleStore
from jupyter_mldeploy.core.model import Model, ModelRegistry
from jupyter_mldeploy.core.store import Store
from jupyter_mldeploy.errors import (
    BusyError,
    CorruptStoreError,
    InUseError,
    InvalidInputError,
    NotFoundError,
)

SCORE = b"def init():\n    pass\n\ndef run(data):\n    return data\n"
ENVIRONMENT = {"python": "3.11", "pip": ["numpy==1.26.4"]}
# Digests are kept in catalogues and compared between machines and versions: this one may never change.
PINNED = "sha256:1dddce1d3f32673e9d1f4af65b68519b3a645ced6d79c983033616317fcf0a93"


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


def test_same_content_is_the_same_bundle(bundles: BundleStore, files: Path) -> None:
    (files / "score.py").write_bytes(SCORE)
    first = make(bundles)
    second = make(bundles, source={"score.py": files / "score.py"}, origin={"cell": 7})
    third = make(bundles, source={"score.py": first.source.files[0]}, environment=dict(reversed(ENVIRONMENT.items())))
    assert first == second == third
    assert first.digest == second.digest == third.digest
    assert bundles.list() == [first]
    assert bundles.get(first.digest) == bundles.get(first.digest[7:15]) == first


def test_the_digest_is_pinned(bundles: BundleStore, models: ModelRegistry, files: Path) -> None:
    bundle = make(
        bundles,
        source={"score.py": SCORE, "größe/a.txt": b"x"},
        models=[models.register(files / "ridge.pkl", "ridge")],
        schema={"threshold": 0.1, "deep": [1, 1.0, None]},
    )
    assert bundle.digest == PINNED


def test_every_part_counts(bundles: BundleStore, models: ModelRegistry, files: Path) -> None:
    (files / "score.py").write_bytes(SCORE)
    (files / "score.py").chmod(0o755)
    ridge = models.register(files / "ridge.pkl", "ridge")
    again = models.register(files / "ridge.pkl", "ridge")
    variants = [
        make(bundles),
        make(bundles, source={"score.py": SCORE + b"\n"}),
        make(bundles, source={"score.py": SCORE, "more.py": b""}),
        make(bundles, source={"score.py": files / "score.py"}),
        make(bundles, entry_script="sub/score.py", source={"sub/score.py": SCORE}),
        make(bundles, models=[ridge]),
        make(bundles, models=[again]),
        make(bundles, models=[models.unregistered(files / "ridge.pkl")]),
        make(bundles, environment={**ENVIRONMENT, "python": "3.12"}),
        make(bundles, schema={}),
        make(bundles, schema={"a": 1}),
        make(bundles, schema={"a": 1.0}),
        make(bundles, schema={"a": True}),
    ]
    assert len({bundle.digest for bundle in variants}) == len(variants)


def test_provenance_does_not_count_and_the_latest_wins(bundles: BundleStore) -> None:
    first = make(bundles, origin={"notebook": "a.ipynb", "lines": [[1, 5]]})
    second = make(bundles, origin={"notebook": "b.ipynb"})
    third = make(bundles)
    assert first.digest == second.digest == third.digest
    assert (first.line_map, second.line_map) == ({"notebook": "a.ipynb", "lines": [[1, 5]]}, {"notebook": "b.ipynb"})
    assert bundles.get(first.digest).origin == {"notebook": "b.ipynb"}
    assert bundles.get(first.digest).created == third.created
    assert first.created is not None
    assert third.created is not None
    assert first.created < third.created, "a bundle made again is young again"


def test_the_order_of_models_does_not_count(bundles: BundleStore, models: ModelRegistry, files: Path) -> None:
    ridge, net = models.register(files / "ridge.pkl", "ridge"), models.register(files / "net", "net")
    assert make(bundles, models=[ridge, net]) == make(bundles, models=[net, ridge])


ELSEWHERE = """
import os, sys, time, unicodedata
from pathlib import Path
from jupyter_mldeploy.core.bundle import BundleStore
from jupyter_mldeploy.core.model import ModelRegistry
from jupyter_mldeploy.core.store import Store

root, umask, form, backwards = Path(sys.argv[1]), int(sys.argv[2], 8), sys.argv[3], sys.argv[4] == "1"
os.umask(umask)
names = ["plain.txt", "größe.bin", "sub/é.py", "run.sh"]
for name in reversed(names) if backwards else names:
    path = root / "model" / unicodedata.normalize(form, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(name)
    os.utime(path, (umask, umask))
(root / "model" / "run.sh").chmod(0o755 & ~umask)
(root / "model" / "empty").mkdir()
store = Store(root / "home")
model = ModelRegistry(store).register(root / "model", "net")
source = {unicodedata.normalize(form, name): name.encode() for name in ("score.py", "ä.txt")}
bundles = BundleStore(store)
bundle = bundles.create(entry_script="score.py", source=source, models=[model], environment={"a": 0.1})
bundles.materialise(bundle, root / "out")
bundles.export(bundle, root / "out.tar")
print(bundle.digest)
"""


def test_the_same_on_machines_that_differ(tmp_path: Path) -> None:
    results = []
    for index, (umask, form, backwards) in enumerate([("022", "NFC", "0"), ("077", "NFD", "1"), ("002", "NFC", "1")]):
        root = tmp_path / f"machine {index}" / ("deep" * index)
        root.mkdir(parents=True)
        environment = {**os.environ, "PYTHONHASHSEED": str(index), "LC_ALL": ["C", "C.UTF-8", "POSIX"][index]}
        done = subprocess.run(
            [sys.executable, "-X", "utf8", "-c", ELSEWHERE, root, umask, form, backwards],
            capture_output=True, text=True, check=True, env=environment,
        )  # fmt: skip
        results.append((done.stdout, (root / "out.tar").read_bytes(), listing(root / "out")))
    assert results[0] == results[1] == results[2]
    assert "azureml-models/net/1/model/größe.bin" in results[0][2]


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"entry_script": "score.txt"}, "entry_script", "must end in '.py'"),
        ({"entry_script": "my-score.py"}, "entry_script", "my_score.py"),
        ({"entry_script": "other.py"}, "entry_script", "score.py"),
        ({"entry_script": "/score.py"}, "path", "absolute"),
        ({"source": {"score.py": SCORE, "../evil.py": b""}}, "path", "'..'"),
        ({"source": {"score.py": SCORE, "score.py/x": b""}}, "files", "both a file and"),
        ({"environment": ["numpy"]}, "environment", "dictionary"),
        ({"environment": {"a": {1, 2}}}, "environment.a", "set"),
        ({"schema": {"a": float("inf")}}, "schema.a", "inf"),
        ({"origin": {"a": b""}}, "origin.a", "bytes"),
    ],
)
def test_bad_input_is_told_and_stores_no_bundle(
    bundles: BundleStore, changes: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(InvalidInputError) as caught:
        make(bundles, **changes)
    assert caught.value.field == field
    assert words in str(caught.value)
    assert bundles.list() == []


def test_two_models_in_one_directory_are_refused(bundles: BundleStore, models: ModelRegistry, files: Path) -> None:
    (files / "other").mkdir()
    (files / "other" / "ridge.pkl").write_bytes(b"x")
    pair = [models.unregistered(files / "ridge.pkl"), models.unregistered(files / "other" / "ridge.pkl")]
    with pytest.raises(InvalidInputError, match=r"'ridge\.pkl:0'.*share one directory"):
        make(bundles, models=pair)


def test_lookup(bundles: BundleStore) -> None:
    bundle = make(bundles)
    for text in ("", "abc", "sha256:", "zzzzzzzz", "%" * 8, "*" * 8, bundle.digest + "0"):
        with pytest.raises(InvalidInputError, match="at least 8"):
            bundles.get(text)
    absent = "sha256:" + "0" * 64
    with pytest.raises(NotFoundError, match=absent):
        bundles.get(absent)
    assert bundles.get(bundle.short.upper()) == bundle


def test_an_ambiguous_beginning_is_refused(bundles: BundleStore, store: Store) -> None:
    bundle = make(bundles)
    twin = bundle.digest[:20] + "0" * 51
    with store.write() as db:
        db.execute("INSERT INTO bundles SELECT ?, created, manifest, origin FROM bundles", (twin,))
    with pytest.raises(InvalidInputError, match="More than one"):
        bundles.get(bundle.digest[:15])
    assert bundles.get(bundle.digest) == bundle


def test_source_text_is_read_back(bundles: BundleStore) -> None:
    bundle = make(bundles, source={"score.py": SCORE, "raw": b"\xff"})
    assert bundles.read_text(bundle, "score.py").encode() == SCORE
    with pytest.raises(NotFoundError, match=r"score\.py"):
        bundles.read_text(bundle, "scores.py")
    with pytest.raises(InvalidInputError, match="not UTF-8"):
        bundles.read_text(bundle, "raw")


def test_verify_names_what_is_damaged(bundles: BundleStore, store: Store, models: ModelRegistry, files: Path) -> None:
    bundle = make(bundles, models=[models.register(files / "ridge.pkl", "ridge")])
    bundles.verify(bundle)
    entry = bundle.models[0].tree.files[0]
    blob = store.blobs.path(entry.digest)
    blob.chmod(0o644)
    blob.write_bytes(b"RIDGE" * 100)
    with pytest.raises(CorruptStoreError, match=r"azureml-models/ridge/1/ridge\.pkl") as caught:
        bundles.verify(bundle)
    assert caught.value.details["files"] == ["azureml-models/ridge/1/ridge.pkl"]
    blob.unlink()
    with pytest.raises(CorruptStoreError, match="missing"):
        bundles.verify(bundle)


def test_a_bundle_outlives_its_models(bundles: BundleStore, models: ModelRegistry, files: Path, tmp_path: Path) -> None:
    model = models.register(files / "ridge.pkl", "ridge")
    bundle = make(bundles, models=[model])
    with pytest.raises(InUseError, match="bundle sha256:"):
        models.delete(model)
    models.in_use_by = lambda _: []
    models.delete(model)
    assert bundles.gc(grace_s=0) == (0, 0)
    shutil.rmtree(files)
    bundles.verify(bundle)
    assert make(bundles, models=bundles.get(bundle.digest).models) == bundle


def test_gc_removes_what_nothing_refers_to(
    bundles: BundleStore, store: Store, models: ModelRegistry, files: Path
) -> None:
    model: Model = models.register(files / "ridge.pkl", "ridge")
    bundle = make(bundles, models=[model])
    models.in_use_by = lambda _: []
    kept = store.blobs.add_bytes(b"kept by another owner")
    with store.write() as db:
        db.execute("INSERT INTO blob_refs VALUES ('environment:x', ?)", (kept.digest,))
    models.delete(model)
    bundles.in_use_by = lambda digest: ["service diabetes revision 1"] if digest == bundle.digest else []
    with pytest.raises(InUseError, match="service diabetes"):
        bundles.delete(bundle.digest)
    bundles.in_use_by = None
    bundles.delete(bundle.digest)
    bundles.delete(bundle.digest)
    assert bundles.list() == []
    assert bundles.gc() == (0, 0), "young files are left alone"
    assert bundles.gc(grace_s=0) == (2, len(SCORE) + 500)
    assert store.blobs.has(kept.digest)
    with store.read() as db:
        assert db.execute("SELECT count(*) FROM trees").fetchone()[0] == 0
    assert make(bundles, models=[models.register(files / "ridge.pkl", "ridge")])


def test_gc_waits_for_what_is_being_registered(
    bundles: BundleStore, store: Store, models: ModelRegistry, files: Path
) -> None:
    (files / "big").write_bytes(bytes(2 << 20))
    outcome: list[str] = []

    def collect(done: int, total: int) -> None:
        try:
            BundleStore(Store(store.home)).gc(grace_s=0, timeout_s=0)
        except BusyError as error:
            outcome.append(error.code)

    model = models.register(files / "big", "big", progress=collect)
    assert set(outcome) == {"busy"}
    assert models.download(model, files / "out").stat().st_size == 2 << 20


def test_a_model_whose_files_are_gone_is_refused(bundles: BundleStore, models: ModelRegistry, files: Path) -> None:
    free = models.unregistered(files / "ridge.pkl")
    assert bundles.gc(grace_s=0)[0] == 1
    with pytest.raises(NotFoundError, match="not stored any more"):
        make(bundles, models=[free])
    assert bundles.list() == []


def test_what_a_bundle_says_of_itself(bundles: BundleStore, models: ModelRegistry, files: Path) -> None:
    bundle = make(bundles, models=[models.register(files / "ridge.pkl", "ridge")])
    assert bundle.short in repr(bundle)
    assert "ridge:1" in repr(bundle)
    assert bundle.size == len(SCORE) + 500
    assert json.loads(json.dumps(bundle.to_dict()))["models"][0]["id"] == "ridge:1"


def test_names_in_both_unicode_forms_are_one(bundles: BundleStore) -> None:
    decomposed = unicodedata.normalize("NFD", "é.txt")
    assert make(bundles, source={"score.py": SCORE, decomposed: b"x"}) == make(
        bundles, source={"score.py": SCORE, "é.txt": b"x"}
    )
    with pytest.raises(InvalidInputError, match="two files"):
        make(bundles, source={"score.py": SCORE, decomposed: b"x", "é.txt": b"y"})


def test_a_bundle_model_must_be_whole(bundles: BundleStore) -> None:
    tree = make(bundles).source
    for name, version, root in (("a b", 1, "score.py"), ("a", -1, "score.py"), ("a", 1, "x/y"), ("a", 1, "other")):
        with pytest.raises(InvalidInputError):
            BundleModel(name, version, root, tree)
