"""The supervisor's control channel: newline-delimited JSON over a Unix socket in the service's directory.

A client sends ``{"command": …, …}``; the supervisor answers any number of ``{"progress": …}`` lines and then one
``{"result": …}`` or ``{"error": {"message": …, …}}``. The socket's directory and the socket itself are open to their
owner only, and on Linux the peer's user is checked as well.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .reactor import EventLoop

#: Version of the commands; a supervisor that was started by an older installation says so instead of misreading.
PROTOCOL = 1

SOCKET = "control.sock"

#: Beginning of the names of private directories for sockets.
_PRIVATE = "mldeploy-control-"

#: Longest path that fits into sun_path everywhere (macOS has 104 bytes with the final zero, Linux 108).
_LONGEST_PATH = 103

_LONGEST_MESSAGE = 32 * 1024 * 1024


class ControlError(Exception):
    """The supervisor refused or failed; ``facts`` holds what it said besides the message."""

    def __init__(self, message: str, facts: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.facts = dict(facts or {})


class NotReachableError(ControlError):
    """No supervisor answers."""


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """Give another name of a socket's path that fits into a socket address, however deep the directory lies."""
    text = str(path)
    if len(os.fsencode(text)) <= _LONGEST_PATH:
        yield text
        return
    if sys.platform == "linux":
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield f"/proc/self/fd/{directory}/{path.name}"
        finally:
            os.close(directory)
        return
    import tempfile

    with tempfile.TemporaryDirectory(prefix="mld", dir="/tmp") as private:  # mode 0700, and short
        link = Path(private) / "s"
        link.symlink_to(path.parent)
        yield str(link / path.name)


def listen(directory: Path) -> tuple[Path, socket.socket]:
    """Open a control socket in ``directory`` and return its path; what lies there from before is replaced.

    Some file systems (of object stores, for example) hold no sockets: then it lies in a private temporary directory.
    """
    path = directory / SOCKET
    try:
        return path, _bind(path)
    except OSError:
        import tempfile

        path = Path(tempfile.mkdtemp(prefix=_PRIVATE)) / SOCKET
        return path, _bind(path)


