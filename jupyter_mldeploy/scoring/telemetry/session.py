"""Telemetry of one worker process: what it hooks into, from before the script is imported until the process ends."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import AsyncGenerator, Callable, Generator
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from time import time_ns
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context, attach
from opentelemetry.propagate import extract, get_global_textmap
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from ..exchange import Exchange
from ..failure import describe, format_traceback
from ..log_lines import LogWriter
from ..print_capture import PRINT_LOGGER, current_request
from ..spec import WorkerSpec
from .destinations import choose
from .exporters import make_outboxes
from .facts import LONGEST_TEXT, Failure, LineFact, RequestFact, RequestSpan, RunFact, Translator, deployed_models
from .outbox import THREAD_PREFIX, Outbox

logger = logging.getLogger("mldeploy.scoring")

#: Requests that are not told: v1 did not tell of health checks, and scraped figures are no news.
_SILENT = frozenset({"health", "metrics"})

_SWITCH_S = 0.0005

_RECORD = 512  # bytes of a fact, about, without its texts


class Session:
    """The hooks, and the outboxes behind them.

    Args:
        spec: of the worker. outboxes, provider, resource: see there.
    """

    def __init__(self, spec: WorkerSpec, outboxes: list[Outbox], provider: TracerProvider, *, keep_input: bool) -> None:
        self._outboxes = outboxes
        self._sampler = provider.sampler
        self._ids = provider.id_generator
        self._fields = [(name.lower().encode(), name) for name in get_global_textmap().fields]
        self._keep_response = spec.settings.log_response
        self._keep_input = keep_input
        self._scheme = "https" if spec.settings.tls_certificate_file else "http"

    # ---- called by the threads that serve and score

    def answered(self, exchange: Exchange, seconds: float) -> None:
        """An answer has been written (see ``application.Observer``)."""
        if exchange.route not in _SILENT:
            try:
                self._tell(exchange, seconds)
            except Exception:  # noqa: BLE001 - a propagator or sampler of the user's own may raise; scoring goes on
                self._lose()

    def _tell(self, exchange: Exchange, seconds: float) -> None:
        span = self._span_of(exchange)
        if not (span.own.trace_flags.sampled or self._keep_input):
            return
        end = time_ns()
        # Bodies may be other things than bytes, and must not be held longer than the request.
        response = bytes(exchange.payload[:LONGEST_TEXT]) if self._keep_response or self._keep_input else None
        body = bytes(exchange.body[:LONGEST_TEXT]) if self._keep_input else None
        fact = RequestFact(
            span,
            end - int(seconds * 1e9),
            end,
            exchange.method,
            exchange.path.decode("latin-1"),
            exchange.header(b"host"),
            self._scheme,
            exchange.status,
            exchange.request_id.decode("latin-1"),
            exchange.client_id.decode("latin-1"),
            exchange.route,
            exchange.header(b"user-agent"),
            exchange.exec_ms,
            exchange.batch_size,
            response,
            body,
        )
        self._put(fact, _RECORD + len(response or b"") + len(body or b""))

    def around(self, run: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``run()`` with a span of its own, that is current while it works."""
        if isgeneratorfunction(run):

            def parts(**arguments: Any) -> Generator[Any, Any, Any]:
                self._enter(timed=False)
                return (yield from run(**arguments))

            return parts
        if isasyncgenfunction(run):

            async def async_parts(**arguments: Any) -> AsyncGenerator[Any, None]:
                self._enter(timed=False)
                async for part in run(**arguments):
                    yield part

            return async_parts
        if iscoroutinefunction(run):

            async def awaited(**arguments: Any) -> Any:
                began = self._enter()
                try:
                    result = await run(**arguments)
                except BaseException as error:
                    self._leave(began, describe(error))
                    raise
                self._leave(began)
                return result

            return awaited

        def called(**arguments: Any) -> Any:
            began = self._enter()
            try:
                result = run(**arguments)
            except BaseException as error:
                self._leave(began, describe(error))
                raise
            self._leave(began)
            return result

        return called

    def printed(self, level: str, name: str, message: str, when: float) -> None:
        """A line was printed (see ``log_lines.LogWriter``)."""
        if name == PRINT_LOGGER:
            self._line(int(when * 1e9), level, name, message, printed=True)

    def logged(self, record: logging.LogRecord) -> None:
        """A log record was made."""
        if not record.threadName or not record.threadName.startswith(THREAD_PREFIX):
            error = getattr(record, "failure", None) or (record.exc_info[1] if record.exc_info else None)
            failure = _failure(error) if isinstance(error, BaseException) else None
            exchange = current_request.get()
            if failure is not None and exchange is not None and isinstance(exchange.span, RequestSpan):
                exchange.span.failure = failure
            level = record.levelname.lower()
            self._line(int(record.created * 1e9), level, record.name, record.getMessage(), failure=failure)

    def script_span(self, span: ReadableSpan) -> None:
        """A span that the script made itself has ended."""
        self._put(span, 2 * _RECORD)

    # ---- the end

    def close(self, timeout_s: float = 3.0) -> None:
        """Send what waits, for so long at most."""
        until = time.monotonic() + timeout_s
        for box in self._outboxes:
            box.stop()
        for box in self._outboxes:
            box.join(max(0.0, until - time.monotonic()))

    # ---- inside

    def _lose(self) -> None:
        for box in self._outboxes:
            box.lost += 1

    def _put(self, item: Any, size: int) -> None:
        for box in self._outboxes:
            box.put(item, size)

    def _line(
        self,
        when: int,
        level: str,
        name: str,
        message: str,
        *,
        printed: bool = False,
        failure: Failure | None = None,
    ) -> None:
        exchange = current_request.get()
        span = trace.get_current_span().get_span_context() if exchange is not None else None
        request_id = exchange.request_id.decode("latin-1") if exchange is not None else ""
        client_id = exchange.client_id.decode("latin-1") if exchange is not None else ""
        valid = span if span is not None and span.is_valid else None
        fact = LineFact(when, level, name, message[:LONGEST_TEXT], valid, request_id, client_id, printed, failure)
        self._put(fact, _RECORD + len(fact.message) + (len(failure.traceback) if failure else 0))

    def _span_of(self, exchange: Exchange) -> RequestSpan:
        if isinstance(exchange.span, RequestSpan):
            return exchange.span
        headers = exchange.headers
        carrier = {name: headers[key].decode("latin-1") for key, name in self._fields if key in headers}
        above = extract(carrier, Context()) if carrier else Context()
        parent = trace.get_current_span(above).get_span_context()
        trace_id = parent.trace_id if parent.is_valid else self._ids.generate_trace_id()
        name = f"{exchange.method} {exchange.path.decode('latin-1')}"
        decided = self._sampler.should_sample(above, trace_id, name, SpanKind.SERVER)
        sampled = decided.decision is Decision.RECORD_AND_SAMPLE
        flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
        state = parent.trace_state if parent.is_valid else None
        own = SpanContext(trace_id, self._ids.generate_span_id(), False, flags, state)
        context = trace.set_span_in_context(NonRecordingSpan(own), above)
        exchange.span = found = RequestSpan(own, parent if parent.is_valid else None, context)
        return found

    def _enter(self, *, timed: bool = True) -> tuple[int, SpanContext, SpanContext | None] | None:
        """Make the request's context the current one.

        It stays so until the next request: every call comes through here, and a generator goes on afterwards.
        """
        exchange = current_request.get()
        if exchange is None:  # several requests share the call
            attach(Context())
            return None
        try:
            span = self._span_of(exchange)
        except Exception:  # noqa: BLE001 - as above
            self._lose()
            return None
        if not timed or not span.own.trace_flags.sampled:
            attach(span.context)
            return None
        own = SpanContext(
            span.own.trace_id, self._ids.generate_span_id(), False, span.own.trace_flags, span.own.trace_state
        )
        attach(trace.set_span_in_context(NonRecordingSpan(own), span.context))
        return time_ns(), own, span.own

    def _leave(self, began: tuple[int, SpanContext, SpanContext | None] | None, failure: str | None = None) -> None:
        if began is not None:
            self._put(RunFact(began[1], began[2], began[0], time_ns(), failure), _RECORD)


