"""Entry scripts for MLflow model folders, served through their ``python_function`` flavor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .nocode_scripts import INPUT, NUMPY, PANDAS, Parts, frame_decorator, tensor_inputs

_SAMPLES: Mapping[str, Any] = {
    "double": 0.0, "float": 0.0, "long": 0, "integer": 0, "string": "", "boolean": False,
    "datetime": "2020-01-01T00:00:00",
}  # fmt: skip

#: MLflow refuses columns of other dtypes than the signature's, and JSON does not show these.
_DTYPES: Mapping[str, str] = {"float": "float32", "integer": "int32", "datetime": "datetime64[ns]"}

_RESULT = (
    "result = model.predict(data)\n"
    "if hasattr(result, 'to_dict'):\n"
    "    return result.to_dict(orient='records') if hasattr(result, 'columns') else result.tolist()\n"
    "return result.tolist() if hasattr(result, 'tolist') else result"
)


def mlflow_parts(signature: Sequence[Mapping[str, Any]], facts: Mapping[str, Any] | None = None) -> Parts:
    """Serve an MLflow model.

    Args:
        signature: its input columns or tensors, as MLmodel holds them.
        facts: what reading it has told: ``sample`` is a row that the model takes, None when the likely one is refused.
    """
    load = "model = mlflow.pyfunc.load_model(path)"
    tried = facts or {}
    columns = [item for item in signature if item.get("name") and item.get("type") in _SAMPLES]
    if columns and len(columns) == len(signature) and tried.get("sample", ()) is not None:
        names = [str(item["name"]) for item in columns]
        sample = _fitting(tried.get("sample") or likely_row(columns), columns)
        types = {str(item["name"]): _DTYPES[item["type"]] for item in columns if item["type"] in _DTYPES}
        return Parts(
            ["import mlflow.pyfunc", "import pandas as pd", PANDAS, INPUT],
            load,
            _RESULT,
            decorators=[frame_decorator(names, sample, types)],
        )
    tensors = [item["tensor-spec"] for item in signature if isinstance(item.get("tensor-spec"), dict)]
    if len(tensors) == len(signature) == 1:
        shape = [size if size > 0 else None for size in tensors[0]["shape"]]
        _, decorators = tensor_inputs([{"name": "data", "dtype": tensors[0]["dtype"], "shape": shape}])
        return Parts(["import mlflow.pyfunc", "import numpy as np", NUMPY, INPUT], load, _RESULT, decorators=decorators)
    why = "refuses the likely sample of its signature" if columns else "has no signature of plain columns"
    remark = f"The model {why}: run() takes a list of rows or objects as `data`."
    body = f"data = pd.DataFrame(json.loads(data)['data'])\n{_RESULT}"
    return Parts(["import json", "import mlflow.pyfunc", "import pandas as pd"], load, body, remarks=[remark])


def _fitting(row: Sequence[Any], columns: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return a row whose numbers have the columns' types: the sample's dtype is what requests are cast to."""
    return [
        float(value) if item["type"] in {"double", "float"} else value for value, item in zip(row, columns, strict=True)
    ]


def likely_row(columns: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return a row that fits the types of the columns: the model's own example where it brings one."""
    return [item.get("example", _SAMPLES[str(item["type"])]) for item in columns]
