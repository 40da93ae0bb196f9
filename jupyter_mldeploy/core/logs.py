"""Reading a service's log: pages after a cursor, across files that follow one another, with secrets blotted out.

A log is a directory of segments ``<prefix><number>.log``; only the last one grows, and old ones disappear as a whole. A
cursor is ``<number>:<offset>``: it stays good whatever is added, and one whose segment is gone goes on with the oldest
line that is left. Lines are JSON objects with ``message`` (and ``time``, ``source``, ``revision``, ``level``) or plain
text.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .target import LogLine, LogPage

if TYPE_CHECKING:
    from .service import Service

PREFIX = "service-"
_SEGMENT = re.compile(r"(\d+)\.log")
_BLOCK = 64 * 1024

_WORDS = r"(?:password|passwd|pwd|secret|api[_-]?key|access[_-]?key|token)"

#: What is never shown, wherever it comes from: (pattern, replacement).
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), r"\1 ***"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), "***"),
    (re.compile(r"(?i)\b(sig|sv_sig|accountkey|sharedaccesskey|sharedaccesssignature)=[^\s&;\"']+"), r"\1=***"),
    # Quoted in any spelling; bare only where it is no assignment in a line of code: `token = get()` stays readable.
    (re.compile(rf"(?i)({_WORDS}[\"']?\s*[=:]\s*[\"'])[^\"']{{4,}}"), r"\1***"),
    (re.compile(rf"(?i)({_WORDS}(?:=|:\s*))[^\s\"',;&()\[\]]{{4,}}"), r"\1***"),
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@]+:)[^\s/@]+(@)"), r"\1***\2"),
    (re.compile(r"\bAKIA[0-9A-Z]{16}\b"), "***"),
)  # fmt: skip


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Blot out what looks like a credential, and every one of ``secrets`` literally.

    >>> redact("GET /score?sig=abc%2F123&x=1 Authorization: Bearer 0123456789abcdef")
    'GET /score?sig=***&x=1 Authorization: Bearer ***'
    """
    for secret in secrets:
        if len(secret) >= 4:
            text = text.replace(secret, "***")
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class LogFiles:
    """The segments of one log.

    Args:
        directory: where they lie; it may not exist yet.
        prefix: what the file names begin with.
        secrets: values that are never shown.
    """

    def __init__(self, directory: Path, prefix: str = PREFIX, secrets: Iterable[str] = ()) -> None:
        self._directory = directory
        self._prefix = prefix
        self._secrets = tuple(secrets)

    def read(self, cursor: str | None, limit: int) -> LogPage:
        """Return up to ``limit`` lines after ``cursor``; None gives the last ``limit`` lines.

        A last line that is not finished yet is left for the next page.
        """
        segments = self._segments()
        if cursor is None:
            return self._last(segments, limit)
        number, offset = _parse(cursor)
        lines: list[LogLine] = []
        for segment, path in sorted(segments.items()):
            if segment < number:
                continue
            start = offset if segment == number else 0
            if len(lines) >= limit:
                break
            found, end = self._lines(path, start, limit - len(lines))
            lines += found
            number, offset = segment, end
        return LogPage(lines, f"{number}:{offset}")

    def _last(self, segments: dict[int, Path], limit: int) -> LogPage:
        """Read backwards until there are enough lines."""
        if not segments:
            return LogPage([], "0:0")
        newest = max(segments)
        chunks: list[bytes] = []
        end = _whole_lines_end(segments[newest])
        wanted = limit
        for number in sorted(segments, reverse=True):
            data = _tail(segments[number], end if number == newest else None, wanted)
            chunks.insert(0, data)
            wanted -= data.count(b"\n")
            if wanted <= 0:
                break
        raw = b"".join(chunks).splitlines()
        return LogPage([self._line(item) for item in raw[max(0, len(raw) - limit) :]], f"{newest}:{end}")

    def _lines(self, path: Path, start: int, limit: int) -> tuple[list[LogLine], int]:
        lines: list[LogLine] = []
        try:
            with path.open("rb") as stream:
                stream.seek(start)
                for raw in stream:
                    if not raw.endswith(b"\n") or len(lines) >= limit:
                        break
                    start += len(raw)
                    lines.append(self._line(raw[:-1]))
        except OSError:
            return lines, start
        return lines, start

    def _line(self, raw: bytes) -> LogLine:
        value: Any = None
        if raw.startswith(b"{"):
            try:
                value = json.loads(raw)
            except ValueError:
                value = None
        if not isinstance(value, dict) or not isinstance(value.get("message"), str):
            return LogLine(None, redact(raw.decode("utf-8", "replace"), self._secrets))
        text = value["message"]
        for key in ("traceback", "exception"):
            if isinstance(value.get(key), str) and value[key] not in text:
                text += "\n" + value[key]
        request_id = value.get("request_id")
        if isinstance(request_id, str) and request_id and request_id not in text:
            text += f" [{request_id}]"
        when, revision = value.get("time"), value.get("revision")
        return LogLine(
            float(when) if isinstance(when, int | float) else None,
            redact(text, self._secrets),
            str(value.get("source") or ""),
            int(revision)
            if isinstance(revision, int) or (isinstance(revision, str) and revision.isdecimal())
            else None,
            str(value.get("level") or "info").lower(),
        )

    def _segments(self) -> dict[int, Path]:
        found = {}
        try:
            for path in self._directory.iterdir():
                match = _SEGMENT.fullmatch(path.name.removeprefix(self._prefix))
                if match and path.name.startswith(self._prefix):
                    found[int(match.group(1))] = path
        except OSError:
            return {}
        return found


def _parse(cursor: str) -> tuple[int, int]:
    number, _, offset = cursor.partition(":")
    return (int(number), int(offset)) if number.isdecimal() and offset.isdecimal() else (0, 0)


def _whole_lines_end(path: Path) -> int:
    """Return the offset after the last finished line."""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            end = size
            while end > 0:
                start = max(0, end - _BLOCK)
                stream.seek(start)
                place = stream.read(end - start).rfind(b"\n")
                if place >= 0:
                    return start + place + 1
                end = start
    except OSError:
        return 0
    return 0


def _tail(path: Path, end: int | None, lines: int) -> bytes:
    """Return the last ``lines`` lines (or a few more) before ``end``, as whole lines."""
    try:
        with path.open("rb") as stream:
            stop = path.stat().st_size if end is None else end
            data, start = b"", stop
            while start > 0 and data.count(b"\n") <= lines:
                begin = max(0, start - _BLOCK)
                stream.seek(begin)
                data = stream.read(start - begin) + data
                start = begin
    except OSError:
        return b""
    return data if start == 0 else data[data.find(b"\n") + 1 :]


def follow_lines(service: Service, limit: int = 5000, *, poll_s: float = 0.1) -> Iterator[str]:
    """Yield the last ``limit`` lines of a service's log, then new ones as they come, until the service is deleted."""
    for line in follow(service, limit, poll_s=poll_s):
        yield line.text


def follow(service: Service, limit: int = 5000, *, poll_s: float = 0.1) -> Iterator[LogLine]:
    """Like :func:`follow_lines`, with time, source and revision."""
    lines, cursor = service.log_lines(limit=limit)
    while True:
        yield from lines
        if not lines:
            if service.record.deleted is not None:
                return
            time.sleep(poll_s)
        lines, cursor = service.log_lines(cursor, limit)
