"""Bundles as archives: the same bytes everywhere, and nothing in an archive is trusted."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.bundle import Bundle, BundleStore
from jupyter_mldeploy.core.model import ModelRegistry
from jupyter_mldeploy.core.storage.canonical import canonical_json
from jupyter_mldeploy.core.store import Store
from jupyter_mldeploy.errors import CorruptStoreError, InvalidInputError, MldeployError

LONG = "/".join(["a-rather-long-folder-name"] * 8) + "/größe.txt"


@pytest.fixture
def here(tmp_path: Path) -> tuple[BundleStore, Bundle]:
    store = Store(tmp_path / "here")
    (tmp_path / "ridge.pkl").write_bytes(bytes(range(256)) * 8192)
    tool = tmp_path / "tool.sh"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o700)
    bundles = BundleStore(store)
    bundle = bundles.create(
        entry_script="score.py",
        source={"score.py": b"def run(data): return data\n", LONG: b"long", "tool.sh": tool, "empty": b""},
        models=[ModelRegistry(store).register(tmp_path / "ridge.pkl", "ridge")],
        environment={"pip": ["numpy"]},
        origin={"cell": 1},
    )
    return bundles, bundle


@pytest.fixture
def there(tmp_path: Path) -> BundleStore:
    return BundleStore(Store(tmp_path / "there"))


Entry = tuple[tarfile.TarInfo, bytes]


def entries(path: Path) -> list[Entry]:
    with tarfile.open(path) as archive:
        return [(member, archive.extractfile(member).read()) for member in archive]  # type: ignore[union-attr]


def rewrite(path: Path, change: Callable[[list[Entry]], list[Entry]]) -> Path:
    changed = change(entries(path))
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for member, data in changed:
            if member.isreg():
                member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def test_there_and_back(here: tuple[BundleStore, Bundle], there: BundleStore, tmp_path: Path) -> None:
    bundles, bundle = here
    path = bundles.export(bundle, tmp_path / "bundle.tar")
    copy = there.import_(path)
    assert copy == bundle
    assert copy.digest == bundle.digest
    assert copy.origin is None, "provenance stays at home"
    assert there.get(bundle.digest) == bundle
    there.verify(copy)
    assert there.export(copy, tmp_path / "again.tar").read_bytes() == path.read_bytes()
    assert there.import_(path) == bundle
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


def test_an_archive_holds_nothing_of_the_machine(here: tuple[BundleStore, Bundle], tmp_path: Path) -> None:
    bundles, bundle = here
    found = entries(bundles.export(bundle, tmp_path / "bundle.tar"))
    names = [member.name for member, _ in found]
    assert names == ["bundle.json", *sorted(bundle.files())]
    for member, _ in found:
        assert (member.mtime, member.uid, member.gid, member.uname, member.gname) == (0, 0, 0, "", "")
        assert member.mode == (0o755 if member.name == "app/tool.sh" else 0o644)


def test_export_replaces_the_archive_of_that_name(here: tuple[BundleStore, Bundle], tmp_path: Path) -> None:
    bundles, bundle = here
    (tmp_path / "bundle.tar").write_text("older")
    assert bundles.import_(bundles.export(bundle, tmp_path / "bundle.tar")) == bundle


def test_a_compressed_archive_is_read_too(here: tuple[BundleStore, Bundle], there: BundleStore, tmp_path: Path) -> None:
    bundles, bundle = here
    data = bundles.export(bundle, tmp_path / "bundle.tar").read_bytes()
    (tmp_path / "bundle.tar.gz").write_bytes(gzip.compress(data))
    assert there.import_(tmp_path / "bundle.tar.gz") == bundle


def test_damage_in_the_store_is_not_exported(here: tuple[BundleStore, Bundle], tmp_path: Path) -> None:
    bundles, bundle = here
    blob = bundles._store.blobs.path(bundle.models[0].tree.files[0].digest)
    blob.chmod(0o644)
    data = bytearray(blob.read_bytes())
    for change in (lambda: data.__setitem__(5, 255 - data[5]), lambda: data.__delitem__(slice(100, None))):
        change()
        blob.write_bytes(data)
        with pytest.raises(CorruptStoreError):
            bundles.export(bundle, tmp_path / "bundle.tar")
    blob.unlink()
    with pytest.raises(CorruptStoreError, match="missing"):
        bundles.export(bundle, tmp_path / "bundle.tar")
    assert not (tmp_path / "bundle.tar").exists()


def member(name: str, data: bytes = b"x", **changes: Any) -> Entry:
    info = tarfile.TarInfo(name)
    for key, value in changes.items():
        setattr(info, key, value)
    return info, data


def flip(found: list[Entry], index: int) -> list[Entry]:
    info, data = found[index]
    return [*found[:index], (info, bytes([data[0] ^ 1]) + data[1:]), *found[index + 1 :]]


def manifest(found: list[Entry], change: Callable[[Any], None], *, canonical: bool = True) -> list[Entry]:
    value = json.loads(found[0][1])
    change(value)
    data = canonical_json(value) if canonical else json.dumps(value).encode()
    return [(found[0][0], data), *found[1:]]


EVIL: dict[str, Callable[[list[Entry]], list[Entry]]] = {
    "outside": lambda found: [*found, member("../../evil")],
    "absolute": lambda found: [*found, member("/etc/evil")],
    "unannounced": lambda found: [*found, member("app/evil.py")],
    "doubled": lambda found: [*found, found[1]],
    "link": lambda found: [
        *[entry for entry in found if entry[0].name != "app/empty"],
        member("app/empty", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    ],
    "hard link": lambda found: [
        *[entry for entry in found if entry[0].name != "app/empty"],
        member("app/empty", b"", type=tarfile.LNKTYPE, linkname="app/score.py"),
    ],
    "device": lambda found: [*found, member("app/null", b"", type=tarfile.CHRTYPE)],
    "lacking": lambda found: found[:-1],
    "changed file": lambda found: flip(found, len(found) - 1),
    "longer file": lambda found: [*found[:-1], (found[-1][0], found[-1][1] + b"x")],
    "no description": lambda found: found[1:],
    "description last": lambda found: [*found[1:], found[0]],
    "not json": lambda found: [(found[0][0], b"{"), *found[1:]],
    "not canonical": lambda found: manifest(found, lambda _: None, canonical=False),
    "later format": lambda found: manifest(found, lambda value: value.update(format=2)),
    "path outside": lambda found: manifest(
        found, lambda value: value["trees"][value["manifest"]["source"]][0].update(path="../x")
    ),
    "model outside": lambda found: manifest(found, lambda value: value["manifest"]["models"][0].update(name="../../x")),
    "other tree": lambda found: manifest(
        found, lambda value: value["trees"][value["manifest"]["source"]][0].update(size=1)
    ),
    "no tree": lambda found: manifest(found, lambda value: value["trees"].clear()),
    "surplus": lambda found: manifest(found, lambda value: value["manifest"].update(extra=1)),
    "wrong types": lambda found: manifest(found, lambda value: value["manifest"].update(models=7)),
    "no environment": lambda found: manifest(found, lambda value: value["manifest"].update(environment=[])),
    "deep": lambda found: [(found[0][0], b"[" * 100_000), *found[1:]],
    "empty": lambda _: [],
}


@pytest.mark.parametrize("name", EVIL)
def test_an_archive_that_lies_is_refused_and_leaves_nothing(
    here: tuple[BundleStore, Bundle], there: BundleStore, tmp_path: Path, name: str
) -> None:
    bundles, bundle = here
    path = rewrite(bundles.export(bundle, tmp_path / "bundle.tar"), EVIL[name])
    with pytest.raises((CorruptStoreError, InvalidInputError)) as caught:
        there.import_(path)
    assert "\n" not in caught.value.message
    assert there.list() == []
    left = [entry for entry in (tmp_path / "there").rglob("*") if entry.is_file() and "blobs" in entry.parts]
    assert left == []
    assert not (tmp_path / "evil").exists()


def test_a_file_that_is_no_archive(there: BundleStore, here: tuple[BundleStore, Bundle], tmp_path: Path) -> None:
    bundles, bundle = here
    whole = bundles.export(bundle, tmp_path / "bundle.tar").read_bytes()
    for content in (b"", b"just text", whole[:700], whole[: len(whole) // 2]):
        (tmp_path / "part.tar").write_bytes(content)
        with pytest.raises(MldeployError, match=r"part\.tar"):
            there.import_(tmp_path / "part.tar")
    with pytest.raises(InvalidInputError, match="No such file"):
        there.import_(tmp_path / "nothing.tar")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        there.import_(tmp_path)
    assert there.list() == []
