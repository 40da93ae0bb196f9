"""Recording requests and their answers, where that was asked for: a sample of them, small ones, without named fields.

A recorded request is a line of the service's log, ``recorded {"body": …, "answer": …, …}``, so it comes home from every
target in the way that all lines do. Only JSON is recorded: fields that nobody may see cannot be found in anything else.
"""

from __future__ import annotations

import json
import random
from typing import Any, Protocol

from .exchange import Exchange
from .log_lines import LogWriter
from .settings import Settings

PREFIX = "recorded "
HIDDEN = "***"
#: A request with this header is one that was recorded before and is sent again: it is not recorded anew.
REPLAYED = b"x-mldeploy-replayed"


class Observer(Protocol):
    """Is told of every answer."""

    def answered(self, exchange: Exchange, seconds: float) -> None:
        """An answer has been written."""
        ...


class Recorder:
    """Tells the log of some requests, and another observer of all of them.

    Args:
        then: the other observer, or None.
        settings: ``record_rate`` (share of requests), ``record_max_bytes`` (of body and answer together),
            ``record_deny`` (names of fields whose values are left out, in any case, at any depth).
    """

    def __init__(self, writer: LogWriter, then: Observer | None, settings: Settings) -> None:
        self._writer = writer
        self._then = then
        self._rate = settings.record_rate
        self._most = settings.record_max_bytes
        self._denied = frozenset(name.lower() for name in settings.record_deny)

    def answered(self, exchange: Exchange, seconds: float) -> None:
        """See :class:`Observer`."""
        if self._then is not None:
            self._then.answered(exchange, seconds)
        if exchange.route != "score" or exchange.method != "POST" or random.random() >= self._rate:  # noqa: S311
            return
        if REPLAYED in exchange.headers:
            return
        if exchange.stream is not None or len(exchange.body) + len(exchange.payload) > self._most:
            return
        try:
            body, answer = json.loads(exchange.body), json.loads(exchange.payload or b"null")
        except ValueError:
            return
        record = {
            "body": self._clean(body),
            "answer": self._clean(answer),
            "status": exchange.status,
            "ms": round(seconds * 1000, 3),
        }
        self._writer.log("info", "mldeploy.record", PREFIX + json.dumps(record, ensure_ascii=False))

    def _clean(self, value: Any) -> Any:
        if not self._denied:
            return value
        if isinstance(value, dict):
            return {
                key: HIDDEN if str(key).lower() in self._denied else self._clean(item) for key, item in value.items()
            }
        return [self._clean(item) for item in value] if isinstance(value, list) else value
