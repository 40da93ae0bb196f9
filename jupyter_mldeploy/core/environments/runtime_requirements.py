"""What the scoring runtime brings and needs: the one place that says so."""

from __future__ import annotations

from collections.abc import Mapping

#: What the scoring server imports; every built environment gets it, users never list it.
RUNTIME_REQUIREMENTS: tuple[str, ...] = (
    "httptools>=0.6.4",
    "orjson>=3.10",
    "pysimdjson>=6",
    "uvloop>=0.21; sys_platform != 'win32'",
    "werkzeug>=3.0.3",
)

#: What telemetry needs besides (``enable_app_insights``); module → requirement.
TELEMETRY_REQUIREMENTS: Mapping[str, str] = {
    "opentelemetry.sdk": "opentelemetry-sdk>=1.39",
    "opentelemetry.exporter.otlp.proto.http": "opentelemetry-exporter-otlp-proto-http>=1.39",
}

#: And for Application Insights.
AZURE_MONITOR_REQUIREMENTS: Mapping[str, str] = {
    "azure.monitor.opentelemetry.exporter": "azure-monitor-opentelemetry-exporter>=1.0.0b45",
}

#: Oldest Python that the scoring server runs on.
RUNTIME_PYTHON = (3, 11)

#: Distributions whose job the scoring runtime does itself, so that they are not installed.
PROVIDED: frozenset[str] = frozenset(
    {
        "azureml-contrib-services",
        "azureml-defaults",
        "azureml-inference-server-http",
        "inference-schema",
        "jupyter-mldeploy",
    }
)

#: What the extras of provided distributions stand for.
PROVIDED_EXTRAS: Mapping[tuple[str, str], str] = {
    ("inference-schema", "numpy-support"): "numpy",
    ("inference-schema", "pandas-support"): "pandas",
    ("inference-schema", "pyspark-support"): "pyspark",
}

#: Modules that the scoring runtime stands in for where the real ones are not installed.
PROVIDED_MODULES: tuple[str, ...] = (
    "inference_schema",
    "azureml.contrib.services",
    "azureml_inference_server_http",
    "azureml.core.model",
    "jupyter_mldeploy",
)
