"""Scripts that do their worst, deployed on this machine: a bad call costs its own answer, and the log tells of it."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.workspace import Workspace
from tests.patience import FACTOR
from tests.targets.local_service import facts

from .supervised import wait_for
from .worker_process import Answer, ask_on

SCRIPT = """
import ctypes, multiprocessing, os, signal, subprocess, sys, threading, time
from pathlib import Path

hoard = []


class Doom(BaseException):
    pass


def init():
    pass


def shout(word):
    print(word, flush=True)


def mutter():
    for number in range(200):
        print("thread says", number)


def run(data):
    if data == "sleep":
        time.sleep(60)
    if data == "spin":
        while True:
            pass
    if data == "hold the GIL":
        ctypes.PyDLL(None).sleep(60)
    if data == "hang in C":
        mutex = ctypes.create_string_buffer(128)
        for _ in range(2):
            ctypes.CDLL(None).pthread_mutex_lock(mutex)
    if data == "sys.exit":
        sys.exit("bye for now")
    if data == "os._exit":
        os._exit(7)
    if data == "segfault":
        ctypes.string_at(0)
    if data == "abort":
        os.abort()
    if data == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if data == "doom":
        raise Doom("of all things")
    if data == "interrupt":
        raise KeyboardInterrupt
    if data == "recurse":
        return run(data)
    if data == "print":
        line = "x" * 1023
        for _ in range(100 * 1024):
            print(line)
    if data == "write":
        block = b"y" * 1023 + b"\\n"
        for _ in range(100):
            os.write(1, block * 1024)
    if data == "one line":
        sys.stdout.write("z" * (20 * 2**20))
    if data == "fork" and os.fork() == 0:
        return "from the child"
    if data == "fork and raise" and os.fork() == 0:
        raise ValueError("in the child")
    if data == "fork and exit" and os.fork() == 0:
        sys.exit(3)
    if data == "fork and linger" and os.fork() == 0:
        time.sleep(60)
    if data == "processes":
        for method, function in (("fork", shout), ("spawn", print)):
            child = multiprocessing.get_context(method).Process(target=function, args=(method + "ed",))
            child.start()
            child.join()
    if data == "pool":
        with multiprocessing.get_context("fork").Pool(2) as pool:
            return pool.map(len, ["a", "bb"])
    if data == "subprocess":
        return subprocess.run(["echo", "hello"], capture_output=True, text=True).stdout
    if data == "close all":
        os.closerange(3, 4096)
    if data == "close every one":
        os.closerange(0, 4096)
    if data == "close output":
        os.close(1)
        os.close(2)
        sys.stdout.close()
        print("into nothing")
    if data == "allocate":
        hoard.append(b"m" * (400 * 2**20))
        time.sleep(60)
    if data == "leak":
        hoard.append(b"m" * 2**20)
    if data == "no memory":
        hoard.append(b"m" * 2**50)
    if data == "chdir":
        os.chdir("/")
    if data == "signals":
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGVTALRM, signal.SIGALRM, signal.SIGCHLD):
            signal.signal(number, lambda number, frame: None)
        signal.set_wakeup_fd(-1)
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    if data == "threads":
        for _ in range(8):
            threading.Thread(target=mutter).start()
    if data == "endless thread":
        threading.Thread(target=time.sleep, args=(3600,)).start()
    if data == "trace":
        sys.settrace(lambda *_: None)
        sys.setrecursionlimit(200)
        sys.setswitchinterval(0.5)
    if data == "globals":
        sys.modules.clear()
    if data == "environment":
        os.environ.clear()
    return data