def _bind(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with short_path(path) as name:
            server.bind(name)
        path.chmod(0o600)
        server.listen(128)  # those who gave up waiting for an answer stay in it until the supervisor gets on
    except OSError:
        server.close()
        raise
    server.setblocking(False)
    return server


def remove(path: Path) -> None:
    """Remove a control socket, and the private directory that was made for it."""
    path.unlink(missing_ok=True)
    if path.parent.name.startswith(_PRIVATE):
        with suppress(OSError):
            path.parent.rmdir()


def is_own_user(peer: socket.socket) -> bool:
    """Return whether the process at the other end runs as our user (or as root)."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True  # the directory's mode is the guard there
    _, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return uid in (os.getuid(), 0)


class Caller:
    """The supervisor's view of one client: commands come in, answers go out, nothing ever blocks.

    ``gone`` is True once the client has hung up; answers to it are dropped.
    """

    def __init__(self, loop: EventLoop, peer: socket.socket, on_command: Callable[[Caller, dict[str, Any]], None]):
        peer.setblocking(False)
        self._loop = loop
        self._peer = peer
        self._on_command = on_command
        self._incoming = bytearray()
        self._outgoing = bytearray()
        self._closing = False
        self.gone = False
        self.on_gone: Callable[[], None] | None = None
        loop.watch(peer, self._readable)

    def progress(self, step: str, message: str) -> None:
        """Tell the client how far its command is."""
        self._send({"progress": {"step": step, "message": message}})

    def result(self, **values: Any) -> None:
        """Answer the command."""
        self._send({"result": values})

    def error(self, message: str, **facts: Any) -> None:
        """Answer that the command failed."""
        self._send({"error": {"message": message, **facts}})

    def finish(self) -> None:
        """Hang up after what is still to be sent."""
        self._closing = True
        self._flush()

    def _send(self, message: dict[str, Any]) -> None:
        if not self.gone:
            self._outgoing += json.dumps(message, default=str).encode() + b"\n"
            self._flush()

    def _flush(self) -> None:
        try:
            while self._outgoing:
                sent = self._peer.send(self._outgoing)
                del self._outgoing[:sent]
        except BlockingIOError:
            self._loop.watch(self._peer, self._readable, self._flush)
            return
        except OSError:
            self._hang_up()
            return
        if self._closing:
            self._hang_up()
        elif not self.gone:
            self._loop.watch(self._peer, self._readable)

    def _readable(self) -> None:
        try:
            chunk = self._peer.recv(262_144)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        self._incoming += chunk
        if not chunk or len(self._incoming) > _LONGEST_MESSAGE:
            self._hang_up()
            return
        while (end := self._incoming.find(b"\n")) >= 0 and not self.gone:
            line = bytes(self._incoming[:end])
            del self._incoming[: end + 1]
            try:
                command = json.loads(line)
            except ValueError:
                command = None
            if isinstance(command, dict):
                self._on_command(self, command)
            else:
                self.error("A command must be a JSON object on one line.")

    def _hang_up(self) -> None:
        if not self.gone:
            self.gone = True
            self._loop.forget(self._peer)
            self._peer.close()
            if self.on_gone is not None:
                self.on_gone()


class ControlClient:
    """A frontend's view of a supervisor. One command at a time; use it as a context manager."""

    def __init__(self, peer: socket.socket) -> None:
        peer.setblocking(False)
        self._peer = peer
        self._incoming = bytearray()

    @classmethod
    def connect(cls, path: Path) -> ControlClient:
        """Connect to the supervisor whose control socket is at ``path``.

        Raises:
            NotReachableError: none listens there.
            TimeoutError: one does, and takes no calls now: too many wait for it.
        """
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with short_path(path) as name:
                peer.settimeout(5)
                peer.connect(name)
        except (BlockingIOError, TimeoutError) as error:
            peer.close()
            raise TimeoutError(f"the supervisor at {path} takes no calls") from error
        except OSError as error:
            peer.close()
            raise NotReachableError(f"no supervisor answers at {path}: {error.strerror or error}") from error
        return cls(peer)

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up. Idempotent."""
        self._peer.close()

    def call(
        self,
        command: str,
        *,
        timeout_s: float,
        on_progress: Callable[[str, str], None] | None = None,
        check: Callable[[], None] | None = None,
        **arguments: Any,
    ) -> dict[str, Any]:
        """Send one command and return its result.

        Args:
            timeout_s: seconds to wait for the answer.
            on_progress: called with (step, message) for each sub-step.
            check: called a few times a second; what it raises ends the wait (and the command, by hanging up).

        Raises:
            NotReachableError: the supervisor went away.
            ControlError: it answered with an error.
            TimeoutError: no answer in time.
        """
        deadline = time.monotonic() + timeout_s
        self._write(json.dumps({"command": command, "protocol": PROTOCOL, **arguments}).encode() + b"\n", deadline)
        while True:
            answer = self._read(deadline, check)
            if "progress" in answer:
                if on_progress is not None:
                    on_progress(str(answer["progress"]["step"]), str(answer["progress"]["message"]))
            elif "error" in answer:
                facts = dict(answer["error"])
                raise ControlError(str(facts.pop("message", "the supervisor gave no reason")), facts)
            elif "result" in answer:
                return dict(answer["result"])

    def _write(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        while view:
            try:
                view = view[self._peer.send(view) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline, None)
            except OSError as error:
                raise NotReachableError("the supervisor went away") from error

    def _read(self, deadline: float, check: Callable[[], None] | None) -> dict[str, Any]:
        while (end := self._incoming.find(b"\n")) < 0:
            self._wait(select.POLLIN, deadline, check)
            try:
                chunk = self._peer.recv(262_144)
            except BlockingIOError:
                continue
            except OSError:
                chunk = b""
            if not chunk:
                raise NotReachableError("the supervisor went away before it answered")
            self._incoming += chunk
        line = bytes(self._incoming[:end])
        del self._incoming[: end + 1]
        answer = json.loads(line)
        return answer if isinstance(answer, dict) else {}

    def _wait(self, event: int, deadline: float, check: Callable[[], None] | None) -> None:
        poll = select.poll()
        poll.register(self._peer, event)
        while True:
            left = deadline - time.monotonic()
            # First of all, past the deadline too: the answer may have come in time, to a process that did not get on.
            if poll.poll(max(0.0, min(left, 0.2 if check else left)) * 1000):
                return
            if check is not None:
                check()
            if left <= 0:
                raise TimeoutError("the supervisor did not answer in time")


def refuse(peer: socket.socket, message: str, stage: str) -> None:
    """Answer a client's command with an error from a supervisor that could not start."""
    peer.setblocking(True)
    peer.settimeout(1)
    try:
        peer.sendall(json.dumps({"error": {"message": message, "stage": stage}}).encode() + b"\n")
    except OSError:
        return
