"""The WebSocket: logs, events and operations with cursors; many clients, clients that do not read, and breaks."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.events import EventKind
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.server.channels import LOG_POLL_S
from jupyter_mldeploy.server.stream import StreamHandler
from tests.patience import FACTOR

from .conftest import Api, Stream, script

Deployed = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def logged(workspace: Workspace) -> Callable[..., tuple[str, Callable[[int], None]]]:
    """Return ``logged("svc", lines)``: a service that does not run, and a function that adds lines to its log."""

    def make(name: str, lines: int = 0, padding: int = 0) -> tuple[str, Callable[[int], None]]:
        record = workspace.catalogue.create_service(name, "local", description=None, tags={}, properties={})
        folder: Path = workspace.deployer.reference(record).log_directory
        count = 0

        def add(more: int) -> None:
            nonlocal count
            with (folder / "service-1.log").open("a") as file:
                for _ in range(more):
                    count += 1
                    file.write(
                        json.dumps({"message": f"line {count}{' x' * padding}", "time": count, "source": "worker-1"})
                        + "\n"
                    )

        add(lines)
        return record.uid, add

    return make


def numbers(message: dict[str, Any]) -> list[int]:
    return [int(line["text"].split()[1]) for line in message["lines"]]


async def collect(connection: Stream, most: int) -> tuple[list[int], dict[str, Any]]:
    """Return the numbers of log lines until ``most`` has come, and the last message."""
    found: list[int] = []
    while True:
        message = await connection.next("logs")
        found += numbers(message)
        if found and found[-1] >= most:
            return found, message


async def test_a_log_is_followed(api: Api, deployed: Deployed, stream: Any) -> None:
    await deployed("chatty")
    connection = await stream()
    assert (await connection.subscribe("logs", "l", service="chatty"))["type"] == "subscribed"
    first = await connection.next("logs")
    assert (first["id"], first["service"]) == ("l", "chatty")
    assert any("ready with 2" in line["text"] for line in first["lines"])
    await api("POST", "/services/chatty/invoke", {"payload": {"data": [1, 2, 3]}})
    while True:
        message = await connection.next("logs")
        if any("rows 3" in line["text"] for line in message["lines"]):
            break
    await api("DELETE", "/services/chatty", params={"wait_s": 30}, request_timeout=60)
    ended = await connection.next("ended")
    assert ended["uid"] == first["uid"]


async def test_a_break_loses_and_repeats_nothing(stream: Any, logged: Any) -> None:
    _, add = logged("resumed", 1200)
    connection = await stream()
    await connection.subscribe("logs", service="resumed", limit=100)
    seen, last = await collect(connection, 1200)
    assert seen == list(range(1101, 1201))
    connection.socket.close()
    add(1300)
    again = await stream()
    await again.subscribe("logs", service="resumed", uid=last["uid"], cursor=last["cursor"])
    more, last = await collect(again, 2500)
    add(5)
    rest, _ = await collect(again, 2505)
    assert more + rest == list(range(1201, 2506))


async def test_an_old_cursor_is_not_mistaken_for_one_of_a_new_service(
    api: Api, stream: Any, logged: Any, workspace: Workspace
) -> None:
    old, _ = logged("twice", 3)
    page = (await api("GET", "/services/twice/logs")).body
    workspace.catalogue.change_service(old, deleted=1.0)
    logged("twice", 1)
    connection = await stream()
    await connection.subscribe("logs", service="twice", uid=page["uid"], cursor=page["cursor"])
    assert (await connection.next("ended"))["uid"] == old
    by_get = (await api("GET", "/services/twice/logs", params={"uid": old, "cursor": page["cursor"]})).body
    assert (by_get["lines"], by_get["ended"]) == ([], True)


async def test_events_come_with_numbers_and_are_resumed(api: Api, stream: Any, workspace: Workspace) -> None:
    def say(text: str) -> None:
        workspace.events.append(EventKind.PROGRESS, text, service="svc")

    say("before")
    known = (await api("GET", "/services")).body["seq"]
    say("between")
    connection = await stream()
    await connection.subscribe("events", "all", after=known)
    message = await connection.next("events")
    assert [event["message"] for event in message["events"]] == ["between"]
    say("after")
    message = await connection.next("events")
    assert [event["message"] for event in message["events"]] == ["after"]
    late = await stream()
    await late.subscribe("events", "new")
    await late.send(type="unsubscribe", id="new")
    assert (await late.next())["type"] == "unsubscribed"
    by_get = (await api("GET", "/events", params={"after": message["seq"] - 1})).body
    assert [event["message"] for event in by_get["events"]] == ["after"]


async def test_an_operation_is_watched(api: Api, stream: Any) -> None:
    connection = await stream()
    await connection.subscribe("operations", "o")
    started = await api("POST", "/services", {"name": "watched", "source": {"text": script()}})
    states, steps = [], []
    while not states or states[-1] == "running":
        message = await connection.next("operations")
        (document,) = (item for item in message["operations"] if item["id"] == started.body["id"])
        states.append(document["state"])
        steps = [step["step"] for step in document["steps"]]
    assert states[-1] == "succeeded"
    assert states[0] == "running"
    assert {"check", "supervisor", "place"} <= set(steps)


async def test_subscriptions_are_answered_one_by_one(stream: Any, logged: Any) -> None:
    logged("one", 1)
    connection = await stream()
    for message, code in (
        ("no json", "invalid_input"),
        (json.dumps({"type": "subscribe", "id": "x", "channel": "secrets"}), "invalid_input"),
        (json.dumps({"type": "subscribe", "id": "x"}), "invalid_input"),
        (json.dumps({"type": "subscribe", "id": "x", "channel": "logs"}), "invalid_input"),
    ):
        await connection.socket.write_message(message)
        assert (await connection.next("error"))["error"]["code"] == code
    await connection.subscribe("logs", "a", service="one")
    assert numbers(await connection.next("logs")) == [1]
    await connection.send(type="subscribe", id="a", channel="events")
    assert (await connection.next("error"))["error"]["code"] == "conflict"
    await connection.subscribe("logs", "b", service="nobody")
    assert (await connection.next("error"))["error"]["code"] == "not_found"
    await connection.subscribe("logs", "b", service="one", limit=0)
    assert numbers(await connection.next("logs")) == []


@pytest.mark.parametrize("mldeploy_config", [{"stream_max_subscriptions": 2}])
async def test_one_connection_has_a_bounded_number_of_subscriptions(stream: Any) -> None:
    connection = await stream()
    for name in ("a", "b"):
        assert (await connection.subscribe("events", name))["type"] == "subscribed"
    assert (await connection.subscribe("events", "c"))["error"]["code"] == "conflict"


async def deaf_client(port: int, path: str, headers: dict[str, str], message: dict[str, Any]) -> socket.socket:
    """Open a WebSocket by hand, send one message, and read nothing any more."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", port))
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    await loop.sock_sendall(client, ("\r\n".join(lines) + "\r\n\r\n").encode())
    assert (await loop.sock_recv(client, 12)).endswith(b"101")
    text = json.dumps(message).encode()
    assert len(text) < 126
    await loop.sock_sendall(client, bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
    return client


@pytest.mark.slow
@pytest.mark.parametrize("mldeploy_config", [{"stream_stall_timeout": 2.0 * FACTOR}])
async def test_a_client_that_does_not_read_costs_nothing_and_is_let_go(
    stream: Any, logged: Any, mldeploy_app: Any, until: Any, jp_http_port: int, jp_base_url: str,
    jp_auth_header: dict[str, str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    flood, _ = logged("flood", 100_000, padding=400)
    _, add = logged("quiet", 1)
    pages: list[str] = []
    page = mldeploy_app.backend.logs._page

    def counted(uid: str, cursor: str | None, limit: int) -> Any:
        pages.append(uid)
        return page(uid, cursor, limit)

    monkeypatch.setattr(mldeploy_app.backend.logs, "_page", counted)
    client = await deaf_client(
        jp_http_port, f"{jp_base_url}mldeploy/api/v1/stream", jp_auth_header,
        {"type": "subscribe", "id": "d", "channel": "logs", "service": "flood", "cursor": "0:0"},
    )  # fmt: skip
    await until(lambda: mldeploy_app.backend.streams)
    reader = await stream()
    await reader.subscribe("logs", service="quiet")
    for number in range(2, 12):
        add(1)
        await collect(reader, number)
    await until(lambda: len(mldeploy_app.backend.streams) == 1)  # the deaf one was let go
    assert 0 < pages.count(flood) < 150, "the whole log is 200 pages"
    client.close()


@pytest.mark.parametrize("mldeploy_config", [{"stream_stall_timeout": 0.2}])
async def test_a_client_that_has_read_stays_when_the_server_is_late_to_see_it(
    stream: Any, logged: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = StreamHandler.write_message

    async def seen_late(written: Awaitable[None]) -> None:
        await written
        await asyncio.Event().wait()

    monkeypatch.setattr(StreamHandler, "write_message", lambda self, message: seen_late(write(self, message)))
    _, add = logged("quiet", 1)
    connection = await stream()
    await connection.subscribe("logs", service="quiet")
    assert numbers(await connection.next("logs")) == [1]
    add(1)
    assert numbers(await connection.next("logs")) == [2]


async def test_fifty_clients_share_the_reads_of_one_log(
    stream: Any, logged: Any, mldeploy_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, add = logged("popular", 10)
    connections = [await stream() for _ in range(50)]
    for connection in connections:
        await connection.subscribe("logs", service="popular")
    for connection in connections:
        assert numbers(await connection.next("logs"))[-1] == 10
    reads = 0
    page = mldeploy_app.backend.logs._page

    def counted(*args: Any) -> Any:
        nonlocal reads
        reads += 1
        return page(*args)

    monkeypatch.setattr(mldeploy_app.backend.logs, "_page", counted)
    add(1)
    for connection in connections:
        assert numbers(await connection.next("logs")) == [11]
    begun = reads
    await asyncio.sleep(5 * LOG_POLL_S)
    assert reads - begun < 25, "fifty clients that have caught up cost as many reads as a few"