"""


#: No call but those that never end takes this long.
PATIENT_MS = int(20_000 * FACTOR)


class Wild:
    """A service of that script."""

    def __init__(self, workspace: Workspace, directory: Path, name: str, **config: object) -> None:
        path = directory / "score.py"
        path.write_text(SCRIPT)
        values = {
            "auth_enabled": False,
            "scoring_timeout_ms": PATIENT_MS,
            "environment_variables": {"MLDEPLOY_INTERRUPT_GRACE_S": "0.3", "MLDEPLOY_DRAIN_IDLE_S": "0.2"},
            **config,
        }
        self.service: Service = workspace.deploy(name, path, config=values, timeout_s=60 * FACTOR)
        self.path = path
        self.home: Path = self.service.workspace.home / "services" / self.service.record.uid
        self.logs: Path = self.service.workspace.log_directory(self.service.record.uid)

    def ask(self, kind: str, timeout_s: float = 80 * FACTOR) -> Answer | None:
        """Send one request; None when the connection was cut."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", urlsplit(self.service.scoring_uri or "").port or 0, timeout=timeout_s
        )
        try:
            return ask_on(connection, "POST", "/score", kind)
        except (ConnectionError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def directory(self, pattern: str) -> list[Path]:
        """Return the service's files of a kind."""
        return sorted(self.home.rglob(pattern))

    def spooled(self) -> int:
        """Return how many bytes of output lie in the spools of its processes."""
        return sum(path.stat().st_size for path in self.directory("*.out"))

    def pair(self, other_than: object = None) -> set[int]:
        """Wait until two workers serve, and not just those; return their pids."""

        def look() -> set[int]:
            found = {worker["pid"] for worker in facts(self.service)["workers"] if worker["phase"] == "serving"}
            return found if len(found) == 2 and found != other_than else set()

        return set(wait_for(look, "two workers"))

    def serves_again(self) -> None:
        """Wait for a good answer."""
        wait_for(lambda: (answer := self.ask("good")) and answer.body == b'"good"', "a good answer")

    def log(self, words: str) -> None:
        """Wait until the log holds some words."""
        wait_for(lambda: any(words in line.text for line in self.service.log_lines()[0]), f"{words!r} in the log")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    found = Workspace(tmp_path_factory.mktemp("wild") / "home")
    yield found
    for service in found.services():
        service.delete()


@pytest.fixture(scope="module")
def steady(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Wild:
    """A service that the tests share: none of them costs it its worker."""
    return Wild(workspace, tmp_path_factory.mktemp("steady"), "steady")


@pytest.fixture(scope="module")
def hasty(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Wild:
    """Another one, with little time for a call."""
    return Wild(workspace, tmp_path_factory.mktemp("hasty"), "hasty", scoring_timeout_ms=500)


@pytest.fixture
def fresh(workspace: Workspace, tmp_path: Path) -> Iterator[Callable[..., Wild]]:
    """Makes services of a test's own."""
    made: list[Wild] = []

    def call(**config: object) -> Wild:
        made.append(Wild(workspace, tmp_path, f"fresh-{len(made)}", **config))
        return made[-1]

    yield call
    for item in made:
        item.service.delete()


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("sys.exit", "SystemExit: bye for now"),
        ("doom", "Doom: of all things"),
        ("interrupt", "KeyboardInterrupt"),
        ("recurse", "RecursionError"),
        ("no memory", "MemoryError"),
    ],
)
def test_a_failing_call_fails_alone_and_is_told_in_the_log(steady: Wild, kind: str, told: str) -> None:
    answer = steady.ask(kind)
    assert answer is not None
    assert (answer.status, answer.header("x-ms-run-function-failed")) == (500, "True")
    steady.serves_again()
    steady.log(told)


@pytest.mark.parametrize("kind", ["sleep", "spin"])
def test_a_call_that_takes_too_long_fails_alone_and_is_told_in_the_log(hasty: Wild, kind: str) -> None:
    answer = hasty.ask(kind)
    assert answer is not None
    assert (answer.status, answer.header("x-ms-run-function-failed")) == (504, "True")
    hasty.serves_again()
    hasty.log("run() was stopped: it took more than 500 ms")


@pytest.mark.parametrize(
    "kind",
    ["fork", "fork and raise", "fork and exit", "processes", "subprocess", "chdir", "threads", "endless thread"],
)
def test_what_is_rude_but_allowed(steady: Wild, kind: str) -> None:
    answer = steady.ask(kind)
    assert answer is not None
    assert answer.status == 200
    assert answer.json() == {"subprocess": "hello\n"}.get(kind, kind)
    steady.serves_again()
    if kind == "threads":
        wait_for(lambda: sum("thread says 199" in line.text for line in steady.service.log_lines()[0]) == 8)
    if kind == "processes":
        steady.log("forked")
        steady.log("spawned")


def test_the_services_were_never_without_their_first_worker(steady: Wild, hasty: Wild) -> None:
    for wild in (steady, hasty):
        wild.serves_again()
        assert not [line.text for line in wild.service.log_lines()[0] if "starts again" in line.text]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("os._exit", "ended with exit code 7"),
        ("segfault", "killed by SIGSEGV"),
        ("abort", "killed by SIGABRT"),
        ("kill", "killed by SIGKILL"),
        ("close all", "worker-1"),
        ("close every one", "worker-1"),
    ],
)
def test_a_call_that_ends_its_process_costs_one_answer(fresh: Callable[..., Wild], kind: str, told: str) -> None:
    wild = fresh()
    assert wild.ask(kind) is None, "the client sees that there will be no answer"
    wild.serves_again()
    wild.log(told)
    wild.log("it starts again")


