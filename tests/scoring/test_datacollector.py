"""ModelDataCollector: v1's columns and layout, and that it never breaks or slows scoring."""

from __future__ import annotations

import csv
import json
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.scoring import data_sink, datacollector
from jupyter_mldeploy.scoring.collected_rows import Place
from jupyter_mldeploy.scoring.data_sink import DataSink
from jupyter_mldeploy.scoring.datacollector import ModelDataCollector

from .worker_process import serving, wait_until

SYSTEM = [
    "$aml_dc_correlation_id",
    "$aml_dc_scoring_timestamp",
    "$aml_dc_boundary",
    "$aml_workspace",
    "$aml_service_name",
    "$aml_model_name",
    "$aml_model_version",
    "$aml_request_id",
]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datacollector, "_shared", {})
    for name in list(os.environ):
        if name.startswith(("AML_MODEL_DC", "SERVICE_NAME", "WORKSPACE_NAME", "AZUREML_MODEL_DIR")):
            monkeypatch.delenv(name)


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("AML_MODEL_DC_STORAGE_ENABLED", "true")
    monkeypatch.setenv("AML_MODEL_DC_STORAGE", str(tmp_path / "data"))
    yield tmp_path / "data"
    datacollector.flush()


def files(root: Path) -> list[Path]:
    datacollector.flush()
    return sorted(path for path in root.rglob("*") if path.is_file())


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_layout_and_columns_are_those_of_v1(storage: Path) -> None:
    collector = ModelDataCollector("ridge", "inputs", ["age", "bmi"], "sub/group/ws", "diabetes", "3", "ignored")
    collector.collect([[1, 2.5], [3, None]])
    (path,) = files(storage)
    parts = path.relative_to(storage).parts
    assert parts[:8] == ("modeldata", "sub", "group", "ws", "diabetes", "ridge", "3", "inputs")
    assert [len(part) for part in parts[8:11]] == [4, 2, 2]
    assert parts[11:] == ("data.csv",)
    found = rows(path)
    assert list(found[0]) == ["age", "bmi", *SYSTEM]
    assert [(row["age"], row["bmi"]) for row in found] == [("1", "2.5"), ("3", "")]
    assert (found[0]["$aml_workspace"], found[0]["$aml_service_name"]) == ("sub/group/ws", "diabetes")
    assert (found[0]["$aml_model_name"], found[0]["$aml_model_version"]) == ("ridge", "3")


