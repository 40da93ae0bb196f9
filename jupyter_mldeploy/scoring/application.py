"""Routes requests to what answers them, and sees every answer on its way out. Belongs to the I/O thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import perf_counter
from typing import Protocol
from urllib.parse import unquote_to_bytes

from .exchange import HTML, Exchange
from .identity import Identifier
from .invoke import Invoker
from .settings import Settings

logger = logging.getLogger("mldeploy.scoring")

NOT_FOUND = (
    "The requested URL was not found on the server. If you entered the URL manually please check your spelling and "
    "try again."
)
METHOD_NOT_ALLOWED = "The method is not allowed for the requested URL."


class Documents(Protocol):
    """Makes the documents the server offers besides scoring."""

    def swagger(self, exchange: Exchange) -> None:
        """Set the answer to the Swagger document that was asked for."""

    def page(self, exchange: Exchange) -> None:
        """Set the answer to the interactive page."""


class Observer(Protocol):
    """Is told of every answer (metrics, access log)."""

    def answered(self, exchange: Exchange, seconds: float) -> None:
        """An answer has been written, ``seconds`` after its request was complete."""


class Application:
    """What the server answers.

    Args:
        invoker: executes ``run()``.
        rawhttp: whether ``run()`` takes the raw request (then every method that the route knows is its own matter).
        needs_json: whether the body must be declared as JSON (scripts with schema decorators).
        settings: see there.
        documents: the Swagger documents and the page.
        observer: told of every answer.
    """

    def __init__(
        self,
        invoker: Invoker,
        settings: Settings,
        *,
        rawhttp: bool,
        needs_json: bool,
        documents: Documents,
        observers: list[Observer],
    ) -> None:
        self._invoker = invoker
        self._settings = settings
        self._rawhttp = rawhttp
        self._needs_json = needs_json
        self._documents = documents
        self._observers = observers
        self._identifier = Identifier()
        self._json_types: dict[bytes, bool] = {}
        self._streams: dict[Exchange, object] = {}
        self._routes: dict[bytes, Callable[[Exchange], None]] = {}
        prefix = settings.service_path_prefix.strip("/").encode()
        for start in {b"/", b"/" + prefix + b"/" if prefix else b"/"}:
            self._routes[start] = self._health
            self._routes[start + b"score"] = self._score
            self._routes[start + b"swagger.json"] = self._swagger
            if settings.docs_page:
                self._routes[start + b"docs"] = self._page

    # ---- called by connections

    def handle(self, exchange: Exchange) -> None:
        """Answer a request, now or when ``run()`` has."""
        if exchange.refused:
            self._send(exchange)
            return
        route = self._routes.get(exchange.path) or self._routes.get(unquote_to_bytes(exchange.path))
        if route is None:
            exchange.refuse(404, NOT_FOUND)
            self._send(exchange)
            return
        route(exchange)

    def would_refuse(self, exchange: Exchange) -> bool:
        """Return whether a request would be refused by its head alone; its answer is then set."""
        return False

    def abandoned(self, exchange: Exchange) -> None:
        """The client has gone: what has not begun is not run."""
        exchange.answered = True
        exchange.connection = None
        self._invoker.withdraw(exchange)

    def writable(self, exchange: Exchange) -> None:
        """The client takes more of a streamed answer."""

    def log_internal_error(self, error: BaseException) -> None:
        """A request could not be read because of a fault of our own."""
        logger.error("A request could not be handled.", exc_info=error)

    # ---- called by the invoker

    def complete(self, exchange: Exchange) -> None:
        """``run()`` has been called for this exchange, its answer is set."""
        if not exchange.answered:
            self._send(exchange)

    # ---- routes

    def _health(self, exchange: Exchange) -> None:
        if exchange.method not in ("GET", "HEAD"):
            self._refuse_method(exchange, "GET, HEAD")
            return
        exchange.route = "health"
        if self._identifier.assign(exchange):
            exchange.payload = b"Healthy"
            exchange.content_type = HTML
            exchange.failed = None
        self._send(exchange)

    def _score(self, exchange: Exchange) -> None:
        exchange.route = "score"
        method = exchange.method
        if method == "POST":
            if not self._identifier.assign(exchange):
                self._send(exchange)
            elif self._needs_json and not self._declares_json(exchange):
                exchange.refuse(415, "Expects Content-Type to be application/json")
                self._send(exchange)
            else:
                self._run(exchange)
        elif method in ("GET", "OPTIONS", "HEAD"):
            if not self._identifier.assign(exchange):
                self._send(exchange)
            elif method == "GET" or self._rawhttp:
                self._run(exchange)
            elif method == "OPTIONS":
                exchange.content_type = HTML
                exchange.extra += b"Allow: GET, POST, OPTIONS\r\n"
                self._send(exchange)
            else:
                self._refuse_method(exchange, "GET, POST, OPTIONS")
        else:
            self._refuse_method(exchange, "GET, POST, OPTIONS")

    def _swagger(self, exchange: Exchange) -> None:
        if exchange.method not in ("GET", "HEAD"):
            self._refuse_method(exchange, "GET, HEAD")
            return
        exchange.route = "swagger"
        if self._identifier.assign(exchange):
            self._documents.swagger(exchange)
        self._send(exchange)

    def _page(self, exchange: Exchange) -> None:
        if exchange.method not in ("GET", "HEAD"):
            self._refuse_method(exchange, "GET, HEAD")
            return
        exchange.route = "docs"
        self._documents.page(exchange)
        self._send(exchange)

    # ---- inside

    def _run(self, exchange: Exchange) -> None:
        if not self._invoker.submit(exchange):
            self.refuse_busy(exchange)

    def refuse_busy(self, exchange: Exchange) -> None:
        """Answer 503: too many requests wait, or this one has waited too long."""
        exchange.refuse(503, "The service is busy: too many requests are waiting. Try again later.")
        exchange.extra += b"Retry-After: 1\r\n"
        self._send(exchange)

    def _refuse_method(self, exchange: Exchange, allowed: str) -> None:
        exchange.refuse(405, METHOD_NOT_ALLOWED)
        exchange.extra += b"Allow: %b\r\n" % allowed.encode()
        self._send(exchange)

    def _declares_json(self, exchange: Exchange) -> bool:
        declared = exchange.headers.get(b"content-type", b"")
        known = self._json_types.get(declared)
        if known is None:
            kind = declared.partition(b";")[0].strip().lower()
            known = kind == b"application/json" or (kind.startswith(b"application/") and kind.endswith(b"+json"))
            if len(self._json_types) < 100:
                self._json_types[declared] = known
        return known

    def _send(self, exchange: Exchange) -> None:
        exchange.answered = True
        connection = exchange.connection
        if connection is None:
            return
        connection.write_answer(exchange)
        seconds = perf_counter() - exchange.received
        for observer in self._observers:
            observer.answered(exchange, seconds)
