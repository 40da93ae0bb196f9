"""Logs of all replicas in one book on this machine: merged by time, each line once, readable when the pods are gone.

Lines are fetched when somebody reads, and before pods are removed. How far each container's log was copied is kept
beside the book, under a lock, so that any number of processes may read at once.
"""

from __future__ import annotations

import fcntl
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...core.target import ServiceRef
from ...scoring.logbook import LogBook
from .cluster import Cluster
from .names import CONTAINER
from .snapshot import revision_of
from .trouble import container_status, pod_name

_PLACES = "pod-logs.json"

#: A reader that asks again and again makes us ask the cluster at most this often, in seconds.
_INTERVAL_S = 0.7

#: Lines of a container that are fetched the first time.
_FIRST_LINES = 20_000

_FRACTION = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$")


@dataclass(frozen=True, slots=True)
class _Line:
    time: float
    stamp: str
    data: bytes


def collect(cluster: Cluster, namespace: str, service: ServiceRef, pods: Sequence[Mapping[str, Any]]) -> None:
    """Copy what the service's containers have written since the last time, those that crashed included.

    Nothing is copied for a service that was deleted, and its folder is not brought back.

    Raises:
        OSError: the lines cannot be kept; FileNotFoundError when the service is deleted just now.
    """
    if not service.directory.is_dir():
        return
    with _places(service.directory) as places:
        _copy(cluster, namespace, service, pods, places)


def collect_now_and_then(
    cluster: Cluster, namespace: str, service: ServiceRef, pods: Iterable[Mapping[str, Any]]
) -> None:
    """Do what :func:`collect` does, unless it was done a moment ago."""
    if not service.directory.is_dir():
        return
    with _places(service.directory) as places:
        if abs(time.time() - float(places.get("collected") or 0)) >= _INTERVAL_S:
            _copy(cluster, namespace, service, list(pods), places)


def last_lines(cluster: Cluster, namespace: str, pod: Mapping[str, Any], lines: int = 200) -> list[str]:
    """Return the last lines of a pod's container; where it has ended, of the one that did, started again or not."""
    ended = _ended(container_status(pod))
    found = list(_parse(cluster.pod_log(namespace, pod_name(pod), CONTAINER, lines=lines)))
    if ended is not None:  # what was read second may be of the container that was read first, and is never newer
        data = cluster.pod_log(namespace, pod_name(pod), CONTAINER, previous=True, lines=lines)
        before = list(_parse(data))
        found = [line for line in found if not before or line.stamp > before[-1].stamp]
        found = [*_life(before, ended), *_life(found, ended)] or before or found
    return [line.data.decode("utf-8", "replace") for line in found[-lines:]]


