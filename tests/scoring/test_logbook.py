"""A service's log: spools in, segments out, nothing lost and nothing unbounded."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from jupyter_mldeploy.scoring.logbook import LogBook, Spool, salvage, segments


def lines(directory: Path) -> list[dict[str, object]]:
    return [json.loads(line) for _, path in segments(directory) for line in path.read_text().splitlines()]


def test_raw_lines_are_told_apart_by_where_they_came_from(tmp_path: Path) -> None:
    book = LogBook(tmp_path / "logs")
    spool = Spool(tmp_path / "worker-1~3.1.out", "worker-1", 3)
    os.write(spool.fileno(), "one\nzwei ä\nunfini".encode())
    assert spool.drain(book)
    os.write(spool.fileno(), b"shed\n")
    spool.drain(book)
    assert not spool.drain(book)
    found = lines(tmp_path / "logs")
    assert [item["message"] for item in found] == ["one", "zwei ä", "unfinished"]
    assert {(item["source"], item["revision"], item["level"]) for item in found} == {("worker-1", 3, "info")}


def test_structured_lines_keep_their_fields(tmp_path: Path) -> None:
    book = LogBook(tmp_path / "logs")
    spool = Spool(tmp_path / "w.out", "worker-2", 1)
    os.write(spool.fileno(), b'{"time":12.5,"level":"warning","message":"careful","request_id":"r1"}\n{"a": 1}\n')
    spool.drain(book)
    first, second = lines(tmp_path / "logs")
    assert first == {
        "source": "worker-2", "revision": 1, "time": 12.5, "level": "warning", "message": "careful", "request_id": "r1",
    }  # fmt: skip
    assert second["message"] == '{"a": 1}'


def test_secrets_are_blotted_out_before_anything_is_kept(tmp_path: Path) -> None:
    book = LogBook(tmp_path / "logs")
    spool = Spool(tmp_path / "w.out", "worker-1", 1, ["hunter22", "ab"])
    os.write(spool.fileno(), b"the password is hunter22, about it\n")
    spool.drain(book)
    assert lines(tmp_path / "logs")[0]["message"] == "the password is ***, about it"
    assert spool.recent() == ["the password is ***, about it"]


def test_segments_follow_each_other_and_the_oldest_go(tmp_path: Path) -> None:
    book = LogBook(tmp_path, max_bytes=20_480, keep=5)
    for number in range(2000):
        book.write("supervisor", f"line {number}")
    kept = segments(tmp_path)
    assert len(kept) == 5
    assert sum(path.stat().st_size for _, path in kept) <= 20_480
    numbers = [int(str(item["message"]).split()[1]) for item in lines(tmp_path)]
    assert numbers == list(range(numbers[0], 2000))


def test_a_book_goes_on_where_an_earlier_one_ended(tmp_path: Path) -> None:
    first = LogBook(tmp_path)
    first.write("supervisor", "before")
    first.close()
    LogBook(tmp_path).write("supervisor", "after")
    assert [item["message"] for item in lines(tmp_path)] == ["before", "after"]


def test_a_flood_is_cut_rather_than_copied(tmp_path: Path) -> None:
    book = LogBook(tmp_path / "logs", max_bytes=8 << 20)
    spool = Spool(tmp_path / "w.out", "worker-1", 1)
    block = (b"x" * 99 + b"\n") * 10_000
    for _ in range(20):
        os.write(spool.fileno(), block)
    while spool.drain(book):
        pass
    assert any("bytes of output dropped" in str(item["message"]) for item in lines(tmp_path / "logs"))
    assert spool.path.stat().st_size == 0, "the spool is emptied once it is copied"
    os.write(spool.fileno(), b"after the flood\n")
    spool.drain(book)
    assert lines(tmp_path / "logs")[-1]["message"] == "after the flood"


def test_an_endless_line_is_cut(tmp_path: Path) -> None:
    book = LogBook(tmp_path / "logs")
    spool = Spool(tmp_path / "w.out", "worker-1", 1)
    os.write(spool.fileno(), b"y" * 200_000)
    spool.drain(book)
    assert len(str(lines(tmp_path / "logs")[0]["message"])) == 65_536


def test_what_a_killed_supervisor_left_is_taken_over_once(tmp_path: Path) -> None:
    book = LogBook(tmp_path / "logs")
    path = tmp_path / "worker-1~4.7.out"
    spool = Spool(path, "worker-1", 4)
    os.write(spool.fileno(), b"copied before\nhalf")
    spool.drain(book)
    with path.open("ab") as stream:
        stream.write(b" a line\nlast words")
    salvage([path], book)
    found = lines(tmp_path / "logs")
    assert [item["message"] for item in found] == ["copied before", "half a line", "last words"]
    assert {item["revision"] for item in found} == {4}
    assert list(tmp_path.glob("*.out")) == list(tmp_path.glob("*.place")) == []


def test_closing_a_spool_copies_the_unfinished_line(tmp_path: Path) -> None:
    book = LogBook(tmp_path / "logs")
    spool = Spool(tmp_path / "w.out", "worker-1", 1)
    os.write(spool.fileno(), b"Fatal Python error: Segmentation fault")
    spool.close(book)
    assert spool.recent() == ["Fatal Python error: Segmentation fault"]
    assert not (tmp_path / "w.out").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "service-000001.log").symlink_to("/dev/full")
    book = LogBook(tmp_path)
    book.write("supervisor", "nobody will read this")
    book.close()
