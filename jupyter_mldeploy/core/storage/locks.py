"""Locks between processes that the operating system releases when their holder dies."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import BusyError
from .failures import storage_errors
from .process_identity import is_alive, own_start_token


@contextmanager
def hold(path: Path, what: str, *, shared: bool = False, timeout_s: float = 0.0) -> Iterator[None]:
    """Hold ``path`` locked for the block, against other processes and other threads of this one.

    Several may hold it ``shared`` at once; an exclusive holder is alone. It is not re-entrant: a thread that asks
    again for an exclusive lock that it holds gets BusyError. The file stays behind, empty or naming its last holder:
    removing it would let two processes lock two different files of the same name.

    Args:
        path: the lock file; its directory must exist.
        what: what is locked, for the message, as in "service 'diabetes'".
        shared: allow other shared holders.
        timeout_s: seconds to wait for the present holder; 0 does not wait.

    Raises:
        BusyError: someone else held the lock all the time.
        StoreError: the lock file cannot be made, or the file system has no locks.
    """
    with storage_errors(path, f"lock {what}"):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    owner = os.getpid()
    try:
        _acquire(descriptor, path, what, shared=shared, timeout_s=timeout_s)
        try:
            if not shared:
                _sign(descriptor, f"{owner} {own_start_token()}")
            yield
        finally:
            # A forked child shares its parent's lock: it may close the file, but not unlock what the parent holds.
            if os.getpid() == owner:
                if not shared:
                    _sign(descriptor, "")
                fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: Path, what: str, *, shared: bool, timeout_s: float) -> None:
    mode = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB
    deadline = time.monotonic() + timeout_s
    pause = 0.002
    while True:
        try:
            with storage_errors(path, f"lock {what}"):
                try:
                    fcntl.flock(descriptor, mode)
                except OSError as error:
                    if error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN):
                        raise
                else:
                    return
        except InterruptedError:
            continue
        left = deadline - time.monotonic()
        if left <= 0:
            waited = f" for {timeout_s:g} s" if timeout_s > 0 else ""
            raise BusyError(
                f"{what[:1].upper()}{what[1:]} is being changed by {_holder(descriptor)}{waited}.",
                hint="Wait for it to end, then try again.",
                details={"what": what, "lock": str(path)},
            )
        time.sleep(min(pause, left))
        pause = min(pause * 2, 0.05)


def _sign(descriptor: int, text: str) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)
    except OSError:
        # Only the message to others gets poorer, for example on a full disk.
        return


def _holder(descriptor: int) -> str:
    # A killed holder cannot take its name off the file, so what stands there is checked.
    pid, _, token = os.pread(descriptor, 80, 0).decode("ascii", "replace").partition(" ")
    if not pid.isdigit() or not is_alive(int(pid), token):
        return "another process"
    return "another part of this process" if int(pid) == os.getpid() else f"process {pid}"
