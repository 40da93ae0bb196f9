"""Processes of this machine: telling one from a later one with its number, measuring and signalling them.

A pid alone is never trusted: it comes with a *token* made of the boot and the process's start time, and a signal is
sent only when the token still fits.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

LINUX = sys.platform == "linux"

#: Variable that every process of a service carries, so that nothing of it can be overlooked.
MARK = "MLDEPLOY_SERVICE_UID"


def start_token(pid: int, *, ended: bool = False) -> str | None:
    """Return a short text that only this process has had under ``pid``; None when it is gone or a zombie.

    Args:
        pid: of the process.
        ended: give it for a zombie too; for children, which keep their number until they are reaped.
    """
    if LINUX:
        fields = _stat(pid)
        if fields is None or (fields[0] in (b"Z", b"X") and not ended):
            return None
        return f"{_boot()}-{int(fields[19]):x}"
    state, _, started = _ps("stat=,lstart=", pid).partition(" ")
    return None if not started or (state.startswith("Z") and not ended) else started.strip().replace(" ", "_")


def _stat(pid: int) -> list[bytes] | None:
    """Return what Linux tells of a process after its name, the state first; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stream:  # noqa: PTH123  pathlib costs start-up time here
            return stream.read().rpartition(b")")[2].split() or None
    except OSError:
        return None


def _boot() -> str:
    global _boot_id  # noqa: PLW0603  read once per process
    if _boot_id is None:
        try:
            with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as stream:  # noqa: PTH123
                _boot_id = stream.read(8)
        except OSError:
            _boot_id = "0"
    return _boot_id


_boot_id: str | None = None


def _ps(columns: str, pid: int) -> str:
    import subprocess

    found = subprocess.run(
        ["ps", "-o", columns, "-p", str(pid)], capture_output=True, text=True, check=False, env={"LC_ALL": "C"}
    )
    return " ".join(found.stdout.split())


def is_stopped(pid: int) -> bool:
    """Return whether the process is stopped, by a signal or a debugger."""
    if LINUX:
        fields = _stat(pid)
        return fields is not None and fields[0] in (b"T", b"t")
    return _ps("stat=", pid).startswith("T")


def is_alive(pid: int, token: str | None) -> bool:
    """Return whether the very process that had ``pid`` and ``token`` is running."""
    return token is not None and start_token(pid) == token


def send_signal(pid: int, token: str | None, number: int, *, group: bool = False) -> bool:
    """Signal the process (with ``group`` the whole group that it leads) if it is still the same one.

    Returns:
        False when it is gone or its number belongs to another process now.
    """
    if token is None or pid <= 1:
        return False
    handle = _pidfd(pid)
    try:
        # The handle pins the process: if the token fits now, the signal cannot reach a later one.
        if start_token(pid) != token:
            return False
        if group and os.getpgid(pid) == pid:
            os.killpg(pid, number)
        elif handle is not None:
            signal.pidfd_send_signal(handle, number)
        else:
            os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    finally:
        if handle is not None:
            os.close(handle)
    return True


def _pidfd(pid: int) -> int | None:
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def marked(uid: str) -> list[tuple[int, str]]:
    """Return (pid, token) of all processes that carry the service's mark in their environment.

    Only Linux shows another process's environment; elsewhere the list is empty and the recorded pids must do.
    """
    if not LINUX:
        return []
    wanted = f"{MARK}={uid}".encode()
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208
        if not name.isdecimal() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as stream:  # noqa: PTH123
                if wanted not in stream.read().split(b"\0"):
                    continue
        except OSError:
            continue
        token = start_token(int(name))
        if token is not None:
            found.append((int(name), token))
    return found


def family(pid: int) -> Iterator[int]:
    """Yield ``pid`` and its descendants (Linux; elsewhere ``pid`` alone)."""
    yield pid
    if not LINUX:
        return
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208
    except OSError:
        return
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as stream:  # noqa: PTH123
                children = stream.read().split()
        except OSError:
            continue
        for child in children:
            yield from family(int(child))


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process in bytes, 0 when it is gone."""
    if LINUX:
        try:
            with open(f"/proc/{pid}/statm", "rb") as stream:  # noqa: PTH123
                return int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            return 0
    found = _ps("rss=", pid)
    return int(found) * 1024 if found.isdecimal() else 0


def memory_bytes(pid: int) -> int:
    """Return a process's share of the memory in bytes: pages that several processes have count in part for each."""
    if LINUX:
        try:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as stream:  # noqa: PTH123
                for line in stream:
                    if line.startswith(b"Pss:"):
                        return int(line.split()[1]) * 1024
        except OSError:
            return 0
    return resident_bytes(pid)


