"""Telling a process apart from a later one that was given the same number."""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any


def start_token(pid: int) -> str | None:
    """Return a short text that only this process has had under ``pid``, or None when it is gone or a zombie.

    On Linux it is made of the boot and the start time in clock ticks, elsewhere of what ``ps`` calls the start time.
    """
    if sys.platform == "linux":
        try:
            # The command name is in parentheses and may itself hold spaces and parentheses, so split after the last.
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        except OSError:
            return None
        state, started = fields[0], fields[19]
        return None if state in (b"Z", b"X") else f"{_boot()}{int(started):x}"
    import subprocess

    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, check=False, env={"LC_ALL": "C"}
    ).stdout.split(None, 1)
    if len(answer) != 2 or answer[0].startswith(b"Z"):
        return None
    return hashlib.sha256(answer[1].strip()).hexdigest()[:12]


def own_start_token() -> str:
    """Return :func:`start_token` of the running process."""
    return _own_start_token(os.getpid())


def is_alive(pid: int, token: str) -> bool:
    """Return whether the process that had ``pid`` and ``token`` is still running on this machine."""
    return start_token(pid) == token


def own_identity() -> dict[str, str | int]:
    """Return what tells the running process from all others, on other machines too: host, pid and token, for JSON."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "token": own_start_token()}


def has_ended(identity: Mapping[str, Any]) -> bool:
    """Return whether a process (:func:`own_identity`) is known to be dead: it ran on this machine and is no more."""
    if identity.get("host") != socket.gethostname():
        return False
    pid = str(identity.get("pid") or 0)
    return pid.isdecimal() and not is_alive(int(pid), str(identity.get("token")))


@lru_cache(maxsize=1)
def _own_start_token(pid: int) -> str:
    # Cached by pid, because a forked child must not take its parent's token.
    return start_token(pid) or "0"


@lru_cache(maxsize=1)
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii")[:8]
    except OSError:
        return "0" * 8
