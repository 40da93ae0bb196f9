"""What ``enable_app_insights`` asks of a deployment: libraries in its environment, and settings of its server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import InvalidConfigurationError
from .config import DeploymentConfig
from .environment import EnvironmentSpec
from .environments.pip_requirements import requirement_name
from .environments.runtime_requirements import AZURE_MONITOR_REQUIREMENTS, TELEMETRY_REQUIREMENTS

#: Variables that name an Application Insights resource; the values are secrets.
APPLICATION_INSIGHTS = (
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPINSIGHTS_INSTRUMENTATIONKEY",
    "AML_APP_INSIGHTS_KEY",
)

#: Variables that name an OTLP receiver.
OTLP_ENDPOINTS = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
)


def libraries_of(config: DeploymentConfig) -> dict[str, str]:
    """Return what the telemetry of a deployment needs in its environment: module → requirement."""
    if not config.enable_app_insights:
        return {}
    azure = any(name in _variables(config) for name in APPLICATION_INSIGHTS)
    return {**TELEMETRY_REQUIREMENTS, **(AZURE_MONITOR_REQUIREMENTS if azure else {})}


def with_telemetry(environment: Mapping[str, Any], config: DeploymentConfig) -> Mapping[str, Any]:
    """Return an environment as it is built for a deployment: what telemetry needs is in it.

    The bundle stays as it is: telemetry belongs to the deployment, not to what is deployed.
    """
    spec = EnvironmentSpec.from_dict(environment)
    there = {requirement_name(item) for item in spec.pip}
    missing = [item for item in libraries_of(config).values() if requirement_name(item) not in there]
    return spec.with_pip(missing).to_dict() if missing else environment


def variables_of(config: DeploymentConfig) -> dict[str, str]:
    """Return the variables that switch telemetry on in a container; where it goes is in the deployment's own."""
    return {"AML_APP_INSIGHTS_ENABLED": "true"} if config.enable_app_insights else {}


def require_destination(config: DeploymentConfig) -> None:
    """Refuse telemetry that would go nowhere, on a target whose files nobody can read.

    Raises:
        InvalidConfigurationError: neither an OTLP receiver nor Application Insights is named.
    """
    named = (*APPLICATION_INSIGHTS, *OTLP_ENDPOINTS, "MLDEPLOY_TELEMETRY")
    if config.enable_app_insights and not any(name in _variables(config) for name in named):
        raise InvalidConfigurationError(
            "enable_app_insights needs to know where telemetry goes.",
            problems=[{"field": "enable_app_insights", "message": "there is no receiver"}],
            hint="Set OTEL_EXPORTER_OTLP_ENDPOINT in environment_variables, or "
            "APPLICATIONINSIGHTS_CONNECTION_STRING in secrets.",
        )


def _variables(config: DeploymentConfig) -> Mapping[str, Any]:
    return {**config.environment_variables, **config.secrets}