class _Logged(logging.Handler):
    """Hands log records to the session."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a record over."""
        try:
            self._session.logged(record)
        except Exception:  # noqa: BLE001 - a broken log call must not break the request; the log says it already
            return


class _ScriptSpans(SpanProcessor):
    """Hands the script's own spans to the session, once there is one."""

    def __init__(self) -> None:
        self.session: Session | None = None

    def on_end(self, span: ReadableSpan) -> None:
        """Take a span that has ended."""
        if self.session is not None and span.context is not None and span.context.trace_flags.sampled:
            self.session.script_span(span)


_current: Session | None = None


def current() -> Session | None:
    """Return the process's session."""
    return _current


def start(spec: WorkerSpec, writer: LogWriter) -> Session | None:
    """Begin telemetry for this process; None, with a warning, when there is nowhere to send it.

    Must be called after ``capture_output`` and before the script is imported: the script finds OpenTelemetry's global
    tracer provider set, so that spans of its own are children of its requests'.
    """
    global _current  # noqa: PLW0603 - one per process, as OpenTelemetry's providers are
    settings = spec.settings
    chosen = choose(settings, os.environ)
    if chosen.problem:
        logger.warning("%s", chosen.problem)
    if not chosen.names:
        return None
    resource = _resource(spec)
    keep_input = os.environ.get("AML_MODEL_DC_STORAGE_ENABLED", "").strip().lower() in {"true", "1", "yes", "on"}
    models = deployed_models(os.environ.get("AZUREML_MODEL_DIR"))
    translator = Translator(
        resource, settings.service_name, models, tell_response=settings.log_response, tell_models=keep_input
    )
    outboxes, problems = make_outboxes(chosen, settings.telemetry_directory, translator)
    for problem in problems:
        logger.warning("%s", problem)
    if not outboxes:
        return None
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    scripts = _ScriptSpans()
    provider.add_span_processor(scripts)
    trace.set_tracer_provider(provider)
    session = scripts.session = Session(spec, outboxes, provider, keep_input=keep_input)
    # Making spans is Python code: a thread that wants to serve must not wait its usual 5 ms for one that does that.
    sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_S))
    for box in outboxes:
        box.start()
    root = logging.getLogger()
    for handler in root.handlers:
        handler.addFilter(_not_ours)
    root.addHandler(_Logged(session))
    writer.also = session.printed
    _current = session
    return session


def _not_ours(record: logging.LogRecord) -> bool:
    """Keep out of the log what HTTP libraries say in the telemetry's threads; our own words on it stay."""
    return record.name == logger.name or not (record.threadName or "").startswith(THREAD_PREFIX)


def _resource(spec: WorkerSpec) -> Resource:
    settings = spec.settings
    attributes: dict[str, str | int] = {
        "service.name": settings.service_name,
        "service.version": spec.revision or settings.service_version,
        "service.instance.id": f"{os.uname().nodename}-{spec.revision or 'service'}-{spec.worker_id}",
        "mldeploy.service": settings.service_name,
        "mldeploy.revision": spec.revision,
        "mldeploy.worker": spec.worker_id,
        "process.pid": os.getpid(),
        "process.runtime.name": sys.implementation.name,
        "process.runtime.version": ".".join(map(str, sys.version_info[:3])),
    }
    return Resource.create(attributes)


def _failure(error: BaseException) -> Failure:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return Failure(name, str(error), format_traceback(error))
