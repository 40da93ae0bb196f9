"""Whatever the pieces are in which bytes arrive, the answers are the same; and no bytes at all break a connection."""

from __future__ import annotations

import asyncio
import random
import re
import socket
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_mldeploy.scoring.answer import CONTINUE, AnswerWriter
from jupyter_mldeploy.scoring.application import Application
from jupyter_mldeploy.scoring.auth import KeyRing
from jupyter_mldeploy.scoring.connection import Connection
from jupyter_mldeploy.scoring.exchange import Exchange
from jupyter_mldeploy.scoring.known_heads import KnownHeads
from jupyter_mldeploy.scoring.listener import Listener
from jupyter_mldeploy.scoring.metrics import Metrics
from jupyter_mldeploy.scoring.settings import Settings


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.closed = False
        self.reading = True
        self.protocol: Any = None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def is_reading(self) -> bool:
        return self.reading

    def write(self, data: bytes) -> None:
        assert not self.closed, "written after the end"
        self.written += data

    def writelines(self, parts: list[bytes]) -> None:
        self.write(b"".join(parts))

    def close(self) -> None:
        self.closed = True

    abort = write_eof = close

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def get_extra_info(self, name: str) -> None:
        assert name


class Echo:
    """Answers with the body, when it is told to."""

    def __init__(self) -> None:
        self.jobs: list[Exchange] = []

    def submit(self, exchange: Exchange) -> None:
        self.jobs.append(exchange)

    def has_room(self) -> bool:
        return True

    def withdraw(self, exchange: Exchange) -> bool:
        return exchange in self.jobs


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


def listener_on(
    loop: asyncio.AbstractEventLoop, limits: Settings, sockets: Sequence[socket.socket] = ()
) -> tuple[Listener, Echo]:
    scorer = Echo()
    nothing: Any = None
    application = Application(
        scorer,
        limits,
        keys=KeyRing(limits),
        rawhttp=False,
        needs_json=False,
        documents=nothing,
        figures=Metrics(dict, {}, None, "x"),
        access_log=None,
        on_stuck=nothing,
    )
    answers = AnswerWriter("1", show_version=False)
    answers._date = b"Date: now\r\n"
    return Listener(loop, list(sockets), application, answers, limits), scorer


def answers_to(loop: asyncio.AbstractEventLoop, pieces: list[bytes], *, limits: Settings | None = None) -> bytes:
    """Return everything that a connection writes when it reads these pieces."""
    listener, scorer = listener_on(loop, limits or Settings())
    connection, wire = Connection(listener), Wire()
    connection.connection_made(wire)  # type: ignore[arg-type]

    def work() -> None:
        while scorer.jobs:
            exchange = scorer.jobs.pop(0)
            exchange.payload = exchange.body
            listener.application.complete(exchange)

    wire.protocol = connection
    for piece in pieces:
        while piece:
            receiver = wire.protocol
            if isinstance(receiver, asyncio.BufferedProtocol):
                buffer = memoryview(receiver.get_buffer(-1))[: len(piece)]
                buffer[:] = piece[: len(buffer)]
                piece = piece[len(buffer) :]
                receiver.buffer_updated(len(buffer))
            else:
                receiver.data_received(piece)
                piece = b""
            work()
    if not wire.closed:
        connection.eof_received()
        work()
    connection.connection_lost(None)
    assert not listener.connections
    return bytes(wire.written)


