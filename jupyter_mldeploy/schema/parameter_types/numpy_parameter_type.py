"""A parameter that is a NumPy array."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import RequestError, SchemaDefinitionError, child_path, describe
from .abstract_parameter_type import AbstractParameterType
from .instants import parse_iso_duration
from .numpy_schema import dtype_schema, exact_item_schema, example_of, fixed_arrays, nested_arrays

if TYPE_CHECKING:
    import numpy as np

_ITEM_WORDS = {"f": "number", "i": "integer", "u": "integer", "b": "boolean", "M": "date-time", "m": "duration"}
_UNITS = {
    "year": "Y",
    "month": "M",
    "week": "W",
    "day": "D",
    "hour": "h",
    "minute": "m",
    "second": "s",
    "millisecond": "ms",
    "microsecond": "us",
    "nanosecond": "ns",
    "picosecond": "ps",
    "femtosecond": "fs",
    "attosecond": "as",
}
#: What certainly converts to a dtype of a kind: most items, so that a large array does not take long to be refused.
_PLAIN_FITS: dict[str, Callable[[Any], bool]] = {
    "f": lambda item: type(item) is float or (type(item) is int and item.bit_length() < 64),
    "i": lambda item: type(item) is int and item.bit_length() < 8,
    "u": lambda item: type(item) is int and 0 <= item < 256,
}
_REFUSALS = (ValueError, TypeError, ArithmeticError, RecursionError)


class NumpyParameterType(AbstractParameterType):
    """A NumPy array like the sample: same dtype, same sizes from the second dimension on, any number of rows.

    Args:
        sample_input: ndarray of at least one dimension.
        enforce_column_type: cast to the sample's dtype; otherwise NumPy chooses one.
        enforce_shape: refuse other numbers of dimensions and other sizes. An empty sample enforces nothing that it
            does not show: ``np.array([])`` accepts any shape, ``np.empty((0, 5))`` rows of five.

    Raises:
        SchemaDefinitionError: the sample is not an ndarray.
        TypeError: it has no dimension, or its dtype has no JSON form.
    """

    def __init__(self, sample_input: Any, enforce_column_type: bool = True, enforce_shape: bool = True) -> None:
        import numpy as np

        if not isinstance(sample_input, np.ndarray):
            raise SchemaDefinitionError("Invalid sample input provided, must provide a sample Numpy array.")
        if sample_input.ndim == 0:
            raise TypeError(
                "len() of unsized object: the sample Numpy array has no dimension; put it into a list, np.array([...])."
            )
        super().__init__(sample_input)
        self.enforce_column_type = enforce_column_type
        self.enforce_shape = enforce_shape
        self._swagger: dict[str, Any] | None = None

    def input_to_swagger(self) -> dict[str, Any]:
        """Return ``{type: array, items, example, format: numpy.ndarray}``, one level of items for each dimension."""
        if self._swagger is None:
            schema = nested_arrays(dtype_schema(self.sample_input.dtype), self.sample_input.ndim)
            schema["example"] = example_of(self.sample_input, schema)
            schema["format"] = "numpy.ndarray"
            self._swagger = schema
        return copy.deepcopy(self._swagger)

    def json_schema(self) -> dict[str, Any]:
        """Return the schema with the sizes and integer ranges that are enforced."""
        sizes = self.required_sizes()
        free: tuple[int | None, ...] = (None,) * self.sample_input.ndim
        schema = fixed_arrays(exact_item_schema(self.sample_input.dtype), free if sizes is None else (None, *sizes))
        schema["format"] = "numpy.ndarray"
        return schema

    def required_sizes(self) -> tuple[int | None, ...] | None:
        """Return the sizes enforced from the second dimension on (None: free), or None when no shape is enforced."""
        shape: tuple[int, ...] = self.sample_input.shape
        if not self.enforce_shape or shape == (0,):
            return None
        return tuple(size or None for size in shape[1:])

    def expectation(self) -> str:
        """Say in words what a request must hold, for example ``an array of shape (n, 10) of numbers``."""
        sizes = self.required_sizes()
        if sizes is None:
            return f"an array of {self._item_word()}s"
        dimensions = ", ".join(["n", *("?" if size is None else str(size) for size in sizes)])
        return f"an array of shape ({dimensions}{',' if not sizes else ''}) of {self._item_word()}s"

    def deserialize_input(self, input_data: Any) -> Any:
        """Convert nested lists to an ndarray; an ndarray is passed on. Raise ``ValueError`` when they do not fit."""
        return self._deserialize(input_data)

    _own_deserialize = deserialize_input

    def _item_word(self) -> str:
        dtype = self.sample_input.dtype
        return "object" if dtype.names else _ITEM_WORDS.get(dtype.kind, "string" if dtype.kind in "US" else "value")

    def _convert(self, value: Any, path: str) -> Any:
        import numpy as np

        if isinstance(value, np.ndarray):
            return value
        if not isinstance(value, list):
            reason = "Invalid input format: expected an array of items."
            raise RequestError.at(path, reason, expected=self.expectation(), got=describe(value))
        sizes = self.required_sizes()
        if not value and sizes:
            return np.empty((0, *(size or 0 for size in sizes)), self.sample_input.dtype)
        array = self._array(value, path)
        if sizes is not None:
            self._check_shape(array.shape, (len(sizes) + 1), sizes, path)
        return array

    def _array(self, value: list[Any], path: str) -> np.ndarray[Any, Any]:
        import numpy as np

        dtype = self.sample_input.dtype if self.enforce_column_type else None
        items: list[Any] = value
        if dtype is not None and dtype.kind in "US":
            dtype = np.dtype(dtype.kind)  # the sample's width would cut longer texts off without a word
        elif dtype is not None and (dtype.kind in "Mm" or dtype.names):
            items = _prepared(value, dtype, self.sample_input.ndim, path)
        try:
            return _cast(items, dtype)
        except _REFUSALS as error:
            raise self._refusal(value, dtype, path, error) from error

    def _check_shape(self, shape: tuple[int, ...], dimensions: int, sizes: tuple[int | None, ...], path: str) -> None:
        if len(shape) != dimensions:
            reason = (
                f"Invalid input array: an array with {dimensions} dimensions is expected; "
                f"input has {len(shape)} [shape {shape}]"
            )
            raise RequestError.at(path, reason, expected=self.expectation(), got=f"one of shape {shape}")
        for dimension, size in enumerate(sizes, start=1):
            if size is not None and shape[dimension] != size:
                reason = (
                    f"Invalid input array: array has size {shape[dimension]} on dimension #{dimension}, "
                    f"while expected value is {size}"
                )
                got = f"{shape[dimension]} item{'' if shape[dimension] == 1 else 's'}"
                raise RequestError.at(path + "[0]" * dimension, reason, expected=f"{size} items", got=got)

    def _refusal(self, value: list[Any], dtype: np.dtype[Any] | None, path: str, error: Exception) -> RequestError:
        if dtype is not None:
            quick = _PLAIN_FITS.get(dtype.kind)

            def fits(item: Any) -> bool:
                if quick is not None and quick(item):
                    return True
                try:
                    _cast([item], dtype)
                except _REFUSALS:
                    return False
                return True

            found = _first_misfit(value, path, fits, self.sample_input.ndim)
            if found is not None:
                where, item = found
                word = self._item_word()
                expected = f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
                return RequestError.at(where, str(error), expected=expected, got=describe(item))
        ragged = _first_ragged(value, path)
        if ragged is not None:
            where, expected, got = ragged
            return RequestError.at(where, "Invalid input array: rows differ in length", expected=expected, got=got)
        return RequestError.at(path, str(error), expected=self.expectation(), got=describe(value))


def _cast(items: list[Any], dtype: np.dtype[Any] | None) -> np.ndarray[Any, Any]:
    import numpy as np

    if dtype is not None and dtype.kind in "iu" and np.__version__.startswith("1."):
        return _integers_in_range(items, dtype)
    with np.errstate(over="ignore"):  # too large for float32 is infinity
        return np.array(items, dtype=dtype)


def _integers_in_range(items: list[Any], dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Do what NumPy 2 does by itself: refuse integers beyond the dtype, which NumPy 1 wraps around."""
    import numpy as np

    if dtype == np.uint64:
        wide = np.array(items, object).astype(float)  # enough to see a sign
        if wide.size and wide.min() < 0:
            raise OverflowError(f"Python integer {int(wide.min())} out of bounds for uint64")
        return np.array(items, dtype)
    exact = np.array(items, np.int64)
    limits = np.iinfo(dtype)
    for extreme in (exact.min(), exact.max()) if exact.size else ():
        if not limits.min <= extreme <= limits.max:
            raise OverflowError(f"Python integer {extreme} out of bounds for {dtype}")
    return exact.astype(dtype)


