"""Stores objects of a kernel as model artifacts: a folder with the object's file and facts about it.

    folder = store_object(model, "model", directory)     # directory/model/{model.joblib, model.object.json}

The format is the framework's own where it has one, joblib for scikit-learn, cloudpickle for everything else. What the
notebook itself defines (classes, functions) travels inside the file. Frameworks are never imported here: an object of
theirs cannot exist without them. :mod:`.object_loader` restores what is stored.
"""

from __future__ import annotations

import contextlib
import json
import platform
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError, MldeployError
from .kernel_objects.loader import SIDECAR_SUFFIX
from .kernel_objects.trace import ObjectTrace, trace_object
from .storage.failures import storage_errors

if TYPE_CHECKING:
    from .model import Model, ModelRegistry
    from .store import Store


def store_object(obj: Any, name: str, directory: str | Path) -> Path:
    """Store ``obj`` in the folder ``directory/name`` and return that folder.

    Its ``<name>.object.json`` says: ``format``, ``file``, ``class``, ``type`` (dotted), ``python`` (version) and
    ``libraries`` (distribution → version of what the object consists of).

    Raises:
        InvalidInputError: the object cannot be stored; names the attribute that is to blame.
        AlreadyExistsError, StoreError: the folder cannot be written.
    """
    if not name.isidentifier():
        raise InvalidInputError(f"{name!r} is not the name of a variable.", field="--object")
    folder = Path(directory) / name
    with storage_errors(folder, f"store the object {name!r}"):
        folder.mkdir(parents=True)
        trace = trace_object(obj, name)
        kind = type(obj)
        facts: dict[str, Any] = {
            "version": 1,
            "name": name,
            "class": kind.__qualname__,
            "type": f"{kind.__module__}.{kind.__qualname__}",
            "python": platform.python_version(),
        }
        try:
            facts["format"], facts["file"] = _write(obj, name, folder, trace)
        except (MldeployError, OSError):
            raise
        except Exception as error:
            raise InvalidInputError(
                f"The object {name!r} ({facts['type']}) cannot be stored: {type(error).__name__}: {error}.",
                field="--object",
                hint="Save it by hand and name the file with --model.",
            ) from error
        needed = {"joblib": {"joblib"}, "cloudpickle": {"cloudpickle"}}.get(facts["format"], set())
        facts["libraries"] = _libraries(trace.modules | {kind.__module__} | needed)
        text = json.dumps(facts, indent=1, sort_keys=True)
        (folder / f"{name}{SIDECAR_SUFFIX}").write_text(text, encoding="utf-8")
    return folder


@dataclass(frozen=True, slots=True)
class HandedOver:
    """An object in the workspace: the unregistered model that holds it, and what is needed to restore it.

    Attributes:
        requirements: ``scikit-learn==1.5.0`` and the like; the script need not import what its objects are made of.
    """

    model: Model
    requirements: tuple[str, ...]


def hand_over(obj: Any, name: str, models: ModelRegistry, store: Store) -> HandedOver:
    """Store ``obj`` in the workspace as an unregistered model, to be deployed with a script that restores it.

    Raises:
        InvalidInputError: as :func:`store_object`.
    """
    with store.tmp_dir("object") as directory:
        folder = store_object(obj, name, directory)
        return HandedOver(models.unregistered(folder), object_requirements(folder))


def object_requirements(folder: Path) -> tuple[str, ...]:
    """Return the pinned requirements of what a folder made by :func:`store_object` needs to be restored."""
    facts = json.loads((folder / f"{folder.name}{SIDECAR_SUFFIX}").read_text(encoding="utf-8"))
    return tuple(f"{name}=={version.partition('+')[0]}" for name, version in facts["libraries"].items())