def request(body: bytes, *, chunks: int = 0, name: str = "r") -> bytes:
    head = b"POST /score HTTP/1.1\r\nHost: x\r\nx-request-id: %b\r\n" % name.encode()
    if not chunks:
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    size = max(1, -(-len(body) // chunks))
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    framed = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return head + b"Transfer-Encoding: chunked\r\n\r\n" + framed + b"0\r\n\r\n"


requests = st.lists(
    st.builds(
        request,
        st.one_of(st.binary(max_size=50), st.binary(min_size=1, max_size=4).map(lambda seed: seed * 30_000)),
        chunks=st.integers(0, 3),
        name=st.text("abc-", min_size=1, max_size=8),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(stream=requests.map(b"".join), cuts=st.lists(st.floats(0, 1), max_size=12))
def test_pieces_do_not_matter(loop: asyncio.AbstractEventLoop, stream: bytes, cuts: list[float]) -> None:
    places = sorted({int(cut * len(stream)) for cut in cuts})
    pieces = [stream[start:stop] for start, stop in zip([0, *places], [*places, len(stream)], strict=True)]
    whole = answers_to(loop, [stream])
    assert whole.count(b"HTTP/1.1 200 OK") == stream.count(b"POST /score")
    assert answers_to(loop, pieces) == whole


def test_a_request_that_is_here_when_its_connection_seems_idle_is_answered(loop: asyncio.AbstractEventLoop) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        socket.create_connection(listening.getsockname(), timeout=30) as client,
    ):
        listener, scorer = listener_on(loop, Settings(drain_idle_s=0.1), [listening])
        drained = loop.create_future()

        async def drain_late() -> None:
            listener.start()
            while not listener.connections:
                await asyncio.sleep(0.01)
            listener.drain(lambda: drained.set_result(None), 30)
            loop.call_later(0.05, client.sendall, request(b"in time"))
            time.sleep(0.2)  # the loop gets no processor: both timers are due before it reads again
            while not scorer.jobs and not drained.done():
                await asyncio.sleep(0.01)
            for exchange in scorer.jobs:
                exchange.payload = exchange.body
                listener.application.complete(exchange)
            await drained

        loop.run_until_complete(drain_late())
        answer = client.recv(10_000)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"connection: close" in answer.lower()
    assert answer.endswith(b"in time")


def test_byte_by_byte_around_a_large_body(loop: asyncio.AbstractEventLoop) -> None:
    stream = request(b"x" * 70_000, name="large") + request(b"next")
    edge = stream.index(b"xxx")
    pieces = [stream[index : index + 1] for index in range(edge + 3)]
    pieces += [stream[edge + 3 : edge + 69_998]]
    pieces += [stream[index : index + 1] for index in range(edge + 69_998, len(stream))]
    assert answers_to(loop, pieces) == answers_to(loop, [stream])


def plain(body: bytes, more: bytes = b"") -> bytes:
    """Return a request whose head says nothing that only this request would say."""
    return b"POST /score HTTP/1.1\r\nHost: x\r\n%bContent-Length: %d\r\n\r\n%b" % (more, len(body), body)


heads = st.sampled_from(
    [b"", b"A: b\r\n", b"Connection: keep-alive\r\n", b"X-Request-Id: r\r\n", b"Expect: 100-continue\r\n"]
)
# Bodies that look like the end of a head, or like a request, are bodies all the same.
bodies = st.sampled_from(
    [b"", b"a", b"b", b"\r\n\r\n", b"a\r\n\r\n", plain(b"c"), plain(b"c")[:-1], b"x" * 20_000, b"x" * 66_000]
)
cuts_of_some = st.one_of(st.none(), st.none(), st.floats(0, 1))


@settings(max_examples=300, deadline=None)
@given(sent=st.lists(st.tuples(st.builds(plain, bodies, heads), cuts_of_some), min_size=1, max_size=8))
def test_heads_that_are_repeated_mean_what_they_meant(
    loop: asyncio.AbstractEventLoop, sent: list[tuple[bytes, float | None]]
) -> None:
    pieces: list[bytes] = []
    for item, cut in sent:
        place = len(item) if cut is None else int(cut * len(item))
        pieces += [piece for piece in (item[:place], item[place:]) if piece]

    def without_ids(written: bytes) -> bytes:
        written = written.replace(CONTINUE, b"")  # is left out when the body is here already
        return re.sub(rb"request-id: [-0-9a-f]{36}", b"request-id: new", written)

    read_by_the_parser = answers_to(loop, [b"".join(item for item, _ in sent)])
    assert without_ids(answers_to(loop, pieces)) == without_ids(read_by_the_parser)


def test_only_what_can_come_again_is_remembered() -> None:
    known = KnownHeads()
    for number in range(1000):
        head = b"Header: %d\r\n" % number
        exchange = Exchange(None, {b"content-length": b"1", b"header": b"%d" % number})
        exchange.method, exchange.path, exchange.body = "POST", b"/score", b"a"
        known.remember(plain(b"a", head), exchange)
        again = known.recall(plain(b"b", head))
        assert again is not None
        assert (again.method, again.path, again.body, again.headers) == ("POST", b"/score", b"b", exchange.headers)
        assert known.recall(plain(b"b", head) + b"G") is None
        assert known.recall(plain(b"", head)) is None
    assert len(known) <= 256
    exchange = Exchange(None, {b"content-length": b"1", b"x-request-id": b"r"})
    exchange.method, exchange.body = "POST", b"a"
    known.remember(plain(b"a", b"X-Request-Id: r\r\n"), exchange)
    assert known.recall(plain(b"a", b"X-Request-Id: r\r\n")) is None


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 70_000, 139_999, 140_000, 140_001, 210_000])
@pytest.mark.parametrize("piece", [100, 69_999, 70_000, 300_000])
def test_large_bodies_come_whole_whatever_the_blocks(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch, size: int, piece: int
) -> None:
    monkeypatch.setattr("jupyter_mldeploy.scoring.large_body.BLOCK", 70_000)
    body = random.Random(size).randbytes(size)
    stream = request(body, name="large") + request(b"next")
    written = answers_to(loop, [stream[start : start + piece] for start in range(0, len(stream), piece)])
    assert body in written
    assert written.endswith(b"next")
    assert written.count(b"HTTP/1.1 200 OK") == 2


@pytest.mark.parametrize("size", [17_000, 70_000, 9_000_000])
@pytest.mark.parametrize("first", [100, 16_500])
def test_a_large_body_behind_a_known_head_comes_in_pieces(
    loop: asyncio.AbstractEventLoop, size: int, first: int
) -> None:
    bodies = [random.Random(number).randbytes(size) for number in range(3)]
    known, second, third = (plain(body) for body in bodies)
    pieces = [known, second[:first], second[first:], third[:first], third[first:] + plain(b"next")]
    written = answers_to(loop, pieces)
    assert [part.partition(b"\r\n\r\n")[2] for part in written.split(b"HTTP/1.1 200 OK")[1:]] == [*bodies, b"next"]


@settings(max_examples=300, deadline=None)
@given(
    good=requests.map(b"".join),
    noise=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=6)), min_size=1, max_size=6),
    size=st.integers(1, 5000),
)
def test_damaged_requests_end_in_an_answer_or_the_end(
    loop: asyncio.AbstractEventLoop, good: bytes, noise: list[tuple[float, bytes]], size: int
) -> None:
    damaged = bytearray(good)
    for place, junk in noise:
        start = int(place * len(damaged))
        damaged[start : start + len(junk)] = junk
    stream = bytes(damaged)
    written = answers_to(
        loop,
        [stream[start : start + size] for start in range(0, len(stream), size)],
        limits=Settings(max_body_bytes=200_000),
    )
    assert b"HTTP/1.1 500" not in written
    assert written == b"" or written.startswith(b"HTTP/1.1 ")
