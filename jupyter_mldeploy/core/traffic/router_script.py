"""Router of an endpoint with several versions. mldeploy puts this file into the bundle of a router revision.

It is an entry script like any other, so every target can run it: ``router.json`` beside it says which versions there
are, where, and with which weights. The key of a version is in a variable that is named there, never in the file.
It needs the standard library alone.

- ``azureml-model-deployment: NAME`` in a request calls that version; in an answer it says which version gave it.
- A mirrored version gets copies of requests; its answers are thrown away and only counted.
- ``GET /score?router=figures`` gives the counts since this process began.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import ssl
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from azureml.contrib.services.aml_request import rawhttp
from azureml.contrib.services.aml_response import AMLResponse

HEADER = "azureml-model-deployment"
#: Upper bounds of the latency histogram in seconds: 0.5 ms to about 100 s, each a fifth more than the one before.
BOUNDS = [0.0005 * 1.2**step for step in range(67)]
MOST_MIRRORED = 64
MOST_IDLE = 64
HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
     "upgrade", "host", "content-length", "authorization", "expect", HEADER}
)  # fmt: skip

#: Most bytes of a streamed answer that are handed on at once.
PIECE = 64 * 1024


class Figures:
    """What was seen of one version."""

    def __init__(self) -> None:
        self.requests = self.errors = self.mirrored = self.mirror_errors = self.dropped = 0
        self.buckets = [0] * (len(BOUNDS) + 1)

    def count(self, seconds: float, failed: bool, mirrored: bool) -> None:
        """Count one answer; a failure is an answer of 5xx, or none."""
        if mirrored:
            self.mirrored += 1
            self.mirror_errors += failed
        else:
            self.requests += 1
            self.errors += failed
        low, high = 0, len(BOUNDS)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if BOUNDS[middle] < seconds else (low, middle)
        self.buckets[low] += 1


class Version:
    """One version: where it is, and a pool of connections to it."""

    def __init__(self, spec: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self.name: str = spec["name"]
        self.weight: float = spec["weight"]
        self.mirror: float = spec["mirror"]
        parts = urlsplit(spec["uri"])
        self._host, self._path = parts.hostname or "", parts.path or "/score"
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        key = environment.get(spec.get("key_variable") or "")
        self._authorization = f"Bearer {key}" if key else None
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.figures = Figures()

    async def ask(self, method: str, query: str, headers: Sequence[tuple[str, str]], body: bytes) -> Answer:
        """Send one request and return the answer, of a streamed one its beginning.

        Raises:
            OSError, ValueError: there is none.
        """
        lines = [f"{method} {self._path}{'?' + query if query else ''} HTTP/1.1", f"Host: {self._host}:{self._port}"]
        lines += [f"{name}: {value}" for name, value in headers if name.lower() not in HOP_BY_HOP]
        if self._authorization:
            lines.append(f"Authorization: {self._authorization}")
        head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode("latin-1", "replace")
        while self._idle:
            reader, writer = self._idle.pop()
            # A connection that the other side closed while it lay idle took no request: the next one is tried.
            if reader.at_eof() or writer.is_closing():
                writer.close()
                continue
            try:
                return await self._exchange(reader, writer, method, head + body)
            except (ConnectionResetError, BrokenPipeError, asyncio.IncompleteReadError) as error:
                if isinstance(error, asyncio.IncompleteReadError) and error.partial:
                    raise ConnectionResetError(
                        "the version closed the connection in the middle of an answer"
                    ) from error
        reader, writer = await asyncio.open_connection(self._host, self._port, ssl=self._tls, limit=1 << 20)
        try:
            return await self._exchange(reader, writer, method, head + body)
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError("the version closed the connection without an answer") from error

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, method: str, data: bytes
    ) -> Answer:
        body: bytes | Stream | None = None
        keep = False
        try:
            writer.write(data)
            await writer.drain()
            status = 100
            while status < 200:  # informational answers come before the real one
                first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
                status = int(first.split(" ", 2)[1])
            headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in rest)]
            known = {name.lower(): value for name, value in headers}
            stays = first.startswith("HTTP/1.1") and known.get("connection", "").lower() != "close"
            if method == "HEAD" or status in {204, 304}:
                body, keep = b"", stays
            elif "chunked" in known.get("transfer-encoding", "").lower():
                body = Stream(_chunks(reader), partial(self._give_back, reader, writer, stays))
            elif "content-length" in known:
                body, keep = await reader.readexactly(int(known["content-length"])), stays
            else:
                body = Stream(_until_the_end(reader), partial(self._give_back, reader, writer, False))
            return Answer(status, [(name, value) for name, value in headers if name.lower() not in HOP_BY_HOP], body)
        finally:
            if not isinstance(body, Stream):  # a stream gives the connection back itself
                self._give_back(reader, writer, keep, body is not None)

    def _give_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, stays: bool, whole: bool) -> None:
        """Keep a connection for the next request, or close it: what is left of half an answer would be the next one."""
        if stays and whole and len(self._idle) < MOST_IDLE:
            self._idle.append((reader, writer))
        else:
            writer.close()


@dataclass(slots=True)
class Answer:
    """What a version answers: status, headers for the caller, and the body or the way to its parts."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes | Stream


