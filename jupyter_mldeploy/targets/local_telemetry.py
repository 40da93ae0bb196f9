"""``enable_app_insights`` on the local target: the server's settings, and whether the interpreter has the libraries."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ..core.target import Job
from ..core.telemetry import libraries_of
from ..errors import InvalidConfigurationError
from ..scoring.settings import Settings
from ..scoring.telemetry.destinations import choose
from .local_config import LocalConfig

_PROBE_S = 30.0
_PROBE = """
import importlib.util, sys
def there(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False
print(*[name for name in sys.argv[1:] if not there(name)], sep="\\n")
"""


def require_libraries(config: LocalConfig, interpreter: Path) -> None:
    """Refuse telemetry that the interpreter has no libraries for; an isolated environment gets them.

    Raises:
        InvalidConfigurationError: some are missing; says which and what to install.
    """
    libraries = libraries_of(config)
    if not libraries or config.isolated:
        return
    missing = [libraries[name] for name in _missing(tuple(libraries), interpreter)]
    if missing:
        quoted = " ".join(f"'{item}'" for item in missing)
        raise InvalidConfigurationError(
            f"enable_app_insights needs {', '.join(missing)}, which {interpreter} does not have.",
            problems=[{"field": "enable_app_insights", "message": "libraries are missing"}],
            hint=f"Install them there ({interpreter} -m pip install {quoted}), or set isolated.",
        )


def telemetry_settings(job: Job, config: LocalConfig, given: Settings) -> dict[str, object]:
    """Return the settings that make workers tell of themselves; files lie in the service's data folder."""
    if not config.enable_app_insights:
        return {}
    folder = job.service.data_directory
    directory = given.telemetry_directory or (str(folder / "telemetry") if folder is not None else "")
    return {"app_insights_enabled": True, "telemetry_directory": directory}


def destination(job: Job, config: LocalConfig) -> str:
    """Say where the telemetry goes, for plans."""
    variables = {**config.environment_variables, **job.secrets}
    settings = Settings.from_environment(variables)
    folder = str(telemetry_settings(job, config, settings)["telemetry_directory"] or "the service's data folder")
    chosen = choose(Settings(telemetry=settings.telemetry, telemetry_directory=folder), variables)
    return ", ".join(f"files in {folder}" if name == "file" else name for name in chosen.names)


def _missing(names: Sequence[str], interpreter: Path) -> list[str]:
    if str(interpreter) == sys.executable:
        return [name for name in names if not _is_there(name)]
    try:
        found = subprocess.run(
            [str(interpreter), "-c", _PROBE, *names], capture_output=True, text=True, timeout=_PROBE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []  # the worker itself will say what is wrong with this interpreter
    return [line for line in found.stdout.splitlines() if line in names]


def _is_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False
