"""A folder as v1's notebooks stood in one; and Azure's emulator with a namespace in the real cluster."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_mldeploy import azureml as facade
from jupyter_mldeploy.core.workspace import Workspace
from tests.azure.conftest import azure, namespace

__all__ = ["azure", "namespace"]

SCORE = """
import json
import os
import pickle


def init():
    global model
    with open(os.path.join(os.getenv("AZUREML_MODEL_DIR"), "weights.pkl"), "rb") as file:
        model = pickle.load(file)


def run(raw_data):
    rows = json.loads(raw_data)["data"]
    return [sum(a * b for a, b in zip(row, model)) for row in rows]
"""
CONDA = "name: project_environment\ndependencies:\n- python=3.6.2\n- pip:\n  - azureml-defaults\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLDEPLOY_HOME", str(tmp_path / "home"))
    (tmp_path / "weights.pkl").write_bytes(pickle.dumps([1, 2]))
    (tmp_path / "score.py").write_text(SCORE)
    (tmp_path / "myenv.yml").write_text(CONDA)
    facade.load_ipython_extension(None)
    yield tmp_path
    facade.unload_ipython_extension(None)
    for service in Workspace().services():
        service.delete()
