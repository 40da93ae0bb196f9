"""Revisions in processes of their own behind one door: no request is lost while they follow one another."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.scoring.doorway import PROTOCOL
from jupyter_mldeploy.scoring.status import StatusChannel
from tests.patience import FACTOR
from tests.ports import free_port

from .test_standalone import Command, command
from .worker_process import wait_until, whole_lines

SCRIPT = (
    "import os, sys, time, signal\n\n\ndef init():\n    print('secret is', os.environ.get('PASSWORD'))\n\n\n"
    "def run(data):\n    if data == 'die':\n        os.kill(os.getpid(), signal.SIGKILL)\n"
    "    return os.getpid() if data == 'pid' else os.environ['MLDEPLOY_REVISION']\n"
)


class House:
    """A door and the revisions behind it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        self.port = free_port()
        self._stack = stack
        (folder / "score.py").write_text(SCRIPT)
        self.door = self.open_door()

    def open_door(self) -> subprocess.Popen[bytes]:
        arguments = ["--folder", str(self.folder), "--host", "127.0.0.1", "--port", str(self.port)]
        door = subprocess.Popen([sys.executable, "-m", "jupyter_mldeploy.scoring.doorkeeper", *arguments])
        self._stack.callback(self._end, door)
        wait_until(lambda: (self.folder / "door.sock").exists() and door.poll() is None and self.state)
        return door

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()

    def revision(self, number: int, *, take: bool = True, **variables: str) -> Command:
        place = self.folder / f"r{number}-{time.monotonic_ns()}"
        place.mkdir()
        environment = {
            "MLDEPLOY_DOOR": str(self.folder / "door.sock"),
            "MLDEPLOY_REVISION": str(number),
            "MLDEPLOY_LOG_FORMAT": "json",
            "MLDEPLOY_DRAIN_IDLE_S": "0.5",
            **variables,
        }
        arguments = ("--entry_script", str(self.folder / "score.py"), "--host", "127.0.0.1", "--port", str(free_port()))
        revision = self._stack.enter_context(command(place, *arguments, environment=environment))
        if take:
            wait_until(lambda: self.events(revision, "ready"))
            (self.folder / "door.take").write_text(str(number))
            wait_until(lambda: self.state["live"] == str(number) and self.state["serving"])
            assert (self.folder / "door.take").exists(), "an engine may not have set the file's mode yet"
        return revision

    @staticmethod
    def events(revision: Command, kind: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in whole_lines(revision.output) if line.startswith(b"{")]
        return [line["event"] for line in lines if line.get("event", {}).get("event") == kind]

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "door.json").read_bytes())
        return found

    def ask(self, body: str = "x", key: str = "") -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10 * FACTOR)
        try:
            connection.request("POST", "/score", body, {"Authorization": f"Bearer {key}"} if key else {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def answers(self, body: str = "x") -> tuple[int, str] | None:
        try:
            return self.ask(body)
        except (OSError, http.client.HTTPException):
            return None


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with ExitStack() as stack:
        yield House(tmp_path, stack)


@contextmanager
def load(house: House) -> Iterator[list[tuple[int, str]]]:
    """Clients that keep their connections; what they got is in the list."""
    seen: list[tuple[int, str]] = []
    stop = threading.Event()

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=10 * FACTOR)
        while not stop.is_set():
            try:
                connection.request("POST", "/score", "x")
                answer = connection.getresponse()
                seen.append((answer.status, answer.read().decode()))
            except (OSError, http.client.HTTPException) as error:
                seen.append((0, repr(error)))
                connection.close()
        connection.close()

    clients = [threading.Thread(target=client) for _ in range(4)]
    for item in clients:
        item.start()
    try:
        yield seen
    finally:
        stop.set()
        for item in clients:
            item.join(20 * FACTOR)


def test_no_request_is_lost_while_revisions_follow_one_another(house: House) -> None:
    # The clients are threads of this process: a connection may be idle for as long as others have the processors.
    patient = {"MLDEPLOY_DRAIN_IDLE_S": f"{5 * FACTOR:g}"}
    before = house.revision(1, **patient)
    with load(house) as seen:
        for number in range(2, 6):
            after = house.revision(number, **patient)
            assert before.process.wait(15 * FACTOR) == 0, "a revision that was followed drains and ends"
            before = after
        wait_until(lambda: (200, '"5"') in seen)
    assert {status for status, _ in seen} == {200}
    assert {answer for _, answer in seen} == {f'"{number}"' for number in range(1, 6)}


def test_a_candidate_serves_only_when_it_is_told_to(house: House) -> None:
    house.revision(1)
    candidate = house.revision(2, take=False)
    wait_until(lambda: house.events(candidate, "ready"))
    wait_until(lambda: house.state["present"] == ["1", "2"])
    assert {house.ask() for _ in range(20)} == {(200, '"1"')}
    candidate.process.kill()
    wait_until(lambda: house.state["present"] == ["1"])
    assert house.ask() == (200, '"1"')


def test_a_revision_that_was_followed_is_named_until_it_accepts_no_more(house: House) -> None:
    """Not until its end: a client that keeps its connection has that as long as the revision has patience."""
    before = house.revision(1, MLDEPLOY_DRAIN_IDLE_S="60")
    assert house.state["accepting"] == ["1"]
    kept = http.client.HTTPConnection("127.0.0.1", house.port, timeout=10 * FACTOR)
    kept.request("POST", "/score", "x")
    assert kept.getresponse().read() == b'"1"'
    worker = int(house.ask("pid")[1])
    os.kill(worker, signal.SIGSTOP)
    try:
        house.revision(2)
        assert house.state["accepting"] == ["1", "2"], "it has not heard yet that it is to accept no more"
    finally:
        os.kill(worker, signal.SIGCONT)
    wait_until(lambda: house.state["accepting"] == ["2"])
    assert {house.ask() for _ in range(20)} == {(200, '"2"')}
    assert before.process.poll() is None
    assert house.state["present"] == ["1", "2"]
    kept.close()
    assert before.process.wait(15 * FACTOR) == 0


class Actor:
    """A revision that says what a test wants."""

    def __init__(self, house: House, number: int, **more: Any) -> None:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.connect(str(house.folder / "door.sock"))
        line.sendall(
            json.dumps({"event": "here", "revision": str(number), "version": PROTOCOL, **more}).encode() + b"\n"
        )
        _, (listening,), _, _ = socket.recv_fds(line, 1024, 1)
        os.close(listening)
        self.channel = StatusChannel(line)
        self.say("ready", workers=1, wanted=1)
        (house.folder / "door.take").write_text(str(number))
        self.hear("serve")

    def say(self, event: str, **facts: Any) -> None:
        self.channel.send({"event": event, **facts})

    def hear(self, command: str) -> None:
        wait_until(lambda: {"command": command} in self.channel.receive())


def test_a_revision_that_is_gone_before_its_word_is_read_does_not_take_over(house: House) -> None:
    """As when it is removed while the door gets no time to run: the revision before it must not be sent away."""
    house.revision(1)
    actor = Actor(house, 2, closes=True)
    house.door.send_signal(signal.SIGSTOP)
    actor.say("serving")
    actor.channel.close()
    house.door.send_signal(signal.SIGCONT)
    wait_until(lambda: house.state["present"] == ["1"])
    assert (house.state["live"], house.state["serving"]) == ("1", True)
    assert {house.ask() for _ in range(20)} == {(200, '"1"')}


@pytest.mark.parametrize("order", ["0", "", None], ids=["taken-back", "half-written", "gone"])
def test_an_order_that_was_taken_back_is_not_carried_out(house: House, order: str | None) -> None:
    """The revision was told to serve before that, and says so afterwards: it is about to be removed."""
    before = house.revision(1)
    actor = Actor(house, 2, closes=True)
    (house.folder / "door.take").unlink()
    if order is not None:
        (house.folder / "door.take").write_text(order)
    actor.say("serving")
    actor.hear("drain")
    wait_until(lambda: house.state["accepting"] == ["1", "2"])
    actor.say("closed")
    wait_until(lambda: house.state["accepting"] == ["1"])
    assert (house.state["live"], house.state["serving"]) == ("1", True)
    assert {house.ask() for _ in range(20)} == {(200, '"1"')}
    assert not house.events(before, "draining")
    house.revision(2)
    assert {house.ask() for _ in range(20)} == {(200, '"2"')}, "the next order is not for what was sent away"
    actor.channel.close()


def test_a_first_order_can_be_taken_back_too(house: House) -> None:
    actor = Actor(house, 1, closes=True)
    (house.folder / "door.take").write_text("0")
    actor.say("serving")
    actor.hear("drain")
    assert (house.state["live"], house.state["serving"]) == ("", False)
    house.revision(2)
    assert house.ask() == (200, '"2"')
    actor.channel.close()


def test_an_order_for_a_later_revision_takes_back_the_one_before(house: House) -> None:
    house.revision(1)
    later = house.revision(3, take=False)
    wait_until(lambda: house.events(later, "ready"))
    actor = Actor(house, 2, closes=True)
    house.door.send_signal(signal.SIGSTOP)
    (house.folder / "door.take").write_text("3")
    actor.say("serving")
    house.door.send_signal(signal.SIGCONT)
    actor.hear("drain")
    wait_until(lambda: house.state["live"] == "3" and house.state["accepting"] == ["2", "3"])
    assert {house.ask() for _ in range(20)} == {(200, '"3"')}
    actor.channel.close()


def test_a_revision_of_an_earlier_version_is_not_waited_for(house: House) -> None:
    """It never says that it accepts no more, so nobody may wait for that."""
    actor = Actor(house, 1)
    actor.say("serving")
    wait_until(lambda: house.state["serving"])
    house.revision(2)
    actor.hear("drain")
    assert house.state["accepting"] == ["2"]
    assert house.state["present"] == ["1", "2"]
    actor.channel.close()


def test_a_killed_revision_is_told_of_and_comes_back(house: House) -> None:
    first = house.revision(1)
    first.process.kill()
    status, body = wait_until(lambda: (found := house.answers()) and found[0] == 503 and found)
    assert status == 503
    assert "Revision 1 is not running" in body
    assert house.state["serving"] is False
    house.revision(1, take=False)  # started again by its engine; nobody needs to tell it to serve
    assert wait_until(lambda: (found := house.answers()) and found[0] == 200 and found) == (200, '"1"')


def test_crashes_of_workers_are_counted(house: House) -> None:
    house.revision(1)
    for count in range(1, 4):
        wait_until(lambda: house.answers("die") is None)
        wait_until(lambda seen=count: len(house.state["crashes"]) >= seen)
        wait_until(lambda: house.state["workers"] == 1)
    state = house.state
    assert state["looping"] is True
    assert state["crashes"][-1]["text"] == "a worker ended by SIGKILL"
    assert house.ask() == (200, '"1"')


def test_a_killed_door_is_found_again(house: House) -> None:
    house.revision(1)
    house.door.kill()
    house.door.wait()
    # The revision's own hold on the port has to go before another door can open it; containers have one each.
    house.port = free_port()
    house.door = house.open_door()
    assert wait_until(lambda: (found := house.answers()) and found[0] == 200 and found) == (200, '"1"')


def test_why_a_candidate_cannot_start_is_in_its_log(house: House) -> None:
    house.revision(1)
    script = "def init():\n    raise RuntimeError('no weights')\ndef run(data):\n    pass\n"
    (house.folder / "score.py").write_text(script)
    candidate = house.revision(2, take=False)
    assert candidate.process.wait(20 * FACTOR) == 3
    (event,) = house.events(candidate, "failed")
    assert event["stage"] == "init"
    assert event["traceback"][-1]["text"] == "raise RuntimeError('no weights')"
    assert house.ask() == (200, '"1"')


def test_changed_keys_are_told_of_when_every_worker_has_read_them(house: House) -> None:
    keys = house.folder / "keys.json"
    keys.write_text('{"primary": "first-key", "secondary": "second-key"}')
    house.revision(1, MLDEPLOY_KEYS_FILE=str(keys), WORKER_COUNT="2")
    wait_until(lambda: house.state["workers"] == 2)
    before = house.state["keys"]
    held = int(house.ask("pid", "first-key")[1])
    os.kill(held, signal.SIGSTOP)
    try:
        other = keys.with_suffix(".new")
        other.write_text('{"primary": "third-key", "secondary": "second-key"}')
        other.replace(keys)
        wait_until(lambda: house.ask(key="third-key")[0] == 200)
        assert house.state["keys"] == before, "one of the two takes the former key yet"
    finally:
        os.kill(held, signal.SIGCONT)
    wait_until(lambda: house.state["keys"] == before + 1)
    assert {house.ask(key="first-key")[0] for _ in range(20)} == {401}


def test_secrets_from_a_file_reach_the_script_and_no_log(house: House) -> None:
    secret = 'wörd-"quoted"-1234'
    (house.folder / "secrets.json").write_text(json.dumps({"PASSWORD": secret}))
    revision = house.revision(1, MLDEPLOY_SECRETS_FILE=str(house.folder / "secrets.json"))
    output = revision.output.read_text()
    assert "secret is ***" in output
    assert "1234" not in output
    broken = house.revision(2, take=False, MLDEPLOY_SECRETS_FILE=str(house.folder / "nothing.json"))
    assert broken.process.wait(20 * FACTOR) == 2
    assert "MLDEPLOY_SECRETS_FILE" in broken.output.read_text()


def test_exit_code_of_a_worker_that_is_killed_before_it_is_ready(house: House) -> None:
    (house.folder / "score.py").write_text(
        "import os, signal\ndef init():\n    os.kill(os.getpid(), signal.SIGKILL)\ndef run(data):\n    pass\n"
    )
    candidate = house.revision(1, take=False)
    assert candidate.process.wait(20 * FACTOR) == 128 + signal.SIGKILL
