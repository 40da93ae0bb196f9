"""Where telemetry goes: read from the settings and the environment, without loading anything of OpenTelemetry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..settings import Settings

OTLP = "otlp"
FILE = "file"
AZURE_MONITOR = "azure-monitor"

_OTLP_VARIABLES = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
)
_NOWHERE = (
    "Telemetry is switched on, but there is nowhere to send it: set OTEL_EXPORTER_OTLP_ENDPOINT, "
    "APPLICATIONINSIGHTS_CONNECTION_STRING, or MLDEPLOY_TELEMETRY_DIRECTORY."
)


@dataclass(frozen=True, slots=True)
class Destinations:
    """What was chosen.

    Attributes:
        names: ``otlp``, ``file``, ``azure-monitor``, or names of exporters that are installed as plug-ins.
        connection_string: of Application Insights; empty when there is none.
        problem: why (some of) the telemetry goes nowhere; empty when all is well.
    """

    names: tuple[str, ...]
    connection_string: str = field(default="", repr=False)
    problem: str = ""


def is_wanted(settings: Settings) -> bool:
    """Return whether telemetry is switched on."""
    return settings.app_insights_enabled or bool(settings.telemetry)


def choose(settings: Settings, environ: Mapping[str, str]) -> Destinations:
    """Return the exporters that ``MLDEPLOY_TELEMETRY`` names, else those that the environment gives an address for."""
    connection = _connection_string(settings, environ)
    names = list(settings.telemetry)
    if not names:
        names += [AZURE_MONITOR] if connection else []
        names += [OTLP] if any(environ.get(name) for name in _OTLP_VARIABLES) else []
        names = names or ([FILE] if settings.telemetry_directory else [])
    problem = "" if names else _NOWHERE
    if FILE in names and not settings.telemetry_directory:
        names.remove(FILE)
        problem = "MLDEPLOY_TELEMETRY asks for files, but MLDEPLOY_TELEMETRY_DIRECTORY does not say where."
    if AZURE_MONITOR in names and not connection:
        names.remove(AZURE_MONITOR)
        problem = "MLDEPLOY_TELEMETRY asks for azure-monitor, but APPLICATIONINSIGHTS_CONNECTION_STRING is not set."
    return Destinations(tuple(names), connection, problem)


def _connection_string(settings: Settings, environ: Mapping[str, str]) -> str:
    given = environ.get("APPLICATIONINSIGHTS_CONNECTION_STRING", "").strip()
    if given:
        return given
    key = (
        settings.app_insights_key
        or environ.get("AML_APP_INSIGHTS_KEY", "")
        or environ.get("APPINSIGHTS_INSTRUMENTATIONKEY", "")
    ).strip()
    return f"InstrumentationKey={key}" if key else ""