def test_defaults_come_from_the_deployment(storage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_NAME", "svc")
    monkeypatch.setenv("AZUREML_MODEL_DIR", "/app/azureml-models/ridge/7")
    ModelDataCollector("ridge").collect(["x"])
    ModelDataCollector("ridge", "signals", collection_name="drift").collect(["y"])
    first, second = files(storage)
    assert first.relative_to(storage).parts[:8] == (
        "modeldata", "default", "default", "default", "svc", "ridge", "7", "general",
    )  # fmt: skip
    assert (first.name, second.name) == ("default.csv", "drift.csv")


def test_predictions_are_joined_to_inputs(storage: Path) -> None:
    inputs = ModelDataCollector("m", "inputs", ["a"])
    predictions = ModelDataCollector("m", "predictions", ["p"])
    correlations = inputs.collect([[1], [2]])
    joined = predictions.add_correlations([10, 20], correlations)
    assert json.dumps(joined) == "[10, 20]"
    predictions.collect(joined)
    one, two = (rows(path) for path in files(storage))
    assert [row[SYSTEM[0]] for row in one] == [row[SYSTEM[0]] for row in two]
    assert len({row[SYSTEM[0]] for row in one}) == 2


def test_own_correlation_id_is_kept(storage: Path) -> None:
    ModelDataCollector("m", "inputs").collect([[1], [2]], user_correlation_id="order-7")
    assert [row[SYSTEM[0]] for row in rows(files(storage)[0])] == ["order-7", "order-7"]


def test_kinds_of_data(storage: Path) -> None:
    np, pd = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    array = np.array([[1.5, 2.0]])
    ModelDataCollector("array", "inputs").collect(array)
    array[0, 0] = 99  # what the script does afterwards is not collected
    frame = pd.DataFrame({"age": [1, 2], "name": ["x", None]})
    inputs = ModelDataCollector("frame", "inputs")
    correlations = inputs.collect(frame)
    inputs.collect(inputs.add_correlations(frame, correlations))
    ModelDataCollector("dict", "inputs").collect([{"a": 1}, {"b": [1, 2]}])
    ModelDataCollector("row", "inputs", ["a", "b"]).collect([1, 2])
    ModelDataCollector("scalar", "labels").collect(np.float32(0.5))
    ModelDataCollector("text", "labels").collect("yes")
    ModelDataCollector("wide", "inputs", ["a"]).collect([[1, 2], [3]])
    found = {path.relative_to(storage).parts[5]: rows(path) for path in files(storage)}
    assert [found["array"][0][name] for name in ("column_0", "column_1")] == ["1.5", "2.0"]
    assert [(row["age"], row["name"]) for row in found["frame"][:2]] == [("1", "x"), ("2", "")]
    assert [row[SYSTEM[0]] for row in found["frame"][:2]] == [row[SYSTEM[0]] for row in found["frame"][2:]]
    assert [(row["a"], row["b"]) for row in found["dict"]] == [("1", ""), ("", "[1, 2]")]
    assert (found["row"][0]["a"], found["row"][0]["b"], len(found["row"])) == ("1", "2", 1)
    assert found["scalar"][0]["column_0"] == "0.5"
    assert found["text"][0]["column_0"] == "yes"
    assert [(row["a"], row["column_1"]) for row in found["wide"]] == [("1", "2"), ("3", "")]


def test_other_columns_go_to_another_file(storage: Path) -> None:
    ModelDataCollector("m", "inputs", ["a"]).collect([[1]])
    ModelDataCollector("m", "inputs", ["b"]).collect([[1]])
    assert [path.name for path in files(storage)] == ["data.1.csv", "data.csv"]


def test_a_line_that_was_cut_off_spoils_no_other(storage: Path) -> None:
    collector = ModelDataCollector("m", "inputs", ["a"])
    collector.collect([[1]])
    (path,) = files(storage)
    with path.open("a") as stream:
        stream.write("2,half a li")
    collector.collect([[3]])
    files(storage)
    assert [row["a"] for row in rows(path)] == ["1", "2", "3"]


def test_hourly_rotation(storage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AML_MODEL_DC_BOUNDARY", "hour")
    ModelDataCollector("m", "inputs").collect([1])
    (path,) = files(storage)
    assert len(path.relative_to(storage).parts) == 13
    assert rows(path)[0]["$aml_dc_boundary"].endswith(":00:00+00:00")


@pytest.mark.parametrize("name", ["../../etc", "..", "a/b\\c", "\0", ""])
def test_names_never_lead_out_of_the_storage(storage: Path, name: str) -> None:
    ModelDataCollector(name, "general", workspace=f"../{name}/x", webservice_name="..", collection_name=name).collect(
        [1]
    )
    (path,) = files(storage)
    assert len(path.relative_to(storage).parts) == 12
    assert ".." not in path.relative_to(storage).parts


def test_disabled_is_a_no_op_with_one_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        collectors = [ModelDataCollector("m", designation) for designation in ("inputs", "predictions")]
        correlations = collectors[0].collect([1])
        assert collectors[1].add_correlations([2], correlations) == [2]
        assert collectors[1].collect([2]) == {}
    assert [record.message.split(":")[0] for record in caplog.records] == ["Model data is not collected"]


def test_unknown_designation_is_told() -> None:
    with pytest.raises(ValueError, match="it is one of inputs, predictions"):
        ModelDataCollector("m", designation="output")


class _Hostile:
    def __len__(self) -> int:
        raise RuntimeError("no")


def test_nothing_is_raised_into_run(storage: Path, caplog: pytest.LogCaptureFixture) -> None:
    collector = ModelDataCollector("m", "inputs")
    with caplog.at_level(logging.WARNING):
        for data in (_Hostile(), None, object(), {1, 2}, iter([1]), float("nan")):
            collector.collect(data)
            collector.add_correlations(data, {"anything": "x"})
        collector.collect([1], user_correlation_id=7)  # type: ignore[arg-type]
        files(storage)
    assert len([record for record in caplog.records if "being lost" in record.message]) <= 1


def test_unwritable_storage_costs_rows_only(storage: Path, caplog: pytest.LogCaptureFixture) -> None:
    collector = ModelDataCollector("m", "inputs")
    storage.rmdir()
    storage.write_text("a file is in the way")
    with caplog.at_level(logging.WARNING):
        for number in range(5):
            collector.collect([number])
            datacollector.flush()
    storage.unlink()
    (record,) = caplog.records
    assert "1 rows up to now, because the storage failed" in record.message
    sink = datacollector.shared_sink()
    assert sink is not None
    assert sink.dropped == 5


class _Blocked:
    flush_s = 0.0

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.written = 0

    def write(self, place: Place, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self.gate.wait(10)
        self.written += len(rows)


def test_a_slow_storage_never_holds_scoring_up(storage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_sink, "MOST_ROWS", 100)
    blocked = _Blocked()
    sink = DataSink(blocked)
    datacollector._shared["sink"] = sink
    collector = ModelDataCollector("m", "inputs")
    for _ in range(300):
        collector.collect([[1]])
    assert sink.dropped >= 100
    blocked.gate.set()
    assert sink.flush()
    assert blocked.written + sink.dropped == 300


def test_parquet(storage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setenv("MLDEPLOY_MODEL_DC_FORMAT", "parquet")
    ModelDataCollector("m", "inputs", ["a", "b"]).collect([[1, "x"], [2, 3]])
    (path,) = files(storage)
    assert path.suffix == ".parquet"
    table = parquet.ParquetFile(path).read()
    assert table.column_names == ["a", "b", *SYSTEM]
    assert (table["a"].to_pylist(), table["b"].to_pylist()) == ([1, 2], ["x", "3"])


def test_fsspec_url(storage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsspec = pytest.importorskip("fsspec")
    monkeypatch.setenv("AML_MODEL_DC_STORAGE", "memory://collected")
    ModelDataCollector("m", "inputs", ["a"]).collect([[1]])
    datacollector.flush()
    (path,) = fsspec.filesystem("memory").find("/collected")
    assert path.startswith("/collected/modeldata/default/default/default/default/m/default/inputs/")


def test_storage_that_does_not_exist_is_told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("fsspec")
    monkeypatch.setenv("AML_MODEL_DC_STORAGE_ENABLED", "true")
    monkeypatch.setenv("AML_MODEL_DC_STORAGE", "nosuchprotocol://x")
    assert ModelDataCollector("m", "inputs").collect([1]) == {}
    assert "AML_MODEL_DC_STORAGE failed" in caplog.text


JSON = {"Content-Type": "application/json"}

SCRIPT = """
from azureml.monitoring import ModelDataCollector
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema

def init():
    global inputs, predictions
    inputs = ModelDataCollector("m", designation="inputs", feature_names=["a", "b"])
    predictions = ModelDataCollector("m", designation="predictions", feature_names=["sum"])

@input_schema("data", StandardPythonParameterType([[1, 2]]))
def run(data):
    correlations = inputs.collect(data)
    result = predictions.add_correlations([sum(row) for row in data], correlations)
    predictions.collect(result)
    return result
"""


def test_in_a_service(tmp_path: Path) -> None:
    environment = {
        "AML_MODEL_DC_STORAGE_ENABLED": "true",
        "AML_MODEL_DC_STORAGE": str(tmp_path / "data"),
        "SERVICE_NAME": "svc",
    }
    with serving(tmp_path / "work", SCRIPT, environment=environment) as worker:
        for number in range(5):
            answer = worker.ask(
                "POST", "/score", json.dumps({"data": [[number, 1], [2, 3]]}), {**JSON, "x-request-id": f"r{number}"}
            )
            assert answer.json() == [number + 1, 5]
        wait_until(lambda: len(list((tmp_path / "data").rglob("*.csv"))) == 2)
    # What was left is written when the worker ends; the self-test's sample is not among it.
    inputs, predictions = (rows(path) for path in sorted((tmp_path / "data").rglob("*.csv")))
    assert [row["a"] for row in inputs] == ["0", "2", "1", "2", "2", "2", "3", "2", "4", "2"]
    assert [row["$aml_request_id"] for row in inputs[::2]] == ["r0", "r1", "r2", "r3", "r4"]
    assert [row[SYSTEM[0]] for row in inputs] == [row[SYSTEM[0]] for row in predictions]
