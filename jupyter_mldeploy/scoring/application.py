"""Routes requests to what answers them, and sees every answer on its way out. Belongs to the I/O thread."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Protocol, cast
from urllib.parse import unquote_to_bytes

from .auth import KeyRing
from .cors import CorsPolicy
from .exchange import HTML, Exchange
from .identity import Identifier
from .interrupt import Slot
from .print_capture import current_request
from .settings import Settings

if TYPE_CHECKING:
    from .streaming import Flow

logger = logging.getLogger("mldeploy.scoring")

NOT_FOUND = (
    "The requested URL was not found on the server. If you entered the URL manually please check your spelling and "
    "try again."
)
METHOD_NOT_ALLOWED = "The method is not allowed for the requested URL."
BUSY = "The service is busy: too many requests are waiting. Try again later."
METRICS = b"text/plain; version=0.0.4; charset=utf-8"


class Scorer(Protocol):
    """Executes ``run()``."""

    def submit(self, exchange: Exchange) -> None:
        """Put a request into the queue."""

    def has_room(self) -> bool:
        """Return whether one more request may wait."""

    def withdraw(self, exchange: Exchange) -> bool:
        """Take a request out of the queue."""


class Documents(Protocol):
    """Makes the documents the server offers besides scoring."""

    def swagger(self, exchange: Exchange) -> None:
        """Set the answer to the Swagger document that was asked for."""

    def page(self, exchange: Exchange) -> None:
        """Set the answer to the interactive page."""


class Observer(Protocol):
    """Is told of every answer."""

    def answered(self, exchange: Exchange, seconds: float) -> None:
        """An answer has been written, ``seconds`` after its request was complete."""


class Figures(Observer, Protocol):
    """Counts, and tells what it has counted."""

    def timed_out(self) -> None:
        """Count a ``run()`` that used up its time."""

    def refused_busy(self) -> None:
        """Count a request that was refused because too many were waiting."""

    def text(self) -> bytes:
        """Return the figures in Prometheus' format."""


