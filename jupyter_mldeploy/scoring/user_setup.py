"""What users of v1 could set up around their script: a logging configuration, and a debugger to connect to."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from .errors import StartError

logger = logging.getLogger("mldeploy.scoring")


def apply_logging_file(directories: Iterable[Path]) -> None:
    """Apply the first ``logging.json`` (the dictionary of ``logging.config``) found in these directories.

    Raises:
        StartError: there is one and it cannot be used.
    """
    for directory in directories:
        path = directory / "logging.json"
        if not path.is_file():
            continue
        import logging.config

        try:
            settings = json.loads(path.read_bytes())
            settings.setdefault("disable_existing_loggers", False)
            logging.config.dictConfig(settings)
        except Exception as error:
            raise StartError("settings", f"{path} is not a logging configuration: {error}", error) from error
        return


def connect_debugger(environ: Mapping[str, str] | None = None) -> None:
    """Connect to the debugger that listens on ``AZUREML_DEBUG_PORT`` and wait until it has set its breakpoints."""
    port = (os.environ if environ is None else environ).get("AZUREML_DEBUG_PORT", "")
    if not port:
        return
    try:
        import debugpy

        debugpy.connect(int(port))
        debugpy.wait_for_client()
    except (ImportError, ValueError, OSError, RuntimeError) as error:
        reason = "debugpy is not installed" if isinstance(error, ImportError) else str(error)
        logger.warning("No debugger is connected (AZUREML_DEBUG_PORT=%s): %s. Starting without.", port, reason)


class UtcFormatter(logging.Formatter):
    """Formats records with times in UTC; v1's logging files name it ``…log_config.AMLLogFormatter``."""

    converter = staticmethod(time.gmtime)  # as logging has it in its own documentation

    def __init__(self, fmt: str | None = None, datefmt: str | None = None, style: str = "%") -> None:
        usual = "%(asctime)s %(levelname).1s [%(process)d] %(name)s - %(message)s"
        super().__init__(fmt or usual, datefmt, style)  # type: ignore[arg-type]  # one of the styles that logging knows


class HealthFilter(logging.Filter):
    """Leaves out lines about health checks; v1's logging files name it ``…log_config.RootAccessFilter``."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether a record is kept."""
        return "GET / HTTP/1.1" not in record.getMessage()
