"""Reads one model file and writes down what it takes and gives. Runs in a process and an interpreter of its own.

Only the standard library is imported until it is known what the model needs; nothing of this package is. Called as
``python -c <this text> KIND PATH RESULT``; RESULT becomes a JSON file: the facts, or ``{"missing": module}``, or
``{"error": text}``.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import platform
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any


def pickled(path: str) -> dict[str, Any]:
    """Read a pickle (of joblib, pickle or cloudpickle): this runs code in it, as serving it does."""
    facts: dict[str, Any] = {"loader": "joblib", "warnings": []}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            joblib = importlib.import_module("joblib")
        except ModuleNotFoundError:
            import pickle

            facts["loader"] = "pickle"
            with open(path, "rb") as stream:  # noqa: PTH123
                model = pickle.load(stream)  # noqa: S301 - deploying the file is the consent
        else:
            model = joblib.load(path)
        original, differing = "", []
        for item in caught:
            if type(item.message).__name__ == "InconsistentVersionWarning":
                original = str(getattr(item.message, "original_sklearn_version", ""))
                differing.append(str(getattr(item.message, "estimator_name", "an estimator")))
    if original:
        facts["trained_with"] = {"scikit-learn": original}
        facts["differing"] = sorted(set(differing))
    facts["class"] = f"{type(model).__module__}.{type(model).__qualname__}"
    facts["versions"] = _versions({type(item).__module__ for item in _parts(model)})
    facts["method"] = next((name for name in ("predict", "transform") if callable(getattr(model, name, None))), None)
    if facts["method"] is None:
        return facts
    act = getattr(model, facts["method"])
    names = _attribute(model, "feature_names_in_")
    width = _attribute(model, "n_features_in_")
    for kind, sample, build in _samples(model, names, width):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                answer = act(build())
            except Exception:  # noqa: BLE001, S112 - a sample that does not fit says nothing else
                continue
        facts |= {"input": kind, "sample": sample, "output": _described(answer)}
        break
    else:
        facts |= {"input": "names" if names is not None else "rows", "sample": None}
    facts["names"] = [str(name) for name in names] if names is not None else None
    facts["width"] = int(width) if width is not None else None
    return facts


def _samples(model: Any, names: Any, width: Any) -> Iterator[tuple[str, list[Any], Callable[[], Any]]]:
    """Return inputs to try, the likely ones first."""
    if names is not None:
        row: dict[str, Any] = dict.fromkeys(map(str, names), 0.0)
        known = {**row, **_categories(model)}
        for filled in (known, dict.fromkeys(row, "")):
            values = list(filled.values())
            yield "names", values, partial(_frame, values, list(row))
    elif width is not None:
        numpy = importlib.import_module("numpy")
        yield "rows", [0.0] * int(width), lambda: numpy.zeros((1, int(width)))
    else:
        yield "texts", ["a text"], lambda: ["a text"]


def _frame(values: list[Any], names: list[str]) -> Any:
    return importlib.import_module("pandas").DataFrame([values], columns=names)


def _categories(model: Any) -> dict[str, Any]:
    """Return a known category for each column that is encoded by category."""
    found: dict[str, Any] = {}
    for part in _parts(model):
        for entry in _attribute(part, "transformers_") or ():
            _, transformer, columns = entry
            for step in _parts(transformer):
                categories = _attribute(step, "categories_")
                if categories is not None and not isinstance(columns, slice):
                    found |= {str(name): _plain(values[0]) for name, values in zip(columns, categories, strict=False)}
    return found


def _parts(model: Any) -> list[Any]:
    """Return the model and what it is made of."""
    found = [model]
    with suppress(Exception):
        found += [value for value in model.get_params(deep=True).values() if hasattr(value, "get_params")]
    with suppress(Exception):
        found += [step for _, step in model.steps if step not in found]
    return found


def _attribute(model: Any, name: str) -> Any:
    try:
        return getattr(model, name, None)
    except Exception:  # noqa: BLE001 - properties that only exist after training
        return None


def _plain(value: Any) -> Any:
    item = getattr(value, "item", None)
    return item() if callable(item) else value


def _described(answer: Any) -> dict[str, Any]:
    kind = getattr(getattr(answer, "dtype", None), "kind", "")
    names = {"i": "int", "u": "int", "f": "float", "b": "bool", "U": "str", "O": "str"}
    return {"kind": names.get(kind, "other"), "ndim": int(getattr(answer, "ndim", 1))}


def onnx(path: str) -> dict[str, Any]:
    """Read inputs and outputs with onnxruntime."""
    runtime = importlib.import_module("onnxruntime")
    runtime.set_default_logger_severity(3)
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    described = [
        [{"name": item.name, "type": item.type, "shape": list(item.shape or [])} for item in items]
        for items in (session.get_inputs(), session.get_outputs())
    ]
    return {"inputs": described[0], "outputs": described[1], "versions": _versions({"onnxruntime"})}


def xgboost(path: str) -> dict[str, Any]:
    """Read a booster's number and names of features."""
    library = importlib.import_module("xgboost")
    booster = library.Booster()
    booster.load_model(path)
    return {
        "names": booster.feature_names,
        "width": int(booster.num_features()),
        "versions": _versions({"xgboost"}),
    }


