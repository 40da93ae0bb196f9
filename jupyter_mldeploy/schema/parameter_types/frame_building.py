"""Decoded JSON to DataFrames: the reference path, for every orient and every dtype."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

from .abstract_parameter_type import CONVERSION_ERRORS
from .instants import LONGEST_TEXT

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ORIENTS = ("split", "records", "index", "columns", "values", "table")

#: Numbers below this are not taken for instants (one year after 1970, in seconds), as pandas' own reader has it.
_EARLIEST_EPOCH = 31_536_000
_LATEST_EPOCH = 9_223_372_036  # the last second that nanoseconds in 64 bits can reach
_EPOCH_UNITS = ((1, "s"), (1000, "ms"), (10**6, "us"))

#: A frame may have this many empty cells for each that is given, above a size that does no harm.
_MOST_GAPS = 32
_FREE_CELLS = 1_000_000
_ZONE = re.compile(r"\d[T ].*(?:Z|[+-]\d\d(?::?\d\d)?)$")


def read_frame(value: list[Any] | dict[str, Any], orient: str, sample: pd.DataFrame) -> tuple[pd.DataFrame, bool]:
    """Build the frame that ``value`` spells in ``orient``, without dtypes enforced.

    Returns:
        the frame, and whether its columns are only positions because the orient carries no names.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: ``value`` is not of that form.
    """
    import pandas as pd

    if orient == "table":
        text = StringIO(json.dumps(value))
        return pd.read_json(text, orient="table", precise_float=True), False
    if orient == "split":
        return _from_split(value)
    if orient in ("records", "index", "columns"):
        _refuse_scattered(value.values() if isinstance(value, dict) else value, len(sample.columns))
    if orient == "index":
        rows = _mapping(value, orient)
        frame = pd.DataFrame.from_dict(rows, orient="index") if rows else _no_rows(sample)
        frame.index = _labels(frame.index, sample.index)
        return frame, False
    if orient == "columns":
        frame = pd.DataFrame(value)
        frame.index = _labels(frame.index, sample.index)
        return frame, False
    if isinstance(value, list) and not value:
        return _no_rows(sample), False
    _refuse_ragged(value)
    return pd.DataFrame(value), orient == "values"


def with_sample_columns(frame: pd.DataFrame, sample: pd.DataFrame) -> pd.DataFrame:
    """Give columns the sample's own labels (JSON has only text) and, when all are there, the sample's order."""
    by_text = {str(label): label for label in sample.columns}
    labels = [by_text.get(str(label), label) for label in frame.columns]
    if len(labels) == len(sample.columns) == len(by_text) and set(labels) == set(by_text.values()):
        positions = {label: position for position, label in enumerate(labels)}
        frame = frame.iloc[:, [positions[label] for label in sample.columns]]
        frame.columns = sample.columns
        return frame
    if labels != list(frame.columns):
        frame.columns = pd_index(labels)
    return frame


def pd_index(labels: Sequence[Any]) -> pd.Index[Any]:
    """Return labels as an Index, tuples kept as single labels."""
    import pandas as pd

    index: pd.Index[Any] = pd.Index(labels, tupleize_cols=False)
    return index


def cast_column(column: pd.Series[Any], dtype: Any) -> pd.Series[Any]:
    """Return ``column`` as ``dtype``.

    Raises:
        ValueError, TypeError, OverflowError: a value has no such form, or lies outside the integer type's range.
    """
    import numpy as np
    import pandas as pd

    name = str(dtype)
    if name.startswith(("timedelta", "datetime")):
        _refuse_long_texts(column)
    if name.startswith("timedelta"):
        return pd.to_timedelta(column).astype(dtype)
    if name.startswith("datetime"):
        return _instants(column, dtype)
    if getattr(dtype, "kind", "") in "iu" and column.dtype.kind in "iuf":
        _check_range(column.dropna().to_numpy(), dtype)
    with np.errstate(over="ignore"):  # too large for float32 is infinity
        return column.astype(dtype)


def first_misfit(column: pd.Series[Any], dtype: Any) -> int | None:
    """Return the position of the first value that `cast_column` refuses, or None when each passes by itself."""

    def fails(stop: int) -> bool:
        try:
            cast_column(column.iloc[:stop], dtype)
        except CONVERSION_ERRORS:
            return True
        return False

    if not fails(len(column)):
        return None
    # Halving instead of casting value by value: a long column must not take long to be refused.
    good, bad = 0, len(column)
    while bad - good > 1:
        middle = (good + bad) // 2
        if fails(middle):
            bad = middle
        else:
            good = middle
    return good


def _check_range(values: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> None:
    # astype would wrap around without a word.
    import numpy as np

    if not values.size:
        return
    limits = np.iinfo(dtype.name.lower())
    for extreme in (values.min(), values.max()):
        if not np.isfinite(extreme) or not limits.min <= int(extreme) <= limits.max:
            raise OverflowError(f"{extreme} is outside the range of {dtype.name}")


def _instants(column: pd.Series[Any], dtype: Any) -> pd.Series[Any]:
    import pandas as pd

    if column.dtype.kind in "iuf":
        column = pd.to_datetime(column, unit=_epoch_unit(column, dtype))  # type: ignore[call-overload]
        if getattr(dtype, "tz", None) is not None:
            column = column.dt.tz_localize("UTC")
    elif getattr(dtype, "tz", None) is None and any(isinstance(item, str) and _ZONE.search(item) for item in column):
        column = _in_utc(column)
    try:
        return column.astype(dtype)
    except TypeError as error:
        if "timezone-naive dtype to timezone-aware dtype" not in str(error):
            raise
        raise ValueError(
            "As of pandas 2.0, can no longer convert from timezone-naive dtype to timezone-aware dtype. Please make "
            "sure that the provided input data matches the expected timezone handling of the provided deployment "
            "sample."
        ) from error


def _in_utc(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return instants that name a zone, which columns without one cannot hold, as their UTC."""
    import pandas as pd

    naive: pd.Series[Any] = pd.to_datetime(column, utc=True, format="ISO8601").dt.tz_localize(None)
    return naive


