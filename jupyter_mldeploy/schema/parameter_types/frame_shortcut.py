"""Records to DataFrames by columns, for plain columns of one JSON type: the result of the reference path, sooner."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

#: Turns the values of one column into an array of its dtype, or returns None when the reference path must decide.
_ColumnReader = Callable[[list[Any]], Any]

_NUMBERS = ({int}, {float}, {int, float})


class FrameShortcut:
    """Builds frames like ``sample`` from rows that have exactly its columns, each of one plain JSON type.

    Calling it returns None whenever anything else comes by; the reference path then converts or refuses.
    """

    def __init__(self, sample: pd.DataFrame, names: list[str], readers: list[_ColumnReader]) -> None:
        self._columns = sample.columns
        self._names = names
        self._readers = readers
        dtypes = {str(dtype) for dtype in sample.dtypes}
        # One block of one dtype makes a frame several times faster than a dictionary of columns.
        self._one_dtype = sample.dtypes.iloc[0] if len(dtypes) == 1 and sample.dtypes.iloc[0].kind in "fiu" else None

    @classmethod
    def for_sample(cls, sample: pd.DataFrame) -> FrameShortcut | None:
        """Return the shortcut for a sample, or None when a column's dtype or the labels need the reference path."""
        names = [str(label) for label in sample.columns]
        if not names or len(set(names)) != len(names) or sample.columns.nlevels != 1:
            return None
        readers = [_reader(dtype) for dtype in sample.dtypes]
        usable = [reader for reader in readers if reader is not None]
        return cls(sample, names, usable) if len(usable) == len(readers) else None

    def __call__(self, rows: Any) -> pd.DataFrame | None:
        """Return the frame of a non-empty list of row objects, or None."""
        import numpy as np
        import pandas as pd

        if type(rows) is not list or not rows:
            return None
        width = len(self._names)
        try:
            if any(len(row) != width for row in rows):
                return None
            columns = [[row[name] for row in rows] for name in self._names]
        except (KeyError, TypeError):
            return None
        arrays = []
        for reader, values in zip(self._readers, columns, strict=True):
            array = reader(values)
            if array is None:
                return None
            arrays.append(array)
        if self._one_dtype is not None:
            return pd.DataFrame(np.array(arrays).T, columns=self._columns, copy=False)
        frame = pd.DataFrame(dict(enumerate(arrays)), copy=False)
        frame.columns = self._columns
        return frame


def _reader(dtype: Any) -> _ColumnReader | None:
    kind = getattr(dtype, "kind", "")
    if type(dtype).__module__.startswith("numpy"):
        if kind == "f":
            return lambda values: _floats(values, dtype)
        if kind in "iu":
            return _integer_reader(dtype)
        if kind == "b":
            return lambda values: _plain(values, bool, dtype)
        if kind == "O":
            return lambda values: _plain(values, str, dtype)
    if str(dtype) in ("str", "string"):
        return lambda values: _texts(values, dtype)
    return None


def _floats(values: list[Any], dtype: np.dtype[Any]) -> np.ndarray[Any, Any] | None:
    import numpy as np

    kinds = set(map(type, values))
    if kinds not in _NUMBERS:
        return None
    if dtype.itemsize == 8:
        try:
            return np.array(values, dtype)
        except OverflowError:
            return None
    try:
        exact = np.array(values, np.int64 if kinds == {int} else np.float64)
    except OverflowError:
        return None
    with np.errstate(over="ignore"):
        return exact.astype(dtype)


def _integer_reader(dtype: np.dtype[Any]) -> _ColumnReader:
    import numpy as np

    limits = np.iinfo(dtype)
    low, high = int(limits.min), int(limits.max)
    widest = dtype == np.int64

    def read(values: list[Any]) -> np.ndarray[Any, Any] | None:
        if set(map(type, values)) != {int}:
            return None
        try:
            exact = np.array(values, np.int64)
        except OverflowError:
            return None
        if widest:
            return exact
        return exact.astype(dtype) if low <= min(values) and max(values) <= high else None

    return read


def _plain(values: list[Any], kind: type[Any], dtype: np.dtype[Any]) -> np.ndarray[Any, Any] | None:
    import numpy as np

    return np.array(values, dtype) if set(map(type, values)) == {kind} else None


def _texts(values: list[Any], dtype: Any) -> Any:
    import pandas as pd

    if set(map(type, values)) != {str}:
        return None
    try:
        return pd.array(values, dtype=dtype)
    except UnicodeEncodeError:  # half of a surrogate pair: Arrow holds UTF-8
        return None