def _ended(container: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return how the container ended, or the one before it; None when none has."""
    states = ((container or {}).get(key) or {} for key in ("state", "lastState"))
    return next((state["terminated"] for state in states if state.get("terminated")), None)


def _life(log: Sequence[_Line], ended: Mapping[str, Any]) -> Sequence[_Line]:
    """Return a log from its first line of a container's life on.

    What follows is that container's too: a node with much to do reads last words, and gives them their time, when the
    container has ended.
    """
    first = next((index for index, line in enumerate(log) if _within(line, ended)), len(log))
    return log[first:]


def _within(line: _Line, ended: Mapping[str, Any]) -> bool:
    """Whether a line is from a container's life, which is told in whole seconds."""
    begin, end = (_normal(str(ended.get(key) or "")) for key in ("startedAt", "finishedAt"))
    return (begin is None or line.stamp >= begin) and (end is None or line.time < _epoch(end) + 1)


def _copy(
    cluster: Cluster,
    namespace: str,
    service: ServiceRef,
    pods: Sequence[Mapping[str, Any]],
    places: dict[str, Any],
) -> None:
    found: list[tuple[float, bytes]] = []
    for pod in pods:
        found += [(line.time, _book_line(line, pod)) for line in _new_lines(cluster, namespace, pod, places)]
    found.sort(key=lambda item: item[0])
    if found:
        book = LogBook(service.log_directory)
        try:
            book.append(b"".join(data for _, data in found))
        finally:
            book.close()
    places["collected"] = time.time()


def _new_lines(cluster: Cluster, namespace: str, pod: Mapping[str, Any], places: dict[str, Any]) -> list[_Line]:
    """Return what a pod's containers have written since the last time, and move the pod's place.

    A container may have been started again since the pod was looked at, and its log then is another one. So what was
    read must hold the line that was copied last; where it does not, the log of the container before is read too, and
    *after* it: if it was started again in between, that one goes on where the first one broke off. A pod's containers
    run one after the other, so one place in time serves them all.
    """
    container = container_status(pod)
    if container is None or not container.get("containerID"):
        return []
    place = places.setdefault(str(pod["metadata"]["uid"]), {"stamp": "", "count": 0})
    stamp = str(place["stamp"])
    present = _read(cluster, namespace, pod, stamp, previous=False)
    goes_on = bool(stamp) and any(line.stamp == stamp for line in present)
    before = [] if goes_on else _read(cluster, namespace, pod, stamp, previous=True)
    return [*_after(before, place), *_after(present, place)]


def _read(cluster: Cluster, namespace: str, pod: Mapping[str, Any], stamp: str, *, previous: bool) -> list[_Line]:
    # The API takes whole seconds, so the lines of the last second come again.
    since = _whole_second(stamp) if stamp else None
    lines = None if stamp else _FIRST_LINES
    data = cluster.pod_log(namespace, pod_name(pod), CONTAINER, since=since, previous=previous, lines=lines)
    return list(_parse(data))


def _after(lines: Iterable[_Line], place: dict[str, Any]) -> Iterator[_Line]:
    """Yield lines after a place and move it: the last line's time, and how many lines of that very time were copied."""
    stamp, skip = str(place["stamp"]), int(place["count"])
    for line in lines:
        if line.stamp < stamp:
            continue
        if line.stamp == stamp and skip:
            skip -= 1
            continue
        if line.stamp == place["stamp"]:
            place["count"] = int(place["count"]) + 1
        else:
            place.update(stamp=line.stamp, count=1)
        yield line


def _parse(data: bytes) -> Iterator[_Line]:
    for raw in data.splitlines():
        head, _, rest = raw.partition(b" ")
        stamp = _normal(head.decode("ascii", "replace"))
        if stamp is not None:
            yield _Line(_epoch(stamp), stamp, rest)


def _normal(text: str) -> str | None:
    """Return a time with nine digits after the point, in UTC, so that times compare as text."""
    match = _FRACTION.match(text)
    if match is None:
        return None
    whole, fraction, zone = match.groups()
    if zone != "Z":
        moment = datetime.fromisoformat(whole + zone).astimezone(UTC)
        whole = moment.strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{(fraction or '').ljust(9, '0')[:9]}Z"


def _whole_second(stamp: str) -> str:
    return stamp.partition(".")[0] + "Z"


def _epoch(stamp: str) -> float:
    whole, _, fraction = stamp.rstrip("Z").partition(".")
    return datetime.fromisoformat(whole + "+00:00").timestamp() + float(f"0.{fraction or 0}")


def _book_line(line: _Line, pod: Mapping[str, Any]) -> bytes:
    """Return one line of the book; what the server wrote as JSON keeps its fields."""
    entry: dict[str, Any] = {"source": pod_name(pod), "revision": revision_of(pod), "time": round(line.time, 6)}
    try:
        given = json.loads(line.data)
    except ValueError:
        given = None
    if isinstance(given, dict) and isinstance(given.get("message"), str):
        entry = {**entry, **given, "source": pod_name(pod)}
    else:
        entry |= {"level": "info", "message": line.data.decode("utf-8", "replace")}
    return json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


@contextmanager
def _places(directory: Path) -> Iterator[dict[str, Any]]:
    """Hold the record of how far logs were copied, for one process at a time; written back at the end."""
    path = directory / _PLACES
    with (directory / f"{_PLACES}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            places = json.loads(path.read_bytes())
        except (OSError, ValueError):
            places = {}
        yield places
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps(places), encoding="utf-8")
        temporary.replace(path)
