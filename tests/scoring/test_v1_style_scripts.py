"""Scripts in the styles that are found in the wild load, serve, and are linted without alarm about nothing."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.lint import lint_source

from . import v1_style_scripts as scripts
from .worker_process import serving

JSON = {"Content-Type": "application/json"}
ROWS = {"data": [[1, 2], [3, 4]]}


def pickled(directory: Path) -> None:
    (directory / "model.pkl").write_bytes(pickle.dumps({"weight": 3}))


def configured(directory: Path) -> None:
    (directory / "config.json").write_text('{"weight": 2}')


def single(directory: Path) -> None:
    (directory / "best_model").write_text("weights")


CASES: dict[str, tuple[str, Callable[[Path], None] | None, Any, Any]] = {
    "AutoML": (
        scripts.AUTOML,
        pickled,
        {"data": [{"Tenure months": 1, "plan": "x", "since": "2021-05-06", "churned": True}] * 2, "method": "predict"},
        json.dumps({"result": [6], "method": "predict"}),
    ),
    "collecting": (scripts.COLLECTING, single, ROWS, json.dumps({"result": [3, 7]})),
    "monitored": (scripts.MONITORED, None, ROWS, [3, 7]),
    "many imports": (scripts.MANY_IMPORTS, configured, ROWS, {"result": [6, 14]}),
    "swallowing": (scripts.SWALLOWING, None, ROWS, {"result": None, "error": "name 'model' is not defined"}),
    "mixed samples": (
        scripts.MIXED_SAMPLES,
        None,
        {"raw_data": {"text": "fine", "scores": [1.0], "nested": {"deep": False}}},
        {"sentiment": {"sentence": "fine", "terms": [{"text": "fine", "type": "AS", "score": 1.0}]}},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_it_loads_and_serves(name: str, tmp_path: Path) -> None:
    script, prepare, body, expected = CASES[name]
    models = tmp_path / "azureml-models" / "best_model" / "1"
    models.mkdir(parents=True)
    if prepare is not None:
        prepare(models)
    environment = {
        "AML_MODEL_DC_STORAGE_ENABLED": "true",
        "AML_MODEL_DC_STORAGE": str(tmp_path / "collected"),
        "SERVICE_NAME": "tested",
    }
    with serving(tmp_path, script, model_dir=str(models), environment=environment) as worker:
        answer = worker.ask("POST", "/score", json.dumps(body), JSON)
        assert (answer.status, answer.json()) == (200, expected)
    collected = {path.name: path.read_text() for path in (tmp_path / "collected").rglob("*.csv")}
    if name in ("collecting", "monitored"):
        parts = {path.relative_to(tmp_path).parts[-5] for path in (tmp_path / "collected").rglob("*.csv")}
        assert {"inputs", "predictions"} <= parts, collected


@pytest.mark.parametrize("name", CASES)
def test_the_linter_finds_no_error(name: str) -> None:
    found = lint_source(CASES[name][0], path="score.py")
    assert [item for item in found if item.severity == "error"] == []
