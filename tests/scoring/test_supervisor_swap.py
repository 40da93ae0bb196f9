"""Bringing revisions to life: first start, hot swap, and candidates that fail."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_mldeploy.scoring.control import ControlError
from jupyter_mldeploy.scoring.processes import is_alive
from tests.patience import FACTOR
from tests.ports import free_port

from .supervised import Supervised, wait_for

FAILING = "def init(): raise RuntimeError('no model')\ndef run(text): return text\n"


def says(word: str) -> str:
    return f"def init(): pass\ndef run(text): return {word!r}\n"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Supervised]:
    found = Supervised(tmp_path)
    yield found
    found.clean()


def test_a_first_start_serves_and_says_how(service: Supervised) -> None:
    answer = service.start(says("one"))
    assert answer["revision"] == 1
    assert answer["init_ms"] == 2.0
    assert service.ask() == (200, "one", service.ask()[2])
    status = service.status()
    assert (status["state"], status["reason"], status["live_revision"]) == ("Healthy", None, 1)
    assert service.messages() == "revision 1 serves"


def test_a_first_start_that_fails_leaves_nothing_running(service: Supervised) -> None:
    with pytest.raises(ControlError, match=r"init\(\) failed: no model") as failure:
        service.start(FAILING)
    assert failure.value.facts["stage"] == "init"
    assert failure.value.facts["traceback"][0]["function"] == "init"
    assert failure.value.facts["model_tree"] == ["models/"]
    wait_for(lambda: not service.processes(), "the end of all processes")
    assert not (service.directory / "control.sock").exists()
    assert list((service.directory / "spool").iterdir()) == []


def test_the_port_is_bound_but_refuses_until_the_first_worker_is_ready(service: Supervised, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    slow = f"def init(): open({str(gate)!r}).read()\ndef run(text): return text\n"
    starter = threading.Thread(target=service.start, args=(slow,))
    starter.start()
    port = wait_for(lambda: (service.directory / "status.json").exists() and service_port(service), "the port")
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port)) != 0
    with gate.open("w") as stream:
        stream.write("go")
    starter.join(20 * FACTOR)
    assert service.ask()[0] == 200


def service_port(service: Supervised) -> int:
    import json

    return int(json.loads((service.directory / "status.json").read_text())["port"])


def test_a_swap_answers_with_the_new_revision_and_ends_the_old_workers(service: Supervised) -> None:
    service.start(says("one"))
    old = service.workers()[0]
    service.swap(says("two"))
    assert service.ask()[1] == "two"
    wait_for(lambda: not is_alive(old["pid"], old["token"]), "the end of the old worker")
    assert service.status()["live_revision"] == 2


def test_a_kept_connection_gets_its_answer_through_a_swap(service: Supervised) -> None:
    service.start(says("one"))
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10 * FACTOR)
    connection.request("POST", "/score", b"x")
    assert connection.getresponse().read() == b"one"
    service.swap(says("two"))
    connection.request("POST", "/score", b"x")
    last = connection.getresponse()
    assert last.read() == b"one"
    assert last.getheader("Connection") == "close"
    connection.request("POST", "/score", b"x")
    assert connection.getresponse().read() == b"two"
    connection.close()


def test_a_failed_swap_leaves_the_old_revision_serving(service: Supervised) -> None:
    service.start(says("one"))
    before = service.workers()
    with pytest.raises(ControlError, match="no model"):
        service.swap(FAILING)
    assert service.ask()[1] == "one"
    assert [item["pid"] for item in service.workers()] == [item["pid"] for item in before]
    assert service.status()["candidate_revision"] is None


def test_a_candidate_that_is_not_ready_in_time_is_given_up(service: Supervised) -> None:
    service.start(says("one"))
    hanging = "import time\ndef init(): time.sleep(600)\ndef run(text): return text\n"
    with pytest.raises(ControlError, match=r"not ready within 4 s; it was in init\(\)") as failure:
        service.swap(hanging, start_timeout_s=4)
    assert failure.value.facts["timed_out"] is True
    wait_for(lambda: len(service.status()["workers"]) == 1, "the end of the candidate")
    assert service.ask()[1] == "one"


def test_a_candidate_goes_with_the_client_that_ordered_it(service: Supervised) -> None:
    service.start(says("one"))
    service.hang_up()
    service.revision += 1
    hanging = "import time\ndef init(): time.sleep(600)\ndef run(text): return text\n"

    class Cancelled(Exception):
        pass

    def check() -> None:
        if checks.append(None) or len(checks) > 1:
            raise Cancelled

    checks: list[None] = []
    with pytest.raises(Cancelled):
        service.client.call("swap", timeout_s=30 * FACTOR, order=service.order(hanging), check=check)
    service.hang_up()
    wait_for(lambda: service.status()["candidate_revision"] is None, "the end of the candidate")
    assert service.ask()[1] == "one"


@pytest.mark.parametrize("ending", ["os._exit(7)", "os.kill(os.getpid(), 11)"])
def test_a_candidate_that_crashes_says_how(service: Supervised, ending: str) -> None:
    service.start(says("one"))
    with pytest.raises(ControlError) as failure:
        service.swap(
            f"import os\ndef init():\n    print('last words', flush=True)\n    {ending}\ndef run(text): pass\n"
        )
    assert failure.value.facts["stage"] == "crash"
    assert failure.value.facts["exit_code"] == (7 if "exit" in ending else -signal.SIGSEGV)
    assert failure.value.facts["tail"][0] == "last words"


def test_several_workers_share_the_port(service: Supervised) -> None:
    service.start(workers=3)
    wait_for(lambda: len({service.ask()[2] for _ in range(20)}) >= 2, "answers of more than one worker")
    assert len(service.workers()) == 3


def test_scale_changes_the_number_of_workers_without_a_gap(service: Supervised) -> None:
    service.start()
    service.client.call("scale", timeout_s=30 * FACTOR, workers=2)
    assert len(service.workers()) == 2
    assert service.ask()[0] == 200
    assert service.status()["live_revision"] == 1


def test_another_port_can_be_ordered(service: Supervised) -> None:
    service.start(says("one"))
    first = service.port
    other = free_port()
    service.swap(says("two"), port=other)
    assert service.port == other
    assert service.ask()[1] == "two"
    with socket.socket() as client:
        wait_for(lambda: client.connect_ex(("127.0.0.1", first)) != 0, "the former port to close")


def test_a_port_that_is_taken_is_an_error_that_names_who_has_it(service: Supervised, tmp_path: Path) -> None:
    service.start()
    second = Supervised(tmp_path / "second", name="second")
    try:
        with pytest.raises(ControlError, match=f"Port {service.port} is taken by the service 'tested'"):
            second.start(settings={"port": service.port})
        wait_for(lambda: not second.processes(), "the end of the second service")
    finally:
        second.clean()
    assert service.ask()[0] == 200


def test_a_remembered_port_that_is_taken_gives_way_to_a_free_one(service: Supervised, tmp_path: Path) -> None:
    service.start()
    second = Supervised(tmp_path / "second", name="second")
    try:
        second.start(settings={"port": service.port, "any_port": True})
        assert second.port != service.port
        assert "another port is used" in second.messages()
    finally:
        second.clean()


def test_spawned_workers_serve_like_forked_ones(service: Supervised) -> None:
    service.start(says("one"), settings={"start_method": "spawn"}, workers=2)
    service.swap(says("two"), workers=2)
    assert service.ask()[1] == "two"
    with pytest.raises(ControlError, match="no model"):
        service.swap(FAILING)
    assert service.ask()[1] == "two"
    service.stop()


def test_stop_lets_running_requests_finish(service: Supervised, tmp_path: Path) -> None:
    gate, started = tmp_path / "gate", tmp_path / "started"
    os.mkfifo(gate)
    service.start(
        f"def init(): pass\ndef run(text):\n    open({str(started)!r}, 'w').close()\n"
        f"    open({str(gate)!r}).read()\n    return 'done'\n"
    )
    answers: list[tuple[int, str, str]] = []
    asker = threading.Thread(target=lambda: answers.append(service.ask()))
    asker.start()
    wait_for(started.exists, "the request")
    service.client.call("stop", timeout_s=5 * FACTOR, grace_s=10 * FACTOR)
    with gate.open("w") as stream:
        stream.write("go")
    asker.join(20 * FACTOR)
    assert answers[0][:2] == (200, "done")
    wait_for(lambda: not service.processes(), "the end of all processes")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("worker", ["fake_worker:run_worker", None], ids=["small worker", "scoring server"])
def test_two_hundred_swaps_under_sixteen_kept_connections_lose_no_request(
    service: Supervised, worker: str | None
) -> None:
    service.start(says("0"), worker=worker)
    stop = threading.Event()
    failures: list[str] = []
    counts = [0] * 16

    def load(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20 * FACTOR)
        while not stop.is_set():
            try:
                connection.request("POST", "/score", b"1", {"Content-Type": "application/json"})
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 200 or not body.strip(b'"').isdigit():
                    failures.append(f"status {answer.status}: {body!r}")
                counts[number] += 1
            except (OSError, http.client.HTTPException) as error:
                failures.append(repr(error))
                connection.close()
            time.sleep(0.002)
        connection.close()

    clients = [threading.Thread(target=load, args=(number,)) for number in range(16)]
    for client in clients:
        client.start()
    try:
        for number in range(200):
            service.swap(says(str(number)), worker=worker)
    finally:
        stop.set()
        for client in clients:
            client.join(20 * FACTOR)
    assert failures == []
    assert min(counts) > 20
    assert service.ask()[1].strip('"') == "199"
    wait_for(lambda: len(service.status()["workers"]) == 1, "the end of all old workers")
