"""Replay: recorded requests sent again, and how far the answers are from those of then.

>>> [str(item) for item in differences({"a": [1.0, 2.0]}, {"a": [1.0, 2.5]})]
['$.a[1]: 2.0 → 2.5 (+0.5, 25 %)']
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import DeploymentError, InvalidInputError, MldeployError
from ..progress import Report, bar
from .recording import Recorded, load

if TYPE_CHECKING:
    from ..service import Service

_SHOWN = 5
#: The scoring server records no request that has this header (``scoring.recording``).
_REPLAYED = "x-mldeploy-replayed"


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two answers differ; ``absolute`` and ``relative`` are for two numbers."""

    path: str
    before: Any
    after: Any
    absolute: float | None = None
    relative: float | None = None

    def __str__(self) -> str:
        if self.absolute is None:
            return f"{self.path}: {self.before!r} → {self.after!r}"
        share = f", {self.relative:.3g} %".replace("inf %", "from 0") if self.relative is not None else ""
        return f"{self.path}: {self.before!r} → {self.after!r} ({self.absolute:+.6g}{share})"


@dataclass(frozen=True, slots=True)
class Replayed:
    """One request that was sent again.

    Attributes:
        differences: all places where the answers differ by more than the tolerance.
        error: why there is no answer to compare.
    """

    request: Recorded
    status: int | None
    answer: Any
    ms: float
    differences: Sequence[Difference] = ()
    error: str | None = None

    @property
    def changed(self) -> bool:
        """The answer is another one."""
        return bool(self.differences) or self.error is not None or self.status != self.request.status


@dataclass(frozen=True, slots=True, repr=False)
class Replay:
    """What a replay found."""

    service: str
    revision: int | None
    tolerance: float
    items: Sequence[Replayed]

    @property
    def changed(self) -> list[Replayed]:
        """The requests whose answers are others now."""
        return [item for item in self.items if item.changed]

    @property
    def largest(self) -> Difference | None:
        """The largest difference of two numbers, by its relative size."""
        numbers = [item for entry in self.items for item in entry.differences if item.absolute is not None]
        return max(numbers, key=lambda item: (item.relative or 0.0, abs(item.absolute or 0.0)), default=None)

    def to_dict(self) -> dict[str, Any]:
        """Return the replay as JSON."""
        largest = self.largest
        return {
            "service": self.service,
            "revision": self.revision,
            "tolerance": self.tolerance,
            "requests": len(self.items),
            "changed": len(self.changed),
            "largest": _plain(largest) if largest is not None else None,
            "answers": [
                {
                    "body": item.request.body,
                    "before": item.request.answer,
                    "after": item.answer,
                    "status_before": item.request.status,
                    "status_after": item.status,
                    "ms_before": item.request.ms,
                    "ms_after": round(item.ms, 3),
                    "error": item.error,
                    "differences": [_plain(difference) for difference in item.differences],
                }
                for item in self.changed
            ],
        }

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        head = f"{len(self.changed)} of {len(self.items)} answers of {self.service} (revision {self.revision}) changed"
        rows = [head + (f", by {self.largest} at most" if self.largest is not None else "")]
        for item in self.changed[:_SHOWN]:
            rows.append(f"  {str(item.request.body)[:80]}")
            if item.error is not None:
                rows.append(f"    {item.error}")
            elif item.status != item.request.status:
                rows.append(f"    status {item.request.status} → {item.status}")
            rows += [f"    {difference}" for difference in item.differences[:_SHOWN]]
        return "\n".join(rows)


def replay(
    service: Service,
    requests: Any = None,
    *,
    tolerance: float = 0.0,
    timeout_s: float = 60.0,
    report: Report | None = None,
    cancelled: threading.Event | None = None,
) -> Replay:
    """Send recorded requests to a service and compare; see ``Service.replay``.

    Raises:
        InvalidInputError: nothing was recorded.
        DeploymentError: it was cancelled.
    """
    found = _requests(service, requests)
    if not found:
        raise InvalidInputError(
            "There is no recorded request.",
            field="requests",
            hint=f"Record some first: `mldeploy record {service.name} --rate 1`, then send requests.",
        )
    items = []
    for number, item in enumerate(found, 1):
        if cancelled is not None and cancelled.is_set():
            raise DeploymentError(f"The replay was cancelled after {number - 1} of {len(found)} requests.")
        if report is not None:
            report("replay", f"{bar((number - 1) / len(found))} request {number} of {len(found)}")
        items.append(_again(service, item, tolerance, timeout_s))
    return Replay(service.name, service.revision, tolerance, items)


def differences(before: Any, after: Any, tolerance: float = 0.0, path: str = "$") -> Iterator[Difference]:
    """Yield every place where two JSON values differ; numbers within the relative ``tolerance`` are equal."""
    if _is_number(before) and _is_number(after):
        if not math.isclose(before, after, rel_tol=tolerance, abs_tol=0.0):
            change = float(after) - float(before)
            relative = abs(change / before) * 100 if before else math.inf
            yield Difference(path, before, after, change, relative)
    elif isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys([*before, *after]):
            if key not in before or key not in after:
                yield Difference(f"{path}.{key}", before.get(key, "(absent)"), after.get(key, "(absent)"))
            else:
                yield from differences(before[key], after[key], tolerance, f"{path}.{key}")
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            yield Difference(f"{path}.length", len(before), len(after))
        for index, (first, second) in enumerate(zip(before, after, strict=False)):
            yield from differences(first, second, tolerance, f"{path}[{index}]")
    elif before != after or isinstance(before, bool) is not isinstance(after, bool):
        yield Difference(path, before, after)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _requests(service: Service, requests: Any) -> list[Recorded]:
    if requests is None:
        return service.recorded()
    if hasattr(requests, "recorded"):
        return list(requests.recorded())
    if isinstance(requests, str | Path):
        if Path(requests).expanduser().is_file():
            return load(requests)
        return service.workspace.service(str(requests)).recorded()
    return list(requests)


def _again(service: Service, item: Recorded, tolerance: float, timeout_s: float) -> Replayed:
    # Text goes as JSON text: a recorded body that was a JSON string must stay one.
    import json

    try:
        answer = service.request(json.dumps(item.body), timeout_s=timeout_s, headers={_REPLAYED: "1"})
        value = answer.json() if answer.body else None
    except (MldeployError, ValueError) as error:
        return Replayed(item, None, None, 0.0, (), str(error))
    found = tuple(differences(item.answer, value, tolerance))
    return Replayed(item, answer.status, value, answer.seconds * 1000, found)


def _plain(difference: Difference) -> dict[str, Any]:
    found = asdict(difference)
    if found["relative"] is not None and math.isinf(found["relative"]):
        found["relative"] = None  # JSON has no infinity: a change from 0 has no relative size
    return found
