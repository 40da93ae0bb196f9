"""What happens when processes are killed, crash, hang, swell or are told to end."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_mldeploy.scoring import journal
from jupyter_mldeploy.scoring.control import ControlError, NotReachableError
from jupyter_mldeploy.scoring.processes import is_alive, send_signal, start_token
from jupyter_mldeploy.scoring.starting import find_supervisor, sweep
from tests.patience import FACTOR
from tests.ports import free_port

from .supervised import SCRIPT, Supervised, wait_for

CRASHES_WHEN_ASKED = """
import os
def init(): pass
def run(text):
    if text == "crash":
        os.kill(os.getpid(), 11)
    if text == "exit":
        os._exit(9)
    return text
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Supervised]:
    found = Supervised(tmp_path)
    yield found
    found.clean()


def ask_in_vain(service: Supervised) -> None:
    with pytest.raises(OSError):
        service.ask()


def crash(service: Supervised, word: str = "crash") -> None:
    with pytest.raises((ConnectionError, OSError)):
        service.ask(word)


def test_a_crashed_worker_is_replaced_and_its_end_explained(service: Supervised) -> None:
    service.start(CRASHES_WHEN_ASKED)
    crash(service)
    assert service.ask("again")[:2] == (200, "again")
    entry = next(item for item in service.journal() if item["data"].get("cause") == "crashed")
    assert "worker-1 was killed by SIGSEGV (native code crashed" in entry["message"]
    assert entry["data"]["exit_code"] == -signal.SIGSEGV
    wait_for(lambda: "worker-1 is up again" in service.messages(), "the news")
    wait_for(lambda: service.status()["state"] == "Healthy", "health")
    assert service.status()["restarts"] == 1


def test_a_warm_parent_that_is_busy_still_says_how_a_worker_ended(service: Supervised) -> None:
    service.start(CRASHES_WHEN_ASKED)
    parent = service.status()["warm_parents"][-1]["pid"]
    os.kill(parent, signal.SIGSTOP)
    try:
        crash(service, "exit")
        patience = time.monotonic() + 2
        while time.monotonic() < patience:
            assert "nobody could see" not in service.messages()
            time.sleep(0.05)
    finally:
        os.kill(parent, signal.SIGCONT)
    wait_for(lambda: "worker-1 ended with exit code 9" in service.messages(), "the explanation")
    assert service.ask("x")[0] == 200


def test_requests_wait_for_a_worker_that_is_just_being_replaced(service: Supervised) -> None:
    service.start(CRASHES_WHEN_ASKED)
    os.kill(service.workers()[0]["pid"], signal.SIGKILL)
    assert service.ask("x")[:2] == (200, "x")


