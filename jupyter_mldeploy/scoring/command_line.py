"""``python -m jupyter_mldeploy.scoring``: serve an entry script, with the arguments of v1's ``azmlinfsrv``."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from .errors import SettingsError
from .settings import Settings, read_config_file
from .spec import WorkerSpec
from .standalone import Standalone

DEFAULT_PORT = 5001
DEFAULT_HEALTH_PORT = 5000


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until stopped; return the exit code: 0, 3 when the script cannot be started, 2 for wrong arguments."""
    options = _parser().parse_args(arguments)
    try:
        spec = _specification(options)
        workers = options.worker_count or _workers()
        if workers > 1:
            _prepare_for_many(spec, workers)
        sockets = _bind(options)
    except (SettingsError, OSError) as error:
        sys.stderr.write(f"mldeploy: {error}\n")
        return 2
    return Standalone(spec, sockets, workers).run()


def _prepare_for_many(spec: WorkerSpec, workers: int) -> None:
    """Divide the cores, and load what the workers can share (``WORKER_PRELOAD=false``: every worker loads its own)."""
    from .shared_imports import divide_cores, load_shared_imports

    divide_cores(workers)
    if os.environ.get("WORKER_PRELOAD", "true").lower() == "false":
        return
    unsafe = load_shared_imports(spec.script_path)
    if unsafe:
        sys.stderr.write(f"mldeploy: imports are not shared between workers: {unsafe}\n")
        sys.stderr.flush()
        os.environ["WORKER_PRELOAD"] = "false"
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - the only way to be rid of what was loaded


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
    add("--appinsights_instrumentation_key", metavar="KEY", help="kept for v1's scripts that read AML_APP_INSIGHTS_KEY")
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
    return WorkerSpec(entry_script=str(path), app_root=str(root), settings=settings, service_name=settings.service_name)


def _bind(options: argparse.Namespace) -> list[socket.socket]:
    if options.unix_socket:
        return [bind_unix(Path(options.unix_socket))]
    port = options.port or DEFAULT_PORT
    sockets = [bind_port(options.host, port)]
    if os.environ.get("SEPERATE_HEALTH_ENDPOINT", "").lower() == "true" or options.health_port:
        sockets.append(bind_port(options.host, options.health_port or DEFAULT_HEALTH_PORT))
    return sockets


def bind_port(host: str, port: int) -> socket.socket:
    """Return a bound socket that does not listen yet: until a worker is ready, clients are to be refused.

    Raises:
        OSError: the port is taken, or the address is not one of this machine; the message says which.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise OSError(error.errno, f"cannot listen on {host} port {port}: {error.strerror}") from error
    return listening


def bind_unix(path: Path) -> socket.socket:
    """Return a bound Unix socket, for its owner only; one that a dead process left behind is replaced.

    Raises:
        OSError: somebody listens there, or the path cannot be used.
    """
    probe = socket.socket(socket.AF_UNIX)
    try:
        probe.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        with suppress(FileNotFoundError):
            path.unlink()
    else:
        raise OSError(f"cannot listen on {path}: another process does")
    finally:
        probe.close()
    listening = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listening.bind(str(path))
    finally:
        os.umask(before)
    return listening
