"""Numeric JSON arrays to ndarrays through simdjson's buffers: no Python number in between."""

from __future__ import annotations

from collections.abc import Callable
from operator import countOf
from typing import TYPE_CHECKING, Any

from .parameter_types.numpy_parameter_type import NumpyParameterType

if TYPE_CHECKING:
    import numpy as np

#: Takes a simdjson array; returns the ndarray and the number of ``[`` that the array's text must have, or None when
#: the reference path must decide.
ArrayReader = Callable[[Any], "tuple[np.ndarray[Any, Any], int] | None"]

_BUFFER_CODES = {"f": ("d", "float64"), "i": ("i", "int64"), "u": ("u", "uint64")}
_LARGE = 4096


def array_reader(parameter_type: NumpyParameterType) -> ArrayReader | None:
    """Return the reader for a numeric sample of enforced dtype and shape, or None when there is no short way.

    simdjson flattens nested arrays. That every row has the sample's length is checked row by row here; that nothing is
    nested deeper shows in the number of opening brackets, which the caller compares with the text.
    """
    sample = parameter_type.sample_input
    sizes = parameter_type.required_sizes()
    if sizes is None or None in sizes or not parameter_type.enforce_column_type:
        return None
    if sample.dtype.kind not in _BUFFER_CODES or not sample.dtype.isnative:
        return None
    exact = tuple(size for size in sizes if size is not None)
    return _reader(sample.dtype, exact)


def _reader(dtype: np.dtype[Any], sizes: tuple[int, ...]) -> ArrayReader | None:
    import numpy as np

    code, wide_name = _BUFFER_CODES[dtype.kind]
    wide = np.dtype(wide_name)
    if dtype.itemsize > wide.itemsize:
        return None
    narrow = dtype if dtype != wide else None
    whole_row = int(np.prod(sizes, dtype=np.int64)) if sizes else 1
    # Of a row of shape (a, b): one bracket for itself and one for each of its a members; the last axis has none.
    row_brackets = sum(int(np.prod(sizes[:depth], dtype=np.int64)) for depth in range(len(sizes)))

    def read(array: Any) -> tuple[np.ndarray[Any, Any], int] | None:
        rows = len(array)
        if not rows:
            return None
        try:
            buffer = array.as_buffer(of_type=code)
            if sizes and not _all_of_shape(array, rows, sizes):
                return None
        except (TypeError, ValueError):
            return None
        values = np.frombuffer(buffer, wide)
        if values.size != rows * whole_row:
            return None
        if narrow is not None:
            converted = _narrowed(values, narrow)
            if converted is None:
                return None
            values = converted
        return values.reshape(rows, *sizes), 1 + rows * row_brackets

    return read


def _all_of_shape(array: Any, rows: int, sizes: tuple[int, ...]) -> bool:
    size, deeper = sizes[0], sizes[1:]
    # Counted by the interpreter's own loop: a request has thousands of rows. A number has no length: TypeError, which
    # the caller takes for "no"; a text has one, but as_buffer() has refused those.
    if countOf(map(len, array), size) != rows:
        return False
    return not deeper or all(_all_of_shape(row, size, deeper) for row in array)


def _narrowed(values: np.ndarray[Any, Any], dtype: np.dtype[Any]) -> np.ndarray[Any, Any] | None:
    import numpy as np

    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            return values.astype(dtype)
    limits = np.iinfo(dtype)
    if int(values.min()) < limits.min or int(values.max()) > limits.max:
        return None
    return values.astype(dtype)


def count_brackets(body: bytes) -> int:
    """Return how often ``[`` occurs in ``body``."""
    if len(body) < _LARGE:
        return body.count(b"[")
    # bytes.count() restarts at every hit; one comparison of all bytes is several times faster on large bodies.
    import numpy as np

    return int(np.count_nonzero(np.frombuffer(body, np.uint8) == 0x5B))
