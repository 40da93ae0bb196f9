"""Directories for work in progress that vanish with the work, or with the process that died over it."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .process_identity import is_alive, own_start_token
from .storage_errors import storage_errors

_NAME = re.compile(r".+-(\d+)-([0-9a-f]+)-[0-9a-f]{8}")
_UNPUBLISHED_S = 3600.0


@contextmanager
def work_dir(parent: Path, purpose: str) -> Iterator[Path]:
    """Give an empty directory ``parent/<purpose>-<pid>-<start>-<random>`` that is removed after the block.

    The directory is locked while its process lives, so that :func:`sweep` also judges rightly where process numbers
    mean nothing: in another container or on another machine that shares the file system.
    """
    label = re.sub(r"[^a-zA-Z0-9_]+", "_", purpose) or "work"
    random = os.urandom(4).hex()
    path = parent / f"{label}-{os.getpid()}-{own_start_token()}-{random}"
    unpublished = parent / f".new-{random}"
    with storage_errors(parent, "make a temporary directory"):
        parent.mkdir(mode=0o700, exist_ok=True)
        unpublished.mkdir(mode=0o700)
        # Locked first and named afterwards, so that nobody meets it unlocked.
        descriptor = os.open(unpublished, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        _try_lock(descriptor)
        unpublished.rename(path)
    owner = os.getpid()
    try:
        yield path
    finally:
        # A forked child that unwinds through here must leave its parent's work alone.
        if os.getpid() == owner:
            _remove(path)
        os.close(descriptor)


def sweep(parent: Path) -> int:
    """Remove the directories whose process is dead and return how many there were."""
    try:
        found = list(parent.iterdir())
    except OSError:
        return 0
    abandoned = [path for path in found if _is_abandoned(path)]
    for path in abandoned:
        _remove(path)
    return len(abandoned)


def _is_abandoned(path: Path) -> bool:
    match = _NAME.fullmatch(path.name)
    if match is not None and is_alive(int(match[1]), match[2]):
        return False
    try:
        if match is None and time.time() - path.stat().st_mtime < _UNPUBLISHED_S:
            return False
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return _try_lock(descriptor)
    finally:
        os.close(descriptor)


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
