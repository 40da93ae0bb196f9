"""Logs of a service's containers in one book on this machine: each line once, readable when the containers are gone.

The engine keeps a container's log until the container is removed; it is copied when somebody reads, and before that.
How far each container was copied is kept beside the book, under a lock, so that many processes may read at once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from ..core.storage.locks import hold
from ..core.target import ServiceRef
from ..scoring.journal import read_json, write_json
from ..scoring.logbook import STRUCTURED, LogBook
from .docker_house import Part, moment

_PLACES = "docker-logs.json"
_LOCK = "docker-logs.lock"
#: How the engine says that a container is gone, or is being removed.
_GONE, _GOING = 404, 409

#: Somebody who reads again and again makes us ask the engine at most this often, in seconds.
_INTERVAL_S = 0.3


def collect(engine: Any, service: ServiceRef, parts: Iterable[Part], *, now: bool = True) -> None:
    """Copy what the containers have written since the last time; unless ``now``, not if that was a moment ago."""
    if not service.directory.is_dir():
        return
    with _places(service.directory) as places:
        if not now and abs(time.time() - float(places.get("collected") or 0)) < _INTERVAL_S:
            return
        found: list[tuple[str, bytes]] = []
        for part in parts:
            found += _new_lines(engine, part, places)
        places["collected"] = time.time()
        if found:
            book = LogBook(service.log_directory)
            try:
                book.append(b"".join(line for _, line in sorted(found, key=lambda item: item[0])))
            finally:
                book.close()


def last_lines(engine: Any, container: str, limit: int = 200) -> list[str]:
    """Return the last lines of a container, as it wrote them; of one that was started again, before that as well."""
    from docker.errors import APIError

    try:
        text = engine.logs(container, tail=limit)
    except APIError as error:
        if error.status_code not in (_GONE, _GOING):
            raise
        return []
    return [str(line) for line in text.decode("utf-8", "replace").splitlines()]


def _new_lines(engine: Any, part: Part, places: dict[str, Any]) -> list[tuple[str, bytes]]:
    from docker.errors import APIError

    after = str(places.get(part.id) or "")
    since = moment(after)
    found = []
    try:
        pieces = engine.logs(
            part.id, stream=True, follow=False, timestamps=True, since=int(since) - 1 if since else None
        )
        with closing(pieces):
            for stamp, text in _joined(pieces):
                if stamp > after:
                    found.append((stamp, _book_line(part, stamp, text)))
    except APIError:
        return []  # it was removed meanwhile
    if found:
        places[part.id] = max(stamp for stamp, _ in found)
    return found


def _joined(pieces: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield (time, line) from the engine's pieces: a long line comes in several, each with a time of its own."""
    stamp, held = "", b""
    for piece in pieces:
        first, _, text = piece.partition(b" ")
        stamp = stamp or first.decode("ascii", "replace")
        held += text
        if held.endswith(b"\n"):
            yield stamp, held.rstrip(b"\r\n")
            stamp, held = "", b""
    if held:
        yield stamp, held


def _book_line(part: Part, stamp: str, text: bytes) -> bytes:
    source = "door" if part.role == "door" else f"revision-{part.revision}"
    if text.startswith((STRUCTURED, b'{"time": ')) and text.endswith(b"}"):
        return b'{"source":%s,' % json.dumps(source).encode() + text[1:] + b"\n"
    line = {
        "source": source,
        "revision": part.revision or None,
        "time": moment(stamp) or time.time(),
        "level": "info",
        "message": text.decode("utf-8", "replace"),
    }
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


@contextmanager
def _places(directory: Path) -> Iterator[dict[str, Any]]:
    with hold(directory / _LOCK, "the log's place", timeout_s=30):
        places = read_json(directory / _PLACES) or {}
        yield places
        write_json(directory / _PLACES, places)
