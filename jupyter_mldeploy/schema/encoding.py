"""Results of ``run()`` to JSON bytes: orjson where it can, the same JSON by hand where it cannot."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from .errors import ResponseError, child_path

_EPOCH = b"1970-01-01T00:00:00"

_ADVICE = {
    "bytes": "decode them, or encode them with base64",
    "bytearray": "decode them, or encode them with base64",
    "memoryview": "decode them, or encode them with base64",
    "set": "return a list",
    "frozenset": "return a list",
    "generator": "return a list",
    "coroutine": "await it",
    "complex": "return its real and imaginary parts",
}


def encode(value: Any, *, orient: str = "records") -> bytes:
    """Return ``value`` as UTF-8 JSON without spaces.

    Beyond what ``json`` takes: NumPy scalars and arrays, pandas frames, series, indexes and instants, datetimes
    (ISO 8601), enums, dataclasses, UUIDs and whatever has ``tolist()``. NaN, infinity, NaT and NA become null.

    Args:
        value: the result.
        orient: how frames are spelled, as in ``DataFrame.to_dict``, plus ``values`` and ``table``.

    Raises:
        ResponseError: something in it has no JSON form; the message names its type and its path.
    """
    orjson = _orjson()
    if orjson is None:
        return _encode_by_hand(value, orient)
    dumps, options = orjson
    try:
        encoded = dumps(value, _default(orient), options)
    except TypeError:
        # Keys that are no text, integers beyond 64 bits, lone surrogates, or something that has no JSON form at all.
        return _encode_by_hand(value, orient)
    if b'"' in encoded and _EPOCH in encoded and "numpy" in sys.modules:  # numbers alone are passed by quickly
        return _encode_by_hand(value, orient)  # orjson writes NaT in datetime64 arrays as the epoch
    return encoded


@cache
def _orjson() -> tuple[Callable[..., bytes], int] | None:
    """Return orjson's ``dumps`` and its options, or None when it is not installed."""
    try:
        import orjson
    except ImportError:
        return None
    options = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
    return orjson.dumps, options


@cache
def _default(orient: str) -> Callable[[Any], Any]:
    return lambda item: _simplified(item, orient)


def _encode_by_hand(value: Any, orient: str) -> bytes:
    try:
        plain = _plain(value, "$", orient, set())
    except RecursionError:
        raise ResponseError(
            "The result holds too many arrays or objects inside each other to be written as JSON.",
            json_path="$",
            type_name=type(value).__name__,
        ) from None
    return json.dumps(plain, allow_nan=False, separators=(",", ":")).encode("ascii")


def _plain(value: Any, path: str, orient: str, parents: set[int]) -> Any:
    """Return ``value`` made of what ``json`` writes, and nothing else."""
    if value is None or isinstance(value, (bool, str)):
        return value if value is None or isinstance(value, bool) else str(value)
    if isinstance(value, enum.Enum):
        return _plain(value.value, path, orient, parents)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        number = float(value)
        return number if math.isfinite(number) else None
    if id(value) in parents:
        raise ResponseError(
            f"Circular reference detected: the result contains itself at {path}.",
            json_path=path,
            type_name=type(value).__name__,
        )
    parents.add(id(value))
    try:
        if isinstance(value, dict):
            return {
                _key(key, path): _plain(item, child_path(path, str(key)), orient, parents)
                for key, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            return _plain_items(value, path, orient, parents)
        try:
            simplified = _simplified(value, orient)
        except TypeError:
            raise _no_json_form(value, path) from None
        return _plain(simplified, path, orient, parents)
    finally:
        parents.discard(id(value))


def _plain_items(items: Iterable[Any], path: str, orient: str, parents: set[int]) -> list[Any]:
    return [_plain(item, child_path(path, index), orient, parents) for index, item in enumerate(items)]


def _key(key: Any, path: str) -> str:
    if isinstance(key, str):
        return str(key)
    if key is None or isinstance(key, (bool, int, float)):
        return json.dumps(key.value if isinstance(key, enum.Enum) else key)
    if isinstance(key, (dt.date, dt.time)):
        return key.isoformat()
    if type(key).__module__ == "numpy" and hasattr(key, "item"):
        return _key(key.item(), path)
    name = type(key).__name__
    raise ResponseError(
        f"keys must be str, int, float, bool or None, not {name}: the object at {path} has the key {key!r}.",
        json_path=path,
        type_name=name,
    )


def _simplified(value: Any, orient: str) -> Any:
    """Return a simpler object that stands for ``value`` in JSON, one step down; raise ``TypeError`` when none does."""
    module = type(value).__module__.partition(".")[0]
    if module == "numpy":
        return _simplified_numpy(value)
    if module == "pandas":
        return _simplified_pandas(value, orient)
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return _duration_text(value)
    if isinstance(value, enum.Enum):
        return value.value
    if module == "uuid":
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, Mapping):
        return dict(value)
    to_list: Callable[[], Any] | None = getattr(value, "tolist", None)
    if callable(to_list) and not isinstance(value, (bytes, bytearray, memoryview, type)):
        return to_list()
    raise TypeError(type(value).__name__)