def _first_misfit(items: list[Any], path: str, fits: Callable[[Any], bool], depth: int) -> tuple[str, Any] | None:
    """Find the first item that is no list and does not convert by itself."""
    for index, item in enumerate(items):
        where = child_path(path, index)
        if isinstance(item, list):
            if depth > 0:
                found = _first_misfit(item, where, fits, depth - 1)
                if found is not None:
                    return found
        elif not fits(item):
            return where, item
    return None


def _first_ragged(items: list[Any], path: str) -> tuple[str, str, str] | None:
    """Find the first item whose form differs from that of its elder sibling: ``(path, expected, got)``."""
    if not items:
        return None
    first = items[0]
    for index, item in enumerate(items[1:], start=1):
        both = isinstance(first, list) and isinstance(item, list)
        if isinstance(first, list) is not isinstance(item, list) or (both and len(first) != len(item)):
            return child_path(path, index), f"{describe(first)} as at {child_path(path, 0)}", describe(item)
    for index, item in enumerate(items):
        found = _first_ragged(item, child_path(path, index)) if isinstance(item, list) else None
        if found is not None:
            return found
    return None


def _prepared(items: Any, dtype: np.dtype[Any], depth: int, path: str) -> Any:
    """Turn the JSON form of instants, durations and records into what NumPy takes; lists down to ``depth`` stay."""
    if depth > 0 and isinstance(items, list):
        return [_prepared(item, dtype, depth - 1, child_path(path, index)) for index, item in enumerate(items)]
    if dtype.names:
        return _record(items, dtype, path)
    if dtype.kind not in "Mm":
        return items
    word = _ITEM_WORDS[dtype.kind]
    try:
        return _instant(items) if dtype.kind == "M" else _duration(items)
    except _REFUSALS as error:
        raise RequestError.at(path, str(error), expected=f"a {word}", got=describe(items)) from error


