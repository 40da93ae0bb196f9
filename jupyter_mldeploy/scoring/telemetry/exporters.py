"""The exporters: OTLP, files, Application Insights, and whatever plug-ins of OpenTelemetry are installed."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from opentelemetry.context import attach, detach, set_value
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.trace.export import SpanExportResult

from .destinations import AZURE_MONITOR, FILE, OTLP, Destinations
from .facts import Translator
from .files import LineFile, otlp_json
from .outbox import Outbox

#: OpenTelemetry's own key in the context: instrumented HTTP libraries make no spans of what exporters send.
_SUPPRESSED = "suppress_instrumentation"

_AZURE_PLUG_IN = "azure_monitor_opentelemetry_exporter"
_LIBRARIES = ("opentelemetry", "azure.monitor.opentelemetry", "azure.core", "azure.identity")

Exporter = Callable[[list[Any], list[Any]], bool]


class LastWords(logging.Handler):
    """Keeps the last complaint of the telemetry libraries, which would otherwise fill the service's log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Remember a message."""
        self.text = record.getMessage()[:300]

    @classmethod
    def listening(cls) -> LastWords:
        """Take what the libraries log away from the service's log, and return what keeps the last of it."""
        handler = cls()
        for name in _LIBRARIES:
            library = logging.getLogger(name)
            library.propagate = False
            library.setLevel(logging.WARNING)
            library.addHandler(handler)
        return handler


def make_outboxes(chosen: Destinations, directory: str, translator: Translator) -> tuple[list[Outbox], list[str]]:
    """Return an outbox for each destination, and a sentence for each that cannot be used."""
    words = LastWords.listening()
    boxes, problems = [], []
    for name in chosen.names:
        try:
            export = _exporter(name, chosen, directory)
        except Exception as error:  # noqa: BLE001 - a plug-in's constructor may raise anything
            problems.append(f"Telemetry is not sent to {name}: {_reason(name, error)}")
            continue
        boxes.append(Outbox(name, _sender(export, translator), lambda: words.text, _delay_s()))
    return boxes, problems


def _delay_s() -> float:
    """Return how long telemetry may wait: OpenTelemetry's own variable, in milliseconds there."""
    try:
        return max(0.0, float(os.environ.get("OTEL_BSP_SCHEDULE_DELAY", "") or 1000) / 1000)
    except ValueError:
        return 1.0


def _sender(export: Exporter, translator: Translator) -> Callable[[Sequence[Any]], bool]:
    def send(items: Sequence[Any]) -> bool:
        spans, records = translator.translate(list(items))
        token = attach(set_value(_SUPPRESSED, True))
        try:
            return export(spans, records)
        finally:
            detach(token)

    return send


def _exporter(name: str, chosen: Destinations, directory: str) -> Exporter:
    if name == FILE:
        return _file_exporter(Path(directory))
    if name == OTLP:
        from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return _pair(OTLPSpanExporter(), OTLPLogExporter())
    if name == AZURE_MONITOR:
        # Its own usage statistics go to the vendor, and what cannot be sent is dropped here as everywhere.
        os.environ.setdefault("APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL", "true")
        options = {"connection_string": chosen.connection_string, "disable_offline_storage": True}
        return _pair(*(_plug_in(kind, _AZURE_PLUG_IN)(**options) for kind in ("traces", "logs")))
    return _pair(_plug_in("traces", name)(), _plug_in("logs", name)())


def _plug_in(kind: str, name: str) -> Callable[..., Any]:
    for found in entry_points(group=f"opentelemetry_{kind}_exporter", name=name):
        loaded: Callable[..., Any] = found.load()
        return loaded
    raise LookupError(f"no exporter of {kind} called {name!r} is installed")


def _pair(spans_to: Any, records_to: Any) -> Exporter:
    def export(spans: list[Any], records: list[Any]) -> bool:
        arrived = not spans or spans_to.export(spans) is SpanExportResult.SUCCESS
        return (not records or records_to.export(records) is LogRecordExportResult.SUCCESS) and arrived

    return export


def _file_exporter(directory: Path) -> Exporter:
    # otlp_json needs it, perhaps for the first time when the worker ends and has no time to load it.
    from google.protobuf import json_format  # noqa: F401
    from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    traces, logs = LineFile(directory / "traces.jsonl"), LineFile(directory / "logs.jsonl")

    def export(spans: list[Any], records: list[Any]) -> bool:
        if spans:
            traces.append(otlp_json(encode_spans(spans)))
        if records:
            logs.append(otlp_json(encode_logs(records)))
        return True

    return export


def _reason(name: str, error: Exception) -> str:
    if isinstance(error, ImportError | LookupError):
        extra = {AZURE_MONITOR: "azure-monitor", OTLP: "otel", FILE: "otel"}.get(name)
        way_out = f" Add jupyter_mldeploy[{extra}] to the environment." if extra else ""
        return f"{error}.{way_out}"
    return f"{type(error).__name__}: {error}"
