"""The store: opening, transactions, threads, forks."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from jupyter_mldeploy.core.storage import connections, migrations
from jupyter_mldeploy.core.store import Store
from jupyter_mldeploy.errors import CorruptStoreError, StoreError
from tests.patience import FACTOR


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "a" / "home")


def put(store: Store, name: str) -> None:
    with store.write() as db:
        db.execute("INSERT INTO model_counters VALUES (?, 1)", (name,))


def names(store: Store) -> list[str]:
    with store.read() as db:
        return [row["name"] for row in db.execute("SELECT name FROM model_counters ORDER BY name")]


def test_home_is_made_private(store: Store) -> None:
    assert stat.S_IMODE(store.home.stat().st_mode) == 0o700
    assert store.home.is_absolute()
    with store.read() as db:
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert db.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert db.execute("PRAGMA foreign_keys").fetchone()[0] == 1
        assert migrations.schema_version(db) == migrations.LATEST


def test_what_is_written_is_read_by_the_next(store: Store) -> None:
    put(store, "x")
    assert names(Store(store.home)) == ["x"]
    store.close()
    assert names(store) == ["x"]


def test_an_exception_undoes_the_transaction(store: Store) -> None:
    def interrupted() -> None:
        with store.write():
            put(store, "x")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert names(store) == []
    put(store, "y")


def test_a_nested_write_joins_and_undoes_only_itself(store: Store) -> None:
    def fail() -> None:
        with store.write():
            put(store, "inner")
            raise ValueError("inner")

    with store.write():
        put(store, "outer")
        with pytest.raises(ValueError, match="inner"):
            fail()
        put(store, "second")
        assert names(Store(store.home)) == []
        assert names(store) == ["outer", "second"]
    assert names(Store(store.home)) == ["outer", "second"]


def test_a_read_sees_one_state(store: Store) -> None:
    put(store, "a")
    with store.read() as db:
        put(Store(store.home), "b")
        put(store, "c")
        with store.read() as again:
            assert again is db
        assert names(store) == ["a"]
    assert names(store) == ["a", "b", "c"]


def test_mistakes_in_statements_are_not_dressed_up(store: Store) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"), store.write() as db:
        db.execute("SELECT * FROM no_such")
    put(store, "x")
    with pytest.raises(sqlite3.IntegrityError):
        put(store, "x")


def test_a_busy_catalogue_ends_in_a_sentence(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BUSY_WAIT_S", 0.0)
    monkeypatch.setattr(connections, "_BUSY_SLICE_S", 0.01)
    other = Store(store.home)
    with store.write():
        with pytest.raises(StoreError, match="busy for too long") as caught, other.write():
            pytest.fail("two writers at once")
        assert str(store.home) in caught.value.message
        assert caught.value.hint
        assert names(other) == []
    put(other, "x")


def test_a_writer_waits_for_the_one_before(store: Store) -> None:
    inside, done = threading.Event(), threading.Event()

    def second() -> None:
        inside.wait()
        put(store, "second")
        done.set()

    thread = threading.Thread(target=second)
    thread.start()
    with store.write() as db:
        inside.set()
        assert not done.wait(0.2)
        db.execute("INSERT INTO model_counters VALUES ('first', 1)")
    thread.join(20 * FACTOR)
    assert names(store) == ["first", "second"]


def test_many_threads_share_one_store(store: Store) -> None:
    def work(number: int) -> None:
        for index in range(10):
            put(store, f"{number}-{index}")
            assert f"{number}-{index}" in names(store)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60 * FACTOR)
    assert len(names(store)) == 80


def test_a_forked_child_uses_its_own_connections(store: Store) -> None:
    put(store, "parent")
    with store.read():
        child = os.fork()
        if child == 0:
            try:
                put(store, "child")
                os._exit(0 if names(store) == ["child", "parent"] else 1)
            except BaseException:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert names(store) == ["parent"]
    assert names(store) == ["child", "parent"]


def test_a_newer_catalogue_is_refused(store: Store) -> None:
    with store.write() as db:
        db.execute("PRAGMA user_version = 99999")
    with pytest.raises(StoreError, match="a newer jupyter_mldeploy") as caught:
        Store(store.home)
    assert "Upgrade" in str(caught.value)


def test_an_older_catalogue_is_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Store(tmp_path)
    put(first, "kept")
    number = migrations.LATEST + 1
    monkeypatch.setattr(
        migrations,
        "MIGRATIONS",
        (*migrations.MIGRATIONS, (number, "CREATE TABLE later (x); INSERT INTO later VALUES (7);")),
    )
    monkeypatch.setattr(migrations, "LATEST", number)
    monkeypatch.setattr("jupyter_mldeploy.core.store.LATEST", number)
    second = Store(tmp_path)
    assert names(second) == ["kept"]
    with second.read() as db:
        assert db.execute("SELECT x FROM later").fetchone()[0] == 7


def test_a_failing_migration_leaves_the_old_schema(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(tmp_path).close()
    before = migrations.LATEST
    monkeypatch.setattr(
        migrations, "MIGRATIONS", (*migrations.MIGRATIONS, (before + 1, "CREATE TABLE later (x); SELECT nonsense;"))
    )
    monkeypatch.setattr("jupyter_mldeploy.core.store.LATEST", before + 1)
    with pytest.raises(sqlite3.OperationalError):
        Store(tmp_path)
    monkeypatch.undo()
    with Store(tmp_path).read() as db:
        assert migrations.schema_version(db) == before
        assert db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'later'").fetchone()[0] == 0


def test_migrations_are_numbered_one_by_one() -> None:
    assert [number for number, _ in migrations.MIGRATIONS] == list(range(1, migrations.LATEST + 1))


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "catalogue.db") as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    before = (tmp_path / "catalogue.db").read_bytes()
    with pytest.raises(StoreError, match="another program"):
        Store(tmp_path)
    assert (tmp_path / "catalogue.db").read_bytes() == before


@pytest.mark.parametrize("content", [b"this is no database, whatever its name says" * 100, b"\0" * 4096])
def test_a_damaged_catalogue_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "catalogue.db").write_bytes(content)
    with pytest.raises(CorruptStoreError, match=r"catalogue\.db is damaged") as caught:
        Store(tmp_path)
    assert ".recover" in str(caught.value)


def test_damage_in_the_middle_is_named_when_it_is_met(store: Store) -> None:
    for index in range(300):
        put(store, f"{index:0200}")
    store.close()
    path = store.home / "catalogue.db"
    data = bytearray(path.read_bytes())
    for page in range(2, len(data) // 4096):
        data[page * 4096 : page * 4096 + 512] = b"\xff" * 512
    path.write_bytes(data)
    with pytest.raises(CorruptStoreError):
        names(Store(store.home))


def test_an_empty_catalogue_file_is_filled(tmp_path: Path) -> None:
    (tmp_path / "catalogue.db").touch()
    assert names(Store(tmp_path)) == []


def test_a_home_that_is_a_file_or_lies_below_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for home in (tmp_path / "file", tmp_path / "file" / "home"):
        with pytest.raises(StoreError, match="open the workspace"):
            Store(home)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    for home in (tmp_path, tmp_path / "below"):
        with pytest.raises(StoreError, match="MLDEPLOY_HOME"):
            Store(home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_home_on_a_read_only_file_system(tmp_path: Path) -> None:
    Store(tmp_path).close()
    if subprocess.run(["mount", "--bind", tmp_path, tmp_path], check=False, capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", tmp_path], check=True, capture_output=True)
        with pytest.raises(StoreError, match="MLDEPLOY_HOME"):
            Store(tmp_path)
        with pytest.raises(StoreError, match="MLDEPLOY_HOME"):
            Store(tmp_path / "below")
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_catalogue_removed_under_way_acknowledges_nothing(store: Store) -> None:
    put(store, "x")
    (store.home / "catalogue.db").unlink()
    with pytest.raises(StoreError, match="removed or replaced"):
        put(store, "y")
    with pytest.raises(StoreError, match="removed or replaced"):
        names(store)