@pytest.mark.parametrize("kind", ["print", "write", "one line", "close output"])
def test_floods_of_output(fresh: Callable[..., Wild], kind: str) -> None:
    wild = fresh(scoring_timeout_ms=3 * PATIENT_MS, log_max_mb=5)
    answer = wild.ask(kind)
    assert answer is not None
    assert answer.json() == kind
    wild.serves_again()
    assert wild.spooled() < 150 * 2**20
    if kind != "close output":
        wait_for(lambda: wild.spooled() < 4 * 2**20, "an empty spool")
    wild.service.stop()  # a file of the log may go at any moment before
    assert 0 < sum(path.stat().st_size for path in wild.logs.glob("*.log")) < 7 * 2**20


@pytest.mark.parametrize("kind", ["hang in C", "signals"])
def test_a_call_that_cannot_be_stopped_is_answered_and_its_worker_replaced(
    fresh: Callable[..., Wild], kind: str
) -> None:
    wild = fresh(scoring_timeout_ms=500)
    if kind == "signals":
        wait_for(lambda: (told := wild.ask("signals")) and told.status == 200, "the signals to be taken")
        kind = "spin"
    answer = wild.ask(kind)
    assert answer is not None
    assert answer.message == "Scoring timeout after 500 ms"
    wild.serves_again()
    wild.log("run() cannot be stopped")
    wild.log("worker-1 is replaced: run() did not end in time")
    wild.log("worker-1 is up again")


@pytest.mark.slow
def test_c_code_that_holds_the_interpreter_is_found_by_its_silence(fresh: Callable[..., Wild]) -> None:
    wild = fresh(heartbeat_timeout_s=3)
    assert wild.ask("hold the GIL") is None
    wild.serves_again()
    wild.log("worker-1 was killed: it has given no sign of life for 3 s")


def test_a_call_that_takes_all_memory_is_ended(fresh: Callable[..., Wild]) -> None:
    wild = fresh(memory_gb=0.2, scoring_timeout_ms=3 * PATIENT_MS)
    assert wild.ask("allocate") is None
    wild.serves_again()
    wild.log("GiB of memory, and 0.20 GiB is the limit")


def test_a_worker_that_leaks_is_replaced_without_losing_an_answer(fresh: Callable[..., Wild]) -> None:
    wild = fresh(memory_gb=0.2)
    until = time.monotonic() + 90 * FACTOR
    seen: list[Answer | None] = []
    while not any("up again" in line.text for line in wild.service.log_lines()[0]):
        assert time.monotonic() < until
        seen.append(wild.ask("leak"))
        time.sleep(0.05)  # a leak, not a flood: between two looks at its memory it must not swell by a quarter
    assert len(seen) > 5
    assert {None if answer is None else answer.status for answer in seen} == {200}
    wild.log("worker-1 is replaced: it used 0.2")


@pytest.mark.parametrize("kind", ["trace", "globals", "environment", "fork and linger", "chdir", "endless thread"])
def test_a_spoilt_process_still_takes_updates_and_stops(fresh: Callable[..., Wild], kind: str) -> None:
    wild = fresh()
    answer = wild.ask(kind)
    assert answer is not None
    assert answer.status == 200
    wild.serves_again()
    wild.service.update(wild.path)
    wild.serves_again()
    wild.service.stop()
    assert [path.name for path in wild.directory("*.out")] == ["supervisor.out"], "nothing was ended by force"


def test_a_crash_costs_the_other_worker_nothing(fresh: Callable[..., Wild]) -> None:
    wild = fresh(workers=2)
    asked: list[Answer | None] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            asked.append(wild.ask("good"))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    pids = wild.pair()
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            wild.ask("segfault")
            pids = wild.pair(pids)  # the next crash must leave one that answers
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    lost = [answer for answer in asked if answer is None or answer.status != 200]
    assert len(lost) <= 6, "one request of each client and crash, at most: what the process had taken in itself"
    assert len(asked) > 2 * len(lost)