def _simplified_numpy(value: Any) -> Any:
    import numpy as np

    if isinstance(value, np.ndarray):
        return _simplified_array(value)
    if isinstance(value, (np.datetime64, np.timedelta64)):
        if np.isnat(value):
            return None
        instant = value.astype("datetime64[us]" if isinstance(value, np.datetime64) else "timedelta64[us]").item()
        return instant if isinstance(instant, (dt.datetime, dt.timedelta)) else str(value)
    if isinstance(value, np.void) and value.dtype.names:
        return {name: value[name] for name in value.dtype.names}
    if isinstance(value, np.floating):
        # As orjson writes them: the fewest digits that name the number among float32, half precision included.
        return float(str(np.float32(value))) if value.dtype.itemsize < 8 else float(value)
    if isinstance(value, np.generic) and not isinstance(value, (np.complexfloating, np.bytes_)):
        return value.item()
    raise TypeError(type(value).__name__)


def _simplified_array(array: Any) -> Any:
    import numpy as np

    kind = array.dtype.kind
    if array.ndim == 0:
        return array[()]
    if kind in "fiub" and array.dtype.itemsize <= 8 and not (array.flags.c_contiguous and array.dtype.isnative):
        return np.ascontiguousarray(array, array.dtype.newbyteorder("="))
    if kind in "iubOU":
        return array.tolist()
    if kind == "f" and array.dtype.itemsize == 8:
        return array.tolist()
    return list(array)  # items keep their type: instants, records, precision


def _simplified_pandas(value: Any, orient: str) -> Any:
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return _simplified_frame(value, orient)
    if isinstance(value, (pd.Series, pd.Index, pd.api.extensions.ExtensionArray)):
        return value.tolist()
    if value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, (pd.Timestamp, pd.Timedelta, pd.Period, pd.Interval)):
        return value.isoformat() if isinstance(value, (pd.Timestamp, pd.Timedelta)) else str(value)
    raise TypeError(type(value).__name__)


def _simplified_frame(frame: Any, orient: str) -> Any:
    if orient == "values":
        return frame.to_numpy().tolist()
    if orient == "columns":
        return frame.to_dict("dict")
    if orient == "table":
        from pandas.io.json import build_table_schema

        return {"schema": build_table_schema(frame), "data": frame.reset_index().to_dict("records")}
    return frame.to_dict(orient)


def _duration_text(duration: dt.timedelta) -> str:
    """Return ISO 8601 as pandas writes it: ``P1DT2H3M4S``; days alone carry the sign."""
    hours, rest = divmod(duration.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    fraction = f".{duration.microseconds:06d}".rstrip("0") if duration.microseconds else ""
    return f"P{duration.days}DT{hours}H{minutes}M{seconds}{fraction}S"


def _no_json_form(value: Any, path: str) -> ResponseError:
    name = type(value).__name__
    advice = _ADVICE.get(name)
    hint = f"; {advice}" if advice else ""
    return ResponseError(
        f"Object of type {name} is not JSON serializable: it stands at {path} in the result of run(){hint}.",
        json_path=path,
        type_name=name,
    )
