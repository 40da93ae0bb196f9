"""Reading logs: cursors across segments, the last lines, and what is never shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_mldeploy.core.logs import LogFiles, redact


def write(directory: Path, number: int, *messages: str, unfinished: str = "") -> Path:
    path = directory / f"service-{number:06d}.log"
    with path.open("a", encoding="utf-8") as stream:
        for message in messages:
            stream.write(json.dumps({"source": "worker-1", "revision": 2, "time": 5.5, "message": message}) + "\n")
        stream.write(unfinished)
    return path


def texts(page: object) -> list[str]:
    return [line.text for line in page.lines]  # type: ignore[attr-defined]


def test_the_last_lines_come_first_and_new_ones_after_the_cursor(tmp_path: Path) -> None:
    log = LogFiles(tmp_path)
    write(tmp_path, 1, *map(str, range(10)))
    page = log.read(None, 3)
    assert texts(page) == ["7", "8", "9"]
    assert texts(log.read(page.cursor, 100)) == []
    write(tmp_path, 1, "10", "11")
    write(tmp_path, 2, "12", "13")
    page = log.read(page.cursor, 3)
    assert texts(page) == ["10", "11", "12"]
    page = log.read(page.cursor, 3)
    assert texts(page) == ["13"]


def test_the_last_lines_may_lie_in_several_segments(tmp_path: Path) -> None:
    for number in range(1, 4):
        write(tmp_path, number, f"{number}a", f"{number}b")
    assert texts(LogFiles(tmp_path).read(None, 5)) == ["1b", "2a", "2b", "3a", "3b"]
    assert texts(LogFiles(tmp_path).read(None, 100)) == ["1a", "1b", "2a", "2b", "3a", "3b"]


def test_a_line_that_is_not_finished_waits(tmp_path: Path) -> None:
    log = LogFiles(tmp_path)
    path = write(tmp_path, 1, "done", unfinished='{"message": "half')
    page = log.read(None, 10)
    assert texts(page) == ["done"]
    assert texts(log.read(page.cursor, 10)) == []
    with path.open("a") as stream:
        stream.write(' and whole"}\n')
    assert texts(log.read(page.cursor, 10)) == ["half and whole"]


def test_a_cursor_whose_segment_is_gone_goes_on_with_the_oldest_line(tmp_path: Path) -> None:
    log = LogFiles(tmp_path)
    write(tmp_path, 1, "old")
    cursor = log.read(None, 10).cursor
    write(tmp_path, 5, "newer")
    (tmp_path / "service-000001.log").unlink()
    assert texts(log.read(cursor, 10)) == ["newer"]


@pytest.mark.parametrize("cursor", ["", "nonsense", "1:", "-1:5"])
def test_a_cursor_that_makes_no_sense_begins_at_the_beginning(tmp_path: Path, cursor: str) -> None:
    write(tmp_path, 1, "first")
    assert texts(LogFiles(tmp_path).read(cursor, 10)) == ["first"]


def test_no_log_is_an_empty_page(tmp_path: Path) -> None:
    log = LogFiles(tmp_path / "missing")
    page = log.read(None, 10)
    assert (texts(page), page.cursor) == ([], "0:0")
    (tmp_path / "missing").mkdir()
    write(tmp_path / "missing", 1, "there")
    assert texts(log.read(page.cursor, 10)) == ["there"]


def test_lines_carry_what_is_known_of_them(tmp_path: Path) -> None:
    path = tmp_path / "service-000001.log"
    structured = {
        "source": "worker-2", "revision": "7", "time": 1.5, "level": "ERROR", "message": "run() failed",
        "request_id": "abc", "traceback": "Traceback…\nKeyError: 'x'",
    }  # fmt: skip
    path.write_bytes(json.dumps(structured).encode() + b"\nplain \xff text\n" + b'{"not": "ours"}\n')
    first, second, third = LogFiles(tmp_path).read(None, 10).lines
    assert first.text == "run() failed\nTraceback…\nKeyError: 'x' [abc]"
    assert (first.source, first.revision, first.time, first.level) == ("worker-2", 7, 1.5, "error")
    assert (second.text, second.time, second.source) == ("plain \ufffd text", None, "")
    assert third.text == '{"not": "ours"}'


def test_other_files_and_other_logs_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, 1, "ours")
    (tmp_path / "other-000001.log").write_text("other\n")
    (tmp_path / "service-000001.log.gz").write_text("packed\n")
    assert texts(LogFiles(tmp_path).read(None, 10)) == ["ours"]
    assert texts(LogFiles(tmp_path, "other-").read(None, 10)) == ["other"]


def test_reading_backwards_works_across_blocks(tmp_path: Path) -> None:
    lines = [f"{number:06d}" * 20 for number in range(5000)]
    write(tmp_path, 1, *lines)
    assert texts(LogFiles(tmp_path).read(None, 4000)) == lines[1000:]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer ***"),
        (
            "https://x.blob.core.windows.net/c?sv=1&sig=a%2Bb%3D&se=2",
            "https://x.blob.core.windows.net/c?sv=1&sig=***&se=2",
        ),
        ("AccountName=a;AccountKey=Zm9v/YmFy==;Endpoint=e", "AccountName=a;AccountKey=***;Endpoint=e"),
        ("postgres://user:pa55word@host/db", "postgres://user:***@host/db"),
        ('{"password": "swordfish", "user": "me"}', '{"password": "***", "user": "me"}'),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl seen", "token *** seen"),
        ("key AKIAIOSFODNN7EXAMPLE", "key ***"),
        ("token = request.headers", "token = request.headers"),
        ("token = 'swordfish'", "token = '***'"),
        ("password=swordfish&user=me", "password=***&user=me"),
        ("Password: swordfish", "Password: ***"),
        ("def login(password: str) -> None:", "def login(password: str) -> None:"),
        ("nothing to hide: 12 tokens of 3 keys", "nothing to hide: 12 tokens of 3 keys"),
    ],
)
def test_what_looks_like_a_credential_is_blotted_out(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_known_secrets_are_blotted_out_wherever_they_stand(tmp_path: Path) -> None:
    write(tmp_path, 1, "the key is k3y-of-the-service.")
    assert texts(LogFiles(tmp_path, secrets=["k3y-of-the-service", "is"]).read(None, 1)) == ["the key is ***."]
