"""The lines of Python that restore handed-over objects inside a deployed script; they need the standard library only.

:mod:`.objects` writes what they read: one folder per object with the file and ``<name>.object.json`` beside it.
"""

from __future__ import annotations

from collections.abc import Iterable

SIDECAR_SUFFIX = ".object.json"
LOADER_NAME = "_mldeploy_object"

_LOADER = '''\
def _mldeploy_object(name):
    """Restore an object that was handed over from the notebook with --object."""
    import importlib
    import importlib.metadata
    import json
    import os
    import pathlib
    import sys

    root = pathlib.Path(os.environ.get("AZUREML_MODEL_DIR", "."))
    found = sorted(root.rglob(name + ".object.json"))
    if not found:
        held = ", ".join(sorted(str(item.relative_to(root)) for item in root.rglob("*"))[:20]) or "nothing"
        raise FileNotFoundError(f"The object {name!r} is not among the models: {root} holds {held}.")
    facts = json.loads(found[0].read_text())
    path = str(found[0].with_name(facts["file"]))
    for library, trained in facts["libraries"].items():
        try:
            running = importlib.metadata.version(library)
        except importlib.metadata.PackageNotFoundError:
            running = "not installed"
        if running != trained:
            print(f"{name}: stored with {library} {trained}, running {running}", file=sys.stderr)
    stored, here = facts["python"].split(".")[:2], list(map(str, sys.version_info[:2]))
    if stored != here:
        print(f"{name}: stored with Python {'.'.join(stored)}, running {'.'.join(here)}", file=sys.stderr)
    if facts["format"] == "joblib":
        return importlib.import_module("joblib").load(path)
    if facts["format"] == "torch":
        return importlib.import_module("torch").load(path, map_location="cpu", weights_only=False)
    if facts["format"] == "torchscript":
        return importlib.import_module("torch").jit.load(path, map_location="cpu")
    if facts["format"] == "keras":
        return importlib.import_module("keras").models.load_model(path)
    if facts["format"] == "xgboost":
        model = getattr(importlib.import_module("xgboost"), facts["class"])()
        model.load_model(path)
        return model
    if facts["format"] == "lightgbm":
        return importlib.import_module("lightgbm").Booster(model_file=path)
    with open(path, "rb") as stream:
        return importlib.import_module("pickle").load(stream)
'''


def loader_source() -> str:
    """Return the function that the assignments of :func:`assignment` call."""
    return _LOADER


def assignment(name: str) -> str:
    """Return the line that restores one object."""
    return f'{name} = {LOADER_NAME}("{name}")'


def prelude(names: Iterable[str]) -> list[str]:
    """Return the lines to put in front of a script that uses handed-over objects; none for no names."""
    ordered = sorted(names)
    return [*_LOADER.splitlines(), "", "", *map(assignment, ordered)] if ordered else []