def _write(obj: Any, name: str, folder: Path, trace: ObjectTrace) -> tuple[str, str]:
    """Write the object; return format and file name."""
    own = _framework_format(obj, trace)
    if own is not None:
        form, suffix, save = own
        file = f"{name}{suffix}"
        save(str(folder / file))
        return form, file
    if trace.error is not None:
        raise trace.error
    by_value = trace.own_modules - {"__main__"}
    joblib = sys.modules.get("joblib")
    if joblib is not None and not trace.own_modules and _is_a(obj, "sklearn.base", "BaseEstimator"):
        joblib.dump(obj, folder / f"{name}.joblib")
        return "joblib", f"{name}.joblib"
    import cloudpickle

    with (folder / f"{name}.pkl").open("wb") as stream, _carried(by_value):
        cloudpickle.dump(obj, stream)
    return "cloudpickle", f"{name}.pkl"


def _framework_format(obj: Any, trace: ObjectTrace) -> tuple[str, str, Any] | None:
    """Return format, suffix and a function that saves, when the object's framework has a format of its own."""
    module = type(obj).__module__.partition(".")[0]
    if module == "xgboost" and _is_a(obj, "xgboost", "Booster", "XGBModel"):
        return "xgboost", ".ubj", obj.save_model
    if module == "lightgbm" and _is_a(obj, "lightgbm", "Booster"):
        return "lightgbm", ".txt", obj.save_model
    if _is_a(obj, "torch.jit", "ScriptModule", "ScriptFunction"):
        return "torchscript", ".ts", obj.save
    if _is_a(obj, "torch.nn", "Module") or _is_a(obj, "torch", "Tensor"):
        return "torch", ".pt", lambda path: _save_torch(obj, path, trace)
    if _is_a(obj, "keras", "Model") or _is_a(obj, "tensorflow.keras", "Model"):
        return "keras", ".keras", obj.save
    return None


def _save_torch(obj: Any, path: str, trace: ObjectTrace) -> None:
    if trace.error is not None:
        raise trace.error
    torch = sys.modules["torch"]
    if not trace.own_modules:
        torch.save(obj, path)
        return
    import cloudpickle

    # The notebook's own layers are not importable where the service runs, so they go into the file.
    with _carried(trace.own_modules - {"__main__"}):
        torch.save(obj, path, pickle_module=cloudpickle)


def _is_a(obj: Any, module: str, *names: str) -> bool:
    """Whether ``obj`` is an instance of one of a module's classes; a module that is not loaded has no instances."""
    loaded = sys.modules.get(module)
    kinds = tuple(kind for name in names if isinstance(kind := getattr(loaded, name, None), type))
    return bool(kinds) and isinstance(obj, kinds)


@contextlib.contextmanager
def _carried(names: set[str]) -> Iterator[None]:
    """Let cloudpickle write what these modules define into the file, in place of their names."""
    import cloudpickle

    modules = [module for name in sorted(names) if (module := sys.modules.get(name)) is not None]
    fresh = [module for module in modules if module.__name__ not in cloudpickle.list_registry_pickle_by_value()]
    for module in fresh:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in fresh:
            cloudpickle.unregister_pickle_by_value(module)


def _libraries(modules: set[str]) -> dict[str, str]:
    from .environments.installed_probe import probe

    tops = sorted({name.partition(".")[0] for name in modules} - {"__main__", "builtins"})
    found = probe(tops)
    used = {name for item in found["imports"].values() for name in item["distributions"]}
    return {name: found["distributions"][name]["version"] for name in sorted(used) if name in found["distributions"]}


def is_own_module(module: ModuleType | None) -> bool:
    """Whether a module is the notebook's or user's own: neither Python's nor installed."""
    if module is None or module.__name__ == "__main__":
        return module is not None
    file = getattr(module, "__file__", None)
    if file is None:
        return False
    path = Path(file).resolve()
    return not any(path.is_relative_to(folder) for folder in _installed_folders())


def _installed_folders() -> list[Path]:
    import site

    paths = {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths |= {*site.getsitepackages(), site.getusersitepackages()}
    own = Path(__file__).resolve().parents[1]
    return [own, *(Path(path).resolve() for path in paths if path)]
