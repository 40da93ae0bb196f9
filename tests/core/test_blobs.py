"""Content-addressed files: copying in, placing out, damage, garbage."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from pathlib import Path

import pytest

from jupyter_mldeploy.core.storage import blob_batch, blobs, copying
from jupyter_mldeploy.core.store import Store
from jupyter_mldeploy.errors import AlreadyExistsError, CorruptStoreError, InvalidInputError, StoreError

DATA = bytes(range(256)) * 9000  # 2.3 MB, more than two of the chunks that are read

HOUR_NS = 3600 * 10**9


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.bin"
    path.write_bytes(DATA)
    return path


def inside(store: Store) -> list[Path]:
    return sorted(path for path in (store.home / "blobs").rglob("*") if path.is_file())


def test_a_file_lies_under_its_digest_and_is_read_only(store: Store, file: Path) -> None:
    seen: list[int] = []
    blob = store.blobs.add_file(file, advance=seen.append)
    text = hashlib.sha256(DATA).hexdigest()
    assert (blob.digest, blob.size, blob.executable) == (f"sha256:{text}", len(DATA), False)
    path = store.home / "blobs" / "sha256" / text[:2] / text[2:]
    assert store.blobs.path(blob.digest) == path
    assert path.read_bytes() == DATA
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert sum(seen) == len(DATA)
    assert list((store.home / "tmp").iterdir()) == []
    store.blobs.verify(blob.digest)


def test_equal_content_is_stored_once(store: Store, file: Path) -> None:
    first = store.blobs.add_file(file)
    assert store.blobs.add_bytes(DATA).digest == first.digest
    file.chmod(0o755)
    again = store.blobs.add_file(file)
    assert (again.digest, again.executable) == (first.digest, True)
    assert len(inside(store)) == 1


def test_the_users_file_shares_nothing_that_can_change(store: Store, file: Path) -> None:
    blob = store.blobs.add_file(file)
    assert file.stat().st_nlink == 1
    with file.open("r+b") as stream:
        stream.write(b"overwritten in place")
    store.blobs.verify(blob.digest)


def test_a_file_that_grows_while_it_is_read_is_refused(store: Store, file: Path) -> None:
    def grow(_: int) -> None:
        with file.open("ab") as stream:
            stream.write(b"more")

    with pytest.raises(InvalidInputError, match="changed by another program"):
        store.blobs.add_file(file, advance=grow)
    assert inside(store) == []
    assert list((store.home / "tmp").iterdir()) == []


def test_a_file_rewritten_in_place_while_it_is_read_is_refused(store: Store, file: Path) -> None:
    os.utime(file, ns=(1, 1))

    def rewrite(_: int) -> None:
        with file.open("r+b") as stream:
            stream.write(b"x")

    with pytest.raises(InvalidInputError, match="changed by another program"):
        store.blobs.add_file(file, advance=rewrite)


def test_what_is_no_readable_file_is_refused_without_waiting(store: Store, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidInputError, match="named pipe"):
        store.blobs.add_file(tmp_path / "pipe")
    with pytest.raises(InvalidInputError, match="is a folder"):
        store.blobs.add_file(tmp_path)
    with pytest.raises(InvalidInputError, match="No such file"):
        store.blobs.add_file(tmp_path / "nothing")
    with pytest.raises(InvalidInputError, match="character device"):
        store.blobs.add_file("/dev/null")
    assert inside(store) == []


def test_a_source_that_fails_to_read_is_not_called_a_full_store(
    store: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(copying.os, "readv", fail)
    with pytest.raises(InvalidInputError, match=r"model\.bin.*cannot be read: Input/output error"):
        store.blobs.add_file(file)


def test_an_unchanged_big_file_is_not_read_again(store: Store, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The change time cannot be set back, so instead "now" is later.
    monkeypatch.setattr("jupyter_mldeploy.core.storage.file_digests._SETTLED_NS", -(10**9))
    first = store.blobs.add_file(file)
    reads: list[int] = []
    real = blob_batch.copy_hashed
    monkeypatch.setattr(blob_batch, "copy_hashed", lambda *given, **named: (reads.append(1), real(*given, **named))[1])
    seen: list[int] = []
    assert store.blobs.add_file(file, advance=seen.append).digest == first.digest
    assert (reads, sum(seen)) == ([], len(DATA))

    status = file.stat()
    file.write_bytes(DATA[::-1])
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert store.blobs.add_file(file).digest == digest_of(DATA[::-1])
    assert reads == [1]

    store.blobs.delete(first.digest)
    file.write_bytes(DATA)
    store.blobs.add_file(file)
    store.blobs.delete(first.digest)
    assert store.blobs.add_file(file).digest == first.digest
    store.blobs.verify(first.digest)


def test_a_file_just_written_is_always_read_again(store: Store, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes to store it once it was read."""
    monkeypatch.setattr("jupyter_mldeploy.core.storage.file_digests._SETTLED_NS", 10 * HOUR_NS)
    flush, now = blob_batch._flush_file, time.time_ns

    def take_long(path: Path) -> None:
        flush(path)
        monkeypatch.setattr(time, "time_ns", lambda: now() + 100 * HOUR_NS)

    monkeypatch.setattr(blob_batch, "_flush_file", take_long)
    store.blobs.add_file(file)
    assert time.time_ns() > now() + HOUR_NS
    with store.read() as db:
        assert db.execute("SELECT count(*) FROM file_digests").fetchone()[0] == 0


