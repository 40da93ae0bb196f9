"""What is told about requests, calls of ``run()`` and log lines, under v1's names and OpenTelemetry's own.

The classes are what the serving threads leave behind, as small as can be. :class:`Translator` makes spans and log
records of them, in an exporter's thread.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, set_span_in_context

#: Longest text of a body or a log line, in bytes; what is longer is cut (v1's limit).
LONGEST_TEXT = 64 * 1024

_SCOPE = InstrumentationScope("jupyter_mldeploy.scoring")
_UNREADABLE = "Scoring request response payload is a non serializable object or raw binary"
_SEVERITIES = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
    "critical": SeverityNumber.FATAL,
}


@dataclass(slots=True)
class Failure:
    """An exception of the user's code: its type, text and traceback."""

    kind: str
    message: str
    traceback: str


@dataclass(slots=True)
class RequestSpan:
    """The identity of a request's span, made when the request is first met.

    Attributes:
        own: its ids. parent: the caller's, None at the root. context: what ``run()`` finds as the current context.
        failure: what ``run()`` raised.
    """

    own: SpanContext
    parent: SpanContext | None
    context: Context
    failure: Failure | None = None


@dataclass(slots=True)
class RequestFact:
    """An answered request. Times are nanoseconds of the epoch; texts that are None are not told."""

    span: RequestSpan
    begin: int
    end: int
    method: str
    path: str
    host: str
    scheme: str
    status: int
    request_id: str
    client_id: str
    route: str
    user_agent: str
    run_ms: float
    batch_size: int
    response: bytes | None
    request_body: bytes | None


@dataclass(slots=True)
class RunFact:
    """A call of ``run()`` for one request, or for several together (then ``links`` are their spans)."""

    own: SpanContext
    parent: SpanContext | None
    begin: int
    end: int
    failure: str | None
    links: int = 1


@dataclass(slots=True)
class LineFact:
    """A log line or a printed one. ``stream`` is ``stdout`` for printed ones."""

    when: int
    level: str
    logger: str
    message: str
    span: SpanContext | None
    request_id: str
    client_id: str
    printed: bool
    failure: Failure | None