class Stream:
    """The parts of an answer as they come.

    Whoever reads it must come to its end or close it.

    Args:
        parts: pieces of the body; an exception when the version breaks off.
        ended: called once, with whether the answer came whole.
    """

    def __init__(self, parts: AsyncGenerator[bytes, None], ended: Callable[[bool], None]) -> None:
        self._parts = parts
        self._ended: Callable[[bool], None] | None = ended
        self._observer: Callable[[bool], None] | None = None
        self._until: float | None = None

    def watch(self, until: float, observer: Callable[[bool], None]) -> None:
        """End with TimeoutError at ``until`` (the loop's clock); tell the observer whether the version failed."""
        self._until, self._observer = until, observer

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> bytes:
        try:
            async with asyncio.timeout_at(self._until):
                return await anext(self._parts)
        except StopAsyncIteration:
            self._end(whole=True, failed=False)
            raise
        except asyncio.IncompleteReadError as error:
            self._end(whole=False, failed=True)
            raise ConnectionResetError("the version closed the connection in the middle of an answer") from error
        except Exception:
            self._end(whole=False, failed=True)
            raise

    async def aclose(self) -> None:
        """Give the rest up; the version notices that nobody reads on."""
        self._end(whole=False, failed=False)
        await self._parts.aclose()

    def _end(self, *, whole: bool, failed: bool) -> None:
        ended, self._ended = self._ended, None
        if ended is None:
            return
        ended(whole)
        if self._observer is not None:
            self._observer(failed)


async def _chunks(reader: asyncio.StreamReader) -> AsyncGenerator[bytes, None]:
    while left := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        while left:
            piece = await reader.read(min(left, PIECE))
            if not piece:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(piece)
            yield piece
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass


async def _until_the_end(reader: asyncio.StreamReader) -> AsyncGenerator[bytes, None]:
    while piece := await reader.read(PIECE):
        yield piece


class Router:
    """Chooses a version for each request."""

    def __init__(self, split: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._versions = {spec["name"]: Version(spec, environment) for spec in split["versions"]}
        self._default = self._versions[split["default"]]
        self._timeout_s: float = split["timeout_s"]
        self._instance, self._began = uuid.uuid4().hex, time.time()
        self._mirrors: set[asyncio.Task[None]] = set()

    async def answer(self, request: Any) -> AMLResponse:
        """Return the answer of the version that a request goes to."""
        if request.method == "GET" and request.args.get("router") == "figures":
            return AMLResponse(self.figures(), 200, json_str=True)
        wanted = request.headers.get(HEADER)
        if wanted is not None and wanted not in self._versions:
            known = ", ".join(sorted(self._versions))
            return AMLResponse(
                {"message": f"There is no version {wanted!r}; versions are: {known}."}, 404, json_str=True
            )
        version = self._versions[wanted] if wanted is not None else self.choose(random.random() * 100)  # noqa: S311
        query, body = request.query_string.decode("latin-1"), request.get_data()
        headers = list(request.headers.items())
        if wanted is None:
            for other in self._versions.values():
                if other.mirror and other is not version and random.random() * 100 < other.mirror:  # noqa: S311
                    self._copy(other, request.method, query, headers, body)
        try:
            answer = await self._ask(version, request.method, query, headers, body, mirrored=False)
        except TimeoutError:
            return self._failed(version, 504, f"Version {version.name!r} did not answer within {self._timeout_s:g} s.")
        except (OSError, ValueError, asyncio.LimitOverrunError) as error:
            return self._failed(version, 502, f"Version {version.name!r} cannot be reached: {error}.")
        response = AMLResponse(answer.body, answer.status)
        response.headers.clear()
        for name, value in answer.headers:
            response.headers.add(name, value)
        response.headers[HEADER] = version.name
        return response

    def choose(self, number: float) -> Version:
        """Return the version for a number from 0 to 100; what no weight covers is the default's."""
        for version in self._versions.values():
            if number < version.weight:
                return version
            number -= version.weight
        return self._default

    def figures(self) -> dict[str, Any]:
        """Return the counts since this process began."""
        versions = {name: vars(version.figures) for name, version in self._versions.items()}
        return {"instance": self._instance, "began": self._began, "bounds": BOUNDS, "versions": versions}

    async def _ask(self, version: Version, *request: Any, mirrored: bool) -> Answer:
        started = time.perf_counter()
        until = asyncio.get_running_loop().time() + self._timeout_s

        def count(failed: bool) -> None:
            version.figures.count(time.perf_counter() - started, failed, mirrored)

        try:
            async with asyncio.timeout_at(until):
                answer = await version.ask(*request)
        except BaseException:
            count(failed=True)
            raise
        if isinstance(answer.body, Stream):
            answer.body.watch(until, lambda broken: count(failed=broken or answer.status >= 500))
        else:
            count(failed=answer.status >= 500)
        return answer

    def _copy(self, version: Version, *request: Any) -> None:
        """Send a copy whose answer nobody waits for; when too many are under way, it is left out and counted."""
        if len(self._mirrors) >= MOST_MIRRORED:
            version.figures.dropped += 1
            return

        async def copy() -> None:
            with contextlib.suppress(OSError, ValueError, TimeoutError, asyncio.LimitOverrunError):  # they are counted
                answer = await self._ask(version, *request, mirrored=True)
                if isinstance(answer.body, Stream):
                    async for _ in answer.body:
                        pass

        task = asyncio.get_running_loop().create_task(copy())
        self._mirrors.add(task)
        task.add_done_callback(self._mirrors.discard)

    @staticmethod
    def _failed(version: Version, status: int, message: str) -> AMLResponse:
        return AMLResponse({"message": message}, status, {HEADER: version.name}, json_str=True)


router: Router


def init() -> None:
    """Read which versions there are."""
    global router  # noqa: PLW0603  an entry script's init() hands on to run() so
    router = Router(json.loads(Path(__file__).with_name("router.json").read_text(encoding="utf-8")), os.environ)


@rawhttp  # type: ignore[untyped-decorator]
async def run(request: Any) -> AMLResponse:
    """Pass one request on."""
    return await router.answer(request)