def test_adopting_takes_the_file_itself(store: Store, file: Path) -> None:
    inode = file.stat().st_ino
    blob = store.blobs.add_file(file, adopt=True)
    assert not file.exists()
    assert store.blobs.path(blob.digest).stat().st_ino == inode
    assert stat.S_IMODE(store.blobs.path(blob.digest).stat().st_mode) == 0o444


def test_adopting_copies_what_has_another_name(store: Store, file: Path, tmp_path: Path) -> None:
    link, twin = tmp_path / "link", tmp_path / "twin"
    link.symlink_to(file)
    blob = store.blobs.add_file(link, adopt=True)
    assert link.is_symlink()
    os.link(file, twin)
    store.blobs.add_file(file, adopt=True)
    assert file.read_bytes() == twin.read_bytes() == DATA
    assert not store.blobs.path(blob.digest).is_symlink()


def test_placing_links_first_and_copies_for_itself(store: Store, file: Path, tmp_path: Path) -> None:
    digest = store.blobs.add_file(file).digest
    linked, private, program = (tmp_path / name for name in ("linked", "private", "program"))
    assert store.blobs.place(digest, linked) == "hardlink"
    assert linked.stat().st_ino == store.blobs.path(digest).stat().st_ino
    assert store.blobs.place(digest, private, private=True) in {"copy", "reflink"}
    assert store.blobs.place(digest, program, executable=True) in {"copy", "reflink"}
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (linked, private, program)]
    assert modes == [0o444, 0o644, 0o755]
    private.write_bytes(b"mine now")
    store.blobs.verify(digest)
    with pytest.raises(AlreadyExistsError):
        store.blobs.place(digest, linked)


def test_placing_across_file_systems_copies(store: Store, file: Path) -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == store.home.stat().st_dev:
        pytest.skip("there is no second file system to write to")
    digest = store.blobs.add_file(file).digest
    dest = shared / f"mldeploy-test-{os.getpid()}"
    try:
        assert store.blobs.place(digest, dest) == "copy"
        assert dest.read_bytes() == DATA
    finally:
        dest.unlink(missing_ok=True)


def damage(store: Store, digest: str, data: bytes) -> None:
    path = store.blobs.path(digest)
    path.chmod(0o644)
    path.write_bytes(data)


def test_damage_is_found_and_healed_by_adding_again(store: Store, file: Path, tmp_path: Path) -> None:
    digest = store.blobs.add_file(file).digest
    damage(store, digest, b"short")
    with pytest.raises(CorruptStoreError, match="does not match its digest"):
        store.blobs.verify(digest)
    with pytest.raises(CorruptStoreError):
        store.blobs.read_bytes(digest)
    with pytest.raises(CorruptStoreError):
        store.blobs.place(digest, tmp_path / "out", private=True)
    assert not (tmp_path / "out").exists()
    store.blobs.add_file(file)
    store.blobs.verify(digest)


def test_a_missing_blob_is_named(store: Store, tmp_path: Path) -> None:
    digest = digest_of(b"never stored")
    for action in (
        lambda: store.blobs.verify(digest),
        lambda: store.blobs.read_bytes(digest),
        lambda: store.blobs.place(digest, tmp_path / "out"),
    ):
        with pytest.raises(CorruptStoreError, match="is missing"):
            action()
    store.blobs.delete(digest)
    with pytest.raises(StoreError):
        store.blobs.place(store.blobs.add_bytes(b"x").digest, tmp_path / "no" / "such" / "folder")


@pytest.mark.parametrize("text", ["", "sha256:", "sha256:../../etc/passwd", "md5:" + "a" * 64, "sha256:" + "A" * 64])
def test_what_is_no_digest_reaches_no_path(store: Store, text: str) -> None:
    with pytest.raises(InvalidInputError):
        store.blobs.path(text)


def test_a_folder_becomes_a_tree(store: Store, tmp_path: Path) -> None:
    root = tmp_path / "folder"
    for index in range(20):
        path = root / f"d{index % 3}" / f"f{index}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(index % 5))
    tree = store.blobs.add_tree(root, ignore=("f19",))
    assert len(tree) == 19
    assert len(inside(store)) == 5
    assert store.blobs.read_bytes(tree.by_path["d1/f7"].digest) == b"2"


def test_a_batch_that_fails_stores_nothing(store: Store, file: Path) -> None:
    def fail() -> None:
        with store.blobs.batch() as batch:
            batch.add_file(file)
            batch.add_file(file.with_name("missing"))

    with pytest.raises(InvalidInputError):
        fail()
    assert inside(store) == []


def test_garbage_goes_and_what_is_kept_or_young_stays(store: Store) -> None:
    keep, drop = store.blobs.add_bytes(b"keep"), store.blobs.add_bytes(b"drop")
    assert store.blobs.gc({keep.digest}, grace_s=60) == (0, 0)
    assert store.blobs.gc({keep.digest}) == (1, 4)
    assert store.blobs.has(keep.digest)
    assert not store.blobs.has(drop.digest)


def test_adding_again_renews_the_grace(store: Store) -> None:
    blob = store.blobs.add_bytes(b"old")
    os.utime(store.blobs.path(blob.digest), (0, 0))
    store.blobs.add_bytes(b"old")
    assert store.blobs.gc(set(), grace_s=60) == (0, 0)
    os.utime(store.blobs.path(blob.digest), (0, 0))
    assert store.blobs.gc(set(), grace_s=60) == (1, 3)


def test_blobs_module_offers_its_names() -> None:
    assert {"Blob", "BlobStore"} <= set(blobs.__all__)
