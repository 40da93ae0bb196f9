"""A workspace with real services on this machine, and a check that views leave nothing behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("ipywidgets")

from ipywidgets.widgets.widget import _instances

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.widgets.view import View
from tests.patience import FACTOR

SCHEMA_SCRIPT = """
import numpy as np
import pandas as pd
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema


def init():
    print("ready to add")


@input_schema("data", NumpyParameterType(np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])))
@input_schema("frame", PandasParameterType(pd.DataFrame({"age": [30, 40], "city": ["Bern", "Oslo"]})))
@input_schema("factor", StandardPythonParameterType(2.0))
def run(data, frame, factor):
    print("adding", data.shape)
    if factor < 0:
        raise ValueError("factor is negative")
    return [float(data.sum() * factor), frame["city"].tolist(), int(frame["age"].sum())]
"""
RAW_SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"


def eventually(true: Callable[[], object], what: str, seconds: float = 40.0 * FACTOR) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)


def done(view: View) -> bool:
    """Wait until nothing works for a view, and whoever observes it has heard of that."""
    return view.wait(60 * FACTOR)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace whose services are deleted afterwards."""
    made = Workspace(tmp_path_factory.mktemp("home"))
    yield made
    for service in made.services():
        service.delete()


@pytest.fixture(scope="module")
def adder(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Service:
    """A service with a schema of an array, a DataFrame and a number."""
    script = tmp_path_factory.mktemp("adder") / "score.py"
    script.write_text(SCHEMA_SCRIPT)
    return workspace.deploy("adder", script)


@pytest.fixture
def echo(workspace: Workspace, tmp_path: Path) -> Iterator[Service]:
    """A service without a schema, made anew for each test."""
    script = tmp_path / "score.py"
    script.write_text(RAW_SCRIPT)
    service = workspace.deploy("echo", script)
    yield service
    service.delete()


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Every test closes its views: then no thread of theirs runs and no widget is open."""
    before, threads = set(_instances), set(threading.enumerate())
    yield
    eventually(
        lambda: not [item for item in set(threading.enumerate()) - threads if item.name.startswith("mldeploy-")],
        f"the views' threads end: {threading.enumerate()}",
    )
    left = [type(widget).__name__ for key, widget in _instances.items() if key not in before]
    assert not left, left