def reap() -> Iterator[tuple[int, int, int]]:
    """Yield (pid, exit code, largest resident size in KiB) of every child that has ended.

    What a child leaves in a process group of its own is killed first: while the ended child is not reaped, its number
    cannot belong to anybody else.
    """
    while True:
        try:
            if hasattr(os, "waitid"):
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
                if ended is None:
                    return
                _end_group(ended.si_pid)
                pid, status, usage = os.wait4(ended.si_pid, 0)
            else:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    return
        except ChildProcessError:
            return
        size = usage.ru_maxrss if LINUX else usage.ru_maxrss // 1024
        yield pid, os.waitstatus_to_exitcode(status), size


def _end_group(leader: int) -> None:
    try:
        if os.getpgid(leader) == leader and leader != os.getpgid(0):
            os.killpg(leader, signal.SIGKILL)
    except OSError:
        return


def adopt_orphans() -> bool:
    """Become the parent of descendants whose own parent is killed, so that their end can be explained.

    Returns:
        Whether the system knows how to (Linux does).
    """
    if not LINUX:
        return False
    import ctypes

    set_child_subreaper = 36
    return bool(ctypes.CDLL(None).prctl(set_child_subreaper, 1, 0, 0, 0) == 0)


def explain_exit(code: int) -> tuple[str, str | None]:
    """Turn ``os.waitstatus_to_exitcode``'s number into words: what happened, and what it often means.

    >>> explain_exit(0)
    ('ended by itself (exit code 0)', 'something called sys.exit() or os._exit()')
    """
    meanings = {
        signal.SIGSEGV: "native code crashed: an extension module, ctypes, or a package built for another version",
        signal.SIGABRT: "native code gave up: the last log lines usually say why",
        signal.SIGBUS: "a memory-mapped file was cut short, or shared memory ran out",
        signal.SIGILL: "a package was built for a processor with more instructions than this one has",
        signal.SIGKILL: "often the machine ran out of memory; `dmesg` shows it",
        signal.SIGFPE: "native code divided by zero",
        signal.SIGTERM: "another process asked it to end",
    }
    if code < 0 or 128 < code < 160:
        number = -code if code < 0 else code - 128
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = f"signal {number}"
        return f"was killed by {name}", meanings.get(number)  # type: ignore[call-overload]
    if code == 0:
        return "ended by itself (exit code 0)", "something called sys.exit() or os._exit()"
    return f"ended with exit code {code}", None


def port_owner(port: int) -> str | None:
    """Return who listens on a TCP port of this machine, as ``name (pid 123)``, or None when it cannot be seen."""
    if not LINUX:
        return None
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as stream:  # noqa: PTH123
                rows = [line.split() for line in stream.readlines()[1:]]
        except OSError:
            continue
        inodes |= {row[9] for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port}
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for name in os.listdir("/proc") if wanted else ():  # noqa: PTH208
        if not name.isdecimal():
            continue
        try:
            descriptors = os.listdir(f"/proc/{name}/fd")  # noqa: PTH208
        except OSError:
            continue
        for descriptor in descriptors:
            try:
                if os.readlink(f"/proc/{name}/fd/{descriptor}") in wanted:  # noqa: PTH115
                    return f"{_describe(int(name))} (pid {name})"
            except OSError:
                continue
    return None


def _describe(pid: int) -> str:
    """Name a process by what it is to people: one of our services by its name, others by their command."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as stream:  # noqa: PTH123
            for item in stream.read().split(b"\0"):
                if item.startswith(b"MLDEPLOY_SERVICE_NAME="):
                    return f"the service {item.partition(b'=')[2].decode(errors='replace')!r}"
    except OSError:
        pass
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as stream:  # noqa: PTH123
            return stream.read().strip()
    except OSError:
        return "a process"
