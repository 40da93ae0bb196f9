"""Standard output, logging and warnings of the user's code, as log lines that name the request they belong to."""

from __future__ import annotations

import io
import logging
import os
import sys
import threading
import warnings
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from .log_lines import LogWriter, set_request_lookup

if TYPE_CHECKING:
    from .exchange import Exchange

#: The request that ``run()`` is working on, in this thread or task.
current_request: ContextVar[Exchange | None] = ContextVar("mldeploy_request", default=None)

PRINT_LOGGER = "azmlinfsrv.print"  # v1's name for what scripts print
_LONGEST_LINE = 32_768


def capture_output(writer: LogWriter, level: str) -> None:
    """Send ``print``, ``logging`` and ``warnings`` of this process to ``writer``.

    Only Python's own streams are redirected: what C code writes to descriptors 1 and 2 goes where they point.
    """
    set_request_lookup(_current_id)
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    root.addHandler(_Handler(writer))
    root.setLevel(level)
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").setLevel(level)
    warnings.simplefilter("default", category=UserWarning)
    sys.stdout = _Stream(writer, sys.__stdout__, "info")
    sys.stderr = _Stream(writer, sys.__stderr__, "warning")


def _current_id() -> str | None:
    exchange = current_request.get()
    return exchange.request_id.decode("latin-1") if exchange is not None and exchange.request_id else None


class _Handler(logging.Handler):
    def __init__(self, writer: LogWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
            if record.exc_info and record.exc_info[1] is not None:
                from .failure import format_traceback

                message += "\n" + format_traceback(record.exc_info[1])
            self._writer.log(record.levelname.lower(), record.name, message, when=record.created)
        except Exception:  # noqa: BLE001 - a broken log call must not break the request
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        self._writer.log("error", "mldeploy.scoring", f"A log call in {record.pathname}:{record.lineno} is broken.")


class _Stream(io.TextIOBase):
    """Stands for ``sys.stdout``: every whole line becomes a log line."""

    def __init__(self, writer: LogWriter, original: Any, level: str) -> None:
        self._writer = writer
        self._original = original
        self._level = level
        self._open = threading.local()  # threads must not mix halves of their lines

    def write(self, text: str) -> int:
        """Take text; lines go out when they end."""
        pending: str = getattr(self._open, "text", "") + text
        if "\n" in pending:
            *lines, pending = pending.split("\n")
            for line in lines:
                if line:
                    self._writer.log(self._level, PRINT_LOGGER, line)
        if len(pending) > _LONGEST_LINE:
            self._writer.log(self._level, PRINT_LOGGER, pending)
            pending = ""
        self._open.text = pending
        return len(text)

    def flush(self) -> None:
        """Send a line that has no end yet (progress bars, prompts)."""
        pending: str = getattr(self._open, "text", "")
        if pending.strip():
            self._writer.log(self._level, PRINT_LOGGER, pending)
        self._open.text = ""

    def fileno(self) -> int:
        """Return the real stream's descriptor, for programs that the script starts."""
        return int(self._original.fileno()) if self._original is not None else os.open(os.devnull, os.O_WRONLY)

    def writable(self) -> bool:
        """Yes."""
        return True

    def isatty(self) -> bool:
        """No."""
        return False

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Always UTF-8."""
        return "utf-8"

    @property
    def buffer(self) -> Any:
        """The real stream's bytes."""
        return self._original.buffer
