"""Rows that scripts collect: where they come from, and what they look like in a file.

Taking data (:func:`snapshot`) copies it and does nothing else, as it happens inside ``run()``; turning it into rows
happens in the writer's thread.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

CORRELATION_ID = "$aml_dc_correlation_id"
REQUEST_ID = "$aml_request_id"

#: v1's columns after the features, in its order.
SYSTEM_COLUMNS = (
    CORRELATION_ID,
    "$aml_dc_scoring_timestamp",
    "$aml_dc_boundary",
    "$aml_workspace",
    "$aml_service_name",
    "$aml_model_name",
    "$aml_model_version",
    REQUEST_ID,
)

_ROUGH_CELL = 32


class Correlated(list[Any]):
    """Rows with the correlations of the inputs they belong to; what ``add_correlations`` makes of lists and arrays."""

    correlations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where rows belong: the folders below the storage's root, and a file's name without its ending."""

    folders: tuple[str, ...]
    stem: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What one call of ``collect`` took.

    Attributes:
        place: where it belongs.
        data: a copy that nobody else changes.
        rows: how many rows it has, roughly.
        feature_names: names of the first columns.
        correlation_id: of the batch; its rows get ``<id>-0``, ``<id>-1``, … when ``numbered``.
        values: of the system's columns that are the same in each row, by name.
    """

    place: Place
    data: Any
    rows: int
    feature_names: tuple[str, ...]
    correlation_id: str
    numbered: bool
    values: Mapping[str, str]

    def table(self) -> tuple[tuple[str, ...], list[list[Any]]]:
        """Return the columns' names, and the rows."""
        names, rows, given = _rows(self.data, self.feature_names)
        several = self.numbered and len(rows) > 1
        own = [self.values[name] for name in SYSTEM_COLUMNS[1:]]
        for index, row in enumerate(rows):
            identity = f"{self.correlation_id}-{index}" if several else self.correlation_id
            row.extend([given[index] if given else identity, *own])
        return (*names, *SYSTEM_COLUMNS), rows


def snapshot(data: Any) -> Any:
    """Return a copy of what a script hands over, so that it may go on changing its own."""
    copy = getattr(data, "copy", None)
    if isinstance(data, list | tuple):
        rows: list[Any] = [item.copy() if isinstance(item, list | dict) else item for item in data]
        if isinstance(data, Correlated):
            rows = Correlated(rows)
            rows.correlations = data.correlations
        return rows
    if callable(copy) and (hasattr(data, "__array__") or isinstance(data, dict)):
        return copy()
    return data  # a scalar, a Spark DataFrame: they do not change


def count(data: Any) -> int:
    """Return how many rows data has, without reading it."""
    if isinstance(data, str | bytes | Mapping):
        return 1
    try:
        return max(1, len(data))
    except TypeError:
        return 1


def size(data: Any) -> int:
    """Return about how many bytes data takes, quickly."""
    nbytes = getattr(data, "nbytes", None)
    if isinstance(nbytes, int):
        return nbytes
    if isinstance(data, str | bytes):
        return len(data)
    shape = getattr(data, "shape", None)
    if isinstance(shape, tuple):
        cells = 1
        for length in shape:
            cells *= int(length)
        return cells * _ROUGH_CELL
    width = count(data[0]) if isinstance(data, list | tuple) and data else 1
    return count(data) * width * _ROUGH_CELL


def text(value: Any) -> Any:
    """Return a value as CSV has it."""
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, default=str)
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "ndim", None) == 0 else str(value)


def utc_now() -> datetime:
    """Return the time, as the system's columns tell it."""
    return datetime.now(UTC)


def _rows(data: Any, names: Sequence[str]) -> tuple[tuple[str, ...], list[list[Any]], list[str] | None]:
    """Return names, rows, and the correlation ids that the rows bring along themselves."""
    to_pandas = getattr(data, "toPandas", None)
    if callable(to_pandas):
        data = to_pandas()
    given: list[str] | None = None
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(data, pandas.Series):
        data = data.to_frame()
    if pandas is not None and isinstance(data, pandas.DataFrame):
        if CORRELATION_ID in data.columns:
            given = [str(item) for item in data[CORRELATION_ID]]
            data = data.drop(columns=[column for column in SYSTEM_COLUMNS if column in data.columns])
        own = [str(column) for column in data.columns]
        return _named(names or own, len(own)), data.astype(object).where(data.notna(), None).to_numpy().tolist(), given
    if isinstance(data, Mapping):
        own = list(map(str, data))
        return _named(names or own, len(own)), [list(data.values())], None
    tolist = getattr(data, "tolist", None)
    if callable(tolist):
        data = tolist()
    if not isinstance(data, list | tuple):
        data = [data]
    if data and all(isinstance(item, Mapping) for item in data):
        own = list(dict.fromkeys(str(key) for item in data for key in item))
        return _named(names or own, len(own)), [[item.get(key) for key in own] for item in data], None
    if 1 < len(names) == len(data) and not any(isinstance(item, list | tuple) for item in data):
        return tuple(names), [list(data)], None  # one row, written without its outer brackets
    rows = [list(_cells(item)) for item in data]
    width = max(map(len, rows), default=0)
    for row in rows:
        row.extend([None] * (width - len(row)))
    return _named(names, width), rows, None


def _cells(item: Any) -> Iterable[Any]:
    tolist = getattr(item, "tolist", None)
    if callable(tolist):
        item = tolist()
    return item if isinstance(item, list | tuple) else (item,)


def _named(names: Sequence[str], width: int) -> tuple[str, ...]:
    def more() -> Iterator[str]:
        yield from names[:width]
        for index in range(len(names), width):
            yield f"column_{index}"

    return tuple(more())
