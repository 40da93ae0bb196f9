"""What a supervisor leaves on disk for those who come later: its identity, its state, and what happened.

``supervisor.json``  who it is: pid with start token, port, control socket. Written once per start.
``status.json``      how the service is. Replaced atomically at every change.
``journal.jsonl``    what happened, one JSON object a line, numbered; survives restarts of the supervisor.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

IDENTITY = "supervisor.json"
STATUS = "status.json"
JOURNAL = "journal.jsonl"

#: The journal is cut to its newer half when it grows beyond this many bytes.
LONGEST_JOURNAL = 512 * 1024


def write_json(path: Path, value: Any) -> None:
    """Replace ``path`` atomically, readable by its owner only."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(value, stream)
    temporary.replace(path)


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the object in ``path``, or None when there is none that can be read."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


class Journal:
    """Appends numbered entries; the numbers go on where the file ends."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / JOURNAL
        entries = read_journal(directory)
        self._seq = entries[-1]["seq"] if entries else 0

    def add(self, kind: str, message: str, **data: Any) -> dict[str, Any]:
        """Write one entry down and return it: ``{seq, time, kind, message, data}``."""
        self._seq += 1
        entry = {"seq": self._seq, "time": time.time(), "kind": kind, "message": message, "data": data}
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(entry, default=str) + "\n")
            size = stream.tell()
        if size > LONGEST_JOURNAL:
            self._shorten()
        return entry

    def _shorten(self) -> None:
        lines = self._path.read_bytes().splitlines(keepends=True)
        temporary = self._path.with_suffix(".new")
        temporary.write_bytes(b"".join(lines[len(lines) // 2 :]))
        temporary.replace(self._path)


def read_journal(directory: Path, after: int = 0) -> list[dict[str, Any]]:
    """Return the entries numbered above ``after``, oldest first; a half-written last line is left out."""
    try:
        content = (directory / JOURNAL).read_bytes()
    except OSError:
        return []
    entries = []
    for line in content.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("seq"), int) and entry["seq"] > after:
            entries.append(entry)
    return entries
