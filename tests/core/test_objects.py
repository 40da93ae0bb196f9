"""Objects of a kernel as model artifacts: stored in a natural format, restored by the captured script."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import threading
import types
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.capture import Cell, capture
from jupyter_mldeploy.core.model import ModelRegistry
from jupyter_mldeploy.core.objects import hand_over, store_object
from jupyter_mldeploy.core.store import Store
from jupyter_mldeploy.errors import AlreadyExistsError, InvalidInputError, StoreError


def facts(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{folder.name}.object.json").read_text())
    return found


def from_main(source: str) -> dict[str, Any]:
    """Run source as a notebook would: what it defines belongs to ``__main__``."""
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(source, space)
    return space


def restore(names: list[str], root: Path, expression: str) -> subprocess.CompletedProcess[str]:
    target = Cell(None, f"%%deploy svc\ndef run(data):\n    return {expression}\n", None)
    script = capture(target, [], known_objects=names).script + "\nprint(run(None))\n"
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "AZUREML_MODEL_DIR": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_plain_objects_are_restored_in_another_process(tmp_path: Path) -> None:
    folder = store_object({"a": [1, 2.5, "x"]}, "settings", tmp_path)
    assert folder == tmp_path / "settings"
    assert facts(folder)["format"] == "cloudpickle"
    done = restore(["settings"], tmp_path, "settings")
    assert (done.stdout.strip(), done.stderr) == ("{'a': [1, 2.5, 'x']}", "")


def test_what_the_notebook_defines_travels_with_the_object(tmp_path: Path) -> None:
    space = from_main(
        "K = 3\ndef triple(v): return v * K\nclass Model:\n    def __init__(self): self.f = triple\n"
        "    def predict(self, v): return self.f(v)\nmodel = Model()"
    )
    store_object(space["model"], "model", tmp_path)
    done = restore(["model"], tmp_path, "model.predict(5)")
    assert done.stdout.strip() == "15", done.stderr


def test_modules_of_the_user_travel_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_layers.py").write_text("class Layer:\n    def run(self): return 'mine'\n")
    monkeypatch.syspath_prepend(tmp_path)
    import my_layers  # type: ignore[import-not-found]

    store_object(my_layers.Layer(), "layer", tmp_path / "out")
    done = restore(["layer"], tmp_path / "out", "layer.run()")
    assert done.stdout.strip() == "mine", done.stderr
    monkeypatch.delitem(sys.modules, "my_layers")


def test_scikit_learn_is_stored_with_joblib_and_its_versions(tmp_path: Path) -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    import numpy as np
    import sklearn

    model = linear.Ridge().fit(np.eye(3), [1.0, 2.0, 3.0])
    folder = store_object(model, "model", tmp_path)
    said = facts(folder)
    assert (said["format"], said["file"], said["class"]) == ("joblib", "model.joblib", "Ridge")
    assert said["libraries"]["scikit-learn"] == sklearn.__version__
    assert {"numpy", "joblib"} <= said["libraries"].keys()
    done = restore(["model"], tmp_path, "model.predict([[0, 0, 0]]).round(3).tolist()")
    assert done.stdout.strip() == "[2.0]", done.stderr


def test_a_pipeline_with_the_notebooks_own_function_can_be_restored(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    double = from_main("def double(v): return [[2 * i for i in row] for row in v]")["double"]
    folder = store_object(make_pipeline(FunctionTransformer(double)), "pipe", tmp_path)
    assert facts(folder)["format"] == "cloudpickle"
    assert restore(["pipe"], tmp_path, "pipe.transform([[1, 2]])").stdout.strip() == "[[2, 4]]"


def test_other_versions_are_said_when_it_is_restored(tmp_path: Path) -> None:
    folder = store_object([1], "rows", tmp_path)
    path = folder / "rows.object.json"
    path.write_text(
        json.dumps({**facts(folder), "python": "3.9.1", "libraries": {"packaging": "1.0", "gone-lib": "2.0"}})
    )
    done = restore(["rows"], tmp_path, "rows")
    assert done.stdout.strip() == "[1]"
    assert "rows: stored with packaging 1.0, running" in done.stderr
    assert "rows: stored with gone-lib 2.0, running not installed" in done.stderr
    assert "rows: stored with Python 3.9, running 3." in done.stderr


def test_an_object_that_is_not_there_says_what_is(tmp_path: Path) -> None:
    store_object([1], "other", tmp_path)
    done = restore(["model"], tmp_path, "model")
    assert done.returncode != 0
    assert "The object 'model' is not among the models" in done.stderr
    assert "other/other.pkl" in done.stderr


class Holder:
    def __init__(self, value: Any) -> None:
        self.config = {"parts": [1, {"lock": value}]}


def _generator() -> Any:
    yield 1


@pytest.mark.parametrize(
    ("obj", "path", "kind"),
    [
        (threading.Lock(), "it is a _thread.lock", "_thread.lock"),
        (Holder(threading.Lock()), "thing.config['parts'][1]['lock'] is a _thread.lock", "_thread.lock"),
        (_generator(), "it is a generator", "generator"),
        ((1, [sys._getframe()]), "thing[1][0] is a frame", "frame"),
    ],
)
def test_what_cannot_be_stored_is_named(tmp_path: Path, obj: Any, path: str, kind: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        store_object(obj, "thing", tmp_path)
    assert path in str(caught.value)
    assert caught.value.details["type"] == kind
    assert caught.value.field == "--object"


def test_foreign_errors_while_pickling_are_explained(tmp_path: Path) -> None:
    class Stubborn:
        def __reduce__(self) -> Any:
            raise ZeroDivisionError("no")

    with pytest.raises(InvalidInputError, match="cannot be pickled \\(no\\)"):
        store_object(Stubborn(), "stubborn", tmp_path)


def test_names_and_folders_are_checked(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="not the name of a variable"):
        store_object(1, "a.b", tmp_path)
    store_object(1, "x", tmp_path)
    with pytest.raises((AlreadyExistsError, StoreError)):
        store_object(2, "x", tmp_path)


def _fake_framework(name: str, **classes: type) -> types.ModuleType:
    module = types.ModuleType(name)
    for key, value in classes.items():
        value.__module__ = name
        setattr(module, key, value)
    return module


def test_frameworks_save_in_their_own_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Booster:
        def save_model(self, path: str) -> None:
            Path(path).write_text("booster")

    class Model:
        def save(self, path: str) -> None:
            Path(path).write_text("keras")

    class ScriptModule:
        def save(self, path: str) -> None:
            Path(path).write_text("script")

    for name, kind, form, file in (
        ("xgboost", Booster, "xgboost", "net.ubj"),
        ("lightgbm", type("Booster", (Booster,), {}), "lightgbm", "net.txt"),
        ("keras", Model, "keras", "net.keras"),
        ("torch.jit", ScriptModule, "torchscript", "net.ts"),
    ):
        monkeypatch.setitem(sys.modules, name, _fake_framework(name, **{kind.__name__: kind}))
        folder = store_object(kind(), "net", tmp_path / name)
        assert (facts(folder)["format"], facts(folder)["file"]) == (form, file)
        assert (folder / file).is_file()


def test_an_error_of_the_framework_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Booster:
        def save_model(self, path: str) -> None:
            raise RuntimeError("need to call fit first")

    monkeypatch.setitem(sys.modules, "xgboost", _fake_framework("xgboost", Booster=Booster))
    with pytest.raises(InvalidInputError, match="RuntimeError: need to call fit first"):
        store_object(Booster(), "net", tmp_path)


def test_it_is_handed_over_as_an_unregistered_model(tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    models = ModelRegistry(store)
    given = hand_over({"a": 1}, "settings", models, store)
    assert (given.model.name, given.model.registered, given.model.kind) == ("settings", False, "folder")
    assert any(item.startswith("cloudpickle==") for item in given.requirements)
    again = hand_over({"a": 1}, "settings", models, store)
    assert again.model.tree == given.model.tree
    assert not list((store.home / "tmp").iterdir())


def test_the_file_is_a_plain_pickle(tmp_path: Path) -> None:
    folder = store_object([1, 2], "rows", tmp_path)
    assert pickle.loads((folder / "rows.pkl").read_bytes()) == [1, 2]
