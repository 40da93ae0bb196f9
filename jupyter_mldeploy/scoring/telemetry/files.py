"""The file exporter: ``traces.jsonl`` and ``logs.jsonl``, a line of OTLP's JSON form for each batch.

It is the format of the OpenTelemetry Collector's file exporter and ``otlpjsonfile`` receiver. All workers append to the
same files in turn; a full file becomes ``traces.1.jsonl`` and the one before it goes.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
from pathlib import Path
from typing import Any

MOST_BYTES = 32 * 2**20

#: Bytes in protobuf that are hexadecimal, not base64, in OTLP's JSON.
_IDS = frozenset({"traceId", "spanId", "parentSpanId"})


def otlp_json(message: Any) -> bytes:
    """Return a protobuf message of OTLP as its JSON form, one line."""
    from google.protobuf.json_format import MessageToDict

    found = _with_hex_ids(MessageToDict(message, use_integers_for_enums=True))
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"


def _with_hex_ids(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: base64.b64decode(item).hex() if name in _IDS and isinstance(item, str) else _with_hex_ids(item)
            for name, item in value.items()
        }
    return [_with_hex_ids(item) for item in value] if isinstance(value, list) else value


class LineFile:
    """A file of lines that several processes append to.

    Raises:
        OSError: the directory cannot be made.
    """

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES) -> None:
        self._path = path
        self._most_bytes = most_bytes
        path.parent.mkdir(parents=True, exist_ok=True)

    def append(self, line: bytes) -> None:
        """Add one whole line.

        Raises:
            OSError: the disk is full, or the directory has gone.
        """
        while True:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                size = os.fstat(descriptor).st_size
                if not self._is_current(descriptor):
                    continue  # another process has just begun a new file
                if size and size + len(line) > self._most_bytes:
                    self._path.replace(self._path.with_suffix(f".1{self._path.suffix}"))
                    continue
                view = memoryview(line)
                while view:
                    view = view[os.write(descriptor, view) :]
                return
            finally:
                os.close(descriptor)

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False
