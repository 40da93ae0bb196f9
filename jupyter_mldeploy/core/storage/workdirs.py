"""Directories for work in progress that vanish with the work, or with the process that died over it."""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .failures import storage_errors
from .process_identity import is_alive, own_start_token

_NAME = re.compile(r".+-(\d+)-([0-9a-f]+)-[0-9a-f]{8}")


@contextmanager
def work_dir(parent: Path, purpose: str) -> Iterator[Path]:
    """Give an empty directory ``parent/<purpose>-<pid>-<start>-<random>`` that is removed after the block.

    The directory is locked while its process lives, so that :func:`sweep` also judges rightly where process numbers
    mean nothing: in another container or on another machine that shares the file system.
    """
    with storage_errors(parent, "make a temporary directory"):
        parent.mkdir(mode=0o700, exist_ok=True)
        path, descriptor = _make(parent, f"{_label(purpose)}-{os.getpid()}-{own_start_token()}")
    owner = os.getpid()
    try:
        yield path
    finally:
        # A forked child that unwinds through here must leave its parent's work alone.
        if os.getpid() == owner:
            _remove(path)
        os.close(descriptor)


def sweep(parent: Path, purpose: str = "") -> int:
    """Remove the directories (of one purpose) whose process is dead and return how many there were."""
    prefix = f"{_label(purpose)}-" if purpose else ""
    try:
        found = [path for path in parent.iterdir() if path.name.startswith(prefix)]
    except OSError:
        return 0
    return sum(_remove_abandoned(path) for path in found)


def _label(purpose: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_.]+", "_", purpose) or "work"


def _make(parent: Path, prefix: str) -> tuple[Path, int]:
    while True:
        path = parent / f"{prefix}-{os.urandom(4).hex()}"
        path.mkdir(mode=0o700)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        # Somebody to whom our process number means nothing may have swept it before it was locked.
        if _try_lock(descriptor) and os.fstat(descriptor).st_nlink > 0 and path.exists():
            return path, descriptor
        os.close(descriptor)


def _remove_abandoned(path: Path) -> bool:
    match = _NAME.fullmatch(path.name)
    if match is None or is_alive(int(match[1]), match[2]):
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if not _try_lock(descriptor):
            return False
        # Removed while it is locked, so that its maker notices instead of working in a directory that vanishes.
        _remove(path)
    finally:
        os.close(descriptor)
    return True


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # A file system without locks: what the process number said has to do.
        return error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN)
    return True


def _remove(path: Path) -> None:
    import shutil

    shutil.rmtree(path, ignore_errors=True)
