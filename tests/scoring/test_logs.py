"""Log lines: what is captured, what they say, and what they never say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .worker_process import PLAIN, Worker, serving, wait_until, whole_lines

TALKING = (
    PLAIN.replace("    pass", "    print('from init')")
    + """
import logging, sys, warnings, threading

logging.getLogger("mine").setLevel("DEBUG")


def run(data):
    if data == "print":
        print("printed", "twice", 2)
        sys.stdout.write("in two ")
        sys.stdout.write("parts\\n")
        print("to stderr", file=sys.stderr)
    if data == "log":
        logging.getLogger("mine").info("logged %s", "well")
        logging.getLogger("mine").debug("debugged")
        logging.info("broken %d", "call")
        warnings.warn("careful")
        try:
            1 / 0
        except ZeroDivisionError:
            logging.exception("caught")
    if data == "strange":
        print("\\ud800", {1: 2})
    return data
"""
)


@pytest.fixture(scope="module")
def talking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with serving(tmp_path_factory.mktemp("talking"), TALKING, revision="7", worker_id=2) as worker:
        yield worker


def lines_of(worker: Worker, request_id: str | None) -> list[dict[str, object]]:
    wait_until(lambda: any(line["logger"] == "access" and line["request_id"] == request_id for line in worker.log()))
    return [line for line in worker.log() if line.get("request_id") == request_id]


def test_printed_lines_carry_the_request(talking: Worker) -> None:
    answer = talking.ask("POST", "/score", "print")
    lines = lines_of(talking, answer.header("x-request-id"))
    assert [(line["message"], line["level"]) for line in lines[:3]] == [
        ("printed twice 2", "info"),
        ("in two parts", "info"),
        ("to stderr", "warning"),
    ]
    assert {(line["revision"], line["worker"]) for line in lines} == {("7", 2)}
    started = next(line for line in talking.log() if line["message"] == "from init")
    assert "request_id" not in started


def test_logging_and_warnings_carry_the_request(talking: Worker) -> None:
    lines = lines_of(talking, talking.ask("POST", "/score", "log").header("x-request-id"))
    messages = [str(line["message"]) for line in lines]
    assert messages[0] == "logged well"
    assert "debugged" in messages[1]
    assert "is broken" in messages[2]
    assert "careful" in messages[3]
    assert messages[4].startswith("caught\nTraceback")
    assert [line["level"] for line in lines[:5]] == ["info", "debug", "error", "warning", "error"]


def test_text_that_is_no_unicode_does_not_break_a_request(talking: Worker) -> None:
    assert talking.ask("POST", "/score", "strange").json() == "strange"


def test_access_lines(talking: Worker) -> None:
    answer = talking.ask("POST", "/score?secret=1", "x", {"x-ms-client-request-id": "mine"})
    (line,) = lines_of(talking, answer.header("x-request-id"))
    assert line["status"] == 200
    assert line["client_request_id"] == "mine"
    assert str(line["message"]).startswith("POST /score 200 ")
    assert isinstance(line["ms"], float)
    assert isinstance(line["run_ms"], float)
    assert isinstance(line["time"], float)
    assert "secret" not in json.dumps(talking.log())
    assert not any(line["message"].startswith("GET / ") for line in talking.log())


def test_structured_lines_begin_as_the_log_book_expects(talking: Worker) -> None:
    talking.ask("POST", "/score", "print")
    assert all(line.startswith(b'{"time":') for line in whole_lines(talking.log_path))


def test_levels_and_no_access_log(tmp_path: Path) -> None:
    settings = {"log_level": "ERROR", "access_log": False}
    with serving(tmp_path, TALKING, settings=settings) as worker:
        worker.ask("POST", "/score", "log")
        wait_until(lambda: any("caught" in line["message"] for line in worker.log()))
        assert {line["logger"] for line in worker.log()} <= {"root", "azmlinfsrv.print", "mine", "mldeploy.scoring"}
        assert not any("careful" in line["message"] for line in worker.log())


def test_text_lines_on_standard_error(tmp_path: Path) -> None:
    with serving(tmp_path, TALKING, log_file=None) as worker:
        answer = worker.ask("POST", "/score", "print")
        wait_until(lambda: "POST /score 200" in worker.stderr_path.read_text())
        text = worker.stderr_path.read_text()
        assert f"I azmlinfsrv.print [{answer.header('x-request-id')}] | printed twice 2" in text
        worker.ask("POST", "/score", "x", {"x-request-id": "mine"})  # written the long way
        wait_until(lambda: "[mine]" in worker.stderr_path.read_text())
        lines = [line for line in worker.stderr_path.read_text().splitlines() if " I access [" in line]
        pattern = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ I access \[[\w-]+\] \| POST /score 200 \d+\.\d{3}ms \d+"
        assert len(lines) == 2
        assert all(re.fullmatch(pattern, line) for line in lines)


def test_crash_in_c_code_leaves_its_line(tmp_path: Path) -> None:
    script = PLAIN + "import ctypes\ndef run(data):\n    return ctypes.string_at(0)\n"
    with serving(tmp_path, script) as worker:
        with pytest.raises(ConnectionError):
            worker.ask("POST", "/score", "")
        assert worker.wait() < 0
        assert 'score.py", line 7 in run' in worker.stderr_path.read_text()
