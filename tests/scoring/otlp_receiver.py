"""A real OTLP/HTTP receiver on loopback, and one of Application Insights: what they got, decoded."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.patience import FACTOR

from .worker_process import wait_until


@dataclass
class Span:
    """A span as it came."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: int
    status: int
    seconds: float
    attributes: dict[str, Any]
    events: list[tuple[str, dict[str, Any]]]
    resource: dict[str, Any]


@dataclass
class Record:
    """A log record as it came."""

    body: str
    logger: str
    level: str
    trace_id: str
    span_id: str
    attributes: dict[str, Any]
    resource: dict[str, Any]


@dataclass
class Receiver:
    """What came in. While ``open`` is not set, nothing is answered."""

    port: int
    host: str = "127.0.0.1"
    spans: list[Span] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    envelopes: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    called: threading.Event = field(default_factory=threading.Event)
    open: threading.Event = field(default_factory=threading.Event)
    status: int = 200

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def span(self, name: str, **attributes: Any) -> Span:
        """Wait for a span."""
        return wait_until(lambda: next((item for item in list(self.spans) if _fits(item, name, attributes)), None))

    def record(self, text: str) -> Record:
        """Wait for a log record that holds a text."""
        return wait_until(lambda: next((item for item in list(self.records) if text in item.body), None))


def _fits(span: Span, name: str, attributes: dict[str, Any]) -> bool:
    return span.name == name and all(span.attributes.get(key) == value for key, value in attributes.items())


@contextmanager
def receiving(*, answering: bool = True, host: str = "127.0.0.1") -> Iterator[Receiver]:
    """Give a receiver that listens at this machine's address ``host``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.called.set()
            receiver.open.wait()
            if self.headers.get("Content-Encoding") == "gzip":
                data = gzip.decompress(data)
            receiver.headers.append({name.lower(): value for name, value in self.headers.items()})
            if receiver.status == 200:
                _take(receiver, self.path, data)
            items = len(receiver.envelopes)
            body = json.dumps({"itemsReceived": items, "itemsAccepted": items, "errors": []}).encode()
            self.send_response(receiver.status)
            self.send_header("Content-Type", "application/json" if "track" in self.path else "application/x-protobuf")
            body = body if "track" in self.path else b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:  # the client has gone while it had to wait
                self.close_connection = True

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    receiver = Receiver(server.server_address[1], host)
    if answering:
        receiver.open.set()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.open.set()
        server.shutdown()
        server.server_close()
        thread.join(5 * FACTOR)


def _take(receiver: Receiver, path: str, data: bytes) -> None:
    if path == "/v1/traces":
        traces = ExportTraceServiceRequest.FromString(data)
        for group in traces.resource_spans:
            resource = _attributes(group.resource.attributes)
            for scope in group.scope_spans:
                receiver.spans += [
                    Span(
                        span.name,
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        span.kind,
                        span.status.code,
                        (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
                        _attributes(span.attributes),
                        [(event.name, _attributes(event.attributes)) for event in span.events],
                        resource,
                    )
                    for span in scope.spans
                ]
    elif path == "/v1/logs":
        logs = ExportLogsServiceRequest.FromString(data)
        for found in logs.resource_logs:
            resource = _attributes(found.resource.attributes)
            for scoped in found.scope_logs:
                receiver.records += [
                    Record(
                        record.body.string_value,
                        scoped.scope.name,
                        record.severity_text,
                        record.trace_id.hex(),
                        record.span_id.hex(),
                        _attributes(record.attributes),
                        resource,
                    )
                    for record in scoped.log_records
                ]
    else:
        receiver.envelopes += json.loads(data)


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: Message) -> Any:
    return getattr(value, str(value.WhichOneof("value")))
