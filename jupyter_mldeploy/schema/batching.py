"""Joining the requests of a micro-batch into one call of a row-wise ``run()``, and taking its result apart again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from .contract import Parameter, RunContract
from .errors import BatchError
from .parameter_types.numpy_parameter_type import NumpyParameterType
from .parameter_types.pandas_parameter_type import PandasParameterType


@dataclass(frozen=True, slots=True)
class BatchInfo:
    """Whether requests to a contract can be joined by rows.

    Attributes:
        possible: whether `stack` can join them. That ``run()`` treats rows one by one is not known from its contract.
        reason: why not, in one sentence; empty when possible.
        parameters: the parameters to be joined.
    """

    possible: bool
    reason: str
    parameters: tuple[str, ...]


def batchable(contract: RunContract) -> BatchInfo:
    """Tell whether all parameters of a contract are arrays or frames whose first dimension is free."""
    names = tuple(parameter.name for parameter in contract.parameters)
    reason = _objection(contract)
    return BatchInfo(not reason, reason, names)


def stack(decoded: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], list[int]]:
    """Join the decoded arguments of several requests by rows.

    Args:
        decoded: one mapping for each request, all with the same keys, of ndarrays or DataFrames.

    Returns:
        the joined arguments and the number of rows of each request, in order.

    Raises:
        BatchError: the requests have different arguments, or the arguments of one differ in rows.
    """
    if not decoded:
        raise BatchError("There is no request to join.")
    first = decoded[0]
    if len(first) == 1 and len(decoded) > 1:
        joined = _single_arrays(decoded)
        if joined is not None:
            return joined
    sizes = [_rows(arguments) for arguments in decoded]
    if len(decoded) == 1:
        return dict(first), sizes
    if any(arguments.keys() != first.keys() for arguments in decoded):
        raise BatchError("The requests have different arguments.")
    return {name: _joined([arguments[name] for arguments in decoded]) for name in first}, sizes


def split(result: Any, sizes: Sequence[int]) -> list[Any]:
    """Give each request its rows of a result.

    Args:
        result: list, tuple, ndarray, Series or DataFrame with one item for each row, or a dictionary of such.
        sizes: rows of each request, as `stack` returned them.

    Returns:
        one result for each request. The result of a single request is returned as it is.

    Raises:
        BatchError: the result has not one item for each row, so ``run()`` is not row-wise.
    """
    if len(sizes) == 1:
        return [result]
    total = sum(sizes)
    if isinstance(result, Mapping):
        if not result:
            raise BatchError(f"The result is an empty dictionary, but {total} rows were passed.")
        parts = {key: split(item, sizes) for key, item in result.items()}
        return [{key: items[index] for key, items in parts.items()} for index in range(len(sizes))]
    length = _length(result)
    if length is None:
        raise BatchError(f"The result is a {type(result).__name__}, which has no rows; {total} rows were passed.")
    if length != total:
        raise BatchError(f"The result has {length} rows, but {total} were passed.")
    bounds = pairwise(accumulate(sizes, initial=0))
    if _is_pandas(result):
        # Each request sees the labels that it would have seen alone.
        return [result.iloc[start:stop].reset_index(drop=True) for start, stop in bounds]
    return [result[start:stop] for start, stop in bounds]


def _objection(contract: RunContract) -> str:
    if contract.mode != "json" or contract.opaque is not None:
        return "run() has no input schema that says what a row is."
    if contract.takes_request_headers:
        return "run() takes request_headers, which differ from request to request."
    for parameter in contract.parameters:
        objection = _parameter_objection(parameter)
        if objection:
            return f"Parameter {parameter.name!r} {objection}."
    return ""


def _parameter_objection(parameter: Parameter) -> str:
    kind = parameter.type
    if kind is None or not parameter.convert:
        return "is not converted by a schema decorator, so its rows are not known"
    if parameter.optional or not parameter.required:
        return "may be left out, so requests may differ in their arguments"
    if type(kind) is NumpyParameterType:
        enforced = kind.enforce_column_type and kind.required_sizes() is not None
        return "" if enforced else "accepts arrays of any dtype or shape, which cannot be joined"
    if type(kind) is PandasParameterType:
        if not (kind.enforce_column_type and kind.enforce_shape and len(kind.sample_input.columns)):
            return "accepts frames of any columns, which cannot be joined"
        return "" if kind.orient in ("records", "values") else "carries row labels, which joining would lose"
    return "is neither an array nor a frame"


def _single_arrays(decoded: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], list[int]] | None:
    """Do what `stack` does for requests of one array each, at a third of its cost; None when they are something else.

    NumPy itself refuses to join arrays whose rows differ.
    """
    import numpy as np

    ((name, first),) = decoded[0].items()
    if type(first) is not np.ndarray:
        return None
    kind, dtype = np.ndarray, first.dtype
    try:
        values = [arguments[name] for arguments in decoded]
        sizes = [len(value) for value in values if type(value) is kind and value.dtype == dtype]
        if len(sizes) != len(values) or any(len(arguments) != 1 for arguments in decoded):
            return None
        return {name: np.concatenate(values)}, sizes
    except (
        KeyError,
        TypeError,
        ValueError,
    ):  # other arguments, no rows, rows of another shape: told in words by `stack`
        return None


def _rows(arguments: Mapping[str, Any]) -> int:
    lengths = {name: _length(value) for name, value in arguments.items()}
    distinct = set(lengths.values())
    if None in distinct or len(distinct) != 1:
        described = ", ".join(f"{name!r}: {length}" for name, length in lengths.items())
        raise BatchError(f"The arguments of a request have different numbers of rows ({described}).")
    (rows,) = distinct
    return rows or 0


def _joined(values: Sequence[Any]) -> Any:
    import numpy as np

    first = values[0]
    if isinstance(first, np.ndarray):
        if any(not isinstance(value, np.ndarray) or value.shape[1:] != first.shape[1:] for value in values):
            raise BatchError("The arrays of the requests differ in shape.")
        return np.concatenate(values)
    if _is_pandas(first):
        import pandas as pd

        if any(not isinstance(value, pd.DataFrame) or not value.columns.equals(first.columns) for value in values):
            raise BatchError("The frames of the requests differ in columns.")
        return pd.concat(values, ignore_index=True)
    raise BatchError(f"Arguments of type {type(first).__name__} cannot be joined by rows.")


def _length(value: Any) -> int | None:
    """Return the number of rows, or None for what has none: texts, numbers and arrays without dimension."""
    if isinstance(value, (list, tuple)) or _is_pandas(value):
        return len(value)
    shape = getattr(value, "shape", None)
    return int(shape[0]) if isinstance(shape, tuple) and shape else None


def _is_pandas(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "iloc")
