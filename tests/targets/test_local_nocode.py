"""Models without an entry script, served for real on this machine."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.workspace import Workspace

pytestmark = pytest.mark.slow


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    made = Workspace(tmp_path / "home")
    yield made
    for service in made.services():
        service.delete()


def deployed(workspace: Workspace, path: Path) -> Service:
    return workspace.deploy("svc", models=[path], config={"auth_enabled": False})


@pytest.fixture(scope="module")
def data() -> tuple[Any, Any]:
    datasets = pytest.importorskip("sklearn.datasets")
    return datasets.load_diabetes(return_X_y=True)  # type: ignore[no-any-return]


def test_scikit_learn_by_rows(workspace: Workspace, tmp_path: Path, data: tuple[Any, Any]) -> None:
    joblib, linear = pytest.importorskip("joblib"), pytest.importorskip("sklearn.linear_model")
    model = linear.Ridge().fit(*data)
    joblib.dump(model, tmp_path / "ridge.pkl")
    service = deployed(workspace, tmp_path / "ridge.pkl")
    rows = data[0][:3].tolist()
    assert service.score({"data": rows}) == pytest.approx(model.predict(rows).tolist())
    answer = service.request({"data": [[1, 2]]})
    assert answer.status == 400
    schema = service.swagger()["definitions"]["ServiceInput"]
    assert schema["example"] == {"data": [[0.0] * 10]}


def test_scikit_learn_by_columns_with_categories(workspace: Workspace, tmp_path: Path) -> None:
    joblib, pd = pytest.importorskip("joblib"), pytest.importorskip("pandas")
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame = pd.DataFrame({"colour": ["r", "g", "b", "r"], "size": [1.0, 2.0, 3.0, 4.0]})
    columns = make_column_transformer((OneHotEncoder(), ["colour"]), (StandardScaler(), ["size"]))
    model = make_pipeline(columns, LogisticRegression()).fit(frame, ["no", "yes", "no", "yes"])
    joblib.dump(model, tmp_path / "mixed.joblib")
    service = deployed(workspace, tmp_path / "mixed.joblib")
    rows = [{"colour": "g", "size": 2.5}, {"colour": "b", "size": 1}]
    assert service.score({"data": rows}) == model.predict(pd.DataFrame(rows)).tolist()


def test_onnx(workspace: Workspace, tmp_path: Path, data: tuple[Any, Any]) -> None:
    np, onnxruntime = pytest.importorskip("numpy"), pytest.importorskip("onnxruntime")
    assert onnxruntime
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        convert = pytest.importorskip("skl2onnx")
        linear = pytest.importorskip("sklearn.linear_model")
        model = linear.Ridge().fit(*data)
        content = convert.to_onnx(model, data[0][:1].astype(np.float32)).SerializeToString()
    (tmp_path / "ridge.onnx").write_bytes(content)
    service = deployed(workspace, tmp_path / "ridge.onnx")
    (values,) = service.score({"X": data[0][:2].tolist()}).values()
    assert [row[0] for row in values] == pytest.approx(model.predict(data[0][:2]).tolist(), rel=1e-4)


@pytest.mark.parametrize("suffix", ["ubj", "json"])
def test_xgboost(workspace: Workspace, tmp_path: Path, data: tuple[Any, Any], suffix: str) -> None:
    xgboost = pytest.importorskip("xgboost")
    booster = xgboost.train({"max_depth": 2, "nthread": 1}, xgboost.DMatrix(*data), 5)
    booster.save_model(tmp_path / f"model.{suffix}")
    service = deployed(workspace, tmp_path / f"model.{suffix}")
    expected = booster.predict(xgboost.DMatrix(data[0][:2])).tolist()
    assert service.score({"data": data[0][:2].tolist()}) == pytest.approx(expected, rel=1e-5)


def test_lightgbm(workspace: Workspace, tmp_path: Path, data: tuple[Any, Any]) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    booster = lightgbm.train({"verbose": -1, "num_threads": 1}, lightgbm.Dataset(*data), 5)
    booster.save_model(tmp_path / "model.txt")
    service = deployed(workspace, tmp_path / "model.txt")
    assert service.score({"data": data[0][:2].tolist()}) == pytest.approx(booster.predict(data[0][:2]).tolist())


def test_several_models(workspace: Workspace, tmp_path: Path, data: tuple[Any, Any]) -> None:
    joblib, linear = pytest.importorskip("joblib"), pytest.importorskip("sklearn.linear_model")
    fitted = {alpha: linear.Ridge(alpha=alpha).fit(*data) for alpha in (0.1, 10.0)}
    for alpha, model in fitted.items():
        joblib.dump(model, tmp_path / "ridge.pkl")
        workspace.models.register(tmp_path / "ridge.pkl", f"ridge-{alpha:g}")
    service = workspace.deploy("svc", models=["ridge-0.1", "ridge-10"], config={"auth_enabled": False})
    rows = data[0][:2].tolist()
    for alpha, model in fitted.items():
        answer = service.request({"data": rows}, headers={"x-mldeploy-model": f"ridge-{alpha:g}:1"})
        assert answer.result() == pytest.approx(model.predict(rows).tolist())
    assert service.request({"data": rows}).status == 400
