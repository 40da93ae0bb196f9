"""The supervisor of one service: owns its listening socket, keeps its workers alive, swaps revisions without a gap.

    python -m jupyter_mldeploy.scoring.supervisor <service directory>

It is detached from whoever started it and imports the standard library only. Everything it must know lies in the
service's directory (``service.json``) or comes over the control socket (see ``control``): ``swap`` brings a revision to
life, ``status``, ``stats``, ``scale``, ``reload-keys``, ``stop``. What it knows it leaves in ``status.json`` and
``journal.jsonl``. Nothing of a service outlives its supervisor for more than the drain time.

The socket is bound at once, so that a port that is taken is an early error, but listens only when the first workers are
ready: until then a connection is refused, which every client understands, instead of hanging.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import journal
from .commands import Commands
from .control import PROTOCOL, SOCKET, Caller, is_own_user, listen, refuse, remove
from .crew import Crew
from .door import Door, PortError
from .logbook import LogBook, salvage
from .nursery import Nursery, Soil
from .order import SETTINGS, Order, OrderError, ServiceSettings, read_settings
from .processes import MARK, adopt_orphans, reap, start_token
from .reactor import EventLoop, Timer
from .report import describe
from .swap import Swap, soil_of
from .worker_handle import WorkerHandle

#: Seconds between two looks at the workers' output.
_SPOOL_S = 0.1
_CHECK_S = 0.5

#: Seconds after a swap before the warm parent goes on learning: the first requests come first.
_LEARN_S = 0.5


class Supervisor:
    """One service. ``live`` is the crew that serves, ``candidate`` the one that is to take over."""

    def __init__(self, directory: Path, settings: ServiceSettings) -> None:
        self.loop = EventLoop()
        self.directory = directory
        self.settings = settings
        self.book = LogBook(Path(settings.log_directory))
        self.journal = journal.Journal(directory)
        self.live: Crew | None = None
        self.candidate: Crew | None = None
        self.old: list[Crew] = []
        self.started = time.time()
        self.control = directory / SOCKET
        self.expires: float | None = None
        self.stopping: str | None = None
        self.adopts_orphans = False
        self._serial = 0
        self._callers: list[Caller] = []
        self._without_workers_since: float | None = None
        self._written: dict[str, Any] = {}
        spool = directory / "spool"
        spool.mkdir(exist_ok=True)
        salvage(sorted(spool.glob("*.out")), self.book)
        self.nursery = Nursery(
            self.loop, directory, Path(settings.runtime), self.book, settings.start_method, self._worker_exited,
            lambda kind, message: self.note(kind, message, quiet=True),
        )  # fmt: skip
        self.nursery.base_environment.update(
            {MARK: settings.uid, "MLDEPLOY_SERVICE_NAME": settings.name, "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES"}
        )
        self.door: Door | None = None
        self.commands = Commands(self)

    # Start and end.

    def open(self) -> None:
        """Warm up, bind, and open the control socket.

        Raises:
            OSError: the port is taken or may not be used; the message says by whom.
        """
        self.loop.on_error = self._broken
        for number in (signal.SIGTERM, signal.SIGINT):
            self.loop.on_signal(number, lambda: self.stop("stopped by a signal"))
        self.loop.on_signal(signal.SIGHUP, lambda: None)
        self.loop.on_signal(signal.SIGCHLD, self._reap)
        warm = self.settings.warm
        if warm:
            pairs = tuple(sorted(dict(warm["environment"]).items()))
            self.nursery.prepare(Soil(str(warm["interpreter"]), pairs), list(warm["imports"]))
        self.door = self._first_door()
        self.control, control = listen(self.directory)
        self.loop.watch(control, lambda: self._accept_control(control))
        journal.write_json(self.directory / journal.IDENTITY, self.identity())
        self.loop.every(_SPOOL_S, self.drain_spools)
        self.loop.every(_CHECK_S, self._check)
        self.changed()

    def _first_door(self) -> Door:
        host, port = self.settings.host, self.settings.port
        try:
            return Door(self.loop, host, port, self._why_nobody)
        except OSError as error:
            if not (port and self.settings.any_port):
                raise
            self.note("worker", f"another port is used, as the former one cannot be: {error.strerror}")
            return Door(self.loop, host, 0, self._why_nobody)

    def identity(self) -> dict[str, Any]:
        """Return who this supervisor is: pid with token, address, protocol."""
        return {
            "protocol": PROTOCOL,
            "pid": os.getpid(),
            "token": start_token(os.getpid()),
            "uid": self.settings.uid,
            "host": self.door.host if self.door is not None else self.settings.host,
            "port": self.door.port if self.door is not None else 0,
            "started": self.started,
            "control": str(self.control),
        }

    def attend(self, peer: socket.socket) -> None:
        """Take commands from a connected client."""
        self._callers = [caller for caller in self._callers if not caller.gone]
        self._callers.append(Caller(self.loop, peer, self.commands.handle))

    def stop(self, reason: str, *, grace_s: float = 5.0) -> None:
        """Drain what serves, for ``grace_s`` seconds at most, then end. A second call does not wait."""
        if self.stopping is not None:
            grace_s = 0.0
        else:
            self.note("worker", f"the service stops: {reason}", cause="stopped")
        self.stopping = reason
        for crew in self.crews():
            if crew is self.candidate or grace_s == 0:
                crew.kill("the service stops")
            else:
                crew.drain(grace_s)
        self.changed()

    def crews(self) -> list[Crew]:
        """All crews that may still have workers."""
        return [crew for crew in [self.candidate, self.live, *self.old] if crew is not None]

    def run(self) -> None:
        """Serve until the end."""
        self.loop.run()
        self.nursery.close()
        if self.door is not None:
            self.door.close()
        remove(self.control)
        with contextlib.suppress(OSError):
            journal.write_json(self.directory / journal.STATUS, describe(self))
        self.book.close()

    # What commands ask for.

    def swap(
        self,
        order: Order,
        on_ready: Callable[[], None],
        on_failed: Callable[[WorkerHandle | None, str], None],
        on_importing: Callable[[str], None],
    ) -> Callable[[], None]:
        """Bring a revision to life beside the one that serves, and let it take over when it is ready.

        Returns:
            A function that gives the candidate up (no effect once it serves).

        Raises:
            PortError: the order wants a port that cannot be had.
        """
        swap = Swap(self, order, self._door_for(order), on_ready, on_failed, on_importing)
        self.book.set_limit(order.log_max_bytes)
        self.candidate = swap.crew
        swap.crew.start()
        self.changed()
        return swap.give_up

    def take_over(self, crew: Crew) -> None:
        """Let a candidate accept, and only then the others finish: the socket is never without a taker."""
        before, self.live, self.candidate = self.live, crew, None
        self.expires = crew.order.expires
        crew.go()
        if before is None:
            self.loop.later(0.2, self._adopt)  # not before: it takes a moment, and the first answer is awaited
        else:
            self.old.append(before)
            before.drain(before.order.drain_s)
        if self.door is not crew.door:
            if self.door is not None:
                self.door.close()
            self.door = crew.door
            journal.write_json(self.directory / journal.IDENTITY, self.identity())
        self.note("worker", f"revision {crew.order.revision} serves", revision=crew.order.revision, quiet=True)
        if crew.order.learn:
            learned = [name for worker in crew.workers.values() for name in worker.ready.get("modules", ())]
            self.loop.later(_LEARN_S, lambda: self._learn(soil_of(crew.order), learned))
        self.changed()

    def _adopt(self) -> None:
        self.adopts_orphans = adopt_orphans()

    def abandon(self, crew: Crew) -> None:
        """Forget a candidate; its workers are on their way out."""
        if self.candidate is crew:
            self.candidate = None
        self.old.append(crew)
        if crew.door is not self.door:
            crew.door.close()

    def _learn(self, soil: Soil, modules: list[str]) -> None:
        """Load in advance, for the next revision, what the present one turned out to need."""
        if modules and soil == self.nursery.soil:
            self.nursery.prepare(soil, modules, urgent=False)

    def _door_for(self, order: Order) -> Door:
        """Return the door that the order wants: the present one, or a new one on another port or address."""
        if self.door is None:
            return self._first_door()
        host, port = order.host or self.door.host, order.port or self.door.port
        if (host, port) == (self.door.host, self.door.port):
            return self.door
        return Door(self.loop, host, port, self._why_nobody)

    # What a crew asks for.

    def hire(self, crew: Crew, slot: int) -> WorkerHandle:
        """Start one worker."""
        self._serial += 1
        return WorkerHandle(
            self.loop, self.nursery, self.book, self.directory, crew.order, slot, self._serial,
            [crew.door.socket.fileno()], crew.heard, crew.ended,
        )  # fmt: skip

    def later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back once."""
        return self.loop.later(seconds, callback)

    def note(self, kind: str, message: str, **data: Any) -> None:
        """Write the journal and the log."""
        revision = data.get("revision") or (self.live.order.revision if self.live is not None else None)
        self.drain_spools()  # what a worker said before should stand before
        bad = data.get("cause") in ("crashed", "hung", "memory", "loop")
        self.book.write("supervisor", message, revision=revision, level="error" if bad else "info")
        try:
            self.journal.add(kind, message, **data)
        except OSError:
            return  # a full disk must not keep a worker from being started again

    def changed(self) -> None:
        """Write the state down if it is another one, answer for absent workers, and end when all is done."""
        self.old = [crew for crew in self.old if crew.everyone]
        if self.stopping is not None and not any(crew.everyone for crew in self.crews()):
            self.loop.stop()
        self._mind_the_door()
        now = describe(self)
        if {**now, "updated": 0} != {**self._written, "updated": 0}:
            try:
                journal.write_json(self.directory / journal.STATUS, now)
            except OSError:
                return  # tried again at the next look
            self._written = now

    # What happens by itself.

    def _mind_the_door(self) -> None:
        nobody = self.live is not None and self.live.serving == 0
        if self.live is None or self.door is None:
            return
        if not nobody:
            self._without_workers_since = None
            self.door.answer_for_absent(False)
            return
        self._without_workers_since = self._without_workers_since or time.monotonic()
        waited = time.monotonic() - self._without_workers_since
        self.door.answer_for_absent(self.live.looping or waited > self.settings.patience_s)

    def _why_nobody(self) -> str:
        last = self.live.last_crash if self.live is not None else None
        return f"No worker of the service is up: the last one {last}." if last else "No worker of the service is up."

    def _check(self) -> None:
        if self.expires is not None and time.time() >= self.expires and self.stopping is None:
            self.stop("its time to live is over")
            return
        self.nursery.check()
        if self.live is not None and self.stopping is None:
            self.live.check()
        elif self.live is None and self.candidate is None and all(caller.gone for caller in self._callers):
            self.stop("nobody gave it a revision to serve")  # its starter was killed
        self.changed()

    def drain_spools(self) -> None:
        """Copy new output of all processes into the log."""
        self.nursery.drain_spools()
        for crew in self.crews():
            for worker in crew.everyone:
                worker.spool.drain(self.book)

    def _worker_exited(self, pid: int, code: int, max_rss_kib: int) -> None:
        for crew in self.crews():
            for worker in crew.everyone:
                if worker.pid == pid:
                    worker.exited(code, max_rss_kib)
                    return

    def _reap(self) -> None:
        for pid, code, size in reap():
            if not self.nursery.reaped(pid, code):
                self._worker_exited(pid, code, size)

    def _accept_control(self, control: socket.socket) -> None:
        try:
            peer, _ = control.accept()
        except OSError:
            return
        if is_own_user(peer):
            self.attend(peer)
        else:
            peer.close()

    def _broken(self, error: BaseException) -> None:
        import traceback

        self.book.write("supervisor", "".join(traceback.format_exception(error)), level="error")


