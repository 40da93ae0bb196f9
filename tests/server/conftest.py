"""A Jupyter server with the extension, its API as a function, and scripts to deploy."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from jupyter_server.serverapp import ServerApp
from pytest_jupyter.jupyter_server import *  # noqa: F403  the plug-in, for this folder alone
from pytest_jupyter.pytest_tornasync import AsyncHTTPServerClient

from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.server.openapi import openapi
from jupyter_mldeploy.server.routes import ROUTES, pattern
from tests.patience import FACTOR

SCRIPT = """\
import json


def init():
    global factor
    factor = {factor}
    print("ready with", factor)


def run(data):
    rows = json.loads(data)["data"]
    print("rows", len(rows))
    return [value * factor for value in rows]
"""


@pytest.fixture(autouse=True)
def _patient_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the client of all requests wait as long as the machine needs."""
    fetch = AsyncHTTPServerClient.fetch

    def patiently(self: AsyncHTTPServerClient, path: str, **how: Any) -> Any:
        limits = {name: FACTOR * how.get(name, 20) for name in ("connect_timeout", "request_timeout")}
        return fetch(self, path, **{**how, **limits})

    monkeypatch.setattr(AsyncHTTPServerClient, "fetch", patiently)


def script(factor: int = 2) -> str:
    return SCRIPT.format(factor=factor)


@dataclass(frozen=True)
class Reply:
    """What the API answered."""

    status: int
    body: Any
    headers: Any

    @property
    def code(self) -> str:
        return str(self.body["code"])


Api = Callable[..., Awaitable[Reply]]


@pytest.fixture
def mldeploy_config() -> dict[str, Any]:
    """Return settings of the extension; tests override them with ``pytest.mark.parametrize``."""
    return {}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "ws"


@pytest.fixture
def jp_server_config(home: Path, mldeploy_config: dict[str, Any]) -> dict[str, Any]:
    return {
        "ServerApp": {
            "jpserver_extensions": {"jupyter_mldeploy": True},
            "allow_unauthenticated_access": False,
        },
        "MldeployApp": {"workspace": str(home), **mldeploy_config},
    }


@pytest.fixture
def mldeploy_app(jp_serverapp: ServerApp, jp_asyncio_loop: asyncio.AbstractEventLoop, home: Path) -> Iterator[Any]:
    """Return the started extension; its services are deleted at the end."""
    jp_asyncio_loop.run_until_complete(jp_serverapp.extension_manager.start_all_extensions())
    (app,) = jp_serverapp.extension_manager.extension_apps["jupyter_mldeploy"]
    yield app
    jp_asyncio_loop.run_until_complete(app.stop_extension())
    if (home / "catalogue.db").exists():
        workspace = Workspace(home)
        for record in workspace.catalogue.services():
            if record.target in workspace.targets.names():
                workspace.deployer.delete(record.name)


@pytest.fixture
def workspace(mldeploy_app: Any, home: Path) -> Workspace:
    """Return the server's workspace, opened a second time."""
    return Workspace(home)


@pytest.fixture
def api(mldeploy_app: Any, jp_fetch: Any) -> Api:
    """Return ``await api("GET", "/services")``; every answer is checked against the OpenAPI document.

    Who asks with ``wait_s`` gets an operation that has ended, however long it takes: the server itself waits for half a
    minute at most.
    """
    document = openapi(ROUTES, "/")

    async def call(
        method: str, path: str, body: Any = None, *, params: dict[str, Any] | None = None, **kw: Any
    ) -> Reply:
        reply = await ask(method, path, body, params, kw)
        while "wait_s" in (params or {}) and reply.body.get("state") == "running":
            reply = await ask("GET", f"/operations/{reply.body['id']}", None, {"wait_s": 30}, kw)
        return reply

    async def ask(method: str, path: str, body: Any, params: dict[str, Any] | None, kw: dict[str, Any]) -> Reply:
        wait_s = float((params or {}).get("wait_s", 0))
        text = None if body is None else body if isinstance(body, str | bytes) else json.dumps(body)
        found = await jp_fetch(
            "mldeploy/api/v1" + path, method=method, body=text, params=params, allow_nonstandard_methods=True,
            raise_error=False, **{"request_timeout": wait_s + 30, **kw},
        )  # fmt: skip
        reply = Reply(found.code, json.loads(found.body), found.headers)
        check_answer(document, method, path, reply)
        return reply

    return call


def check_answer(document: dict[str, Any], method: str, path: str, reply: Reply) -> None:
    """Fail when an answer is not what the OpenAPI document says."""
    import re

    for address, _ in ROUTES:
        if re.fullmatch(pattern(address), path):
            responses = document["paths"][address].get(method.lower(), {}).get("responses", {})
            break
    else:
        responses = {}
    if reply.status >= 400:
        schema = {"$ref": "#/components/schemas/Error"}
    else:
        schema = responses[str(reply.status)]["content"]["application/json"]["schema"]
    jsonschema.validate(reply.body, {**schema, "components": document["components"]})


@pytest.fixture
def deployed(api: Api) -> Callable[..., Awaitable[dict[str, Any]]]:
    """Return ``await deployed("svc", factor=3)``: deploy a script by REST and return the operation, which succeeded."""

    async def deploy(name: str = "svc", factor: int = 2, **more: Any) -> dict[str, Any]:
        body = {"name": name, "source": {"text": script(factor)}, **more}
        reply = await api("POST", "/services", body, params={"wait_s": 30})
        assert reply.body["state"] == "succeeded", reply.body
        return dict(reply.body)

    return deploy


@pytest.fixture
def until() -> Callable[..., Awaitable[Any]]:
    """Return ``await until(lambda: …)``: wait for a condition (or an awaitable of one) and return its value."""

    async def wait(condition: Callable[[], Any], seconds: float = 40 * FACTOR) -> Any:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            value = condition()
            if isinstance(value, Awaitable):
                value = await value
            if value:
                return value
            assert loop.time() < deadline, "it did not happen in time"
            await asyncio.sleep(0.02)

    return wait


class Stream:
    """A WebSocket of the stream."""

    def __init__(self, socket: Any) -> None:
        self.socket = socket

    async def send(self, **message: Any) -> None:
        await self.socket.write_message(json.dumps(message))

    async def next(self, kind: str | None = None, seconds: float = 40 * FACTOR) -> dict[str, Any]:
        """Return the next message, or the next one of a type."""
        while True:
            text = await asyncio.wait_for(self.socket.read_message(), seconds)
            assert text is not None, "the server closed the stream"
            message: dict[str, Any] = json.loads(text)
            if kind is None or message["type"] == kind:
                return message

    async def subscribe(self, channel: str, name: str = "s", **more: Any) -> dict[str, Any]:
        await self.send(type="subscribe", id=name, channel=channel, **more)
        return await self.next()


@pytest.fixture
def stream(mldeploy_app: Any, jp_ws_fetch: Any, jp_asyncio_loop: asyncio.AbstractEventLoop) -> Iterator[Any]:
    """Return ``await stream()``: a new connection."""
    open_ones = []

    async def connect(**more: Any) -> Stream:
        socket = await jp_ws_fetch("mldeploy/api/v1/stream", **more)
        open_ones.append(socket)
        return Stream(socket)

    yield connect
    for socket in open_ones:
        socket.close()


__all__ = ["Api", "AsyncIterator", "Reply", "Stream", "script"]
