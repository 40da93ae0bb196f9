"""How run() is executed: time limits, queue, concurrency, and scripts that misbehave."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.patience import FACTOR

from .worker_process import PLAIN, Answer, Worker, ask_on, serving, wait_until

# Waits until a file appears, so that tests decide when run() ends.
GATED = (
    PLAIN + "import os, time\ndef run(data):\n    while data and not os.path.exists(data):\n"
    "        time.sleep(0.005)\n    return data\n"
)

MISBEHAVING = (
    PLAIN
    + """
import ctypes, os, sys, threading, time, warnings, logging


def run(data):
    if data == "sleep":
        time.sleep(60)
    if data == "spin":
        while True:
            pass
    if data == "swallow":
        try:
            time.sleep(60)
        except Exception as error:
            return str(error)
    if data == "lock":
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()
    if data == "hang":
        # C code that signals do not wake: a mutex that is locked already.
        mutex = ctypes.create_string_buffer(128)
        for _ in range(2):
            ctypes.CDLL(None).pthread_mutex_lock(mutex)
    if data == "stubborn":
        while True:
            try:
                time.sleep(60)
            except BaseException:
                pass
    if data == "exit":
        sys.exit(5)
    if data == "interrupt":
        raise KeyboardInterrupt
    if data == "fork" and os.fork() == 0:
        return "from the child"
    if data == "stdout":
        for _ in range(20000):
            print("x" * 100)
        os.write(1, b"y" * 1000000)
    if data == "close stdout":
        sys.stdout.close()
        os.close(1)
        print("into nothing")
    if data == "recurse":
        return run(data)
    return data