def test_requests_are_answered_when_the_replacement_takes_too_long(service: Supervised, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    service.start(
        f"import os\ndef init():\n    if os.path.exists({str(gate)!r}):\n        open({str(gate)!r}).read()\n"
        "def run(text): return text\n",
        settings={"patience_s": 0.1},
    )
    os.mkfifo(gate)
    os.kill(service.workers()[0]["pid"], signal.SIGKILL)
    status, body, _ = service.ask("x")
    assert status == 503
    assert "No worker of the service is up" in json.loads(body)["error"]["message"]
    with gate.open("w") as stream:
        stream.write("go")
    wait_for(lambda: service.ask("x")[:2] == (200, "x"), "the replacement")


def test_a_crash_loop_is_recognised_and_answered_503(service: Supervised, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    service.start(
        f"import os\ndef init():\n    if os.path.exists({str(broken)!r}):\n        print('no disk', flush=True)\n"
        "        os._exit(9)\ndef run(text): return text\n"
    )
    broken.touch()
    os.kill(service.workers()[0]["pid"], signal.SIGKILL)
    status = wait_for(lambda: (found := service.status())["state"] == "Failed" and found, "the crash loop")
    assert status["reason"] == "CrashLoop: a worker ended with exit code 9"
    assert status["crash_tail"] == ["no disk"]
    answer = wait_for(lambda: (found := service.ask())[0] == 503 and found, "the doorman")
    assert "ended with exit code 9" in json.loads(answer[1])["error"]["message"]
    broken.unlink()
    service.swap(SCRIPT)
    assert service.ask() == (200, "hello", service.ask()[2])
    assert service.status()["state"] == "Healthy"


def test_a_killed_warm_parent_is_replaced_and_nobody_notices(service: Supervised) -> None:
    service.start()
    worker = service.workers()[0]
    warm = service.status()["warm_parents"][0]
    os.kill(warm["pid"], signal.SIGKILL)
    wait_for(lambda: [item["pid"] for item in service.status()["warm_parents"]] not in ([], [warm["pid"]]), "another")
    assert service.workers()[0]["pid"] == worker["pid"]
    assert service.ask()[0] == 200
    service.swap()
    assert service.ask()[2].startswith("2:")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process adopt orphans")
def test_an_orphan_of_a_killed_warm_parent_still_gets_its_end_explained(service: Supervised) -> None:
    service.start(CRASHES_WHEN_ASKED)
    wait_for(lambda: service.status()["adopts_orphans"], "the supervisor to adopt orphans")
    os.kill(service.status()["warm_parents"][0]["pid"], signal.SIGKILL)
    wait_for(lambda: "the warm parent was killed" in service.messages(), "the news")
    crash(service, "exit")
    wait_for(lambda: "worker-1 ended with exit code 9" in service.messages(), "the explanation")
    assert service.ask("x")[0] == 200


def test_a_killed_supervisor_leaves_no_orphan_and_can_be_started_again(service: Supervised) -> None:
    service.start(settings={"port": free_port()})
    answers: list[int] = []
    identity = find_supervisor(service.directory)
    assert identity is not None
    os.kill(identity["pid"], signal.SIGKILL)
    service.hang_up()
    wait_for(lambda: not service.processes(), "the end of all processes")
    with pytest.raises(NotReachableError):
        _ = service.client
    service.start(settings={"port": service.port})
    answers.append(service.ask()[0])
    assert answers == [200]


def test_a_hanging_worker_does_not_outlive_a_killed_supervisor(service: Supervised, tmp_path: Path) -> None:
    started = tmp_path / "started"
    hangs = (
        f"import time\ndef init(): pass\ndef run(text):\n    open({str(started)!r}, 'w').close()\n    time.sleep(600)\n"
    )
    service.start(hangs, drain_s=0.2)
    asker = threading.Thread(target=ask_in_vain, args=(service,))
    asker.start()
    wait_for(started.exists, "the request")
    os.kill(int(service.status()["pid"]), signal.SIGKILL)
    service.hang_up()
    wait_for(lambda: not service.processes(), "the end of all processes")
    asker.join(10 * FACTOR)


def test_a_killed_supervisor_and_warm_parent_leave_what_sweep_ends(service: Supervised, tmp_path: Path) -> None:
    started = tmp_path / "started"
    hangs = (
        f"import time\ndef init(): pass\ndef run(text):\n    open({str(started)!r}, 'w').close()\n    time.sleep(600)\n"
    )
    service.start(hangs)
    asker = threading.Thread(target=ask_in_vain, args=(service,))
    asker.start()
    wait_for(started.exists, "the request")
    status = service.status()
    os.kill(status["warm_parents"][0]["pid"], signal.SIGKILL)
    os.kill(status["pid"], signal.SIGKILL)
    service.hang_up()
    assert service.processes()
    assert sweep(service.directory, service.uid) >= 1
    assert service.processes() == []
    asker.join(10 * FACTOR)


def test_a_standstill_of_the_machine_is_not_a_workers_fault(service: Supervised) -> None:
    service.start(heartbeat_s=3.0 * FACTOR)
    worker, supervisor = service.workers()[0]["pid"], service.status()["pid"]
    for pid in (worker, supervisor):
        os.kill(pid, signal.SIGSTOP)
    over = time.monotonic() + 3.0 * FACTOR + 0.5
    wait_for(lambda: time.monotonic() > over, "the end of the standstill")
    os.kill(supervisor, signal.SIGCONT)
    for _ in range(2):
        service.status()  # so it has looked at its workers
    os.kill(worker, signal.SIGCONT)
    assert service.ask("x")[:2] == (200, "x")
    assert [item["pid"] for item in service.workers()] == [worker]


def test_a_worker_without_heartbeat_is_replaced(service: Supervised) -> None:
    hushes = "def init(): pass\ndef run(text):\n    globals().update(silent=text == 'hush')\n    return text\n"
    service.start(hushes, heartbeat_s=3.0)
    pid = int(service.ask("hush")[2].rpartition(":")[2])
    entry = wait_for(
        lambda: next((item for item in service.journal() if item["data"].get("cause") == "hung"), None), "the verdict"
    )
    assert (entry["data"]["pid"], "no sign of life for 3 s" in entry["message"]) == (pid, True)
    wait_for(lambda: pid not in dict(service.processes()), "its end")
    assert service.ask()[0] == 200


def test_a_replacement_that_never_gets_ready_is_replaced_in_turn(service: Supervised, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    service.start()  # on a busy machine the first start alone may take longer than the limit below
    service.swap(
        f"import os, time\ndef init():\n    if os.path.exists({str(slow)!r}):\n        os.unlink({str(slow)!r})\n"
        "        time.sleep(600)\ndef run(text): return text\n",
        start_timeout_s=5.0,
    )
    slow.touch()
    os.kill(service.workers()[0]["pid"], signal.SIGKILL)
    wait_for(lambda: "it was not ready again within 5 s" in service.messages(), "the verdict")
    assert service.ask("x")[:2] == (200, "x")


def test_a_worker_beyond_its_memory_limit_is_replaced_and_the_reason_kept(service: Supervised) -> None:
    service.start(
        "import time\nkept = []\ndef init(): pass\ndef run(text):\n    if text == 'eat':\n"
        "        kept.append(b'x' * (300 << 20))\n        time.sleep(600)\n    return text\n",
        memory_limit_bytes=200 << 20,
    )
    with pytest.raises(OSError):
        service.ask("eat")
    assert service.ask("x")[:2] == (200, "x")
    entry = next(item for item in service.journal() if item["data"].get("cause") == "memory")
    assert "0.20 GiB is the limit" in entry["message"]
    assert ": it used 0." in str(service.status()["last_crash"])


def test_a_worker_that_has_answered_enough_is_renewed_and_no_request_is_lost(service: Supervised) -> None:
    pids = "import os\ndef init(): pass\ndef run(text): return os.getpid()\n"
    service.start(pids, worker=None, serve={"max_requests_per_worker": 20})
    seen: set[str] = set()

    def ask() -> int:
        status, body, _ = service.ask()
        assert status == 200
        seen.add(body)
        assert service.status()["state"] == "Healthy"
        return len(seen)

    wait_for(lambda: ask() == 3, "two renewals", 60 * FACTOR)
    assert "is renewed: it has answered" in service.messages()
    assert service.status()["restarts"] == 0
    wait_for(lambda: len(service.status()["workers"]) == 1, "the end of the old workers")


def test_children_of_a_worker_are_killed_with_it(service: Supervised, tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    service.start(
        "import subprocess\ndef init(): pass\ndef run(text):\n    child = subprocess.Popen(['sleep', '600'])\n"
        f"    open({str(noted)!r}, 'w').write(str(child.pid))\n    return text\n"
    )
    service.ask()
    child = int(noted.read_text())
    token = start_token(child)
    assert token is not None
    service.stop()
    wait_for(lambda: not is_alive(child, token), "the end of the child")


def test_a_worker_that_closes_all_its_descriptors_is_replaced(service: Supervised) -> None:
    service.start("import os\ndef init(): pass\ndef run(text):\n    if text == 'close':\n        os.closerange(3, 64)\n"
                  "    return text\n")  # fmt: skip
    with pytest.raises(OSError):
        service.ask("close", timeout_s=5)
    assert service.ask("x")[:2] == (200, "x")


def test_time_to_live_ends_the_service_by_itself(service: Supervised) -> None:
    later = time.time() + 3600
    service.start(expires=later)
    assert service.status()["expires"] == later
    soon = time.time() + 0.5
    assert service.swap(expires=soon)["status"]["expires"] == soon
    wait_for(lambda: not service.processes(), "the end of all processes")
    status = journal.read_json(service.directory / journal.STATUS)
    assert status is not None
    assert (status["state"], status["reason"]) == ("Stopped", "its time to live is over")
    assert "the service stops: its time to live is over" in service.messages()


def test_sigterm_to_the_supervisor_stops_the_service(service: Supervised) -> None:
    service.start()
    os.kill(service.status()["pid"], signal.SIGTERM)
    service.hang_up()
    wait_for(lambda: not service.processes(), "the end of all processes")
    assert (journal.read_json(service.directory / journal.STATUS) or {})["state"] == "Stopped"


def test_a_supervisor_whose_starter_is_gone_before_the_first_order_ends(service: Supervised) -> None:
    with pytest.raises(ControlError, match="no worker specification"):
        service.start(spec="/nowhere/worker.json")
    assert service.processes()
    service.hang_up()
    wait_for(lambda: not service.processes(), "the end of all processes")


def test_nothing_is_left_after_a_stop(service: Supervised) -> None:
    service.start(workers=2)
    service.stop()
    assert list((service.directory / "spool").iterdir()) == []
    assert not (service.directory / "control.sock").exists()
    assert (service.directory / "supervisor.out").read_text() == ""


def test_a_pid_that_belongs_to_another_process_now_is_never_signalled() -> None:
    own = os.getpid()
    assert send_signal(own, "another-token", signal.SIGKILL) is False
    assert send_signal(own, None, signal.SIGKILL) is False
    assert is_alive(own, start_token(own))


def test_journal_numbers_go_on_after_a_restart(service: Supervised) -> None:
    service.start()
    service.stop()
    before = [entry["seq"] for entry in service.journal()]
    service.start()
    after = [entry["seq"] for entry in service.journal()]
    assert after[: len(before)] == before
    assert after == list(range(1, len(after) + 1))


def test_commands_of_another_version_are_refused_with_a_way_out(service: Supervised) -> None:
    service.start()
    with pytest.raises(ControlError, match=r"started by another version\. Stop the service and start it again"):
        service.client.call("fly", timeout_s=5 * FACTOR)
    with pytest.raises(ControlError, match="unknown key 'wings'"):
        service.client.call("swap", timeout_s=5 * FACTOR, order=service.order(wings=2))
    assert service.ask()[0] == 200


def test_keys_are_read_again_by_all_workers_before_the_answer(service: Supervised) -> None:
    service.start(workers=2)
    answer = service.client.call("reload-keys", timeout_s=60 * FACTOR)
    assert answer["waiting"] == []
    assert service.log_text().count("keys were read again") == 2
