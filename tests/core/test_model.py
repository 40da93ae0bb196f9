"""The model registry: versions, labels, lookup, layout, download, deletion, bad input."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.model import Model, ModelRegistry, path_layout
from jupyter_mldeploy.core.store import Store
from jupyter_mldeploy.errors import (
    AlreadyExistsError,
    CorruptStoreError,
    InUseError,
    InvalidInputError,
    InvalidNameError,
    MldeployError,
    NotFoundError,
)


@pytest.fixture
def models(tmp_path: Path) -> ModelRegistry:
    return ModelRegistry(Store(tmp_path / "home"))


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "work"
    directory.mkdir()
    monkeypatch.chdir(directory)
    (directory / "ridge.pkl").write_bytes(b"a model")
    (directory / "outputs" / "model" / "deep").mkdir(parents=True)
    (directory / "outputs" / "model" / "weights.bin").write_bytes(b"weights")
    (directory / "outputs" / "model" / "deep" / "config.json").write_text("{}")
    return directory


def ids(models: list[Model]) -> list[str]:
    return [model.id for model in models]


def stored(models: ModelRegistry) -> list[Path]:
    return [path for path in (models._store.home / "blobs").rglob("*") if path.is_file()]


def test_a_file_gets_version_after_version(models: ModelRegistry, work: Path) -> None:
    first = models.register("ridge.pkl", "ridge")
    second = models.register(work / "ridge.pkl", "ridge", description="the same again")
    other = models.register("ridge.pkl", "lasso")
    assert ids([first, second, other]) == ["ridge:1", "ridge:2", "lasso:1"]
    assert (first.kind, first.root, first.size) == ("file", "ridge.pkl", 7)
    assert first.digest == second.digest
    assert len(stored(models)) == 1
    assert datetime.now(UTC) - first.created < timedelta(minutes=1)
    assert models.get("ridge") == second
    assert models.get("ridge", 1) == models.get_id("ridge:1") == first
    assert ids(models.list()) == ["lasso:1", "ridge:1", "ridge:2"]


def test_everything_given_comes_back(models: ModelRegistry, work: Path) -> None:
    given: dict[str, Any] = {
        "tags": {"area": "diabetes", "depth": 3},
        "properties": {"trained": True},
        "description": "Ridge <b>regression</b>",
        "framework": "ScikitLearn",
        "framework_version": "1.4",
        "resource_configuration": {"cpu": 0.5, "memory_in_gb": 1, "gpu": 0},
        "sample_input": "samples/in.json",
        "sample_output": "samples/out.json",
    }
    registered = models.register("ridge.pkl", "ridge", **given)
    for model in (registered, ModelRegistry(Store(models._store.home)).get("ridge")):
        assert {key: getattr(model, key) for key in given} == given
        assert {key: model.to_dict()[key] for key in given} == given
    assert registered == models.get("ridge")
    assert "ridge:1" in repr(registered)
    page = registered._repr_html_()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page


def test_a_folder_keeps_its_last_name(models: ModelRegistry, work: Path) -> None:
    model = models.register("outputs/model", "net")
    assert (model.kind, model.root) == ("folder", "model")
    assert [entry.path for entry in model.tree.files] == ["model/deep/config.json", "model/weights.bin"]
    assert models.register("outputs/model/", "net").tree == model.tree


def test_the_current_folder_has_a_name(models: ModelRegistry, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(work / "outputs" / "model" / "deep")
    assert models.register(".", "here").root == "deep"
    assert models.register("..", "above").root == "model"


def test_child_paths_choose_of_a_folder(models: ModelRegistry, work: Path) -> None:
    model = models.register("outputs", "net", child_paths=["./model/deep"])
    assert [entry.path for entry in model.tree.files] == ["outputs/model/deep/config.json"]
    with pytest.raises(InvalidInputError, match="'deeper'"):
        models.register("outputs", "net", child_paths=["deeper"])
    with pytest.raises(InvalidInputError, match="is a file"):
        models.register("ridge.pkl", "net", child_paths=["x"])


def test_progress_counts_bytes(models: ModelRegistry, work: Path) -> None:
    (work / "outputs" / "model" / "weights.bin").write_bytes(bytes(3_000_000))
    seen: list[tuple[int, int]] = []
    models.register("outputs", "net", progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (3_000_002, 3_000_002)
    assert len(seen) > 3


def test_an_object_written_to_be_registered_is_moved(models: ModelRegistry, work: Path) -> None:
    models.register("ridge.pkl", "ridge", adopt=True)
    assert not (work / "ridge.pkl").exists()
    assert models.download("ridge:1").read_bytes() == b"a model"


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"name": "my model"}, "name", "my-model"),
        ({"name": ""}, "name", "empty"),
        ({"framework": "sklearn"}, "framework", "'ScikitLearn'"),
        ({"framework": "Pytorch"}, "framework", "'PyTorch'"),
        ({"framework_version": "1.4"}, "framework", "without framework"),
        ({"tags": ["a"]}, "tags", "dictionary"),
        ({"tags": {"a": object()}}, "tags.a", "JSON"),
        ({"tags": {1: "a"}}, "tags", "key 1"),
        ({"tags": {"": "a"}}, "tags", "empty key"),
        ({"properties": {"a": float("nan")}}, "properties.a", "nan"),
        ({"description": 5}, "description", "int"),
        ({"resource_configuration": {"cpus": 1}}, "resource_configuration.cpus", "'cpu'"),
        ({"resource_configuration": {"cpu": 0}}, "resource_configuration.cpu", "positive"),
        ({"resource_configuration": {"memory_in_gb": "2"}}, "resource_configuration.memory_in_gb", "'2'"),
        ({"resource_configuration": {"gpu": 0.5}}, "resource_configuration.gpu", "whole"),
        ({"path": ""}, "path", "not a path"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    models: ModelRegistry, work: Path, changes: dict[str, Any], field: str, words: str
) -> None:
    given = {"path": "ridge.pkl", "name": "ridge", **changes}
    with pytest.raises(InvalidInputError) as caught:
        models.register(**given)
    assert caught.value.field == field
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert models.list() == []
    assert stored(models) == []


def test_a_missing_file_shows_what_is_near_by(models: ModelRegistry, work: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        models.register("rigde.pkl", "ridge")
    assert "no model file or folder 'rigde.pkl'" in str(caught.value)
    assert "Did you mean 'ridge.pkl'?" in str(caught.value)
    assert "outputs/" in str(caught.value)
    with pytest.raises(NotFoundError, match=r"In '.*/outputs' there are model/"):
        models.register("outputs/mode/weights.bin", "net")
    (work / "dangling").symlink_to("nowhere")
    with pytest.raises(NotFoundError, match="symbolic link to nothing"):
        models.register("dangling", "net")


def test_an_empty_folder_is_no_model(models: ModelRegistry, work: Path) -> None:
    (work / "empty" / "sub").mkdir(parents=True)
    with pytest.raises(InvalidInputError, match="holds no files"):
        models.register("empty", "net")


def test_lists_are_filtered(models: ModelRegistry, work: Path) -> None:
    models.register("ridge.pkl", "a", tags={"area": "x"}, properties={"p": 1})
    models.register("ridge.pkl", "a", tags={"area": "y", "depth": 3}, framework="Onnx")
    models.register("ridge.pkl", "b", tags={"area": "x"}, framework="Onnx")
    assert ids(models.list("a")) == ["a:1", "a:2"]
    assert ids(models.list(latest=True)) == ["a:2", "b:1"]
    assert ids(models.list(tags=["area"])) == ["a:1", "a:2", "b:1"]
    assert ids(models.list(tags=[["area", "x"]])) == ids(models.list(tags={"area": "x"})) == ["a:1", "b:1"]
    assert ids(models.list(tags=[["area", "x"]], latest=True)) == ["a:1", "b:1"]
    assert ids(models.list(tags=["depth", ("area", "y")])) == ["a:2"]
    assert ids(models.list(tags=[["depth", "3"]])) == ["a:2"]
    assert ids(models.list(properties=[["p", 1]])) == ["a:1"]
    assert ids(models.list(framework="Onnx")) == ["a:2", "b:1"]
    assert models.list("nobody") == []
    with pytest.raises(InvalidInputError, match=r"\['key', 'value'\]"):
        models.list(tags=[["a", "b", "c"]])


def test_what_is_not_there_is_told_with_what_is(models: ModelRegistry, work: Path) -> None:
    with pytest.raises(NotFoundError, match="No model is registered"):
        models.get("ridge")
    models.register("ridge.pkl", "ridge")
    models.register("ridge.pkl", "ridge")
    with pytest.raises(NotFoundError, match="Did you mean 'ridge'"):
        models.get("rigde")
    with pytest.raises(NotFoundError, match="has the versions 1, 2"):
        models.get("ridge", 3)
    models.delete("ridge:1")
    with pytest.raises(NotFoundError, match=r"'ridge:1' was deleted.*version 2"):
        models.get_id("ridge:1")
    with pytest.raises(InvalidNameError, match="name:version"):
        models.get_id("ridge")


def test_labels_change_by_their_rules(models: ModelRegistry, work: Path) -> None:
    model = models.register("ridge.pkl", "ridge", tags={"a": "1"}, properties={"p": "1"}, description="old")
    assert models.add_tags(model, {"a": "2", "b": "3"}).tags == {"a": "2", "b": "3"}
    assert models.remove_tags("ridge:1", ["a", "never there"]).tags == {"b": "3"}
    changed = models.update(model, tags={"c": "4"}, description="new")
    assert (changed.tags, changed.description, changed.properties) == ({"c": "4"}, "new", {"p": "1"})
    assert models.update(model, resource_configuration={"cpu": 2}).resource_configuration == {"cpu": 2}
    assert models.add_properties(model, {"q": "2"}).properties == {"p": "1", "q": "2"}
    with pytest.raises(AlreadyExistsError, match="property 'p' already"):
        models.add_properties(model, {"p": "2", "r": "3"})
    now = models.get("ridge")
    assert (now.tags, now.properties, now.description) == ({"c": "4"}, {"p": "1", "q": "2"}, "new")
    assert now.created == model.created
    with pytest.raises(NotFoundError):
        models.add_tags("ridge:2", {"a": "1"})


def test_download_gives_a_file_of_ones_own(models: ModelRegistry, work: Path) -> None:
    models.register("ridge.pkl", "ridge")
    path = models.download("ridge:1", "out/here")
    assert path == Path("out/here/ridge.pkl")
    assert path.read_bytes() == b"a model"
    path.write_bytes(b"changed")
    with pytest.raises(AlreadyExistsError, match="exist_ok"):
        models.download("ridge:1", "out/here")
    assert path.read_bytes() == b"changed"
    models.download("ridge:1", "out/here", exist_ok=True)
    assert path.read_bytes() == b"a model"
    assert [entry.name for entry in path.parent.iterdir()] == ["ridge.pkl"]


def test_download_of_a_folder_leaves_other_files_alone(models: ModelRegistry, work: Path) -> None:
    model = models.register("outputs/model", "net")
    path = models.download(model, work / "out")
    assert (path / "deep" / "config.json").read_text() == "{}"
    (path / "notes.txt").write_text("mine")
    models.download(model, work / "out", exist_ok=True)
    assert (path / "notes.txt").read_text() == "mine"


def test_download_notices_damage(models: ModelRegistry, work: Path) -> None:
    model = models.register("ridge.pkl", "ridge")
    blob = stored(models)[0]
    blob.chmod(0o644)
    blob.write_bytes(b"A MODEL")
    with pytest.raises(CorruptStoreError):
        models.download(model, work / "out")
    assert list((work / "out").iterdir()) == []


def test_a_used_model_is_not_deleted(models: ModelRegistry, work: Path) -> None:
    model = models.register("ridge.pkl", "ridge")
    models.in_use_by = lambda used: ["service diabetes revision 2"] if used.id == "ridge:1" else []
    with pytest.raises(InUseError, match="in use by service diabetes revision 2") as caught:
        models.delete(model)
    assert caught.value.used_by == ["service diabetes revision 2"]
    assert ids(models.list()) == ["ridge:1"]


def test_a_deleted_number_never_comes_back(models: ModelRegistry, work: Path) -> None:
    models.register("ridge.pkl", "ridge")
    models.delete("ridge:1")
    models.delete("ridge:1")
    assert models.list() == []
    assert models.register("ridge.pkl", "ridge").id == "ridge:2"


def test_references_are_resolved(models: ModelRegistry, work: Path) -> None:
    first = models.register("ridge.pkl", "ridge")
    second = models.register("outputs/model/weights.bin", "ridge")
    assert models.resolve("ridge") == models.resolve(second) == second
    assert models.resolve("ridge:1") == first
    for path in ("ridge.pkl", "./ridge.pkl", work / "ridge.pkl"):
        model = models.resolve(path)
        assert (model.name, model.version, model.root, model.registered) == ("ridge.pkl", 0, "ridge.pkl", False)
        assert models.resolve(model) is model
    assert ids(models.list()) == ["ridge:1", "ridge:2"]
    with pytest.raises(NotFoundError, match="neither a registered model nor a file") as caught:
        models.resolve("rigde")
    assert "'ridge'" in str(caught.value)
    with pytest.raises(NotFoundError, match="no model file or folder"):
        models.resolve("no/such")
    models.delete(second)
    with pytest.raises(NotFoundError, match="'ridge:2' was deleted"):
        models.resolve(second)


def test_a_name_that_is_also_a_file(models: ModelRegistry, work: Path) -> None:
    registered = models.register("ridge.pkl", "ridge.pkl")
    assert models.resolve("ridge.pkl") == registered
    (work / "ridge.pkl").write_bytes(b"trained again")
    with pytest.raises(InvalidInputError, match="also a different file here") as caught:
        models.resolve("ridge.pkl")
    assert "'ridge.pkl:1'" in str(caught.value)
    assert models.resolve("./ridge.pkl").version == 0


def test_a_model_of_another_workspace_is_not_mistaken(models: ModelRegistry, work: Path, tmp_path: Path) -> None:
    foreign = ModelRegistry(Store(tmp_path / "other")).register("outputs/model", "ridge")
    with pytest.raises(NotFoundError):
        models.resolve(foreign)
    models.register("ridge.pkl", "ridge")
    with pytest.raises(InvalidInputError, match="another workspace"):
        models.resolve(foreign)


def test_unregistered_names_are_cut(models: ModelRegistry, work: Path) -> None:
    name = "sklearn_regression_model_of_diabetes.pkl"
    (work / name).write_bytes(b"x")
    model = models.unregistered(name)
    assert (model.id, model.root) == ("sklearn_regression_model_of_di:0", name)


def test_layout_as_in_v1(models: ModelRegistry, work: Path) -> None:
    one = models.register("ridge.pkl", "ridge")
    folder = models.register("outputs/model", "net")
    free = models.unregistered("ridge.pkl")
    assert path_layout([]) == {"AZUREML_MODEL_DIR": "azureml-models"}
    assert path_layout([one]) == {
        "AZUREML_MODEL_DIR": "azureml-models/ridge/1",
        "ridge:1": "azureml-models/ridge/1/ridge.pkl",
    }
    assert path_layout([one, folder, free]) == {
        "AZUREML_MODEL_DIR": "azureml-models",
        "ridge:1": "azureml-models/ridge/1/ridge.pkl",
        "net:1": "azureml-models/net/1/model",
        "ridge.pkl:0": "azureml-models/ridge.pkl/0/ridge.pkl",
    }
    with pytest.raises(InvalidInputError, match="share one directory"):
        path_layout([free, free])
    with pytest.raises(InvalidInputError, match="at most 1000"):
        path_layout([one] * 1001)


def test_an_interrupted_register_leaves_nothing(models: ModelRegistry, work: Path) -> None:
    (work / "big").write_bytes(bytes(3 << 20))

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        models.register("big", "big", progress=interrupt)
    assert models.list() == []
    assert stored(models) == []
    assert list((models._store.home / "tmp").iterdir()) == []
    assert models.register("big", "big").id == "big:1"


def test_errors_carry_what_a_program_needs(models: ModelRegistry) -> None:
    with pytest.raises(MldeployError) as caught:
        models.get("nothing", 4)
    assert caught.value.to_dict()["details"] == {"kind": "model", "name": "nothing:4"}
    assert caught.value.to_dict()["code"] == "not_found"


def test_the_core_of_storage_is_imported_quickly_and_lightly() -> None:
    code = (
        "import sys\n"
        "import jupyter_mldeploy.core.store, jupyter_mldeploy.core.model, jupyter_mldeploy.core.bundle\n"
        "heavy = {'pydantic', 'numpy', 'yaml', 'asyncio', 'subprocess', 'tarfile', 'difflib', 'shutil', 'tempfile'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