def _record(item: Any, dtype: np.dtype[Any], path: str) -> tuple[Any, ...]:
    names = dtype.names or ()
    if isinstance(item, dict):
        missing = [name for name in names if name not in item]
        if missing:
            expected = f"an object with the keys {', '.join(map(repr, names))}"
            raise RequestError.at(path, f"Field {missing[0]!r} is missing", expected=expected, got=describe(item))
        return tuple(_prepared(item[name], dtype[name], 0, child_path(path, name)) for name in names)
    if not isinstance(item, list) or len(item) < len(names):
        expected = f"an object with the keys {', '.join(map(repr, names))}, or an array of {len(names)} items"
        raise RequestError.at(path, "Invalid record", expected=expected, got=describe(item))
    return tuple(
        _prepared(member, dtype[name], 0, child_path(path, index))
        for index, (name, member) in enumerate(zip(names, item, strict=False))
    )


def _instant(item: Any) -> np.datetime64:
    import numpy as np

    if item is None:
        return np.datetime64("NaT", "us")
    if not isinstance(item, str):
        raise TypeError("Could not convert object to NumPy datetime")
    # The generated examples write the fraction after a comma.
    text = item.strip().replace(",", ".")
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is not None and instant.tzinfo is not None:
        return np.datetime64(instant.astimezone(dt.UTC).replace(tzinfo=None))
    return np.datetime64(text)


def _duration(item: Any) -> Any:
    import numpy as np

    if item is None:
        return np.timedelta64("NaT", "us")
    if isinstance(item, int) and not isinstance(item, bool):
        return item  # counted in the unit of the sample's dtype
    if not isinstance(item, str):
        raise TypeError("Could not convert object to NumPy timedelta")
    nanoseconds = parse_iso_duration(item)
    if nanoseconds is not None:
        return np.timedelta64(nanoseconds, "ns")
    parts = item.split()
    if len(parts) != 2:
        raise ValueError(
            f"Invalid numpy.timestamp64 value specified: {item}. Format should be <value> <time_unit_code>"
        )
    unit = _UNITS.get(parts[1].lower().removesuffix("s"))
    if unit is None:
        raise ValueError(f"Invalid numpy.timestamp64 value specified: {item}. Unrecognized time unit code")
    return np.timedelta64(int(parts[0]), unit)  # type: ignore[call-overload]
