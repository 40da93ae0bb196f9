"""Decoding and encoding against what scripts do by hand: ``json`` with ``np.asarray`` or ``pd.DataFrame``, in turn.

python -m tests.benchmarks schema
"""

from __future__ import annotations

import json
import timeit
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import orjson
import pandas as pd

from jupyter_mldeploy.schema import NumpyParameterType, PandasParameterType, encode, input_schema, read_contract

ROUNDS = 9
_SECONDS_A_ROUND = 0.02


def measure() -> Iterator[tuple[str, str, str]]:
    """Yield (what, figure, goal); figures are ratios of the best of interleaved rounds in this process."""
    rows = np.random.default_rng(0).standard_normal((1000, 10))
    contract = _contract(NumpyParameterType(rows[:1]))
    for count, goal in ((2, "≤ orjson.loads + 2 µs"), (1000, "≥ 7 ×")):
        body = json.dumps({"data": rows[:count].tolist()}).encode()
        ours, by_hand, loads = _best(
            lambda body=body: contract.decode(body),
            lambda body=body: np.asarray(json.loads(body)["data"]),
            lambda body=body: orjson.loads(body),
        )
        figure = f"{by_hand / ours:.1f} × as fast, {(ours - loads) * 1e6:+.1f} µs over orjson.loads"
        yield f"{count} × 10 floats to ndarray, against json + np.asarray", figure, goal

    frame = pd.DataFrame({f"c{index}": rows[:, index] for index in range(10)})
    mixed = frame.assign(c0=range(1000), c1=[f"text {index}" for index in range(1000)])
    for name, sample in (("floats", frame), ("mixed columns", mixed)):
        framed = _contract(PandasParameterType(sample[:1]))
        for count in (2, 1000):
            body = json.dumps({"data": sample[:count].to_dict("records")}).encode()
            ours, by_hand = _best(
                lambda body=body, framed=framed: framed.decode(body),
                lambda body=body: pd.DataFrame(json.loads(body)["data"]),
            )
            what = f"{count} × 10 {name} to DataFrame, against json + pd.DataFrame"
            yield what, f"{by_hand / ours:.1f} × as fast", "≥ 1.5 ×"

    for count in (2, 1000):
        result = rows[:count, 0]
        ours, by_hand = _best(lambda result=result: encode(result), lambda result=result: json.dumps(result.tolist()))
        yield f"{count} results to JSON, against json.dumps(tolist())", f"{by_hand / ours:.1f} × as fast", "≥ 2 ×"


def _contract(kind: Any) -> Any:
    @input_schema("data", kind)
    def run(data: Any) -> Any:
        return data

    return read_contract(run)


def _best(*actions: Callable[[], Any]) -> list[float]:
    """Return the least seconds a call of each, measured in turn so that the machine's moods meet all of them."""
    timers = [timeit.Timer(action) for action in actions]
    numbers = [max(1, int(_SECONDS_A_ROUND / (timer.timeit(3) / 3))) for timer in timers]
    best = [float("inf")] * len(timers)
    for _ in range(ROUNDS):
        for index, (timer, number) in enumerate(zip(timers, numbers, strict=True)):
            best[index] = min(best[index], timer.timeit(number) / number)
    return best