"""
)


@pytest.fixture(scope="module")
def wild(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with serving(tmp_path_factory.mktemp("wild"), MISBEHAVING, settings={"scoring_timeout_ms": 1000}) as worker:
        yield worker


@pytest.mark.parametrize("kind", ["sleep", "spin", "swallow", "lock"])
def test_time_limit(wild: Worker, kind: str) -> None:
    started = time.monotonic()
    answer = wild.ask("POST", "/score", kind)
    assert (answer.status, answer.message) == (500, "Scoring timeout after 1000 ms")
    assert answer.header("x-ms-run-function-failed") == "True"
    assert 0.99 < time.monotonic() - started < 30
    assert wild.ask("POST", "/score", "fine").json() == "fine"
    line = wild.wait_for_log(lambda line: line.get("request_id") == answer.header("x-request-id"))
    assert "SCORING_TIMEOUT_MS" in line["message"]


def test_time_limit_with_another_status(tmp_path: Path) -> None:
    settings = {"scoring_timeout_ms": 100, "timeout_status": 504}
    with serving(tmp_path, MISBEHAVING, settings=settings) as worker:
        assert worker.ask("POST", "/score", "sleep").status == 504


def test_health_is_answered_while_run_works(tmp_path: Path) -> None:
    with (
        serving(tmp_path, PLAIN + "def run(data):\n    while True:\n        pass\n") as worker,
        worker.connect() as client,
    ):
        client.send(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        wait_until(lambda: b"mldeploy_busy 1" in worker.ask("GET", "/metrics").body)
        assert worker.ask("GET", "/").body == b"Healthy"
        alive = worker.wait_for("alive")
        while alive["busy_since"] is None:
            alive = worker.wait_for("alive")
        assert alive["inflight"] == 1
        assert 0 <= time.monotonic() - alive["busy_since"] < 60
        worker.process.kill()


@pytest.mark.parametrize("kind", ["exit", "interrupt", "recurse"])
def test_what_run_raises_fails_its_request_only(wild: Worker, kind: str) -> None:
    answer = wild.ask("POST", "/score", kind)
    assert (answer.status, answer.header("x-ms-run-function-failed")) == (500, "True")
    assert wild.ask("POST", "/score", "fine").json() == "fine"
    assert wild.process.poll() is None


@pytest.mark.parametrize("kind", ["fork", "stdout", "close stdout"])
def test_what_run_does_to_its_process(tmp_path: Path, kind: str) -> None:
    with serving(tmp_path, MISBEHAVING) as worker:
        assert worker.ask("POST", "/score", kind).json() == kind
        assert worker.ask("POST", "/score", "fine").json() == "fine"


@pytest.mark.parametrize("kind", ["hang", "stubborn"])
def test_run_that_cannot_be_stopped(tmp_path: Path, kind: str) -> None:
    limit = int(3000 * FACTOR)  # time for the others to get into the queue
    settings = {"scoring_timeout_ms": limit, "interrupt_grace_s": 0.3, "drain_idle_s": 0.2}
    worker = Worker(tmp_path, MISBEHAVING, settings=settings).go()
    try:
        waiting = ThreadPoolExecutor(4)
        hung = waiting.submit(worker.ask, "POST", "/score", kind)
        wait_until(lambda: b"mldeploy_busy 1" in worker.ask("GET", "/metrics").body)
        others = [waiting.submit(worker.ask, "POST", "/score", f"other {number}") for number in range(3)]
        wait_until(lambda: b"mldeploy_queue_length 3" in worker.ask("GET", "/metrics").body)
        assert hung.result().message == f"Scoring timeout after {limit} ms"
        # Those that waited behind it are answered before the worker goes.
        assert [other.result().json() for other in others] == ["other 0", "other 1", "other 2"]
        assert worker.wait_for("stuck")["seconds"] > 0
        assert worker.wait() == 4
    finally:
        worker.stop()


def test_bounded_queue(tmp_path: Path) -> None:
    with serving(tmp_path, GATED, settings={"max_queue_length": 1}) as worker:
        gate = tmp_path / "gate"
        answers: list[Answer] = []
        threads = [
            threading.Thread(target=lambda: answers.append(worker.ask("POST", "/score", str(gate)))) for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(answers) == 3)
        assert {answer.status for answer in answers} == {503}
        assert {answer.header("retry-after") for answer in answers} == {"1"}
        gate.touch()
        for thread in threads:
            thread.join()
        assert sorted(answer.status for answer in answers) == [200, 200, 503, 503, 503]


def test_requests_that_waited_too_long(tmp_path: Path) -> None:
    with serving(tmp_path, GATED, settings={"max_request_wait_ms": 1000}) as worker:
        gate = tmp_path / "gate"
        with worker.connect() as first:
            first.send(post(str(gate)))
            wait_until(lambda: b"mldeploy_busy 1" in worker.ask("GET", "/metrics").body)
            started = time.monotonic()
            assert worker.ask("POST", "/score", "").status == 503
            assert 0.99 < time.monotonic() - started < 30
            gate.touch()
            assert first.answer().status == 200
        assert worker.ask("POST", "/score", "").status == 200
        assert b"mldeploy_requests_refused_total 1" in worker.ask("GET", "/metrics").body


def post(body: str) -> bytes:
    return f"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


def test_vanished_clients_requests_are_not_run(tmp_path: Path) -> None:
    script = GATED.replace("    return data", "    open('ran', 'a').write('x')\n    return data")
    with serving(tmp_path, script) as worker:
        gate = tmp_path / "gate"
        with worker.connect() as first:
            first.send(post(str(gate)))
            wait_until(lambda: b"mldeploy_busy 1" in worker.ask("GET", "/metrics").body)
            gone = [worker.connect() for _ in range(3)]
            for client in gone:
                client.send(post(""))
            wait_until(lambda: b"mldeploy_queue_length 3" in worker.ask("GET", "/metrics").body)
            for client in gone:
                client.close()
            wait_until(lambda: b"mldeploy_queue_length 0" in worker.ask("GET", "/metrics").body)
            gate.touch()
            assert first.answer().status == 200
        assert (tmp_path / "ran").read_text() == "x"


def test_several_requests_at_once(tmp_path: Path) -> None:
    with serving(tmp_path, GATED, settings={"max_concurrent_requests": 3}) as worker:
        gate = tmp_path / "gate"
        with ThreadPoolExecutor(3) as pool:
            waiting = [pool.submit(worker.ask, "POST", "/score", str(gate)) for _ in range(3)]
            wait_until(lambda: b"mldeploy_busy 3" in worker.ask("GET", "/metrics").body)
            gate.touch()
            assert [item.result().status for item in waiting] == [200] * 3


def test_time_limit_in_further_threads(tmp_path: Path) -> None:
    script = (
        PLAIN + "import time\ndef run(data):\n    while data == 'slow':\n        time.sleep(0.01)\n    return data\n"
    )
    with serving(tmp_path, script, settings={"max_concurrent_requests": 3, "scoring_timeout_ms": 1000}) as worker:
        with ThreadPoolExecutor(3) as pool:
            answers = list(pool.map(lambda _: worker.ask("POST", "/score", "slow"), range(3)))
        assert {answer.message for answer in answers} == {"Scoring timeout after 1000 ms"}
        assert worker.ask("POST", "/score", "fine").json() == "fine"
        assert worker.process.poll() is None


BATCHING = """
import os, time
import numpy as np
from inference_schema.schema_decorators import input_schema
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType


