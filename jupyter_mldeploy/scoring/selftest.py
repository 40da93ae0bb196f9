"""Scores one sample before the worker says that it is ready, on the way that requests go."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from time import perf_counter
from typing import TYPE_CHECKING, cast

from .calling import ScriptCaller
from .errors import StartError
from .exchange import Exchange
from .spec import WorkerSpec

if TYPE_CHECKING:
    from ..schema.contract import RunContract

logger = logging.getLogger("mldeploy.scoring")


def sample_exchange(spec: WorkerSpec, contract: RunContract) -> Exchange | None:
    """Return the request to test with: the one that was given, else the samples of the schema; None without either."""
    if spec.self_test_body is not None:
        body, kind = spec.self_test_body.encode(), spec.self_test_content_type
    else:
        sample = contract.sample_request()
        if not sample:
            return None
        body, kind = json.dumps(sample).encode(), "application/json"
    exchange = Exchange(None)
    exchange.method, exchange.path, exchange.route = "POST", b"/score", "score"
    exchange.headers = {b"content-type": kind.encode("latin-1"), b"host": b"localhost"}
    exchange.body = body
    exchange.request_id = b"self-test"
    return exchange


def run_self_test(
    spec: WorkerSpec, contract: RunContract, caller: ScriptCaller, loop: asyncio.AbstractEventLoop | None
) -> float | None:
    """Score the sample; return the milliseconds it took, None when there was nothing to test with.

    Raises:
        StartError: the sample was not answered below 400, and the settings require it.
    """
    mode = spec.settings.self_test
    exchange = sample_exchange(spec, contract) if mode != "off" else None
    if exchange is None:
        return None
    started = perf_counter()
    remembered = caller.remember_failures()
    if loop is None:
        caller.score(exchange)
    else:
        loop.run_until_complete(caller.score_async(exchange))
    try:
        _exhaust(exchange, loop)
    except BaseException as error:  # noqa: BLE001 - the generator is the user's code
        caller.failed(exchange, error)
    if exchange.status >= 400:
        cause = remembered[-1] if remembered else None
        told = cause if cause is not None else exchange.payload.decode(errors="replace")
        source = "the given sample" if spec.self_test_body is not None else "the sample of its schema decorators"
        message = f"The self-test failed: run() does not score {source}: {told}"
        if mode == "require":
            raise StartError("selftest", message, cause)
        logger.warning("%s The service starts all the same (MLDEPLOY_SELF_TEST=warn).", message)
    caller.forget_failures()
    return (perf_counter() - started) * 1000


def _exhaust(exchange: Exchange, loop: asyncio.AbstractEventLoop | None) -> None:
    if exchange.stream is None:
        return
    if loop is None:
        for _ in cast("Iterator[bytes]", exchange.stream):
            pass
        return

    async def read() -> None:
        async for _ in cast("AsyncIterator[bytes]", exchange.stream):
            pass

    loop.run_until_complete(read())