def lightgbm(path: str) -> dict[str, Any]:
    """Read a booster's number and names of features."""
    booster = importlib.import_module("lightgbm").Booster(model_file=path)
    names = booster.feature_name()
    unnamed = all(name == f"Column_{index}" for index, name in enumerate(names))
    return {
        "names": None if unnamed else names,
        "width": int(booster.num_feature()),
        "versions": _versions({"lightgbm"}),
    }


def torch_exported(path: str) -> dict[str, Any]:
    """Read the tensors that a program takes: their names, types and shapes, None for what is free."""
    torch = importlib.import_module("torch")
    program = torch.export.load(path)
    positional, named = program.example_inputs or ((), {})
    nodes = {node.name: node.meta.get("val") for node in program.graph.nodes if node.op == "placeholder"}
    names = list(program.graph_signature.user_inputs)
    if len(names) != len(positional) + len(named) or not all(hasattr(nodes.get(name), "dtype") for name in names):
        return {"error": "it takes lists, dictionaries or numbers; only tensors can be told by a signature"}
    inputs: list[dict[str, Any]] = []
    for index, (name, example) in enumerate(zip(names, [*positional, *named.values()], strict=True)):
        sizes = [size if isinstance(size, int) else None for size in nodes[name].shape]
        keyword = list(named)[index - len(positional)] if index >= len(positional) else None
        inputs.append({
            "name": keyword or name, "type": _torch_type(nodes[name]), "shape": sizes, "keyword": keyword,
            "sample": list(example.shape),
        })  # fmt: skip
    return {"inputs": inputs, "versions": _versions({"torch"})}


def torchscript(path: str) -> dict[str, Any]:
    """Read the names of the tensors it takes; their shape is guessed from the first layer, and tried."""
    torch = importlib.import_module("torch")
    model = torch.jit.load(path, map_location="cpu").eval()
    arguments = [item for item in model.forward.schema.arguments[1:] if not item.has_default_value()]
    facts: dict[str, Any] = {"versions": _versions({"torch"}), "arguments": [item.name for item in arguments]}
    if any(str(item.type) != "Tensor" for item in arguments):
        return {"error": "its forward() takes more than tensors"}
    for kind, sizes, sample in _first_layers(model) if len(arguments) == 1 else ():
        try:
            with torch.inference_mode():
                model(torch.zeros([2, *sample[1:]], dtype=getattr(torch, kind)))
        except Exception:  # noqa: BLE001, S112 - a shape that does not fit says nothing else
            continue
        facts["inputs"] = [{"name": arguments[0].name, "type": kind, "shape": sizes, "sample": sample}]
        break
    return facts


def _first_layers(model: Any) -> Iterator[tuple[str, list[int | None], list[int]]]:
    """Yield what the first layer with weights takes: type, sizes (None is free) and a shape to try."""
    for layer in model.modules():
        weight, name = getattr(layer, "weight", None), str(getattr(layer, "original_name", ""))
        if weight is None or len(getattr(weight, "shape", ())) < 2:
            continue
        if name == "Embedding":
            yield "int64", [None, None], [1, 4]
        elif name == "Linear":
            width = int(weight.shape[1])
            yield "float32", [None, width], [1, width]
        elif name in {"Conv1d", "Conv2d", "Conv3d"}:
            channels, spread = int(weight.shape[1]) * int(getattr(layer, "groups", 1)), len(weight.shape) - 2
            for size in (224, 64, 32, 28):
                yield "float32", [None, channels, *[None] * spread], [1, channels, *[size] * spread]
        return


