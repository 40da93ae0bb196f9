"""Recorded requests: switching the recording on, and what it has brought.

The scoring server writes a sample of the requests that it answers into the service's log (``scoring.recording``):
opt-in, up to a size, without the fields that are denied. That is the same on every target, so switching it on is an
update with the same bytes and other variables.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InvalidInputError

if TYPE_CHECKING:
    from ..service import Service

_PREFIX = "recorded "
_RATE, _MOST, _DENY = "MLDEPLOY_RECORD_RATE", "MLDEPLOY_RECORD_MAX_BYTES", "MLDEPLOY_RECORD_DENY"
_PAGE = 5000
#: Largest body and answer, together, that is recorded where nobody says otherwise.
DEFAULT_MAX_BYTES = 8192
_MOST_PAGES = 200


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request and its answer.

    Attributes:
        body, answer: decoded JSON. status: of the answer. ms: time that it took.
        revision: the one that answered. time: epoch seconds.
    """

    body: Any
    answer: Any
    status: int = 200
    ms: float = 0.0
    revision: int | None = None
    time: float | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """What a service records: share of its requests (0: none), largest size in bytes, fields that are left out."""

    rate: float
    max_bytes: int = DEFAULT_MAX_BYTES
    deny: Sequence[str] = ()


def recording(service: Service) -> Recording:
    """Return what the live revision of a service records."""
    number = service.revision
    config = {} if number is None else service.workspace.catalogue.revision(service.record.uid, number).config
    variables = config.get("environment_variables") or {}
    rate = float(variables.get(_RATE) or 0)
    deny = [name for name in str(variables.get(_DENY) or "").split(",") if name]
    return Recording(rate, int(variables.get(_MOST) or DEFAULT_MAX_BYTES), deny)


def record(service: Service, rate: float, *, max_bytes: int, deny: Sequence[str], **options: Any) -> Service:
    """Switch recording on for a share of the requests, or off with ``rate`` 0; brings a new revision.

    Raises:
        InvalidInputError: the rate is not between 0 and 1, or a field's name has a comma.
    """
    if not 0 <= rate <= 1:
        raise InvalidInputError(f"The rate is a share of the requests from 0 to 1, not {rate:g}.", field="rate")
    if any("," in name for name in deny):
        raise InvalidInputError("The name of a field to leave out cannot hold a comma.", field="deny")
    live = service.workspace.catalogue.revision(service.record.uid, service.revision or 0)
    variables = dict(live.config.get("environment_variables") or {})
    for name in (_RATE, _MOST, _DENY):
        variables.pop(name, None)
    if rate:
        variables |= {_RATE: f"{rate:g}", _MOST: str(max_bytes), **({_DENY: ",".join(deny)} if deny else {})}
    return service.update(config={"environment_variables": variables}, **options)


def recorded(service: Service) -> list[Recorded]:
    """Return the recorded requests in the service's log, oldest first; the log's size says how far back they go."""
    found: list[Recorded] = []
    cursor = "0:0"
    for _ in range(_MOST_PAGES):
        lines, cursor = service.log_lines(cursor, _PAGE)
        for line in lines:
            item = _read(line.text, line.revision, line.time)
            if item is not None:
                found.append(item)
        if not lines:
            break
    return found


def save(requests: Iterable[Recorded], path: str | Path) -> Path:
    """Write recorded requests, one JSON object a line."""
    place = Path(path).expanduser()
    place.write_text("".join(json.dumps(asdict(item), ensure_ascii=False) + "\n" for item in requests), "utf-8")
    return place


def load(path: str | Path) -> list[Recorded]:
    """Read what :func:`save` wrote.

    Raises:
        InvalidInputError: the file cannot be read as such.
    """
    try:
        lines = Path(path).expanduser().read_text(encoding="utf-8").splitlines()
        return [Recorded(**json.loads(line)) for line in lines if line.strip()]
    except (OSError, ValueError, TypeError) as error:
        raise InvalidInputError(f"{path} does not hold recorded requests: {error}.", field="requests") from error


def _read(text: str, revision: int | None, time: float | None) -> Recorded | None:
    if not text.startswith(_PREFIX):
        return None
    try:
        # What follows the object is the request's id, which the log adds.
        value, _ = json.JSONDecoder().raw_decode(text, len(_PREFIX))
        return Recorded(value["body"], value["answer"], int(value["status"]), float(value["ms"]), revision, time)
    except (ValueError, KeyError, TypeError):
        return None
