"""Locks between processes and threads, temporary directories, and telling processes apart."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from jupyter_mldeploy.core.storage.process_identity import (
    _own_start_token,
    is_alive,
    own_start_token,
    start_token,
)
from jupyter_mldeploy.core.store import Store
from jupyter_mldeploy.errors import BusyError
from tests.patience import FACTOR


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "a" / "home")


def test_a_lock_is_exclusive_between_threads_and_names_its_holder(store: Store) -> None:
    with store.lock("service diabetes"):
        expected = "Service diabetes is being changed by another part of this process"
        with pytest.raises(BusyError, match=expected), store.lock("service diabetes"):
            pytest.fail("held twice")
        with store.lock("service other/../name"):
            pass
    with store.lock("service diabetes"):
        pass
    assert all(path.parent == store.home / "locks" for path in (store.home / "locks").iterdir())


def test_a_lock_waits_as_long_as_asked(store: Store) -> None:
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with store.lock("x"):
            held.set()
            release.wait(20 * FACTOR)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(20 * FACTOR)
    with pytest.raises(BusyError, match=r"for 0\.05 s"), store.lock("x", timeout_s=0.05):
        pytest.fail("held twice")
    threading.Timer(0.05, release.set).start()
    with store.lock("x", timeout_s=20 * FACTOR):
        pass
    thread.join(20 * FACTOR)


HOLDER = """
import sys
from jupyter_mldeploy.core.store import Store
store = Store(sys.argv[1])
with store.lock("x"), store.tmp_dir("job") as path:
    (path / "part").write_text("half done")
    print(path, flush=True)
    sys.stdin.read()
"""


def test_a_killed_holder_loses_lock_and_temporary_directory(store: Store) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, store.home], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    path = Path(process.stdout.readline().strip())
    assert path.parent == store.home / "tmp"
    assert path.name.startswith(f"job-{process.pid}-")
    with pytest.raises(BusyError, match=f"process {process.pid}"), store.lock("x"):
        pytest.fail("held twice")
    Store(store.home)
    assert path.is_dir(), "the directory of a living process was swept"
    process.kill()
    process.communicate()
    with store.lock("x"):
        pass
    assert path.is_dir()
    Store(store.home)
    assert not path.exists()


def test_content_is_added_together_but_not_while_garbage_is_collected(store: Store) -> None:
    other = Store(store.home)
    with (
        store.adding_content(), other.adding_content(), store.adding_content(),
        pytest.raises(BusyError), other.collecting_garbage(),
    ):  # fmt: skip
        pytest.fail("collected garbage during an addition")
    with other.collecting_garbage(), pytest.raises(BusyError), store.collecting_garbage():
        pytest.fail("collected garbage twice")


def test_a_temporary_directory_goes_with_its_block(store: Store) -> None:
    def fail() -> None:
        with store.tmp_dir("a purpose/..") as path:
            assert path.parent == store.home / "tmp"
            assert stat.S_IMODE(path.stat().st_mode) == 0o700
            (path / "sub").mkdir()
            (path / "sub" / "file").write_text("x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert list((store.home / "tmp").iterdir()) == []


def test_a_reused_process_number_does_not_protect_what_is_left(store: Store) -> None:
    parent = store.home / "tmp"
    parent.mkdir(exist_ok=True)
    mine = parent / f"job-{os.getpid()}-{own_start_token()}-00000000"
    reused = parent / f"job-{os.getpid()}-{own_start_token()[::-1]}0-00000000"
    foreign = parent / "something of the user's"
    for path in (mine, reused, foreign):
        path.mkdir()
    Store(store.home)
    assert (mine.is_dir(), reused.is_dir(), foreign.is_dir()) == (True, False, True)


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_process_identity(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if platform != sys.platform and (sys.platform != "linux" or shutil.which("ps") is None):
        pytest.skip("the other system's way cannot be tried here")
    monkeypatch.setattr("jupyter_mldeploy.core.storage.process_identity.sys.platform", platform)
    _own_start_token.cache_clear()
    try:
        identify()
    finally:
        _own_start_token.cache_clear()


def identify() -> None:
    assert is_alive(os.getpid(), own_start_token())
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    token = start_token(process.pid)
    assert token is not None
    assert is_alive(process.pid, token)
    assert not is_alive(process.pid, token + "0")
    process.kill()
    # Dead, but not waited for yet: a zombie counts as gone.
    deadline = time.monotonic() + 20 * FACTOR
    while is_alive(process.pid, token):
        assert time.monotonic() < deadline
    process.communicate()
    assert start_token(process.pid) is None
