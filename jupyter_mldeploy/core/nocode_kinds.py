"""What kind of model a file or folder is, told by its name and its first bytes; nothing of it is run or unpickled."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from ..errors import InvalidInputError
from .kernel_objects.loader import SIDECAR_SUFFIX

Kind = Literal["pickle", "onnx", "xgboost", "lightgbm", "torchscript", "torch_exported", "tensorflow", "mlflow"]

#: What people call it, and the distribution that reads it.
TITLES: Mapping[Kind, tuple[str, str]] = {
    "pickle": ("a pickled model", "joblib"),
    "onnx": ("an ONNX model", "onnxruntime"),
    "xgboost": ("an XGBoost model", "xgboost"),
    "lightgbm": ("a LightGBM model", "lightgbm"),
    "torchscript": ("a TorchScript model", "torch"),
    "torch_exported": ("a program of torch.export", "torch"),
    "tensorflow": ("a TensorFlow SavedModel", "tensorflow"),
    "mlflow": ("an MLflow model", "mlflow"),
}

_BY_SUFFIX: Mapping[str, Kind] = {
    ".pkl": "pickle",
    ".pickle": "pickle",
    ".joblib": "pickle",
    ".onnx": "onnx",
    ".ubj": "xgboost",
    ".xgb": "xgboost",
    ".bst": "xgboost",
    ".ts": "torchscript",
    ".pt2": "torch_exported",
}

#: Flavors of MLflow that can be served without mlflow: name → (kind, key of the file in MLmodel).
_FLAVORS: Mapping[str, tuple[Kind, str]] = {
    "sklearn": ("pickle", "pickled_model"),
    "xgboost": ("xgboost", "data"),
    "lightgbm": ("lightgbm", "data"),
    "onnx": ("onnx", "data"),
}

_PICKLES = frozenset({".pkl", ".pickle", ".joblib"})

KNOWN = (
    "Served without a script are: scikit-learn (.pkl, .joblib), ONNX (.onnx), XGBoost (.json, .ubj), LightGBM (.txt), "
    "TorchScript (.pt), torch.export (.pt2), TensorFlow SavedModel folders and MLflow model folders. "
    "For all others write an entry script with init() and run()."
)


@dataclass(frozen=True, slots=True)
class Found:
    """A model that can be served.

    Attributes:
        kind: see :data:`TITLES`.
        path: the file or folder to load, below the model's own path; empty for the model itself.
        signature: of an MLflow model, its input columns: ``[{"name": …, "type": …}, …]``.
        stored: facts that were stored beside a pickled object (see ``core.objects``).
        flavors: of an MLflow model, the kinds that it can be loaded as without mlflow.
    """

    kind: Kind
    path: str = ""
    signature: tuple[Mapping[str, Any], ...] = ()
    stored: Mapping[str, Any] | None = None
    native: tuple[Kind, str] | None = None


def detect(path: Path, *, name: str | None = None) -> Found:
    """Tell what kind of model lies at ``path``.

    Raises:
        InvalidInputError: it is none that can be served without a script, or it holds weights only.
    """
    shown = name or path.name
    found = _folder(path) if path.is_dir() else _file(path, shown)
    if found is None:
        raise InvalidInputError(
            f"The model {shown!r} cannot be served without an entry script: its format is not known.",
            field="entry_script",
            hint=KNOWN,
        )
    return found


def _file(path: Path, shown: str) -> Found | None:
    suffix = path.suffix.lower()
    if suffix in _BY_SUFFIX:
        return Found(_BY_SUFFIX[suffix])
    if suffix == ".json":
        with suppress(ValueError, OSError):
            content = json.loads(path.read_bytes())
            return Found("xgboost") if isinstance(content, dict) and "learner" in content else None
    if suffix == ".txt":
        with path.open("rb") as stream:
            return Found("lightgbm") if stream.read(5).rstrip() == b"tree" else None
    if suffix in {".pt", ".pth"}:
        return _torch(path, shown)
    return None


def _torch(path: Path, shown: str) -> Found | None:
    if not zipfile.is_zipfile(path):
        return None
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    if any(entry.endswith("constants.pkl") for entry in names):
        return Found("torchscript")
    raise InvalidInputError(
        f"The model {shown!r} holds weights or a pickled module, not a program that runs by itself.",
        field="entry_script",
        hint="Save it with torch.jit.save(torch.jit.script(model)) or torch.export.save(…), or write an entry script "
        "that builds the module and loads the weights.",
    )


def _folder(path: Path) -> Found | None:
    if (path / "MLmodel").is_file():
        return _mlflow(path)
    if (path / "saved_model.pb").is_file():
        return Found("tensorflow")
    if (path / "1" / "saved_model.pb").is_file():
        return Found("tensorflow", "1")
    sidecars = sorted(path.glob(f"*{SIDECAR_SUFFIX}"))
    if len(sidecars) == 1:
        with suppress(ValueError, OSError, KeyError):
            stored = json.loads(sidecars[0].read_text(encoding="utf-8"))
            inner = _file(path / stored["file"], stored["file"])
            return None if inner is None else Found(inner.kind, stored["file"], stored=stored)
    files = [item for item in path.iterdir() if not item.name.startswith(".")]
    if len(files) == 1 and files[0].is_file():
        inner = _file(files[0], files[0].name)
        return None if inner is None else Found(inner.kind, files[0].name)
    return None


def _with_example(
    signature: tuple[Mapping[str, Any], ...], path: Path, info: Mapping[str, Any] | None
) -> tuple[Mapping[str, Any], ...]:
    """Add to each column the value of the first row of the example that was saved with the model."""
    if not info or info.get("pandas_orient") != "split" or ".." in Path(str(info["artifact_path"])).parts:
        return signature
    try:
        content = json.loads((path / str(info["artifact_path"])).read_bytes())
        row = dict(zip(content["columns"], content["data"][0], strict=True))
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return signature
    plain = {name: value for name, value in row.items() if isinstance(value, str | int | float | bool)}
    return tuple({**item, "example": plain[item["name"]]} if item.get("name") in plain else item for item in signature)


def _mlflow(path: Path) -> Found | None:
    try:
        description = yaml.safe_load((path / "MLmodel").read_text(encoding="utf-8"))
        flavors: Mapping[str, Any] = description["flavors"]
    except (yaml.YAMLError, OSError, KeyError, TypeError) as error:
        raise InvalidInputError(
            f"The file MLmodel in {path.name!r} cannot be read: {error}.", field="models"
        ) from error
    signature: tuple[Mapping[str, Any], ...] = ()
    with suppress(ValueError, KeyError, TypeError):
        signature = tuple(json.loads(description["signature"]["inputs"]))
        signature = _with_example(signature, path, description.get("saved_input_example_info"))
    native: tuple[Kind, str] | None = None
    for flavor, (kind, key) in _FLAVORS.items():
        file = flavors.get(flavor, {}).get(key) if isinstance(flavors.get(flavor), dict) else None
        if not isinstance(file, str) or ".." in Path(file).parts or not (path / file).is_file():
            continue
        if kind != "pickle" or Path(file).suffix in _PICKLES:  # and not a file of skops
            native = (kind, file)
            break
    return Found("mlflow", signature=signature, native=native)