def main(arguments: list[str] | None = None) -> int:
    """Run the supervisor of the service in the directory that is the first argument.

    ``--attend FD`` takes commands from an inherited, connected socket at once; ``--detach`` forks first, so that the
    starter has no child to look after.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if "--detach" in words:
        words.remove("--detach")
        if os.fork():
            os._exit(0)
        os.setsid()
    attend = -1
    if "--attend" in words:
        place = words.index("--attend")
        attend = int(words[place + 1])
        del words[place : place + 2]
    if len(words) != 1:
        sys.stderr.write("usage: python -m jupyter_mldeploy.scoring.supervisor SERVICE_DIRECTORY\n")
        return 2
    directory = Path(words[0]).absolute()
    client = socket.socket(fileno=attend) if attend >= 0 else None
    if client is not None:
        client.set_inheritable(False)
    try:
        os.chdir(directory)
        values = journal.read_json(directory / SETTINGS)
        if values is None:
            raise OrderError(f"{directory / SETTINGS} cannot be read")
        supervisor = Supervisor(directory, read_settings(values))
        supervisor.open()
    except (OSError, OrderError) as error:
        taken = isinstance(error, PortError)
        message = str(error.strerror) if isinstance(error, PortError) else f"The supervisor cannot start: {error}."
        if client is not None:
            refuse(client, message, "bind" if taken else "start")
        sys.stderr.write(message + "\n")
        return 1
    if client is not None:
        supervisor.attend(client)
    supervisor.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
