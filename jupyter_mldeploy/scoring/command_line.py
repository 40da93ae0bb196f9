"""The arguments of ``python -m jupyter_mldeploy.scoring``, which are those of v1's ``azmlinfsrv``, and its settings."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import SettingsError
from .settings import Settings, read_config_file
from .spec import WorkerSpec

if TYPE_CHECKING:
    from .standalone_main import Order

DEFAULT_PORT = 5001
DEFAULT_HEALTH_PORT = 5000


def read_order(arguments: Sequence[str] | None = None) -> Order:
    """Return what the stand-alone server has been told to do, as JSON can say it (``standalone_main.Order``).

    Raises:
        SettingsError: a setting cannot be used.
        SystemExit: wrong arguments (2), or only help was asked for (0).
    """
    options = _parser().parse_args(arguments)
    before = dict(os.environ)
    spec = _specification(options)
    settings = spec.settings
    return {
        "spec": spec.to_dict(),
        "workers": options.worker_count or _workers(),
        "addresses": _addresses(options),
        "unix_socket": options.unix_socket,
        "door": os.environ.get("MLDEPLOY_DOOR"),
        "environment": {name: value for name, value in os.environ.items() if before.get(name) != value},
        "revision": spec.revision,
        "structured": settings.log_format == "json",
        "key_files": [path for path in (settings.keys_file, settings.token_keys_file) if path],
        "drain_deadline_s": settings.drain_deadline_s,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jupyter_mldeploy.scoring",
        description="Serve an entry script (init() and run()) over HTTP.",
        epilog="Everything else is set by environment variables; see docs/scoring-server.md.",
    )
    add = parser.add_argument
    add("--entry_script", metavar="FILE", help="the script; AZUREML_ENTRY_SCRIPT otherwise")
    add("--model_dir", metavar="DIRECTORY", help="value of AZUREML_MODEL_DIR for the script")
    add("--port", type=_port, help=f"port of the service (default {DEFAULT_PORT})")
    add("--health_port", type=_port, help=f"further port for health checks, {DEFAULT_HEALTH_PORT} when asked for")
    add("--host", default="0.0.0.0", help="address to bind (default: all)")  # noqa: S104 - v1's default
    add("--unix_socket", metavar="PATH", help="listen on this Unix socket instead of a port")
    add("--worker_count", type=_workers_of, help="processes, or auto: one for each core (default WORKER_COUNT, else 1)")
    add("--access_control_allow_origins", metavar="A,B", help="origins that may call (CORS)")
    add("--config_file", metavar="FILE", help="JSON file of settings, keyed by environment variable")
    add("--appinsights_instrumentation_key", metavar="KEY", help="Application Insights to send telemetry to")
    return parser


def _port(text: str) -> int:
    with suppress(ValueError):
        if 1 <= int(text) <= 65_535:
            return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 1 to 65535")


def _workers_of(text: str) -> int:
    if text == "auto":
        from .shared_imports import available_cores

        return available_cores()
    with suppress(ValueError):
        if int(text) >= 1:
            return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is neither a number of 1 or more nor auto")


def _workers() -> int:
    try:
        return _workers_of(os.environ.get("WORKER_COUNT", "1"))
    except argparse.ArgumentTypeError as error:
        raise SettingsError(f"WORKER_COUNT: {error}.") from None


def _specification(options: argparse.Namespace) -> WorkerSpec:
    environ = os.environ
    environ.setdefault("AML_APP_ROOT", str(Path.cwd()))
    root = Path(environ["AML_APP_ROOT"])
    for name, value in (
        ("AZUREML_MODEL_DIR", options.model_dir and str(Path(options.model_dir).absolute())),
        ("AML_CORS_ORIGINS", options.access_control_allow_origins),
        ("AZUREML_CONFIG_FILE", options.config_file and str(Path(options.config_file).absolute())),
        ("AML_APP_INSIGHTS_KEY", options.appinsights_instrumentation_key),
        ("AZUREML_ENTRY_SCRIPT", options.entry_script and str(Path(options.entry_script).absolute())),
    ):
        if value:
            environ[name] = value
    script = environ.get("AZUREML_ENTRY_SCRIPT")
    if not script:
        raise SettingsError("No entry script: give --entry_script or set AZUREML_ENTRY_SCRIPT.")
    path = root / environ.get("AZUREML_SOURCE_DIRECTORY", "") / script
    # A sample that does not fit the model is no reason to refuse a script that v1 has served.
    environ.setdefault("MLDEPLOY_SELF_TEST", "warn")
    settings = Settings.from_environment(environ, read_config_file(environ, root, path))
    return WorkerSpec(
        entry_script=str(path),
        app_root=str(root),
        settings=settings,
        service_name=settings.service_name,
        revision=environ.get("MLDEPLOY_REVISION", ""),
        line_map="line_map.json" if (root / "line_map.json").is_file() else None,
    )


def _addresses(options: argparse.Namespace) -> list[tuple[str, int]]:
    if options.unix_socket:
        return []
    found = [(options.host, options.port or DEFAULT_PORT)]
    if os.environ.get("SEPERATE_HEALTH_ENDPOINT", "").lower() == "true" or options.health_port:
        found.append((options.host, options.health_port or DEFAULT_HEALTH_PORT))
    return found
