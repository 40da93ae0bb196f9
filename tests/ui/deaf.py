"""Starts a program that hears nothing of network interfaces: ``python deaf.py PROGRAM [ARGUMENT …]``.

Chromium gives up every request that waits for a connection when an address of its machine comes or goes
(``net::ERR_NETWORK_CHANGED``), to 127.0.0.1 as well. The tests' containers and pods make such addresses all the time,
and what JupyterLab itself loses then (a theme, a notebook, a kernel) it does not ask for again. Without netlink sockets
Chromium takes the network for unchanging. What our own extension does about lost requests has a test of its own.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from errno import EAFNOSUPPORT
from pathlib import Path
from socket import AF_NETLINK
from struct import pack

#: Per machine: the number by which seccomp(2) knows its system calls, and that of socket(2).
SYSTEM_CALLS = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERROR = 0x7FFF0000, 0x00050000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def refuse_netlink() -> None:
    """Let this process and those that it starts open no netlink sockets; elsewhere than on Linux do nothing."""
    if sys.platform != "linux" or platform.machine() not in SYSTEM_CALLS:
        return
    architecture, socket = SYSTEM_CALLS[platform.machine()]
    steps = [
        (LOAD, 0, 0, 4),
        (JUMP_EQUAL, 0, 5, architecture),
        (LOAD, 0, 0, 0),
        (JUMP_EQUAL, 0, 3, socket),
        (LOAD, 0, 0, 16),
        (JUMP_EQUAL, 0, 1, AF_NETLINK),
        (RETURN, 0, 0, ERROR | EAFNOSUPPORT),
        (RETURN, 0, 0, ALLOW),
    ]
    program = _Program(len(steps), b"".join(pack("HBBI", *step) for step in steps))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0
    ):
        print("deaf.py: the kernel takes no filter; network changes will be heard", file=sys.stderr)


def launcher(folder: Path, program: str) -> Path:
    """Write a script that starts a program so, for who can name a program only."""
    found = folder / "deaf"
    found.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" "{program}" "$@"\n')
    found.chmod(0o755)
    return found


if __name__ == "__main__":
    refuse_netlink()
    os.execv(sys.argv[1], sys.argv[1:])