def _refuse_long_texts(column: pd.Series[Any]) -> None:
    for item in column:
        if isinstance(item, str) and len(item) > LONGEST_TEXT:
            raise ValueError(f"Unknown datetime string format, unable to parse: {item}")


def _epoch_unit(column: pd.Series[Any], dtype: Any) -> str:
    """Guess the unit of instants given as numbers from their size, as pandas' own reader does for its date columns."""
    present = column.dropna()
    if not len(present) or present.min() <= _EARLIEST_EPOCH:
        return str(dtype).partition("[")[2].partition(",")[0].rstrip("]")
    largest = present.max()
    return next((unit for scale, unit in _EPOCH_UNITS if largest <= _LATEST_EPOCH * scale), "ns")


def _from_split(value: Any) -> tuple[pd.DataFrame, bool]:
    import pandas as pd

    parts = _mapping(value, "split")
    unknown = sorted(set(parts) - {"columns", "index", "data"})
    if unknown:
        raise ValueError(f"JSON data had unexpected key(s): {', '.join(unknown)}")
    _refuse_ragged(parts.get("data"))
    return pd.DataFrame(parts.get("data"), parts.get("index"), parts.get("columns")), "columns" not in parts


def _refuse_ragged(rows: Any) -> None:
    # pandas fills shorter rows with NaN, and warns that it will stop doing so.
    if not isinstance(rows, list) or not any(isinstance(row, list) for row in rows):
        return
    if len({len(row) if isinstance(row, list) else None for row in rows}) > 1:
        raise ValueError("Invalid input data frame: rows differ in length")


def _refuse_scattered(parts: Iterable[Any], width: int) -> None:
    """Refuse objects with so little in common that a small request would make an enormous frame."""
    objects = [part for part in parts if isinstance(part, dict)]
    labels: set[Any] = set().union(*objects)
    cells = sum(map(len, objects))
    if len(objects) * len(labels) > max(_MOST_GAPS * cells, len(objects) * width) + _FREE_CELLS:
        raise ValueError("Invalid input data frame: its objects have too few keys in common")


def _mapping(value: Any, orient: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"The orient {orient!r} needs a JSON object")
    return value


def _no_rows(sample: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns=sample.columns)


def _labels(index: pd.Index[Any], sample: pd.Index[Any]) -> pd.Index[Any]:
    """Give row labels, which JSON has as text only, their type back: the sample's instants, or numbers if all are."""
    import pandas as pd

    if len(index) == 0 or not all(isinstance(label, str) for label in index):
        return index
    if isinstance(sample, pd.DatetimeIndex):
        instants: pd.Index[Any] = pd.to_datetime(index)
        return instants
    for number in (int, float):
        try:
            return pd.Index([number(label) for label in index])
        except ValueError:
            continue
    return index
