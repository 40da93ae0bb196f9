"""Log lines, as JSON objects or as text, written in few and whole pieces.

JSON: ``{"time": 1712.5, "level": "info", "message": …, "logger": …, "request_id": …, "revision": …, "worker": …}`` with
``time`` in seconds of the epoch. Access lines have the message ``POST /score 200 0.412ms 39`` and its parts besides.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import orjson

from .secret_values import blot

_FLUSH_AT = 64 * 1024
_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY


def _no_request() -> str | None:
    return None


_lookup: Callable[[], str | None] = _no_request


def set_request_lookup(lookup: Callable[[], str | None]) -> None:
    """Say how to find the id of the request that the calling thread or task works on."""
    global _lookup  # noqa: PLW0603 - one per process, like the streams that it serves
    _lookup = lookup


class LogWriter:
    """Writes log lines to a descriptor.

    ``log`` writes at once (a crash must not lose the last words before it). ``access`` only collects; ``flush``, called
    by a timer, writes many lines with one call.

    Args:
        descriptor: where to write; opened for appending, so that lines of several processes do not mix.
        structured: JSON objects instead of text.
        facts: fields of every JSON line, e.g. revision and worker.
    """

    #: Told of every line as well (level, logger, message, seconds of the epoch).
    also: Callable[[str, str, str, float], None] | None = None

    def __init__(self, descriptor: int, *, structured: bool, facts: dict[str, Any] | None = None) -> None:
        self._descriptor = descriptor
        self.structured = structured
        self._facts = {name: value for name, value in (facts or {}).items() if value not in ("", None)}
        #: The end of every JSON line, for those who write lines themselves.
        self.line_end = (b"," + orjson.dumps(self._facts)[1:] if self._facts else b"}") + b"\n"
        self._waiting: list[bytes] = []
        self._size = 0
        self._stamped = (-1, b"")
        self._lock = threading.Lock()

    def log(self, level: str, logger: str, message: str, *, when: float | None = None) -> None:
        """Write one line now."""
        now = time.time() if when is None else when
        request_id = _lookup()
        if self.structured:
            line: dict[str, Any] = {"time": round(now, 6), "level": level, "message": message, "logger": logger}
            if request_id is not None:
                line["request_id"] = request_id
            line.update(self._facts)
            data = _dumps(line)
        else:
            shown = f" [{request_id}]" if request_id else ""
            data = f"{_stamp(now)} {level[0].upper()} {logger}{shown} | {message}\n".encode(errors="backslashreplace")
        self.flush()
        self._write(data)
        if self.also is not None:
            self.also(level, logger, message, now)

    def access(self, fields: dict[str, Any]) -> None:
        """Take an access line for the next ``flush``. ``fields`` begin with time, level and message."""
        if self.structured:
            data = _dumps(fields | self._facts)
        else:
            data = f"{_stamp(fields['time'])} I access [{fields['request_id']}] | {fields['message']}\n".encode()
        self.access_line(data)

    def access_line(self, data: bytes) -> None:
        """Take a line that is complete."""
        self._waiting.append(data)
        self._size += len(data)
        if self._size > _FLUSH_AT:
            self.flush()

    def stamp(self, seconds: float) -> bytes:
        """Return the time as text lines begin with it."""
        second = int(seconds)
        if self._stamped[0] != second:
            self._stamped = (second, _stamp(second).encode())
        return self._stamped[1]

    def flush(self) -> None:
        """Write what ``access`` has collected."""
        if self._waiting:
            with self._lock:
                waiting, self._waiting, self._size = self._waiting, [], 0
            self._write(b"".join(waiting))

    def _write(self, data: bytes) -> None:
        view = memoryview(blot(data))
        with self._lock:
            while view:
                try:
                    view = view[os.write(self._descriptor, view) :]
                except InterruptedError:
                    continue
                except OSError:
                    return  # a full disk or a closed descriptor must not stop scoring


def _dumps(line: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(line, default=str, option=_OPTIONS) + b"\n"
    except (TypeError, ValueError):  # a lone surrogate in a text
        safe = {
            key: value.encode(errors="replace").decode() if isinstance(value, str) else value
            for key, value in line.items()
        }
        return orjson.dumps(safe, default=str, option=_OPTIONS) + b"\n"


def _stamp(seconds: float) -> str:
    at = time.gmtime(seconds)
    return f"{at.tm_year}-{at.tm_mon:02}-{at.tm_mday:02} {at.tm_hour:02}:{at.tm_min:02}:{at.tm_sec:02}Z"
