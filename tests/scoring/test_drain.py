"""Going away without a failed request, and the line to the supervisor."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from tests.patience import FACTOR
from tests.ports import free_port

from .worker_process import PLAIN, Worker, ask_on, listen, serving, wait_until

NAMED = PLAIN + "import os\ndef run(data):\n    return os.getpid()\n"
GATED = (
    PLAIN + "import os, time\ndef run(data):\n    while data and not os.path.exists(data):\n"
    "        time.sleep(0.005)\n    return data\n"
)


class Client(threading.Thread):
    """Asks again and again on a connection that it keeps as long as the server lets it."""

    def __init__(self, port: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.port, self.stop = port, stop
        self.answers: list[int] = []
        self.failures: list[str] = []
        self.connections = 0

    def run(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self.stop.is_set():
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10 * FACTOR)
                    self.connections += 1
                answer = ask_on(connection, "POST", "/score", "x")
                if answer.status != 200:
                    self.failures.append(str(answer.status))
                self.answers.append(answer.json())
                if answer.header("connection") == "close":
                    connection.close()
                    connection = None
            except OSError as error:
                self.failures.append(repr(error))
                if connection is not None:
                    connection.close()
                connection = None
        if connection is not None:
            connection.close()


def test_keep_alive_clients_see_no_failure_while_workers_take_over(tmp_path: Path) -> None:
    listening = listen()
    first = Worker(tmp_path / "0", NAMED, listening=listening).go()
    stop = threading.Event()
    clients = [Client(first.port, stop) for _ in range(8)]
    for client in clients:
        client.start()
    workers = [first]
    try:
        for number in range(1, 4):
            wait_until(lambda: all(workers[-1].process.pid in client.answers for client in clients))
            following = Worker(tmp_path / str(number), NAMED, listening=listening.dup()).go()
            workers[-1].tell("drain")
            workers.append(following)
            assert workers[-2].wait() == 0
        wait_until(lambda: all(client.answers[-1] == workers[-1].process.pid for client in clients))
    finally:
        stop.set()
        for client in clients:
            client.join(10 * FACTOR)
        for worker in workers:
            worker.stop()
    assert [client.failures for client in clients] == [[]] * len(clients)
    assert all(client.connections <= 2 * len(workers) for client in clients)


def test_idle_connection_gets_one_more_answer(tmp_path: Path) -> None:
    with serving(tmp_path, NAMED, settings={"drain_idle_s": 30}) as worker, worker.connect() as client:
        request = b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        assert client.send(request).answer().header("connection") is None
        worker.tell("drain")
        worker.wait_for("draining")
        answer = client.send(request).answer()
        assert (answer.status, answer.header("connection")) == (200, "close")
        assert client.rest() == b""
        assert worker.wait() == 0


def test_idle_connection_is_closed_after_a_while(tmp_path: Path) -> None:
    with serving(tmp_path, NAMED, settings={"drain_idle_s": 0.1}) as worker, worker.connect() as client:
        worker.ask("GET", "/")
        worker.tell("drain")
        assert client.rest() == b""
        assert worker.wait() == 0


def test_what_is_being_answered_is_finished(tmp_path: Path) -> None:
    with serving(tmp_path, GATED) as worker, worker.connect() as client:
        gate = str(tmp_path / "gate")
        head = f"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: {len(gate)}\r\n\r\n"
        client.send(head.encode() + gate.encode() + b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        wait_until(lambda: b"mldeploy_busy 1" in worker.ask("GET", "/metrics").body)
        worker.process.send_signal(signal.SIGTERM)
        assert worker.wait_for("draining")["reason"] == "signal SIGTERM"
        Path(gate).touch()
        first, second = client.answer(), client.answer()
        assert (first.status, first.header("connection")) == (200, None)  # another request is here already
        assert (second.status, second.header("connection")) == (200, "close")
        assert worker.wait() == 0


def test_run_of_a_client_that_has_gone_may_finish(tmp_path: Path) -> None:
    script = GATED.replace("    return data", "    open('finished', 'w').close()\n    return data")
    with serving(tmp_path, script) as worker:
        gate = str(tmp_path / "gate")
        with worker.connect() as client:
            client.send(f"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: {len(gate)}\r\n\r\n{gate}".encode())
            wait_until(lambda: b"mldeploy_busy 1" in worker.ask("GET", "/metrics").body)
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        worker.tell("drain")
        worker.wait_for("draining")
        Path(gate).touch()
        assert worker.wait() == 0
        assert (tmp_path / "finished").exists()


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_sigterm_stops_an_idle_worker(tmp_path: Path, kind: str) -> None:
    script = f"async def init(): pass\n{kind} run(data): return data\n"
    with serving(tmp_path, script) as worker:
        assert worker.ask("POST", "/score", "x").json() == "x"
        worker.process.send_signal(signal.SIGTERM)
        assert worker.wait_for("draining")["reason"] == "signal SIGTERM"
        assert worker.wait(10 * FACTOR) == 0


def test_draining_has_a_deadline(tmp_path: Path) -> None:
    script = PLAIN + "import time\ndef run(data):\n    time.sleep(60)\n"
    with serving(tmp_path, script) as worker, worker.connect() as client:
        client.send(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        wait_until(lambda: b"mldeploy_busy 1" in worker.ask("GET", "/metrics").body)
        started = time.monotonic()
        worker.tell("drain", deadline_s=0.2)
        with pytest.raises((ConnectionResetError, IndexError)):
            client.answer()
        assert worker.wait() == 4
        assert time.monotonic() - started < 25


def test_nothing_is_accepted_before_go(tmp_path: Path) -> None:
    worker = Worker(tmp_path, NAMED)
    try:
        ready = worker.wait_for("ready")
        assert ready["init_ms"] >= 0
        assert ready["import_ms"] >= 0
        with worker.connect() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            client.socket.settimeout(0.2)
            with pytest.raises(TimeoutError):
                client.socket.recv(1)
            client.socket.settimeout(10 * FACTOR)
            worker.tell("go")
            assert client.answer().status == 200
    finally:
        worker.stop()


def test_worker_without_supervisor_goes(tmp_path: Path) -> None:
    with serving(tmp_path, NAMED) as worker:
        worker.channel.close()
        assert worker.wait() == 0


def test_stats_and_unknown_commands(tmp_path: Path) -> None:
    with serving(tmp_path, NAMED) as worker:
        worker.tell("dance")
        worker.tell("stats")
        stats = worker.wait_for("stats")
        assert (stats["inflight"], stats["connections"]) == (0, 0)
        assert worker.wait_for_log(lambda line: "'dance'" in line["message"])["level"] == "warning"


def test_two_workers_share_the_clients(tmp_path: Path) -> None:
    listening = listen()
    one = Worker(tmp_path / "1", NAMED, listening=listening).go()
    two = Worker(tmp_path / "2", NAMED, listening=listening.dup()).go()
    try:
        both = {one.process.pid, two.process.pid}
        wait_until(lambda: {one.ask("POST", "/score", "").json() for _ in range(40)} == both)
    finally:
        one.stop()
        two.stop()


def test_forked_children_do_not_hold_the_port(tmp_path: Path) -> None:
    script = (
        PLAIN + "import os, time\ndef run(data):\n    pid = os.fork()\n    if pid == 0:\n        time.sleep(60)\n"
        "        os._exit(0)\n    return pid\n"
    )
    port = free_port()  # nobody else gets it while nobody has it
    listening = listen(port)
    with serving(tmp_path, script, listening=listening) as worker:
        child = worker.ask("POST", "/score", "").json()
    try:
        again = socket.socket()
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # closed connections do not count
        again.bind(("127.0.0.1", port))  # fails while anybody listens there
        again.listen()
        again.close()
    finally:
        os.kill(child, signal.SIGKILL)
