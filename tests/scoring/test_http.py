"""HTTP/1.1 on the wire: order, framing, limits, slow and vanishing clients."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from .worker_process import PLAIN, Raw, Worker, serving, wait_until

ECHO = PLAIN + "def run(data):\n    return data\n"

LIMITS = {
    "max_body_bytes": 200_000,
    "max_header_bytes": 4096,
    "header_timeout_s": 3,
    "body_timeout_s": 3,
    "keep_alive_s": 3,
    "docs_page": False,
}


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with serving(tmp_path_factory.mktemp("echo"), ECHO) as worker:
        yield worker


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with serving(tmp_path_factory.mktemp("strict"), ECHO, settings=LIMITS) as worker:
        yield worker


def post(body: bytes, *headers: str) -> bytes:
    lines = ["POST /score HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def chunked(*parts: bytes, trailer: bytes = b"") -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return (
        b"POST /score HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n" + trailer + b"\r\n"
    )


def test_pipelined_requests_are_answered_in_their_order(echo: Worker) -> None:
    with echo.connect() as client:
        requests = b"".join(post(b"%d" % number) + b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" for number in range(40))
        client.send(requests)
        for number in range(40):
            assert client.answer().json() == str(number)
            assert client.answer().body == b"Healthy"


def test_thousands_of_pipelined_requests_do_not_recurse(echo: Worker) -> None:
    count = 5000
    with echo.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * count + b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert client.rest().count(b"Healthy") == count + 1


def test_request_in_single_bytes(echo: Worker) -> None:
    with echo.connect() as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in post(b"abc", "X-Foo: bar"):
            client.send(bytes([byte]))
        assert client.answer().json() == "abc"


def test_chunked_body_and_its_trailers(echo: Worker) -> None:
    with echo.connect() as client:
        client.send(chunked(b"ab", b"c" * 70_000, b"d", trailer=b"x-request-id: from-trailer\r\n"))
        answer = client.answer()
        assert answer.json() == "ab" + "c" * 70_000 + "d"
        assert answer.header("x-request-id") != "from-trailer"
        assert client.send(post(b"next")).answer().json() == "next"


def test_head_has_the_headers_of_get_and_no_body(echo: Worker) -> None:
    with echo.connect() as client:
        answer = client.send(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n").answer(head=True)
        assert (answer.status, answer.header("content-length")) == (200, "7")
        assert client.send(post(b"next")).answer().json() == "next"


def test_expect_continue(echo: Worker) -> None:
    with echo.connect() as client:
        client.send(b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert client.answer().status == 100
        assert client.send(b"abc").answer().json() == "abc"


def test_expect_continue_behind_another_request_waits_its_turn(echo: Worker) -> None:
    with echo.connect() as client:
        client.send(
            post(b"first") + b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        )
        assert client.answer().json() == "first"
        assert client.answer().status == 100
        assert client.send(b"abc").answer().json() == "abc"


def test_expect_is_refused_before_the_body_is_sent(echo: Worker, strict: Worker) -> None:
    for worker, head, status in (
        (echo, b"POST /nope HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n", 404),
        (strict, b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\nExpect: 100-continue\r\n\r\n", 413),
        (echo, b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: tea\r\n\r\n", 417),
    ):
        with worker.connect() as client:
            answer = client.send(head).answer()
            assert (answer.status, answer.header("connection")) == (status, "close")
            assert client.rest() == b""


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /score HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /score HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        b"POST /score HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\nabc",
        b"POST /score HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\nabc",
    ],
    ids=[
        "nonsense",
        "length and chunks",
        "negative length",
        "bad chunk",
        "bad header",
        "TLS hello",
        "two lengths",
        "list of lengths",
        "huge length",
    ],
)
def test_what_is_no_http_gets_400_and_the_end(echo: Worker, request_bytes: bytes) -> None:
    with echo.connect() as client:
        answer = client.send(request_bytes).answer()
        assert (answer.status, answer.header("connection")) == (400, "close")
        assert client.rest() == b""


def test_error_behind_good_requests_comes_after_their_answers(echo: Worker) -> None:
    with echo.connect() as client:
        client.send(post(b"one") + post(b"two") + b"NONSENSE\r\n\r\n")
        assert client.answer().json() == "one"
        assert client.answer().json() == "two"
        assert client.answer().status == 400


def test_large_heads_are_refused(strict: Worker) -> None:
    for head in (
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 5000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % number for number in range(201)) + b"\r\n",
        b"GET / HTTP/1.1\r\nX-Endless: " + b"a" * 300_000,
    ):
        with strict.connect() as client:
            assert send_what_is_taken(client, head).answer().status == 431


def test_long_target_is_refused(echo: Worker) -> None:
    with echo.connect() as client:
        assert client.send(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n").answer().status == 414


def test_large_bodies_are_refused_and_the_client_can_read_why(strict: Worker) -> None:
    with strict.connect() as client:
        answer = send_what_is_taken(client, post(b"x" * 5_000_000)).answer()
        assert answer.status == 413
        assert "MLDEPLOY_MAX_BODY_BYTES" in answer.message
    with strict.connect() as client:
        assert send_what_is_taken(client, chunked(*[b"y" * 100_000] * 20)).answer().status == 413
    assert strict.ask("POST", "/score", b"z" * 200_000).json() == "z" * 200_000


def send_what_is_taken(client: Raw, data: bytes) -> Raw:
    """Send, though the server may stop reading (and even reset) in between."""
    for start in range(0, len(data), 50_000):
        try:
            client.socket.sendall(data[start : start + 50_000])
        except (BrokenPipeError, ConnectionResetError):
            break
    return client


def test_slow_head_and_slow_body_get_408_and_idle_connections_are_closed(strict: Worker) -> None:
    with strict.connect() as head, strict.connect() as body, strict.connect() as idle, strict.connect() as used:
        head.send(b"POST /score HTTP/1.1\r\nHo")
        body.send(post(b"abc")[:-1])
        used.send(post(b"abc"))
        assert used.answer().json() == "abc"
        assert head.answer().status == 408
        assert body.answer().status == 408
        assert idle.rest() == b""
        assert used.rest() == b""


def test_client_that_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    script = PLAIN + "def run(data):\n    return 'x' * 20_000_000 if data == 'big' else data\n"
    with serving(tmp_path, script, settings={"write_timeout_s": 1}) as worker, worker.connect() as client:
        client.send(post(b"big"))
        assert worker.ask("POST", "/score", "small").json() == "small"
        wait_until(lambda: figures(worker)["mldeploy_connections"] == 1)  # ours; the one that does not read was cut
        assert worker.ask("POST", "/score", "small").json() == "small"


def test_aborted_requests_leave_nothing(echo: Worker) -> None:
    for data in (b"", b"POST /score HTT", post(b"abc")[:-2], post(b"abc"), post(b"abc") * 30):
        client = echo.connect()
        client.send(data)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close by reset
        client.close()
    wait_until(lambda: figures(echo)["mldeploy_connections"] == 1)
    assert echo.ask("POST", "/score", "fine").json() == "fine"


def figures(worker: Worker) -> dict[str, float]:
    """Return the unlabelled metrics."""
    lines = worker.ask("GET", "/metrics").body.decode().splitlines()
    return {line.split()[0]: float(line.split()[1]) for line in lines if "{" not in line and not line.startswith("#")}


def test_half_closed_client_still_gets_its_answers(echo: Worker) -> None:
    with echo.connect() as client:
        client.send(post(b"one") + post(b"two"))
        client.socket.shutdown(socket.SHUT_WR)
        assert client.answer().json() == "one"
        assert client.answer().json() == "two"
        assert client.rest() == b""


def test_http_1_0(echo: Worker) -> None:
    with echo.connect() as client:
        answer = client.send(b"POST /score HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc").answer()
        assert (answer.json(), answer.header("connection")) == ("abc", "close")
        assert client.rest() == b""
    with echo.connect() as client:
        request = b"POST /score HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc"
        assert client.send(request).answer().header("connection") == "keep-alive"
        assert client.send(request).answer().json() == "abc"


def test_absolute_target_and_percent_encoding(echo: Worker) -> None:
    with echo.connect() as client:
        for target in (b"http://proxy.example/score", b"/%73core"):
            request = post(b"abc").replace(b"/score", target, 1)
            assert client.send(request).answer().json() == "abc"


def test_offer_to_upgrade_is_declined(echo: Worker) -> None:
    with echo.connect() as client:
        client.send(post(b"abc", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQ"))
        answer = client.answer()
        assert (answer.status, answer.json(), answer.header("connection")) == (200, "abc", "close")
        assert client.rest() == b""


@pytest.mark.parametrize(
    ("coding", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("gzip, identity", gzip.compress),
        ("deflate", lambda data: zlib.compress(data)[2:-4]),
        ("gzip", lambda data: gzip.compress(data[:2]) + gzip.compress(data[2:])),
    ],
    ids=["gzip", "deflate", "gzip and identity", "bare deflate", "two gzip members"],
)
def test_compressed_bodies(echo: Worker, coding: str, compress: object) -> None:
    assert callable(compress)
    body = compress(b"hello world")
    assert echo.ask("POST", "/score", body, {"Content-Encoding": coding}).json() == "hello world"


def test_unknown_transfer_codings_are_refused(echo: Worker) -> None:
    with echo.connect() as client:
        head = b"POST /score HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
        answer = client.send(head + b"3\r\nabc\r\n0\r\n\r\n").answer()
        assert (answer.status, answer.header("connection")) == (501, "close")


def test_connect_is_refused(echo: Worker) -> None:
    with echo.connect() as client:
        assert client.send(b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n").answer().status == 405


def test_compressed_bodies_that_cannot_be_used(echo: Worker, strict: Worker) -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    for worker, coding, body, status in (
        (strict, "gzip", bomb, 413),
        (echo, "gzip", b"no gzip", 400),
        (echo, "gzip", gzip.compress(b"hello world")[:-9], 400),
        (echo, "br", b"x", 415),
    ):
        assert worker.ask("POST", "/score", body, {"Content-Encoding": coding}).status == status


def test_large_answer_and_request(echo: Worker) -> None:
    body = json.dumps(list(range(400_000)))
    assert echo.ask("POST", "/score", body).json() == body
