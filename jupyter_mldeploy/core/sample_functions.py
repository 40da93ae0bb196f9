"""The functions, values and methods that samples may use: each known, harmless, and bounded in size.

numpy and pandas load when a sample first asks for them; this module is imported by the sample worker only.
"""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
from collections.abc import Callable, Iterable
from functools import lru_cache
from importlib import import_module
from typing import Any

MAX_ELEMENTS = 1_000_000

READABLE: dict[str, frozenset[str]] = {
    "ndarray": frozenset({"shape", "T", "dtype", "ndim", "size"}),
    "DataFrame": frozenset({"columns", "values", "dtypes", "T", "shape", "index"}),
    "Series": frozenset({"values", "dtype", "shape", "index", "name"}),
    "Index": frozenset({"values"}),
}
METHODS: dict[str, frozenset[str]] = {
    "ndarray": frozenset(
        {
            "astype", "reshape", "tolist", "flatten", "ravel", "copy", "transpose", "round", "squeeze", "item", "mean",
            "sum",
        }
    ),
    "DataFrame": frozenset(
        {
            "astype", "copy", "head", "tail", "to_dict", "rename", "reset_index", "set_index", "fillna", "to_numpy",
            "drop", "transpose", "round",
        }
    ),
    "Series": frozenset({"astype", "copy", "tolist", "to_list", "to_frame", "to_numpy", "round", "fillna"}),
    "Index": frozenset({"tolist", "to_list"}),
    "str": frozenset({"encode", "upper", "lower", "strip", "split", "join", "title", "lstrip", "rstrip", "splitlines"}),
    "bytes": frozenset({"decode"}),
    "dict": frozenset({"copy", "keys", "values", "items", "get"}),
    "list": frozenset({"copy", "index", "count"}),
    "datetime": frozenset({"date", "time", "isoformat", "strftime", "replace"}),
    "date": frozenset({"isoformat", "strftime"}),
}  # fmt: skip
MUTATORS: dict[str, frozenset[str]] = {
    "list": frozenset({"append", "extend", "insert"}),
    "dict": frozenset({"update", "setdefault"}),
}
_SCALARS = (
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64", "bool_",
    "str_", "object_", "datetime64", "timedelta64", "double", "single", "intc",
)  # fmt: skip
_CONSTANTS = ("nan", "inf", "pi", "e", "newaxis")
_TYPES = ("NumpyParameterType", "PandasParameterType", "StandardPythonParameterType", "SparkParameterType")
_OURS = ("inference_schema.", "jupyter_mldeploy.")
_BUILTINS: dict[str, Callable[..., Any]] = {
    "int": int, "float": float, "str": str, "bool": bool, "list": list, "dict": dict, "tuple": tuple, "set": set,
    "len": len, "abs": abs, "round": round, "min": min, "max": max, "sum": sum, "zip": zip, "enumerate": enumerate,
    "sorted": sorted, "bytes": bytes, "bytearray": bytearray, "reversed": reversed, "object": object,
    "complex": complex, "frozenset": frozenset,
}  # fmt: skip


class TooLargeError(Exception):
    """A sample would be larger than any sample needs to be."""


def _checked(count: float) -> None:
    if count > MAX_ELEMENTS:
        raise TooLargeError(f"{count:,.0f} values are too many for a sample")