def init():
    pass


@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0]])))
def run(data):
    with open("calls", "a") as stream:
        stream.write(f"{len(data)}\\n")
    while data[0, 0] == -7 and not os.path.exists("gate"):
        time.sleep(0.005)
    if (data == -1).any():
        raise ValueError("poisoned row")
    if (data == -2).any():
        time.sleep(60)
    if (data == -3).any():
        return "no rows"
    return {"sum": data.sum(axis=1), "rows": [len(data)] * len(data)}
"""


class Batch:
    """A worker whose run() is held, so that the requests after that are joined."""

    def __init__(self, worker: Worker) -> None:
        self.worker = worker

    def __call__(self, *rows: list[list[float]]) -> list[Answer]:
        gate = self.worker.directory / "gate"
        calls = self.worker.directory / "calls"
        gate.unlink(missing_ok=True)
        calls.unlink(missing_ok=True)
        with ThreadPoolExecutor(len(rows) + 1) as pool:
            holding = pool.submit(self.worker.score, {"data": [[-7, 0]]})
            wait_until(lambda: calls.exists() and self.calls == [1])
            calls.unlink()
            waiting = []
            for number, row in enumerate(rows, 1):
                waiting.append(pool.submit(self.worker.score, {"data": row}))
                expected = b"mldeploy_queue_length %d" % number
                wait_until(lambda expected=expected: expected in self.worker.ask("GET", "/metrics").body)
            gate.touch()
            assert holding.result().status == 200
            return [item.result() for item in waiting]

    @property
    def calls(self) -> list[int]:
        return [int(line) for line in (self.worker.directory / "calls").read_text().split()]


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Batch]:
    # The limit counts for the call that is held, too, and so for as long as the others need to get into the queue.
    settings = {"max_batch_size": 4, "scoring_timeout_ms": int(60_000 * FACTOR)}
    with serving(tmp_path_factory.mktemp("batch"), BATCHING, settings=settings) as worker:
        yield Batch(worker)


def test_waiting_requests_share_a_call(batch: Batch) -> None:
    answers = batch([[1, 2]], [[3, 4], [5, 6]], [[7, 8]])
    assert [answer.json()["sum"] for answer in answers] == [[3.0], [7.0, 11.0], [15.0]]
    assert [answer.json()["rows"] for answer in answers] == [[4], [4, 4], [4]]
    assert batch.calls == [4]
    assert 'mldeploy_batch_size_bucket{le="4"}' in batch.worker.ask("GET", "/metrics").body.decode()


def test_batches_have_a_largest_size(batch: Batch) -> None:
    answers = batch(*[[[number, 0]] for number in range(6)])
    assert [answer.json()["sum"] for answer in answers] == [[float(number)] for number in range(6)]
    assert batch.calls == [4, 2]


def test_one_requests_failure_is_its_own(batch: Batch) -> None:
    answers = batch([[1, 2]], [[-1, 0]], [["a", 0]])
    assert [answer.status for answer in answers] == [200, 500, 400]
    assert answers[0].json() == {"sum": [3.0], "rows": [1]}
    assert batch.calls == [2, 1, 1]


def test_one_requests_time_limit_is_its_own(tmp_path: Path) -> None:
    limit = int(3000 * FACTOR)
    settings = {"max_batch_size": 4, "scoring_timeout_ms": limit, "interrupt_grace_s": 5 * FACTOR}
    with serving(tmp_path, BATCHING, settings=settings) as worker:
        answers = Batch(worker)([[1, 2]], [[-2, 0]], [[3, 4]])
    assert [answer.status for answer in answers] == [200, 500, 200]
    assert answers[1].message == f"Scoring timeout after {limit} ms"


def test_result_without_rows_is_asked_for_one_by_one(batch: Batch) -> None:
    answers = batch([[1, 2]], [[-3, 0]])
    assert answers[0].json() == {"sum": [3.0], "rows": [1]}
    assert answers[1].json() == "no rows"


def test_batching_that_is_impossible_is_said(tmp_path: Path) -> None:
    with serving(tmp_path, PLAIN + "def run(data):\n    return data\n", settings={"max_batch_size": 8}) as worker:
        assert worker.ask("POST", "/score", "x").json() == "x"
        assert worker.wait_for_log(lambda line: "not scored in batches" in line["message"])


def test_waiting_for_a_batch_is_bounded(tmp_path: Path) -> None:
    settings = {"max_batch_size": 4, "max_batch_wait_ms": 100}
    with serving(tmp_path, BATCHING, settings=settings) as worker:
        assert worker.score({"data": [[1, 2]]}).json()["rows"] == [1]


ASYNC = """
import asyncio
async def init():
    global lock, inside
    lock = asyncio.Event()
    inside = 0