class Application:
    """What the server answers.

    Args:
        scorer: executes ``run()``.
        settings: see there.
        keys: who may call.
        rawhttp: whether ``run()`` takes the raw request; then HEAD and OPTIONS are its own matter.
        needs_json: whether the body must be declared as JSON (scripts with schema decorators).
        documents: the Swagger documents and the page.
        figures: the metrics.
        access_log: told of every answer, or None.
        on_stuck: called when a call of ``run()`` cannot be stopped.
    """

    def __init__(
        self,
        scorer: Scorer,
        settings: Settings,
        *,
        keys: KeyRing,
        rawhttp: bool,
        needs_json: bool,
        documents: Documents,
        figures: Figures,
        access_log: Observer | None,
        on_stuck: Callable[[Slot, float], None],
    ) -> None:
        self._scorer = scorer
        self._settings = settings
        self._keys = keys
        self._rawhttp = rawhttp
        self._needs_json = needs_json
        self._documents = documents
        self._figures = figures
        self._access_log = access_log
        self._on_stuck = on_stuck
        self._cors = CorsPolicy(settings.cors_origins) if settings.cors_origins else None
        self._identifier = Identifier()
        self._json_types: dict[bytes, bool] = {}
        self._watch: Callable[[], None] = lambda: None
        self._routes: dict[bytes, Callable[[Exchange], None]] = {}
        prefix = settings.service_path_prefix.strip("/").encode()
        for start in {b"/", b"/" + prefix + b"/" if prefix else b"/"}:
            self._routes[start] = self._health
            self._routes[start + b"score"] = self._score
            self._routes[start + b"swagger.json"] = self._swagger
            self._routes[start + b"metrics"] = self._metrics
            if settings.docs_page:
                self._routes[start + b"docs"] = self._page
        self._guarded = {self._score, self._swagger} | (set() if settings.open_metrics else {self._metrics})

    def watch_with(self, arm: Callable[[], None]) -> None:
        """Set what is called whenever a request is submitted (the watchdog)."""
        self._watch = arm

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
        elif self._admits(exchange, route):
            route(exchange)
        else:
            self._send(exchange)

    def would_refuse(self, exchange: Exchange) -> bool:
        """Return whether a request would be refused by its head alone; its answer is then set."""
        route = self._routes.get(exchange.path)
        if route is None:
            exchange.refuse(404, NOT_FOUND)
            return True
        return not self._admits(exchange, route)

    def abandoned(self, exchange: Exchange) -> None:
        """The client has gone: what has not begun is not run, what is streamed stops."""
        exchange.connection = None
        self._scorer.withdraw(exchange)
        if exchange.flow is not None:
            exchange.flow.close()

    def drop(self, exchange: Exchange) -> bool:
        """Take a request back that nobody waits for; return False when ``run()`` has begun."""
        return self._scorer.withdraw(exchange)

    def writable(self, exchange: Exchange) -> None:
        """The client has taken what was written of a streamed answer."""
        flow = exchange.flow
        if flow is not None and flow.untaken:
            untaken, flow.untaken = flow.untaken, 0
            flow.taken(untaken)

    def log_internal_error(self, error: BaseException) -> None:
        """Log that a request could not be read because of a fault of our own."""
        logger.error("A request could not be handled.", exc_info=error)

    # ---- called by the invoker, in the event loop's thread

    def complete(self, exchange: Exchange) -> None:
        """``run()`` has been called for this exchange, its answer is set."""
        if not exchange.answered:
            self._send(exchange)

    def begin_stream(self, exchange: Exchange) -> None:
        """Write the head of a streamed answer."""
        flow, connection = cast("Flow", exchange.flow), exchange.connection
        exchange.answered = True
        if connection is None:
            flow.close()
            return
        if self._cors is not None:
            self._cors.apply(exchange)
        if not connection.start_stream(exchange):
            flow.close()
            self._observe(exchange)
            exchange.connection = None
            connection.end_stream(exchange, whole=True)

    def stream_part(self, exchange: Exchange, part: bytes) -> None:
        """Write a part of a streamed answer."""
        flow, connection = cast("Flow", exchange.flow), exchange.connection
        if connection is None:
            return
        connection.write_part(exchange, part)
        if connection.writable:
            flow.taken(len(part))
        else:
            flow.untaken += len(part)

    def end_stream(self, exchange: Exchange, *, whole: bool) -> None:
        """Write the end of a streamed answer; cut the connection when it is not whole."""
        connection = exchange.connection
        if connection is not None:
            self._observe(exchange)
            connection.end_stream(exchange, whole=whole)

    # ---- called by the watchdog

    def timed_out(self, exchange: Exchange) -> None:
        """Answer a request whose ``run()`` has used up its time."""
        self._figures.timed_out()
        milliseconds = self._settings.scoring_timeout_ms
        token = current_request.set(exchange)
        logger.error("run() was stopped: it took more than %d ms (SCORING_TIMEOUT_MS).", milliseconds)
        current_request.reset(token)
        connection = exchange.connection
        if connection is None:
            return
        if exchange.answered:  # half of a streamed answer is out: only cutting it off tells the client
            connection.abort()
            return
        reply = exchange.stand_in()
        reply.refuse(self._settings.timeout_status, f"Scoring timeout after {milliseconds} ms", failed=b"True")
        connection.current = reply
        self._send(reply)

    def expired(self, exchange: Exchange) -> None:
        """Refuse a request that has waited too long."""
        self._refuse_busy(exchange)

    def stuck(self, slot: Slot, seconds: float) -> None:
        """A call of ``run()`` goes on although it was interrupted."""
        self._on_stuck(slot, seconds)

    # ---- routes

    def _health(self, exchange: Exchange) -> None:
        if exchange.method not in ("GET", "HEAD"):
            self._refuse_method(exchange, b"GET, HEAD")
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
        if method not in ("POST", "GET", "OPTIONS", "HEAD"):
            self._refuse_method(exchange, b"GET, POST, OPTIONS")
        elif not exchange.request_id and not self._identifier.assign(exchange):
            self._send(exchange)
        elif method == "POST" and self._needs_json and not self._declares_json(exchange):
            exchange.refuse(415, "Expects Content-Type to be application/json")
            self._send(exchange)
        elif method in ("POST", "GET") or (self._rawhttp and not (self._cors and self._cors.is_preflight(exchange))):
            self._run(exchange)
        elif method == "OPTIONS":
            exchange.content_type = HTML
            exchange.extra += b"Allow: GET, POST, OPTIONS\r\n"
            self._send(exchange)
        else:
            self._refuse_method(exchange, b"GET, POST, OPTIONS")

    def _swagger(self, exchange: Exchange) -> None:
        if exchange.method not in ("GET", "HEAD"):
            self._refuse_method(exchange, b"GET, HEAD")
            return
        exchange.route = "swagger"
        if self._identifier.assign(exchange):
            self._documents.swagger(exchange)
        self._send(exchange)

    def _page(self, exchange: Exchange) -> None:
        if exchange.method not in ("GET", "HEAD"):
            self._refuse_method(exchange, b"GET, HEAD")
            return
        exchange.route = "docs"
        self._documents.page(exchange)
        self._send(exchange)

    def _metrics(self, exchange: Exchange) -> None:
        if exchange.method not in ("GET", "HEAD"):
            self._refuse_method(exchange, b"GET, HEAD")
            return
        exchange.route = "metrics"
        exchange.payload = self._figures.text()
        exchange.content_type = METRICS
        exchange.failed = None
        self._send(exchange)

    # ---- inside

    def _admits(self, exchange: Exchange, route: Callable[[Exchange], None]) -> bool:
        """Check the key where one is needed. A preflight carries none: browsers send it before they may."""
        if not self._keys.enabled or route not in self._guarded or exchange.method == "OPTIONS":
            return True
        if self._keys.admits(exchange):
            return True
        if self._identifier.assign(exchange):
            exchange.refuse(401, self._keys.refusal(exchange))
            exchange.extra += b"WWW-Authenticate: Bearer\r\n"
        return False

    def _run(self, exchange: Exchange) -> None:
        if self._scorer.has_room():
            self._scorer.submit(exchange)
            self._watch()
        else:
            self._refuse_busy(exchange)

    def _refuse_busy(self, exchange: Exchange) -> None:
        self._figures.refused_busy()
        exchange.refuse(503, BUSY)
        exchange.extra += b"Retry-After: 1\r\n"
        self._send(exchange)

    def _refuse_method(self, exchange: Exchange, allowed: bytes) -> None:
        exchange.refuse(405, METHOD_NOT_ALLOWED)
        exchange.extra += b"Allow: %b\r\n" % allowed
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
        if self._cors is not None:
            self._cors.apply(exchange)
        connection.write_answer(exchange)
        self._observe(exchange)

    def _observe(self, exchange: Exchange) -> None:
        seconds = perf_counter() - exchange.received
        self._figures.answered(exchange, seconds)
        if self._access_log is not None:
            self._access_log.answered(exchange, seconds)