def _shaped(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a numpy maker whose first argument is a shape."""

    def make(shape: Any, *args: Any, **kwargs: Any) -> Any:
        _checked(math.prod(shape) if isinstance(shape, Iterable) else shape)
        return function(shape, *args, **kwargs)

    return make


def _random(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a random maker of numpy, whose sizes are any of its arguments."""

    def make(*args: Any, **kwargs: Any) -> Any:
        sizes = [item for item in [*args, *kwargs.values()] if isinstance(item, int | tuple | list)]
        _checked(math.prod(math.prod(item) if isinstance(item, tuple | list) else max(item, 1) for item in sizes[:4]))
        return function(*args, **kwargs)

    return make


def _range(*args: int) -> range:
    made = range(*args)
    _checked(len(made))
    return made


def _arange(*args: Any, **kwargs: Any) -> Any:
    numbers = [float(item) for item in args if isinstance(item, int | float)]
    if numbers:
        step = numbers[2] if len(numbers) > 2 and numbers[2] else 1.0
        start, stop = (0.0, numbers[0]) if len(numbers) == 1 else numbers[:2]
        _checked((stop - start) / step)
    return import_module("numpy").arange(*args, **kwargs)


def _linspace(start: Any, stop: Any, num: int = 50, **kwargs: Any) -> Any:
    _checked(num)
    return import_module("numpy").linspace(start, stop, num, **kwargs)


def _eye(size: int, *args: Any, **kwargs: Any) -> Any:
    _checked(size * size)
    return import_module("numpy").eye(size, *args, **kwargs)


def _date_range(*args: Any, periods: int | None = None, **kwargs: Any) -> Any:
    if periods is None:
        raise TooLargeError("a date range without periods is not worked out")
    _checked(periods)
    return import_module("pandas").date_range(*args, periods=periods, **kwargs)


def _loads(text: str | bytes) -> Any:
    return json.loads(text)


@lru_cache(maxsize=1)
def _numpy() -> dict[str, Any]:
    np = import_module("numpy")
    names = (
        "array",
        "asarray",
        "concatenate",
        "vstack",
        "hstack",
        "stack",
        "column_stack",
        "expand_dims",
        "squeeze",
        "dtype",
    )
    made: dict[str, Any] = {name: getattr(np, name) for name in (*names, *_SCALARS)}
    made.update({name: _shaped(getattr(np, name)) for name in ("zeros", "ones", "empty", "full")})
    made.update(zeros_like=np.zeros_like, ones_like=np.ones_like, arange=_arange, linspace=_linspace, eye=_eye)
    for name in ("rand", "randn", "random", "randint", "uniform", "normal", "random_sample", "choice"):
        made[f"random.{name}"] = _random(getattr(np.random, name))
    return made


@lru_cache(maxsize=1)
def _pandas() -> dict[str, Any]:
    pd = import_module("pandas")
    names = ("DataFrame", "Series", "Timestamp", "Timedelta", "to_datetime", "Index", "Categorical")
    made: dict[str, Any] = {name: getattr(pd, name) for name in names}
    made["date_range"] = _date_range
    made["DataFrame.from_dict"] = pd.DataFrame.from_dict
    made["DataFrame.from_records"] = pd.DataFrame.from_records
    return made


_DATES: dict[str, Any] = {
    "datetime": dt.datetime, "date": dt.date, "time": dt.time, "timedelta": dt.timedelta, "timezone": dt.timezone,
    "datetime.now": dt.datetime.now, "datetime.today": dt.datetime.today, "datetime.strptime": dt.datetime.strptime,
    "datetime.fromisoformat": dt.datetime.fromisoformat, "date.today": dt.date.today,
    "date.fromisoformat": dt.date.fromisoformat,
    "datetime.utcnow": lambda: dt.datetime.now(dt.UTC).replace(tzinfo=None),
}  # fmt: skip


def function_named(qualified: str) -> Callable[..., Any] | None:
    """Return the function or class that a dotted name means, or None when it is not on the list."""
    root, _, rest = qualified.partition(".")
    if root == "builtins":
        return _range if rest == "range" else _BUILTINS.get(rest)
    if root == "numpy":
        return _numpy().get(rest)
    if root == "pandas":
        return _pandas().get(rest)
    if root == "datetime":
        return _DATES.get(rest)
    if qualified.startswith(_OURS) and qualified.rpartition(".")[2] in _TYPES:
        made: Callable[..., Any] = getattr(import_module("jupyter_mldeploy.schema"), qualified.rpartition(".")[2])
        return made
    others: dict[str, Callable[..., Any]] = {"json.loads": _loads, "decimal.Decimal": decimal.Decimal}
    return others.get(qualified)


def value_named(qualified: str) -> tuple[Any] | None:
    """Return the value that a dotted name means in a one-tuple, or None when it is not on the list."""
    root, _, rest = qualified.partition(".")
    if root == "numpy" and rest in _CONSTANTS:
        return (getattr(import_module("numpy"), rest),)
    if root == "numpy" and rest in _SCALARS:
        return (_numpy()[rest],)
    if root == "pandas" and rest in {"NA", "NaT"}:
        return (getattr(import_module("pandas"), rest),)
    if root == "datetime" and rest in {"timezone.utc", "UTC"}:
        return (dt.UTC,)
    if root == "builtins" and rest in {"int", "float", "str", "bool", "object", "bytes", "dict", "list", "complex"}:
        return (_BUILTINS[rest],)
    if qualified.startswith(_OURS) and rest.rpartition(".")[2] in _TYPES:
        return (function_named(qualified),)
    return None