async def run(data):
    global inside
    if data == "raise":
        raise ValueError("told to")
    if data == "sleep":
        await asyncio.sleep(60)
    inside += 1
    if inside == 5:
        lock.set()
    if data == "meet":
        await lock.wait()
    return [data, inside]
"""


def test_async_scripts_run_many_requests_at_once(tmp_path: Path) -> None:
    with serving(tmp_path, ASYNC, settings={"scoring_timeout_ms": 20_000}) as worker:
        with ThreadPoolExecutor(5) as pool:
            answers = list(pool.map(lambda _: worker.ask("POST", "/score", "meet"), range(5)))
        assert [answer.json() for answer in answers] == [["meet", 5]] * 5
        assert worker.ask("POST", "/score", "raise").status == 500
        assert worker.ask("POST", "/score", "fine").json()[0] == "fine"


def test_async_time_limit_cancels_its_task_only(tmp_path: Path) -> None:
    with serving(tmp_path, ASYNC, settings={"scoring_timeout_ms": 1000}) as worker:
        assert worker.ask("POST", "/score", "sleep").message == "Scoring timeout after 1000 ms"
        assert worker.ask("POST", "/score", "fine").json()[0] == "fine"
        assert worker.process.poll() is None


STREAMS: dict[str, Callable[[str], str]] = {
    "plain": lambda body: f"{PLAIN}import os, time\ndef run(data):\n{body}",
    "async": lambda body: f"{PLAIN}import asyncio, os, time\nasync def run(data):\n{body}",
}
STREAM_BODY = """
    if data == "first":
        raise ValueError("before the first part")
    if data == "empty":
        return
    for number in range(3 if data != "endless" else 10**9):
        if data == "middle" and number == 2:
            raise ValueError("in the middle")
        if data == "endless":
            open("parts", "w").write(str(number))
            yield b"x" * 65536
        else:
            yield {"text": "é%d" % number, "bytes": b"\\xff%d" % number}.get(data, {"number": number})
"""


@pytest.fixture(scope="module", params=["plain", "async"])
def streaming(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    script = STREAMS[request.param](STREAM_BODY)
    with serving(tmp_path_factory.mktemp("stream"), script) as worker:
        yield worker


@pytest.mark.parametrize(
    ("data", "kind", "body"),
    [
        ("text", "text/plain; charset=utf-8", "é0é1é2".encode()),
        ("bytes", "application/octet-stream", b"\xff0\xff1\xff2"),
        ("objects", "application/x-ndjson", b'{"number":0}\n{"number":1}\n{"number":2}\n'),
        ("empty", "text/plain; charset=utf-8", b""),
    ],
)
def test_generators_are_streamed(streaming: Worker, data: str, kind: str, body: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", streaming.port, timeout=20 * FACTOR)
    for _ in range(2):  # the connection stays usable
        answer = ask_on(connection, "POST", "/score", data)
        assert (answer.status, answer.header("content-type"), answer.body) == (200, kind, body)
        assert answer.header("transfer-encoding") == "chunked"
    connection.close()


def test_failing_streams(streaming: Worker) -> None:
    assert streaming.ask("POST", "/score", "first").status == 500
    with pytest.raises(http.client.IncompleteRead):
        streaming.ask("POST", "/score", "middle")
    assert streaming.wait_for_log(lambda line: "in the middle" in line["message"])
    assert streaming.ask("POST", "/score", "empty").status == 200


def test_streams_wait_for_the_client_and_end_with_it(streaming: Worker) -> None:
    parts = streaming.directory / "parts"

    def produced() -> int:
        return int(parts.read_text() or 0) if parts.exists() else 0

    with streaming.connect() as client:
        client.send(post("endless"))
        wait_until(lambda: produced() and not grows(produced))
        reached = produced()
        assert reached < 1000  # 64 MiB: what buffers on both sides can hold
        assert streaming.ask("GET", "/").status == 200
    wait_until(lambda: b"mldeploy_busy 0" in streaming.ask("GET", "/metrics").body)
    assert streaming.ask("POST", "/score", "text").status == 200


def grows(count: Callable[[], int]) -> bool:
    before, until = count(), time.monotonic() + 0.3
    while time.monotonic() < until:
        if count() != before:
            return True
        time.sleep(0.02)
    return False
