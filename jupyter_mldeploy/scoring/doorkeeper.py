"""The door of a service whose revisions come and go: it holds the listening socket and knows who may accept from it.

``python -m jupyter_mldeploy.scoring.doorkeeper --folder /run/mldeploy --port 5001``. It reads no request while a
revision serves. When none has for a moment (a crash, a restart), it answers 503 itself. What it decides is written to
``door.json`` in its folder, so that it goes on where it was after a kill; see ``doorway`` for what is said.

Which revision is to serve is decided by whoever deploys: the file ``door.take`` with its number lets it take over.
With another number in it, the order is taken back, as long as that revision has not said that it serves.
"""

from __future__ import annotations

import argparse
import signal
import socket
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from .binding import bind_port
from .doorman import Doorman
from .doorway import PROTOCOL
from .errors import StatusChannelClosed
from .journal import read_json, write_json
from .reactor import EventLoop, Timer
from .status import StatusChannel

NAME = "door"

_BACKLOG = 2048
_PATIENCE_S = 1.0
_LOOK_S = 0.05
_LOOPING = 3
_LOOPING_S = 120.0
_MOST_CRASHES = 20


class _Guest:
    """A revision that is connected."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self.channel: StatusChannel | None = None
        self.revision = ""
        self.workers = 0
        self.wanted = 0
        self.serving = False
        #: It says when it accepts no more; a revision of an earlier version does not.
        self.closes = False
        self.accepts = False
        #: It was sent away before it had taken over; until it has gone, no other order is for it.
        self.dismissed = False
        self.keys: int | None = None
        self.crashes: deque[dict[str, Any]] = deque(maxlen=_MOST_CRASHES)

    def tell(self, command: str) -> None:
        if command == "serve":
            self.accepts = True
        if self.channel is not None:
            with suppress(StatusChannelClosed):
                self.channel.send({"command": command})

    def has_left(self) -> bool:
        """Say whether nobody is at the other end any more, although what it said before may be read only now."""
        try:
            return not self.line.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True


class Doorkeeper:
    """Lets one revision at a time accept from the listening socket.

    Args:
        folder: where its Unix socket (``<name>.sock``) and what it decided (``<name>.json``) are.
        listening: bound; it listens from when the first revision serves.
    """

    def __init__(self, loop: EventLoop, folder: Path, listening: socket.socket, name: str = NAME) -> None:
        self._loop = loop
        self._state = folder / f"{name}.json"
        self._order = folder / f"{name}.take"
        self._order.unlink(missing_ok=True)  # an earlier door's, carried out or not, is no order to this one
        self._looking = False
        self._listening = listening
        self._listening.setblocking(False)
        self._guests: list[_Guest] = []
        self._taking: _Guest | None = None
        self._absence: Timer | None = None
        self._doorman = Doorman(loop, listening, self._reason)
        before = read_json(self._state) or {}
        #: The revision that serves, or would if it were here.
        self._live = str(before.get("live") or "")
        if self._live:
            self._listening.listen(_BACKLOG)
        self._note()
        path = folder / f"{name}.sock"
        path.unlink(missing_ok=True)
        self._bell = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._bell.bind(str(path))
        path.chmod(0o600)
        self._bell.listen(64)
        self._bell.setblocking(False)
        loop.watch(self._bell, self._open)
        self._look()

    # ---- guests

    def _open(self) -> None:
        try:
            line, _ = self._bell.accept()
        except OSError:
            return
        guest = _Guest(line)
        guest.channel = StatusChannel(line)
        self._guests.append(guest)
        self._loop.watch(line, lambda: self._listen(guest))

    def _listen(self, guest: _Guest) -> None:
        if guest.channel is None:
            return
        try:
            messages = guest.channel.receive()
        except StatusChannelClosed:
            self._gone(guest)
            return
        for message in messages:
            self._take(guest, message)

    def _take(self, guest: _Guest, message: dict[str, Any]) -> None:
        event = message.get("event")
        if "keys" in message:
            guest.keys = int(message["keys"])
        if event == "here" and not guest.revision:
            guest.revision = str(message.get("revision") or "?")
            guest.closes = bool(message.get("closes"))
            try:
                socket.send_fds(guest.line, [b'{"command":"door"}\n'], [self._listening.fileno()])
            except OSError:
                self._gone(guest)
                return
        elif event == "ready":
            guest.workers, guest.wanted = int(message.get("workers") or 1), int(message.get("wanted") or 1)
            if guest.revision == self._live:
                guest.tell("serve")
            else:
                self._await_order()
        elif event == "serving":
            self._has_begun(guest)
        elif event == "crash":
            guest.workers = int(message.get("workers") or 0)
            guest.crashes.append({"time": time.time(), **{key: message.get(key) for key in ("text", "code", "oom")}})
        elif event == "closed":
            guest.accepts = False
        self._look()  # first: who reads that a revision serves is not to be answered by the doorman
        self._note()

    def _has_begun(self, guest: _Guest) -> None:
        """Send the others away, or the guest itself where the order that it follows was taken back."""
        if guest is self._taking:
            self._taking = None
            # What the order says now counts: whoever takes it back removes the guest unless it is noted to serve.
            if guest.has_left() or self._ordered() != guest.revision:
                guest.dismissed = True
                guest.tell("drain")
                return
            self._live, guest.serving = guest.revision, True
            self._look()  # first: who reads that a revision serves is not to be answered by the doorman
            self._note()  # at once: from here on the order cannot be taken back
        guest.serving = True
        for other in self._guests:
            if other.revision != self._live and other.serving:
                other.serving = False
                other.tell("drain")

    def _await_order(self) -> None:
        """Look whether a revision that is ready may take over, as long as there is one."""
        candidates = [item for item in self._guests if item.workers and not item.serving and item is not self._taking]
        candidates = [item for item in candidates if not item.dismissed]
        if not candidates or self._looking:
            return
        wanted = self._ordered()
        for guest in candidates:
            if guest.revision == wanted:
                # The order stays: an engine that is still about to set its mode would not find it and report an error.
                self._taking = guest
                self._listening.listen(_BACKLOG)  # before anybody accepts: without it that is an error
                guest.tell("serve")
                break
        self._looking = True  # also then: another one may wait, and this one end before it serves
        self._loop.later(_LOOK_S, self._look_again)

    def _ordered(self) -> str:
        """Return the number of the revision that is to take over, "" for none."""
        with suppress(OSError):
            return self._order.read_text(encoding="ascii").strip()
        return ""

    def _look_again(self) -> None:
        self._looking = False
        self._await_order()

    def _gone(self, guest: _Guest) -> None:
        self._loop.forget(guest.line)
        if guest.channel is not None:
            guest.channel.close()
            guest.channel = None
        if guest in self._guests:
            self._guests.remove(guest)
        if guest is self._taking:
            self._taking = None
        self._note()
        self._look()

    # ---- what is seen from outside

    def _answering(self) -> bool:
        return any(item.serving and item.workers for item in self._guests)

    def _look(self) -> None:
        """Answer in place of the revisions when none has been there for a moment; a quick restart is waited for."""
        if not self._live or self._answering():
            if self._absence is not None:
                self._absence.cancel()
                self._absence = None
            self._doorman.serve(False)
        elif self._absence is None:
            self._absence = self._loop.later(_PATIENCE_S, lambda: self._doorman.serve(True))

    def _reason(self) -> str:
        return f"Revision {self._live} is not running at the moment: it is being started again, or its log says why."

    def _note(self) -> None:
        live = next((item for item in self._guests if item.revision == self._live and item.serving), None)
        recent = [item for item in (live.crashes if live else ()) if time.time() - item["time"] < _LOOPING_S]
        state = {
            "version": PROTOCOL,
            "live": self._live,
            "serving": live is not None,
            "workers": live.workers if live else 0,
            "wanted": live.wanted if live else 0,
            "keys": live.keys if live else None,
            "crashes": list(live.crashes) if live else [],
            "looping": len(recent) >= _LOOPING,
            "present": sorted({item.revision for item in self._guests if item.revision}),
            "accepting": sorted({item.revision for item in self._guests if item.accepts and item.closes}),
            "time": time.time(),
        }
        with suppress(OSError):  # a full disk must not close the door
            write_json(self._state, state)


def main(arguments: Sequence[str] | None = None) -> int:
    """Keep the door until SIGTERM or SIGINT; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m jupyter_mldeploy.scoring.doorkeeper", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where its Unix socket and door.json are")
    parser.add_argument("--name", default=NAME, help="what those files are called (default: door)")
    parser.add_argument("--host", default="0.0.0.0", help="address to bind (default: all)")  # noqa: S104  a container's
    parser.add_argument("--port", type=int, default=5001, help="port to bind (default 5001)")
    options = parser.parse_args(arguments)
    loop = EventLoop()
    loop.on_signal(signal.SIGTERM, loop.stop)
    loop.on_signal(signal.SIGINT, loop.stop)
    Doorkeeper(loop, options.folder, bind_port(options.host, options.port), options.name)
    loop.run()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