def _torch_type(tensor: Any) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def tensorflow(path: str) -> dict[str, Any]:
    """Read the signature ``serving_default``."""
    library = importlib.import_module("tensorflow")
    signatures = library.saved_model.load(path).signatures
    name = "serving_default" if "serving_default" in signatures else next(iter(signatures), None)
    if name is None:
        return {"error": "it has no signature; export it with `tf.saved_model.save(model, path, signatures=…)`"}
    inputs = [
        {
            "name": key,
            "type": item.dtype.name,
            "scalar": item.shape.rank == 0,
            "shape": [None if size is None else int(size) for size in item.shape] if item.shape.rank else [],
        }
        for key, item in signatures[name].structured_input_signature[1].items()
    ]
    return {"signature": name, "inputs": inputs, "versions": _versions({"tensorflow"})}


def mlflow(path: str) -> dict[str, Any]:
    """Load a model with mlflow and find a row that it takes: of its own example, else of zeros and empty texts."""
    library = importlib.import_module("mlflow.pyfunc")
    pandas = importlib.import_module("pandas")
    model = library.load_model(path)
    schema = model.metadata.get_input_schema()
    if schema is None or not schema.has_input_names() or schema.is_tensor_spec():
        return {}
    names, dtypes = schema.input_names(), schema.pandas_types()
    frames = []
    with suppress(Exception):
        frames.append(model.input_example[:1][names])
    likely = {"string": "", "boolean": False, "double": 0.0, "float": 0.0, "datetime": "2020-01-01T00:00:00"}
    values = [likely.get(str(item["type"]), 0) for item in schema.to_dict()]
    frames.append(pandas.DataFrame([values], columns=names))
    for frame in frames:
        try:
            model.predict(frame.astype(dict(zip(names, dtypes, strict=True))))
            row = json.loads(frame.to_json(orient="values", date_format="iso"))[0]
        except Exception:  # noqa: BLE001, S112 - a sample that does not fit says nothing else
            continue
        if all(isinstance(value, str | int | float | bool) for value in row):
            return {"sample": row}
    return {"sample": None}


def importable(module: str) -> dict[str, Any]:
    """See whether a module is there."""
    importlib.import_module(module)
    return {}


def _versions(modules: set[str]) -> dict[str, str]:
    """Return distribution → version of the installed modules among these."""
    tops = {name.partition(".")[0] for name in modules} - {"builtins", "__main__"}
    found: dict[str, str] = {}
    for top in sorted(tops):
        name = {"sklearn": "scikit-learn"}.get(top, top)
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            # Looking through all that is installed takes a second; most are called like their module.
            for other in importlib.metadata.packages_distributions().get(top, [])[:1]:
                found[other] = importlib.metadata.version(other)
    return found


PROBES: dict[str, Callable[[str], dict[str, Any]]] = {
    "pickle": pickled,
    "onnx": onnx,
    "xgboost": xgboost,
    "lightgbm": lightgbm,
    "torchscript": torchscript,
    "torch_exported": torch_exported,
    "tensorflow": tensorflow,
    "mlflow": mlflow,
    "importable": importable,
}


def main(kind: str, path: str, result: str) -> None:
    """Probe one file and write the facts."""
    facts: dict[str, Any]
    try:
        facts = PROBES[kind](path)
    except ModuleNotFoundError as error:
        facts = {"missing": error.name or str(error)}
    except BaseException as error:  # noqa: BLE001 - a pickle may raise anything, SystemExit too
        facts = {"error": f"{type(error).__name__}: {error}"}
    facts["python"] = platform.python_version()
    with open(result, "w", encoding="utf-8") as stream:  # noqa: PTH123
        json.dump(facts, stream, default=str)


if __name__ == "__main__":
    main(*sys.argv[1:4])