class Translator:
    """Makes spans and log records.

    Args:
        resource: of everything.
        service_name, models: as they are told.
        tell_response: whether answers are told. tell_models: add a ``model_data_collection`` record to each scored
            request, as v1 did.
    """

    def __init__(
        self, resource: Resource, service_name: str, models: str, *, tell_response: bool, tell_models: bool
    ) -> None:
        self._resource = resource
        self._models = models
        self._tell_response = tell_response
        self._tell_models = tell_models
        self._common = {
            "Container Id": os.environ.get("HOSTNAME") or socket.gethostname(),
            "Workspace Name": os.environ.get("WORKSPACE_NAME", ""),
            "Service Name": service_name,
        }

    def translate(self, items: list[Any]) -> tuple[list[ReadableSpan], list[ReadableLogRecord]]:
        """Return the spans and the log records of facts; spans that the script made itself pass as they are."""
        spans: list[ReadableSpan] = []
        records: list[ReadableLogRecord] = []
        for item in items:
            if isinstance(item, RequestFact):
                if item.span.own.trace_flags.sampled:
                    spans.append(self._request(item))
                if self._tell_models and item.route == "score" and item.status == 200:
                    records.append(self._model_data(item))
            elif isinstance(item, RunFact):
                spans.append(self._run(item))
            elif isinstance(item, LineFact):
                records.append(self._line(item))
            elif isinstance(item, ReadableSpan):
                spans.append(item)
        return spans, records

    def _request(self, item: RequestFact) -> ReadableSpan:
        milliseconds = (item.end - item.begin) / 1e6
        attributes: dict[str, Any] = {
            **self._common,
            "Request Id": item.request_id,
            "Client Request Id": item.client_id,
            "name": item.path,
            "url": f"{item.scheme}://{item.host}{item.path}",
            "start_time": datetime.fromtimestamp(item.begin / 1e9, UTC).replace(tzinfo=None).isoformat() + "Z",
            "duration": duration_text(milliseconds),
            "resultCode": str(item.status),
            "success": item.status < 400,
            "http_method": item.method,
            "http.request.method": item.method,
            "http.response.status_code": item.status,
            "url.scheme": item.scheme,
            "url.path": item.path,
            "server.address": item.host.rpartition(":")[0] or item.host,
        }
        if item.response is not None and self._tell_response:
            attributes["Response Value"] = _readable(item.response)
        if item.user_agent:
            attributes["user_agent.original"] = item.user_agent
        if item.route != "other":
            attributes["http.route"] = item.path
        if item.run_ms >= 0:
            attributes["mldeploy.run_ms"] = round(item.run_ms, 3)
        if item.batch_size != 1:
            attributes["mldeploy.batch_size"] = item.batch_size
        failure = item.span.failure
        events = [Event("exception", _exception(failure), item.end)] if failure is not None else []
        return ReadableSpan(
            f"{item.method} {item.path}" if item.route != "other" else item.method,
            context=item.span.own,
            parent=item.span.parent,
            resource=self._resource,
            attributes=attributes,
            events=events,
            kind=SpanKind.SERVER,
            status=Status(StatusCode.ERROR) if item.status >= 500 else Status(StatusCode.UNSET),
            start_time=item.begin,
            end_time=item.end,
            instrumentation_scope=_SCOPE,
        )

    def _run(self, item: RunFact) -> ReadableSpan:
        return ReadableSpan(
            "run()",
            context=item.own,
            parent=item.parent,
            resource=self._resource,
            attributes={"mldeploy.batch_size": item.links} if item.links != 1 else {},
            kind=SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR, item.failure) if item.failure else Status(StatusCode.UNSET),
            start_time=item.begin,
            end_time=item.end,
            instrumentation_scope=_SCOPE,
        )

    def _line(self, item: LineFact) -> ReadableLogRecord:
        attributes: dict[str, Any] = {
            **self._common,
            "Request Id": item.request_id,
            "Client Request Id": item.client_id,
        }
        if item.printed:
            attributes["log.iostream"] = "stderr" if item.level == "warning" else "stdout"
        if item.failure is not None:
            attributes |= _exception(item.failure)
        body = _cut(item.message)
        return self._record(item.when, item.level, item.logger, body, attributes, item.span)

    def _model_data(self, item: RequestFact) -> ReadableLogRecord:
        attributes = {
            **self._common,
            "Request Id": item.request_id,
            "Client Request Id": item.client_id,
            "Models": self._models,
            "Input": _readable(item.request_body or b""),
            "Prediction": _readable(item.response or b""),
        }
        return self._record(item.end, "info", "azmlinfsrv.trace", "model_data_collection", attributes, item.span.own)

    def _record(
        self,
        when: int,
        level: str,
        logger: str,
        body: str,
        attributes: Mapping[str, Any],
        span: SpanContext | None,
    ) -> ReadableLogRecord:
        record = LogRecord(
            timestamp=when,
            observed_timestamp=when,
            context=Context() if span is None else set_span_in_context(NonRecordingSpan(span), Context()),
            severity_text=level.upper(),
            severity_number=_SEVERITIES.get(level, SeverityNumber.INFO),
            body=body,
            attributes=attributes,
        )
        return ReadableLogRecord(record, self._resource, InstrumentationScope(logger))


def duration_text(milliseconds: float) -> str:
    """Return a time as Application Insights writes it: ``[days.]hours:minutes:seconds.milliseconds``.

    >>> duration_text(61_002.4)
    '00:01:01.002'
    """
    rest, parts = int(milliseconds), []
    for unit in (1000, 60, 60, 24):
        parts.append(rest % unit)
        rest //= unit
    fraction, seconds, minutes, hours = parts
    text = f"{hours:02d}:{minutes:02d}:{seconds:02d}.{fraction:03d}"
    return f"{rest}.{text}" if rest else text


def deployed_models(directory: str | None) -> str:
    """Return ``name:version`` of the models below ``AZUREML_MODEL_DIR``, as a JSON list."""
    found: list[str] = []
    place = Path(directory) if directory else None
    if place is not None and place.is_dir():
        if place.name.isdecimal():
            found = [f"{place.parent.name}:{place.name}"]
        else:
            versions = sorted(path for path in place.glob("*/*") if path.name.isdecimal())
            found = [f"{path.parent.name}:{path.name}" for path in versions]
    return json.dumps(found)


def _exception(failure: Failure) -> dict[str, str]:
    return {
        "exception.type": failure.kind,
        "exception.message": failure.message,
        "exception.stacktrace": _cut(failure.traceback),
    }


def _readable(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        # The cut may have gone through a character.
        if len(data) == LONGEST_TEXT and error.start > LONGEST_TEXT - 4:
            return data[: error.start].decode("utf-8")
        return _UNREADABLE


def _cut(text: str) -> str:
    return text.encode("utf-8", "replace")[:LONGEST_TEXT].decode("utf-8", "ignore")
