"""The proxy: bodies both ways, what is taken off on the way, limits, and services that do not answer."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.web import HTTPError

from jupyter_mldeploy.core.target import Connection
from jupyter_mldeploy.server.proxyheaders import outgoing, returning, target_path
from tests.patience import FACTOR


class Service(BaseHTTPRequestHandler):
    """Says what it was asked, and tries what a hostile service might try."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(length)
        if self.path.startswith("/slow"):
            self.server.release.wait(20 * FACTOR)  # type: ignore[attr-defined]
        if self.path.startswith("/hang-up"):
            self.connection.close()
            return
        if self.path.startswith("/pieces"):
            self.pieces()
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        document = {"method": self.command, "path": self.path, "headers": headers, "size": len(body)}
        content = b"" if self.command == "HEAD" else json.dumps(document).encode()
        self.send_response(201)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(content) if content else 77),
            "Set-Cookie": "session=stolen",
            "Access-Control-Allow-Origin": "https://evil.example",
            "Access-Control-Allow-Credentials": "true",
            "Content-Security-Policy": "default-src *",
            "Clear-Site-Data": '"*"',
            "WWW-Authenticate": "Basic",
            "Keep-Alive": "timeout=5",
            "Connection": "X-Hop",
            "X-Hop": "1",
            "X-Own": "kept",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer

    def pieces(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"5\r\nfirst\r\n")
        self.wfile.flush()
        self.server.release.wait(20 * FACTOR)  # type: ignore[attr-defined]
        self.wfile.write(b"4\r\nlast\r\n0\r\n\r\n")

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def upstream(mldeploy_app: Any, workspace: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return an HTTP server that is reached as the service ``odd`` with a key."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    server.daemon_threads = True
    server.release = threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    workspace.catalogue.create_service("odd", "local", description=None, tags={}, properties={})
    where = Connection(f"http://127.0.0.1:{server.server_port}", {"authorization": "Bearer key-of-the-service"})
    target = mldeploy_app.backend.workspace.targets.get("local")
    monkeypatch.setattr(target, "connect", lambda _: where, raising=False)
    yield server
    server.release.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


@pytest.fixture
def through(jp_fetch: Any, upstream: Any) -> Any:
    """Return ``await through(method, path)``: a request through the proxy."""

    async def fetch(method: str, path: str, **more: Any) -> Any:
        return await jp_fetch(
            "mldeploy/proxy/odd" + path, method=method, allow_nonstandard_methods=True, raise_error=False, **more
        )

    return fetch


async def test_what_is_jupyters_does_not_reach_the_service(through: Any, jp_auth_header: dict[str, str]) -> None:
    token = jp_auth_header["Authorization"].removeprefix("token ")
    reply = await through(
        "POST",
        "/a/b",
        body="x" * 10,
        headers={
            "Cookie": "username=secret",
            "X-XSRFToken": "secret",
            "Origin": "http://hub.example",
            "X-Forwarded-For": "1.2.3.4",
            "Forwarded": "for=1.2.3.4",
            "X-Real-Ip": "1.2.3.4",
            "X-Custom": "kept",
            "Connection": "X-Mine",
            "X-Mine": "1",
            "Content-Type": "text/csv",
        },
        params={"token": token, "_xsrf": "secret", "version": "2"},
    )
    seen = json.loads(reply.body)
    assert (reply.code, seen["method"], seen["path"], seen["size"]) == (201, "POST", "/a/b?version=2", 10)
    headers = seen["headers"]
    assert "secret" not in json.dumps(seen)
    assert token not in json.dumps(seen)
    assert headers["authorization"] == "Bearer key-of-the-service"
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-prefix"] == "/a%40b/mldeploy/proxy/odd"
    assert headers["x-forwarded-proto"] == "http"
    assert (headers["x-custom"], headers["content-type"]) == ("kept", "text/csv")
    assert not {"origin", "referer", "forwarded", "x-real-ip", "x-mine", "cookie"} & set(headers)


async def test_what_could_act_as_jupyter_does_not_come_back(through: Any) -> None:
    reply = await through("GET", "/page")
    assert reply.headers["X-Own"] == "kept"
    assert not any("stolen" in text for text in reply.headers.get_list("Set-Cookie"))
    assert reply.headers["Content-Security-Policy"].startswith("sandbox ")
    assert "allow-same-origin" not in reply.headers["Content-Security-Policy"]
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    for name in ("Access-Control-Allow-Credentials", "Clear-Site-Data", "WWW-Authenticate", "Keep-Alive", "X-Hop"):
        assert name not in reply.headers
    assert "evil" not in reply.headers.get("Access-Control-Allow-Origin", "")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
async def test_every_method_passes(through: Any, method: str) -> None:
    reply = await through(method, "/x%20y?q=1%2F2")
    assert reply.code == 201
    if method == "HEAD":
        assert (reply.headers["Content-Length"], reply.body) == ("77", b"")
    else:
        assert json.loads(reply.body)["method"] == method


async def test_an_answer_is_passed_on_while_it_comes(through: Any, upstream: Any) -> None:
    pieces: list[bytes] = []

    def note(chunk: bytes) -> None:
        pieces.append(chunk)
        upstream.release.set()  # the service goes on when the first piece has arrived here

    reply = await through("GET", "/pieces", streaming_callback=note)
    assert (reply.code, pieces) == (200, [b"first", b"last"])


async def test_a_body_is_passed_on_while_it_comes(through: Any) -> None:
    async def produce(write: Any) -> None:
        for _ in range(64):
            await write(b"y" * 65536)

    reply = await through("POST", "/upload", body_producer=produce)
    assert json.loads(reply.body)["size"] == 64 * 65536


@pytest.mark.parametrize("mldeploy_config", [{"proxy_max_body_mb": 0.001}])
async def test_a_body_that_is_too_large_is_refused_before_it_is_read(through: Any) -> None:
    reply = await through("POST", "/upload", body="x" * 1_049)
    assert reply.code == 413
    assert json.loads(reply.body)["code"] == "too_large"
    assert (await through("POST", "/upload", body="x" * 1_048)).code == 201


@pytest.mark.parametrize("mldeploy_config", [{"proxy_timeout": 1.0}])
async def test_a_service_that_does_not_answer_in_time(through: Any) -> None:
    reply = await through("GET", "/slow")
    assert (reply.code, json.loads(reply.body)["code"]) == (503, "target_unavailable")


async def test_a_service_that_hangs_up(through: Any) -> None:
    reply = await through("GET", "/hang-up")
    assert (reply.code, json.loads(reply.body)["code"]) == (503, "target_unavailable")


async def test_a_client_that_goes_away_leaves_nothing(
    through: Any, upstream: Any, jp_http_port: int, jp_base_url: str, jp_auth_header: dict[str, str]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", jp_http_port)
    head = f"GET {jp_base_url}mldeploy/proxy/odd/pieces HTTP/1.1\r\nHost: localhost\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in jp_auth_header.items())
    writer.write((head + "\r\n").encode())
    await reader.readuntil(b"first")
    writer.close()
    await writer.wait_closed()
    upstream.release.set()
    assert (await through("GET", "/after")).code == 201


async def test_services_that_are_not_there(jp_fetch: Any, mldeploy_app: Any) -> None:
    reply = await jp_fetch("mldeploy/proxy/nobody/score", raise_error=False)
    assert (reply.code, json.loads(reply.body)["code"]) == (404, "not_found")


async def test_a_port_that_nobody_listens_on(through: Any, mldeploy_app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    target = mldeploy_app.backend.workspace.targets.get("local")
    monkeypatch.setattr(target, "connect", lambda _: Connection(f"http://127.0.0.1:{port}"), raising=False)
    reply = await through("POST", "/score", body="{}")
    assert (reply.code, json.loads(reply.body)["code"]) == (503, "target_unavailable")


async def test_a_path_cannot_climb(through: Any) -> None:
    for path in ("/../x", "/a/%2e%2e/x", "/a/..%2fx"):
        with pytest.raises(HTTPError):
            target_path(f"/mldeploy/proxy/odd{path}", "http://host/api/v1/service/odd")
    assert target_path("/p/mldeploy/proxy/odd/a..b", "http://host/base/") == "/base/a..b"
    assert target_path("/p/mldeploy/proxy/odd", "http://host") == "/"


def test_redirects_stay_on_this_side() -> None:
    def location(value: str) -> str:
        return dict(returning([("Location", value)], "http://host:81/base", "/p/odd"))["Location"]

    assert location("http://host:81/base/docs") == "/p/odd/docs"
    assert location("/base/docs") == "/p/odd/docs"
    assert location("docs/") == "docs/"
    assert location("http://other/docs") == "http://other/docs"
    assert location("//other/base") == "//other/base"


def test_headers_named_twice_stay_twice() -> None:
    class Wire:
        context = type("Context", (), {"remote_ip": "10.0.0.9", "protocol": "https"})()

    headers = HTTPHeaders({"Accept": "a", "Host": "hub.example"})
    headers.add("Accept", "b")
    line = RequestStartLine("GET", "/", "HTTP/1.1")
    request = HTTPServerRequest(headers=headers, connection=Wire(), start_line=line)  # type: ignore[arg-type]
    sent = outgoing(request, {"authorization": "Bearer k"}, "/p")
    assert sent.get_list("Accept") == ["a", "b"]
    assert (sent["X-Forwarded-Host"], sent["X-Forwarded-Proto"]) == ("hub.example", "https")


async def test_a_get_from_another_page_does_not_run_the_model(
    http_server_client: Any, jp_base_url: str, jp_auth_header: dict[str, str], upstream: Any, jp_http_port: int
) -> None:
    async def fetch(headers: dict[str, str]) -> Any:
        return await http_server_client.fetch(
            f"{jp_base_url}mldeploy/proxy/odd/score", headers=headers, raise_error=False
        )

    first = await fetch(jp_auth_header)
    cookies = "; ".join(text.partition(";")[0] for text in first.headers.get_list("Set-Cookie"))
    assert (await fetch({"Cookie": cookies})).code == 403
    assert (await fetch({"Cookie": cookies, "Referer": "https://evil.example/"})).code == 403
    ours = f"http://127.0.0.1:{jp_http_port}/lab"
    assert (await fetch({"Cookie": cookies, "Referer": ours})).code == 201
