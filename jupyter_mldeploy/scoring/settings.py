"""All settings of a worker, read from environment variables (v1's names and ours) or from JSON."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .errors import SettingsError


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")  # noqa: TRY004 - one kind of error for all parsers
    return value


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in {"true", "1", "yes", "on", "false", "0", "no", "off", ""}:
        return value.strip().lower() in {"true", "1", "yes", "on"}
    raise ValueError("must be true or false")


def _whole(minimum: int, maximum: int, unit: str) -> Callable[[object], int]:
    def parse(value: object) -> int:
        try:
            number = int(value) if isinstance(value, str | int) and not isinstance(value, bool) else None
        except ValueError:
            number = None
        if number is None or not minimum <= number <= maximum:
            raise ValueError(f"must be a whole number of {unit} from {minimum} to {maximum}")
        return number

    return parse


def _seconds(value: object) -> float:
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else -1.0
    except ValueError:
        number = -1.0
    if not 0 <= number <= 86_400 * 365:
        raise ValueError("must be a number of seconds, 0 or more")
    return number


def _choice(*allowed: str) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if not isinstance(value, str) or value.strip().lower() not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}")
        return value.strip().lower()

    return parse


def _status(value: object) -> int:
    if str(value) not in {"500", "503", "504"}:
        raise ValueError("must be 500, 503 or 504")
    return int(str(value))


def _origins(value: object) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ValueError('must be origins separated by commas, as in "https://a.com,https://b.com"')
    return tuple(part.strip() for part in parts if part.strip())


def _exporters(value: object) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ValueError('must be exporters separated by commas, as in "otlp,file"')
    names = tuple(dict.fromkeys(part.strip().lower() for part in parts if part.strip()))
    return () if names in {("off",), ("false",)} else names


def _names(value: object) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ValueError("must be names separated by commas")
    return tuple(part.strip() for part in parts if part.strip())


def _share(value: object) -> float:
    try:
        number = float(value) if isinstance(value, str | int | float) else -1.0
    except ValueError:
        number = -1.0
    if not 0 <= number <= 1:
        raise ValueError("must be a share from 0 to 1")
    return number


def _level(value: object) -> str:
    name = str(value).strip().upper()
    if name not in {"DEBUG", "INFO", "WARNING", "WARN", "ERROR", "CRITICAL"}:
        raise ValueError("must be DEBUG, INFO, WARNING, ERROR or CRITICAL")
    return "WARNING" if name == "WARN" else name


def _setting(default: Any, env: str, parse: Callable[[object], object]) -> Any:
    return field(default=default, metadata={"env": env, "parse": parse})


_MIB = 1024 * 1024

#: Status after ``SCORING_TIMEOUT_MS`` in a deployment. v1's router gave it to callers; the server in its container, run
#: by hand, said 500, which therefore is the setting's default.
DEPLOYED_TIMEOUT_STATUS = 504


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that shapes how a worker serves. The variable that sets each field is in its metadata (``env``).

    Times ending in ``_ms`` are milliseconds, in ``_s`` seconds, sizes are bytes.
    """

    # What the service is called (Swagger document, logs).
    service_name: str = _setting("ML service", "SERVICE_NAME", _text)
    service_version: str = _setting("1.0", "SERVICE_VERSION", _text)
    service_path_prefix: str = _setting("", "SERVICE_PATH_PREFIX", _text)

    # What a caller sees.
    cors_origins: tuple[str, ...] = _setting((), "AML_CORS_ORIGINS", _origins)
    server_version_header: bool = _setting(True, "SERVER_VERSION_LOG_RESPONSE_ENABLED", _flag)
    error_detail: str = _setting("none", "MLDEPLOY_ERROR_DETAIL", _choice("none", "caller"))
    timeout_status: int = _setting(500, "MLDEPLOY_TIMEOUT_STATUS", _status)
    docs_page: bool = _setting(True, "MLDEPLOY_DOCS_PAGE", _flag)

    # How run() is executed.
    scoring_timeout_ms: int = _setting(3_600_000, "SCORING_TIMEOUT_MS", _whole(1, 2**31 - 1, "milliseconds"))
    # 0: one at a time, or a hundred for an `async def run`.
    max_concurrent_requests: int = _setting(0, "MLDEPLOY_MAX_CONCURRENT_REQUESTS", _whole(0, 1024, "requests"))
    max_queue_length: int = _setting(1000, "MLDEPLOY_MAX_QUEUE_LENGTH", _whole(0, 1_000_000, "requests"))
    max_request_wait_ms: int = _setting(0, "MLDEPLOY_MAX_REQUEST_WAIT_MS", _whole(0, 2**31 - 1, "milliseconds"))
    max_batch_size: int = _setting(1, "MLDEPLOY_MAX_BATCH_SIZE", _whole(1, 100_000, "requests"))
    max_batch_wait_ms: int = _setting(0, "MLDEPLOY_MAX_BATCH_WAIT_MS", _whole(0, 60_000, "milliseconds"))
    # 0: a worker stays; else it asks for its replacement after about so many requests (scripts that leak).
    max_requests_per_worker: int = _setting(0, "MLDEPLOY_MAX_REQUESTS_PER_WORKER", _whole(0, 2**53, "requests"))
    interrupt_grace_s: float = _setting(2.0, "MLDEPLOY_INTERRUPT_GRACE_S", _seconds)
    self_test: str = _setting("require", "MLDEPLOY_SELF_TEST", _choice("off", "warn", "require"))

    # Limits towards clients.
    max_body_bytes: int = _setting(100 * _MIB, "MLDEPLOY_MAX_BODY_BYTES", _whole(0, 2**40, "bytes"))
    max_header_bytes: int = _setting(65_536, "MLDEPLOY_MAX_HEADER_BYTES", _whole(1024, _MIB, "bytes"))
    max_connections: int = _setting(10_000, "MLDEPLOY_MAX_CONNECTIONS", _whole(1, 1_000_000, "connections"))
    header_timeout_s: float = _setting(10.0, "MLDEPLOY_HEADER_TIMEOUT_S", _seconds)
    body_timeout_s: float = _setting(60.0, "MLDEPLOY_BODY_TIMEOUT_S", _seconds)
    write_timeout_s: float = _setting(60.0, "MLDEPLOY_WRITE_TIMEOUT_S", _seconds)
    keep_alive_s: float = _setting(75.0, "MLDEPLOY_KEEP_ALIVE_S", _seconds)
    drain_idle_s: float = _setting(5.0, "MLDEPLOY_DRAIN_IDLE_S", _seconds)
    drain_deadline_s: float = _setting(30.0, "MLDEPLOY_DRAIN_DEADLINE_S", _seconds)

    # Authentication: a JSON file {"primary": …, "secondary": …}, or the two variables; signed tokens with a file
    # {"token_keys": […]}. Off when none is given.
    keys_file: str = _setting("", "MLDEPLOY_KEYS_FILE", _text)
    token_keys_file: str = _setting("", "MLDEPLOY_TOKEN_KEYS_FILE", _text)
    primary_key: str = field(
        default="", repr=False, metadata={"env": "MLDEPLOY_PRIMARY_KEY", "parse": _text, "secret": True}
    )
    secondary_key: str = field(
        default="", repr=False, metadata={"env": "MLDEPLOY_SECONDARY_KEY", "parse": _text, "secret": True}
    )
    open_metrics: bool = _setting(False, "MLDEPLOY_OPEN_METRICS", _flag)

    # TLS.
    tls_certificate_file: str = _setting("", "MLDEPLOY_TLS_CERTIFICATE_FILE", _text)
    tls_key_file: str = _setting("", "MLDEPLOY_TLS_KEY_FILE", _text)

    # Logs and figures.
    log_level: str = _setting("INFO", "AZUREML_LOG_LEVEL", _level)
    log_format: str = _setting("text", "MLDEPLOY_LOG_FORMAT", _choice("text", "json"))
    access_log: bool = _setting(True, "MLDEPLOY_ACCESS_LOG", _flag)
    record_rate: float = _setting(0.0, "MLDEPLOY_RECORD_RATE", _share)
    record_max_bytes: int = _setting(8192, "MLDEPLOY_RECORD_MAX_BYTES", _whole(1, 65_536, "bytes"))
    record_deny: tuple[str, ...] = _setting((), "MLDEPLOY_RECORD_DENY", _names)
    metrics_directory: str = _setting("", "MLDEPLOY_METRICS_DIRECTORY", _text)

    # OpenTelemetry: v1's switch, or the names of exporters. What else it needs is read from its own variables.
    app_insights_enabled: bool = _setting(False, "AML_APP_INSIGHTS_ENABLED", _flag)
    app_insights_key: str = field(
        default="", repr=False, metadata={"env": "AML_APP_INSIGHTS_KEY", "parse": _text, "secret": True}
    )
    log_response: bool = _setting(True, "APP_INSIGHTS_LOG_RESPONSE_ENABLED", _flag)
    telemetry: tuple[str, ...] = _setting((), "MLDEPLOY_TELEMETRY", _exporters)
    telemetry_directory: str = _setting("", "MLDEPLOY_TELEMETRY_DIRECTORY", _text)

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str] | None = None, config: Mapping[str, object] | None = None
    ) -> Settings:
        """Read every variable that is set; ``config`` (v1's ``config.json``, keyed by variable) fills the gaps.

        Raises:
            SettingsError: a value cannot be used; names the variable.
        """
        environ = os.environ if environ is None else environ
        values: dict[str, object] = {}
        for item in dataclasses.fields(cls):
            name = item.metadata["env"]
            if name in environ:
                values[item.name] = _parse(item.metadata["parse"], environ[name], name)
            elif config and config.get(name) is not None:
                given = config[name]
                values[item.name] = _parse(item.metadata["parse"], given, f"{name} (in the configuration file)")
        return cls(**values)  # type: ignore[arg-type]

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Settings:
        """Read settings keyed by field name, as ``to_dict`` writes them.

        Raises:
            SettingsError: an unknown key, or a value that cannot be used; names the key.
        """
        known = {item.name: item.metadata["parse"] for item in dataclasses.fields(cls)}
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise SettingsError(f"Unknown setting {unknown[0]!r}. Known settings: {', '.join(sorted(known))}.")
        return cls(**{name: _parse(known[name], value, name) for name, value in values.items()})

    def to_dict(self) -> dict[str, object]:
        """Return what differs from the defaults, JSON-serialisable, without the keys (they never go to a file)."""
        found: dict[str, object] = {}
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if value != item.default and not item.metadata.get("secret"):
                found[item.name] = list(value) if isinstance(value, tuple) else value
        return found


def read_config_file(environ: Mapping[str, str], app_root: Path, entry_script: Path | None) -> dict[str, object]:
    """Return v1's settings file: ``AZUREML_CONFIG_FILE``, or ``config.json`` in the app root or beside the script.

    A ``config.json`` that is not a JSON object is the user's own file (models bring such files): it is not ours.

    Raises:
        SettingsError: ``AZUREML_CONFIG_FILE`` names a file that cannot be read as a JSON object.
    """
    named = environ.get("AZUREML_CONFIG_FILE")
    candidates = [app_root / "config.json"] + ([entry_script.parent / "config.json"] if entry_script else [])
    for path in [Path(named)] if named else candidates:
        try:
            content = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            if named:
                raise SettingsError(f"AZUREML_CONFIG_FILE: {named} cannot be read as JSON: {error}.") from error
            continue
        if isinstance(content, dict):
            return content
        if named:
            raise SettingsError(f"AZUREML_CONFIG_FILE: {named} must hold a JSON object.")
    return {}


def _parse(parse: Callable[[object], object], value: object, name: str) -> Any:
    try:
        return parse(value)
    except ValueError as error:
        raise SettingsError(f"{name} {error}, not {value!r}.") from None
