"""From a request to the arguments of ``run()``, and from what it returned to an answer. Runs in the user's thread."""

from __future__ import annotations

import json
import logging
import sys
from asyncio import CancelledError
from collections.abc import AsyncIterator, Callable, Iterator
from time import perf_counter
from types import AsyncGeneratorType, GeneratorType
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from .content_coding import CodingError, decoded_body
from .errors import ScoringTimeout
from .exchange import INTERNAL_ERROR, SCRIPT_ERROR, Exchange
from .failure import describe, format_traceback
from .print_capture import current_request
from .settings import Settings

if TYPE_CHECKING:
    from ..schema.contract import RunContract

logger = logging.getLogger("mldeploy.scoring")

OCTETS = b"application/octet-stream"
TEXT = b"text/plain; charset=utf-8"
JSON_LINES = b"application/x-ndjson"


class ScriptCaller:
    """Calls one script's ``run()``.

    Attributes:
        needs_json: whether requests must say that their body is JSON.
        rawhttp: whether ``run()`` gets the request object itself.
    """

    def __init__(self, contract: RunContract, settings: Settings) -> None:
        from ..schema.errors import RequestError, ResponseError, request_error_of

        self._contract = contract
        self._function: Callable[..., Any] = contract.function
        self._wants_headers = contract.takes_request_headers
        self._refusals = (RequestError, CodingError)
        self._unwritable = ResponseError
        self._behind = request_error_of
        self._tell_caller = settings.error_detail == "caller"
        self._longest_body = settings.max_body_bytes
        self._failures: list[BaseException] | None = None
        self.needs_json = contract.mode == "json"
        self.rawhttp = contract.rawhttp

    def surround(self, around: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        """Call ``around(run)`` instead of ``run`` from now on."""
        self._function = around(self._function)

    def score(self, exchange: Exchange) -> None:
        """Score one request: set its answer, or its stream. Raises nothing but ``ScoringTimeout``."""
        arguments = self.arguments(exchange)
        if arguments is None:
            return
        started = perf_counter()
        try:
            result = self._function(**arguments)
            if type(result) is GeneratorType:
                result = _first_pulled(result)
        except ScoringTimeout:
            raise
        except BaseException as error:  # noqa: BLE001 - sys.exit() in run() must not end the worker
            self.failed(exchange, error)
        else:
            exchange.exec_ms = (perf_counter() - started) * 1000
            self.answer(exchange, result)

    def score_many(self, exchanges: list[Exchange]) -> list[Exchange]:
        """Score several requests with one call of ``run()``, joined by rows.

        Returns:
            the requests that have no answer yet and must be scored one by one: all of them when the joined call fails
            (so that a request that is to blame harms no other), or when they cannot be joined.
        """
        from ..schema.batching import split, stack  # loaded already where requests are batched

        waiting: list[Exchange] = []
        decoded: list[dict[str, Any]] = []
        for exchange in exchanges:
            arguments = self.arguments(exchange)
            if arguments is not None:
                waiting.append(exchange)
                decoded.append(arguments)
        current_request.set(None)
        if len(waiting) < 2:
            return waiting
        try:
            joined, sizes = stack(decoded)
            started = perf_counter()
            results = split(self._function(**joined), sizes)
        except BaseException:  # noqa: BLE001 - whatever it is, it is told with the request that it belongs to
            return waiting
        exec_ms = (perf_counter() - started) * 1000
        for exchange, result in zip(waiting, results, strict=True):
            exchange.exec_ms = exec_ms
            exchange.batch_size = 0
            self.answer(exchange, result)
        waiting[0].batch_size = len(waiting)
        return []

    async def score_async(self, exchange: Exchange) -> None:
        """Do the same for an ``async def run`` (or one that yields)."""
        arguments = self.arguments(exchange)
        if arguments is None:
            return
        started = perf_counter()
        try:
            result = self._function(**arguments)
            if type(result) is AsyncGeneratorType:
                result = await _first_awaited(result)
            else:
                result = await result
        except (ScoringTimeout, CancelledError):
            raise
        except BaseException as error:  # noqa: BLE001
            self.failed(exchange, error)
        else:
            exchange.exec_ms = (perf_counter() - started) * 1000
            self.answer(exchange, result)

    def arguments(self, exchange: Exchange) -> dict[str, Any] | None:
        """Return what to call ``run()`` with; None when the request is refused (its answer is then set)."""
        current_request.set(exchange)
        arguments: dict[str, Any]
        try:
            if b"content-encoding" in exchange.headers and exchange.body:
                exchange.body = decoded_body(exchange.body, exchange.headers[b"content-encoding"], self._longest_body)
            if self.rawhttp:
                from .rawhttp import make_request

                arguments = {self._contract.parameters[0].name: make_request(exchange)}
            elif exchange.method == "GET":
                arguments = self._contract.decode_query(query_pairs(exchange.query))
            else:
                arguments = self._contract.decode(exchange.body)
        except self._refusals as error:
            exchange.refuse(getattr(error, "status", 400), str(error))
            return None
        except Exception as error:  # noqa: BLE001
            # A sample type of the user's own, or a fault of ours: either way not the caller's.
            logger.error("The request could not be decoded: %s\n%s", describe(error), format_traceback(error))  # noqa: TRY400
            exchange.refuse(500, INTERNAL_ERROR)
            return None
        if self._wants_headers:
            arguments["request_headers"] = request_headers(exchange)
        return arguments

    def answer(self, exchange: Exchange, result: Any) -> None:
        """Set the answer to what ``run()`` returned."""
        kind = type(result)
        if kind is _Parts or kind is _AsyncParts:
            exchange.content_type = result.content_type
            exchange.stream = result.parts(self._line)
            return
        responses = sys.modules.get("werkzeug.wrappers.response")
        if responses is not None and isinstance(result, responses.Response):
            from .rawhttp import take_response

            take_response(exchange, result)
            return
        try:
            exchange.payload = self._contract.encode(result)
        except self._unwritable as error:
            logger.error("What run() returned cannot be written as JSON: %s", error)  # noqa: TRY400 - says it all
            if self._failures is not None:
                self._failures.append(error)
            exchange.refuse(500, INTERNAL_ERROR)
            self._tell(exchange, INTERNAL_ERROR, f"{type(error).__name__}: {error}", "")
        except ScoringTimeout:
            raise
        except BaseException as error:  # noqa: BLE001 - a result may run user code when it is read
            self.failed(exchange, error)

    def failed(self, exchange: Exchange, error: BaseException) -> None:
        """Set the answer for, and log, an exception that ``run()`` raised."""
        refusal = self._behind(error)
        if refusal is not None:  # a decorator around the schema decorators handed the conversion's error through
            exchange.refuse(getattr(refusal, "status", 400), str(refusal))
            return
        if self._failures is not None:
            self._failures.append(error)
        text = format_traceback(error)
        logger.error("run() failed: %s\n%s", describe(error), text, extra={"failure": error})
        exchange.refuse(500, SCRIPT_ERROR, failed=b"True")
        self._tell(exchange, SCRIPT_ERROR, describe(error), text)

    def remember_failures(self) -> list[BaseException]:
        """Keep what ``run()`` raises, in the returned list, until ``forget_failures`` (for the self-test)."""
        self._failures = []
        return self._failures

    def forget_failures(self) -> None:
        """Stop keeping exceptions: they hold the request's data."""
        self._failures = None

    def _tell(self, exchange: Exchange, message: str, error: str, text: str) -> None:
        if self._tell_caller:
            facts = {"message": message, "error": error, "traceback": text.splitlines()}
            exchange.payload = json.dumps(facts).encode()

    def _line(self, value: Any) -> bytes:
        return self._contract.encode(value) + b"\n"


class _Parts:
    """A generator of which the first part is known: it decides the media type, and its failure is still an answer."""

    def __init__(self, first: Any, rest: Iterator[Any], *, empty: bool) -> None:
        self.content_type = _media_type(first, empty)
        self._first, self._rest, self._empty = first, rest, empty

    def parts(self, line: Callable[[Any], bytes]) -> Iterator[bytes]:
        try:
            if not self._empty:
                yield _as_bytes(self._first, line)
                self._first = None
                for part in self._rest:
                    yield _as_bytes(part, line)
        finally:
            close = getattr(self._rest, "close", None)
            if close is not None:
                close()


class _AsyncParts:
    """The same for an async generator."""

    def __init__(self, first: Any, rest: Any, *, empty: bool) -> None:
        self.content_type = _media_type(first, empty)
        self._first, self._rest, self._empty = first, rest, empty

    async def parts(self, line: Callable[[Any], bytes]) -> AsyncIterator[bytes]:
        try:
            if not self._empty:
                yield _as_bytes(self._first, line)
                self._first = None
                async for part in self._rest:
                    yield _as_bytes(part, line)
        finally:
            await self._rest.aclose()


def _first_pulled(generator: Iterator[Any]) -> _Parts:
    try:
        return _Parts(next(generator), generator, empty=False)
    except StopIteration:
        return _Parts(None, generator, empty=True)


async def _first_awaited(generator: AsyncGeneratorType[Any, Any]) -> _AsyncParts:
    try:
        return _AsyncParts(await anext(generator), generator, empty=False)
    except StopAsyncIteration:
        return _AsyncParts(None, generator, empty=True)


def _media_type(first: Any, empty: bool) -> bytes:
    if empty or isinstance(first, str):
        return TEXT
    return OCTETS if isinstance(first, bytes | bytearray | memoryview) else JSON_LINES


def _as_bytes(part: Any, line: Callable[[Any], bytes]) -> bytes:
    if isinstance(part, str):
        return part.encode()
    return bytes(part) if isinstance(part, bytes | bytearray | memoryview) else line(part)


def query_pairs(query: bytes) -> list[tuple[str, str]]:
    """Return the query's names and values, percent-decoded, in their order."""
    return parse_qsl(query.decode("latin-1"), keep_blank_values=True)


def request_headers(exchange: Exchange) -> dict[str, str]:
    """Return the request's headers as scripts know them: ``X-Foo`` whatever the client's spelling was."""
    return {name.decode("latin-1").title(): value.decode("latin-1") for name, value in exchange.headers.items()}
