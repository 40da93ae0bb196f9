"""A deployment configuration as variables of the scoring server in a container."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ..core.config import DeploymentConfig
from ..core.telemetry import variables_of
from ..scoring.settings import DEPLOYED_TIMEOUT_STATUS, Settings

#: Where a container finds what is mounted into it.
KEYS_FILE = "/var/run/mldeploy/keys/keys.json"
TOKEN_KEYS_FILE = "/var/run/mldeploy/token-keys/token_keys.json"  # noqa: S105  a path
CERTIFICATE_FILE = "/var/run/mldeploy/tls/tls.crt"
CERTIFICATE_KEY_FILE = "/var/run/mldeploy/tls/tls.key"
MODEL_DATA = "/var/azureml-data"

_NAMES = {item.name: str(item.metadata["env"]) for item in dataclasses.fields(Settings)}


def container_variables(
    config: DeploymentConfig, service: str, revision: int, *, workers: int = 1, drain_s: float = 30.0
) -> dict[str, str]:
    """Return the variables for one container, without secrets.

    The server's own variables among ``environment_variables`` (``SCORING_TIMEOUT_MS``, ``AML_CORS_ORIGINS`` …) count
    where the configuration leaves the matching field out.
    """
    given, chosen = config.environment_variables, config.model_fields_set
    fields: Mapping[str, tuple[str, str]] = {
        "cors_origins": ("cors_origins", ",".join(config.cors_origins)),
        "error_detail": ("error_detail", "caller" if config.error_detail else "none"),
        "scoring_timeout_ms": ("scoring_timeout_ms", str(config.scoring_timeout_ms)),
        "max_request_wait_ms": ("max_request_wait_time", str(config.max_request_wait_time)),
        "max_batch_size": ("max_batch_size", str(config.max_batch_size)),
        "max_batch_wait_ms": ("max_batch_wait_ms", str(round(config.max_batch_wait_ms))),
        "max_body_bytes": ("max_request_body_mb", str(int(config.max_request_body_mb * 1024 * 1024))),
    }
    values = {_NAMES[name]: text for name, (key, text) in fields.items() if key in chosen or _NAMES[name] not in given}
    if "replica_max_concurrent_requests" in chosen:  # left out, an `async def run` takes many
        values[_NAMES["max_concurrent_requests"]] = str(config.replica_max_concurrent_requests)
    values.setdefault(_NAMES["timeout_status"], given.get(_NAMES["timeout_status"], str(DEPLOYED_TIMEOUT_STATUS)))
    own = {
        _NAMES["service_name"]: service,
        _NAMES["service_version"]: str(revision),
        _NAMES["log_format"]: "json",
        _NAMES["drain_deadline_s"]: f"{drain_s:g}",
        "MLDEPLOY_REVISION": str(revision),
        "MLDEPLOY_SELF_TEST": "require",
        "WORKER_COUNT": str(workers),
    }
    own |= variables_of(config)
    if config.auth_enabled:
        own[_NAMES["keys_file"]] = KEYS_FILE
    if config.token_auth_enabled:
        own[_NAMES["token_keys_file"]] = TOKEN_KEYS_FILE
    return {name: text for name, text in {**given, **values, **own}.items() if text}
