"""Models of the heavy frameworks, made and served for real.

The framework is taken from this interpreter, or from another one that ``MLDEPLOY_PYTHON_TORCH`` (``…_TENSORFLOW``,
``…_MLFLOW``) names; without either the tests are skipped. That interpreter needs what the
scoring server imports as well.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import InvalidInputError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TORCH = """
import torch
linear = torch.nn.Linear(3, 2)
torch.nn.init.ones_(linear.weight), torch.nn.init.zeros_(linear.bias)
torch.jit.save(torch.jit.script(linear), "linear.pt")
torch.export.save(torch.export.export(linear, (torch.zeros(1, 3),)), "fixed.pt2")
class Two(torch.nn.Module):
    def forward(self, a, *, b):
        return {"sum": a + b, "parts": (a, b.to(torch.bfloat16))}
many = {0: torch.export.Dim("rows")}
torch.export.save(torch.export.export(
    Two(), (torch.zeros(2, 3),), {"b": torch.zeros(2, 3, dtype=torch.int64)}, dynamic_shapes={"a": many, "b": many},
), "two.pt2")
"""

TENSORFLOW = """
import tensorflow as tf
class Model(tf.Module):
    @tf.function(input_signature=[
        tf.TensorSpec([None, 2], tf.float32, name="x"), tf.TensorSpec([None], tf.string, name="text"),
        tf.TensorSpec([], tf.float32, name="scale"),
    ])
    def score(self, x, text, scale):
        return {"sum": tf.reduce_sum(x, axis=1) * scale, "upper": tf.strings.upper(text)}
model = Model()
tf.saved_model.save(model, "saved", signatures=model.score)
class Silent(tf.Module):
    @tf.function
    def score(self, x):
        return x
tf.saved_model.save(Silent(), "silent")
"""

MLFLOW = """
import mlflow.pyfunc, pandas as pd
from mlflow.models import infer_signature
frame = pd.DataFrame({"when": pd.to_datetime(["2020-01-01"]), "share": [0.5], "count": pd.Series([1], dtype="int32")})
class Year(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["when"].dt.year + model_input["share"] + model_input["count"]
mlflow.pyfunc.save_model("flow", python_model=Year(), signature=infer_signature(frame))
class Picky(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return [{"known": 1}[item] for item in model_input["name"]]
names = pd.DataFrame({"name": ["known"]})
mlflow.pyfunc.save_model("picky", python_model=Picky(), signature=infer_signature(names))
mlflow.pyfunc.save_model("example", python_model=Picky(), signature=infer_signature(names), input_example=names)
"""


class Framework:
    """A framework's interpreter, and a folder of models that it made."""

    def __init__(self, name: str, program: str, folder: Path) -> None:
        self.python = sys.executable if _is_there(name) else os.environ.get(f"MLDEPLOY_PYTHON_{name.upper()}", "")
        if not self.python:
            pytest.skip(f"{name} is not installed, and MLDEPLOY_PYTHON_{name.upper()} names no interpreter that has it")
        self.folder = folder
        made = subprocess.run([self.python, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr


def _is_there(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


@pytest.fixture(scope="module")
def torch(tmp_path_factory: pytest.TempPathFactory) -> Framework:
    return Framework("torch", TORCH, tmp_path_factory.mktemp("torch"))


@pytest.fixture(scope="module")
def tensorflow(tmp_path_factory: pytest.TempPathFactory) -> Framework:
    return Framework("tensorflow", TENSORFLOW, tmp_path_factory.mktemp("tensorflow"))


@pytest.fixture(scope="module")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Framework:
    return Framework("mlflow", MLFLOW, tmp_path_factory.mktemp("mlflow"))


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made = Workspace(tmp_path / "home")
    yield made
    for service in made.services():
        service.delete()


def deployed(workspace: Workspace, framework: Framework, name: str) -> Service:
    path = framework.folder / name
    return workspace.deploy("svc", models=[path], interpreter=framework.python, config={"auth_enabled": False})


def example(service: Service) -> Any:
    return service.swagger()["definitions"]["ServiceInput"].get("example")


def test_torchscript_tells_its_input_where_its_first_layer_does(workspace: Workspace, torch: Framework) -> None:
    service = deployed(workspace, torch, "linear.pt")
    assert example(service) == {"input": [[0.0, 0.0, 0.0]]}
    assert service.score({"input": [[1, 2, 3], [0, 0, 1]]}) == [[6.0, 6.0], [1.0, 1.0]]
    assert service.request({"input": [[1, 2]]}).status == 400


def test_torch_export_by_names_and_keywords_with_nested_results(workspace: Workspace, torch: Framework) -> None:
    service = deployed(workspace, torch, "two.pt2")
    answer = service.score({"a": [[1, 2, 3]] * 2, "b": [[1, 1, 1]] * 2})
    assert answer == {"sum": [[2.0, 3.0, 4.0]] * 2, "parts": [[[1.0, 2.0, 3.0]] * 2, [[1.0, 1.0, 1.0]] * 2]}


def test_a_program_for_a_fixed_number_of_rows_says_so(workspace: Workspace, torch: Framework) -> None:
    service = deployed(workspace, torch, "fixed.pt2")
    assert service.score({"input": [[1, 2, 3]]}) == [[6.0, 6.0]]
    answer = service.request({"input": [[1, 2, 3]] * 2})
    assert (answer.status, b"takes 1 row at a time, input has 2" in answer.body) == (400, True)


def test_saved_model_with_texts_and_scalars(workspace: Workspace, tensorflow: Framework) -> None:
    service = deployed(workspace, tensorflow, "saved")
    assert example(service) == {"x": [[0.0, 0.0]], "text": ["a text"], "scale": 0.0}
    answer = service.score({"x": [[1, 2], [3, 4]], "text": ["a", "ü"], "scale": 2})
    assert answer == {"sum": [6.0, 14.0], "upper": ["A", "ü"]}
    assert service.request({"x": [[1, 2, 3]], "text": ["a"], "scale": 2}).status == 400


def test_a_saved_model_without_signature_is_refused(workspace: Workspace, tensorflow: Framework) -> None:
    with pytest.raises(InvalidInputError, match="it has no signature; export it with"):
        deployed(workspace, tensorflow, "silent")
    assert workspace.services() == []


def test_mlflow_columns_of_every_type(workspace: Workspace, mlflow: Framework) -> None:
    service = deployed(workspace, mlflow, "flow")
    assert service.score({"data": [{"when": "2021-05-06T00:00:00", "share": 0.5, "count": 3}]}) == [2024.5]
    assert service.request({"data": [{"share": 0.5, "count": 3}]}).status == 400


def test_mlflow_takes_its_own_example_and_does_without_a_sample_that_does_not_fit(
    workspace: Workspace, mlflow: Framework
) -> None:
    service = deployed(workspace, mlflow, "example")
    assert example(service) == {"data": [{"name": "known"}]}
    service.delete()
    service = deployed(workspace, mlflow, "picky")
    assert not example(service)
    assert service.score({"data": [{"name": "known"}]}) == [1]
