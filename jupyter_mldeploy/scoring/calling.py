"""From a request to the arguments of ``run()``, and from what it returned to an answer."""

from __future__ import annotations

import json
import logging
from time import perf_counter
from typing import Any
from urllib.parse import parse_qsl

from .errors import ScoringTimeout
from .exchange import INTERNAL_ERROR, SCRIPT_ERROR, Exchange
from .failure import describe, format_traceback
from .settings import Settings

logger = logging.getLogger("mldeploy.scoring")


class ScriptCaller:
    """Calls one script's ``run()``."""

    def __init__(self, contract: Any, settings: Settings) -> None:
        from ..schema import RequestError, encode

        self._contract = contract
        self._encode = encode
        self._request_error = RequestError
        self.needs_json = bool(getattr(contract, "decorated", False))
        self._detail = settings.error_detail == "caller"

    def score(self, exchange: Exchange) -> None:
        """Score one request: sets the exchange's answer."""
        try:
            if exchange.method == "GET":
                arguments = self._contract.decode_query(query_values(exchange.query))
            else:
                arguments = self._contract.decode(exchange.body)
        except self._request_error as error:
            exchange.refuse(400, str(error))
            return
        started = perf_counter()
        try:
            result = self._contract.function(**arguments)
        except ScoringTimeout:
            raise
        except BaseException as error:  # noqa: BLE001 - sys.exit() in run() must not end the worker
            self.script_failed(exchange, error)
            return
        exchange.exec_ms = (perf_counter() - started) * 1000
        try:
            exchange.payload = self._encode(result)
        except Exception as error:
            logger.error("The result of run() cannot be sent: %s", describe(error))
            exchange.refuse(500, INTERNAL_ERROR)

    def score_many(self, exchanges: list[Exchange]) -> None:
        """Score several requests."""
        for exchange in exchanges:
            self.score(exchange)

    def script_failed(self, exchange: Exchange, error: BaseException) -> None:
        """Log what ``run()`` raised and set the answer."""
        logger.error("run() failed: %s", format_traceback(error))
        exchange.refuse(500, SCRIPT_ERROR, failed=b"True")
        if self._detail:
            exchange.payload = json.dumps(
                {"message": SCRIPT_ERROR, "error": describe(error), "traceback": format_traceback(error)}
            ).encode()


def query_values(query: bytes) -> dict[str, list[str]]:
    """Return the query parameters, each with all its values."""
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        values.setdefault(name, []).append(value)
    return values
