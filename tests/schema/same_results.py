"""Whether two decodings gave the same arguments, bit for bit, or refused in the same words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from jupyter_mldeploy.schema import RequestError


def outcome(action: Any) -> Any:
    try:
        return action()
    except RequestError as error:
        return error


def assert_same(left: Any, right: Any) -> None:
    assert type(left) is type(right), (left, right)
    if isinstance(left, RequestError):
        assert left.to_dict() == right.to_dict()
    elif isinstance(left, np.ndarray):
        assert (left.dtype, left.shape) == (right.dtype, right.shape)
        assert left.flags.writeable == right.flags.writeable
        assert left.tobytes() == right.tobytes() if left.dtype.kind != "O" else left.tolist() == right.tolist()
    elif isinstance(left, pd.DataFrame):
        pd.testing.assert_frame_equal(left, right, check_exact=True, check_freq=True, check_names=True)
        assert list(map(type, left.columns)) == list(map(type, right.columns))
    elif isinstance(left, dict):
        assert list(left) == list(right)
        for key in left:
            assert_same(left[key], right[key])
    elif isinstance(left, list):
        assert len(left) == len(right)
        for one, other in zip(left, right, strict=True):
            assert_same(one, other)
    else:
        assert repr(left) == repr(right)  # NaN, -0.0 and 1 against 1.0
