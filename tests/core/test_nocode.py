"""Entry scripts for models that come without one: kinds, signatures, what is read and what is not."""

from __future__ import annotations

import ast
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core import nocode_scripts as scripts
from jupyter_mldeploy.core.assemble import check
from jupyter_mldeploy.core.nocode import NoCode, read_model, version_notes, without_script
from jupyter_mldeploy.core.nocode_kinds import detect
from jupyter_mldeploy.core.storage.process_identity import start_token
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import InvalidInputError
from tests.targets.local_service import wait_for

from .memory_target import memory_targets


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home", targets=memory_targets())


def made(workspace: Workspace, path: Path, **options: Any) -> NoCode:
    """Make the script; it must be one that nothing is to be said against."""
    found = without_script(workspace, [path], **{"trusted": True, **options})
    findings = [item for item in check(found.source) if item.severity in {"error", "warning"}]
    assert findings == []
    return found


def write(path: Path, content: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def torch_zip(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    return path


def test_kinds_are_told_without_running_anything(tmp_path: Path) -> None:
    assert detect(write(tmp_path / "a.PKL", b"")).kind == "pickle"
    assert detect(write(tmp_path / "a.onnx", b"")).kind == "onnx"
    assert detect(write(tmp_path / "a.json", '{"learner": {}}')).kind == "xgboost"
    assert detect(write(tmp_path / "a.txt", "tree\nversion=v4\n")).kind == "lightgbm"
    assert detect(torch_zip(tmp_path / "a.pt", "a/constants.pkl", "a/data.pkl")).kind == "torchscript"
    assert detect(write(tmp_path / "saved" / "saved_model.pb", b"").parent).kind == "tensorflow"
    versions = write(tmp_path / "versions" / "1" / "saved_model.pb", b"").parent.parent
    assert (detect(versions).kind, detect(versions).path) == ("tensorflow", "1")
    lone = write(tmp_path / "folder" / "model.onnx", b"").parent
    assert (detect(lone).kind, detect(lone).path) == ("onnx", "model.onnx")


@pytest.mark.parametrize("name", ["a.bin", "a.json", "a.txt", "a.pt", "noext"])
def test_an_unknown_format_names_those_that_are_known(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInputError, match="its format is not known") as caught:
        detect(write(tmp_path / name, "{}"))
    assert "ONNX" in (caught.value.hint or "")


def test_weights_are_no_model(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="weights") as caught:
        detect(torch_zip(tmp_path / "weights.pth", "archive/data.pkl"))
    assert "torch.jit.save" in (caught.value.hint or "")


def test_neither_script_nor_model(workspace: Workspace) -> None:
    with pytest.raises(InvalidInputError, match="neither an entry script nor a model"):
        workspace.deploy("svc", target="memory")
    assert workspace.services() == []


class Bomb:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


def test_a_pickle_is_read_only_when_it_is_trusted(workspace: Workspace, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    bomb = write(tmp_path / "bomb.pkl", pickle.dumps(Bomb(mark)))
    found = made(workspace, bomb, trusted=False)
    assert not mark.exists()
    assert "was not read" in found.notes[0]
    with pytest.raises(InvalidInputError, match="neither predict"):
        without_script(workspace, [bomb], trusted=True)
    assert mark.exists()


def test_a_broken_model_is_refused_before_anything_exists(workspace: Workspace, tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    with pytest.raises(InvalidInputError, match="cannot be read as a pickled model"):
        workspace.deploy("svc", models=[write(tmp_path / "m.pkl", b"no pickle")], target="memory")
    assert workspace.services() == []


def test_a_missing_library_is_named(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jupyter_mldeploy.core.nocode.read_model", lambda *_: {"missing": "onnxruntime"})
    with pytest.raises(InvalidInputError, match="needs onnxruntime, which") as caught:
        without_script(workspace, [write(tmp_path / "m.onnx", b"x")])
    assert "pip install onnxruntime" in (caught.value.hint or "")


def test_reading_takes_no_longer_than_it_may(tmp_path: Path) -> None:
    class Sleeper:
        def __reduce__(self) -> Any:
            import time

            return time.sleep, (60,)

    path = write(tmp_path / "slow.pkl", pickle.dumps(Sleeper()))
    assert read_model("pickle", str(path), None, timeout_s=0.5) == {"error": "reading it took longer than 0.5 s"}


def test_a_number_that_another_process_has_by_now_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda *_: None)  # there is one
    monkeypatch.setattr(os, "killpg", lambda *given: killed.append(given))
    assert "missing" not in read_model("importable", "json", None)
    assert killed == []


def test_what_reading_leaves_behind_is_ended(tmp_path: Path) -> None:
    note = tmp_path / "pid"

    class Starter:
        def __reduce__(self) -> Any:
            return os.system, (f"sleep 600 & echo $! > {note}",)

    path = write(tmp_path / "starter.pkl", pickle.dumps(Starter()))
    read_model("pickle", str(path), None)
    pid = int(note.read_text())
    wait_for(lambda: start_token(pid) is None, "the end of what was left behind")


def test_versions_that_differ_are_told() -> None:
    facts = {"trained_with": {"scikit-learn": "1.3.0"}, "differing": ["Ridge"], "versions": {"scikit-learn": "1.9.1"}}
    (note,) = version_notes("m.pkl", facts, None)
    assert "trained with scikit-learn 1.3.0, running scikit-learn 1.9.1 (Ridge)" in note
    stored = {"libraries": {"scikit-learn": "1.9.1", "joblib": "1.0"}}
    assert version_notes("m.pkl", {"versions": {"scikit-learn": "1.9.1"}}, stored) == []
    assert version_notes("m.pkl", {"versions": {"scikit-learn": "2.0"}}, stored) != []


def test_names_from_a_model_never_become_code() -> None:
    evil = ['"]); import os  #', "a'b", "wide name " * 8, "ü"]
    decorator = scripts.frame_decorator(evil, [0.0, "x", 1, 2.0])
    call = ast.parse(f"{decorator}\ndef run(data): pass").body[0].decorator_list[0]  # type: ignore[attr-defined]
    frame = call.args[1].args[0]
    assert ast.literal_eval(frame.keywords[0].value) == evil
    assert ast.literal_eval(frame.args[0]) == [[0.0, "x", 1, 2.0]]
    names, (text,) = scripts.tensor_inputs([{"name": "x:0); evil(", "dtype": "float32); evil(", "shape": [None, 2]}])
    assert names == ["x"]
    ast.parse(f"{text}\ndef run(x): pass")
    assert "evil" not in text


def test_parameter_names() -> None:
    assert scripts.parameter_name("serving_default_x:0", []) == "serving_default_x"
    assert scripts.parameter_name("class", []) == "input_class"
    assert scripts.parameter_name("1 bad-name", []) == "input_1_bad_name"
    assert scripts.parameter_name("a", ["a"]) == "a_"


def test_resources_of_a_registered_model_are_defaults(workspace: Workspace, tmp_path: Path) -> None:
    from jupyter_mldeploy.core.request import Request
    from jupyter_mldeploy.targets.local import LocalTarget

    path = write(tmp_path / "m.pkl", pickle.dumps({}))
    model = workspace.models.register(path, "m", resource_configuration={"cpu": 1, "memory_in_gb": 1.5})
    found = without_script(workspace, [model])
    request = Request("svc", found.source)
    assert found.apply(request, LocalTarget()).config == {"memory_gb": 1.5}
    own = Request("svc", found.source, config={"memory_gb": 4})
    assert found.apply(own, LocalTarget()).config == {"memory_gb": 4}


def mlmodel(folder: Path, flavors: dict[str, Any], inputs: list[dict[str, Any]]) -> Path:
    text = json.dumps({"flavors": flavors, "signature": {"inputs": json.dumps(inputs)}})
    write(folder / "MLmodel", text)
    return folder


def test_mlflow_without_mlflow_is_served_by_its_flavor(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyter_mldeploy.core.nocode._has", lambda *_: False)
    folder = mlmodel(tmp_path / "flow", {"python_function": {}, "sklearn": {"pickled_model": "model.pkl"}}, [])
    write(folder / "model.pkl", pickle.dumps({}))
    text = made(workspace, folder, trusted=False).source.text
    assert "joblib.load(path)" in text
    assert "'flow', 'model.pkl'" in text


def test_mlflow_by_its_signature(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jupyter_mldeploy.core.nocode.read_model", lambda *_: {})
    columns = [{"name": "age", "type": "long"}, {"name": "job", "type": "string"}]
    text = made(workspace, mlmodel(tmp_path / "flow", {"python_function": {}}, columns)).source.text
    assert "pd.DataFrame([[0, '']], columns=['age', 'job'])" in text
    tensor = [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 3]}}]
    text = made(workspace, mlmodel(tmp_path / "two", {"python_function": {}}, tensor)).source.text
    assert "np.array([[0.0, 0.0, 0.0]], dtype=np.float32)" in text
    text = made(workspace, mlmodel(tmp_path / "three", {"python_function": {}}, [{"type": "datetime"}])).source.text
    assert "pd.DataFrame(json.loads(data)['data'])" in text


@pytest.mark.parametrize("flavors", ["text", ["a"], None])
def test_a_broken_mlmodel_is_told(tmp_path: Path, flavors: Any) -> None:
    write(tmp_path / "flow" / "MLmodel", json.dumps(flavors))
    with pytest.raises(InvalidInputError, match="MLmodel"):
        detect(tmp_path / "flow")


def test_tensorflow_and_torch_scripts_are_sound(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = [{"name": "x", "type": "float32", "shape": [None, 2]}, {"name": "s", "type": "string", "shape": [None]}]
    facts: dict[str, Any] = {"signature": "serving_default", "inputs": inputs}
    monkeypatch.setattr("jupyter_mldeploy.core.nocode.read_model", lambda *_: facts)
    saved = write(tmp_path / "saved" / "saved_model.pb", b"").parent
    text = made(workspace, saved).source.text
    assert "'x': tf.constant(x, dtype=tf.float32)" in text
    assert "def run(x, s):" in text
    facts = {"inputs": [{"name": "input_0", "type": "int64", "shape": [1, 4]}]}
    text = made(workspace, write(tmp_path / "m.pt2", b"")).source.text
    assert "model(torch.from_numpy(input_0))" in text
    facts = {}
    text = made(workspace, torch_zip(tmp_path / "m.pt", "a/constants.pkl")).source.text
    assert "torch.jit.load(path, map_location='cpu')" in text


def test_several_models_become_one_service(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [write(tmp_path / name, pickle.dumps({})) for name in ("a.pkl", "b.pkl")]
    found = without_script(workspace, paths)
    assert [item.severity for item in check(found.source) if item.severity in {"error", "warning"}] == []
    assert "'a.pkl': read_pickle,\n    'b.pkl': read_pickle," in found.source.text
    assert [model.name for model in found.models] == ["a.pkl", "b.pkl"]
    saved = write(tmp_path / "saved" / "saved_model.pb", b"").parent
    monkeypatch.setattr("jupyter_mldeploy.core.nocode.read_model", lambda *_: {})
    with pytest.raises(InvalidInputError, match="only by itself") as caught:
        without_script(workspace, [paths[0], saved])
    assert "ModelPool" in (caught.value.hint or "")


def test_scikit_learns_own_warning_becomes_a_note(workspace: Workspace, tmp_path: Path) -> None:
    sklearn, linear = pytest.importorskip("sklearn"), pytest.importorskip("sklearn.linear_model")
    running = sklearn.__version__.encode()
    content = pickle.dumps(linear.Ridge().fit([[0.0], [1.0]], [0.0, 1.0]))
    assert running in content
    older = b"0" + running[1:]
    found = made(workspace, write(tmp_path / "ridge.pkl", content.replace(running, older)))
    assert (
        f"trained with scikit-learn {older.decode()}, running scikit-learn {running.decode()} (Ridge)" in found.notes[0]
    )
    assert found.pip == [f"scikit-learn=={running.decode()}"]
    assert "NumpyParameterType(np.array([[0.0]]))" in found.source.text


def test_onnx_for_a_fixed_number_of_rows(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tensor = {"name": "x", "type": "tensor(float)", "shape": [1, 2]}
    facts = {"inputs": [tensor], "outputs": [tensor]}
    monkeypatch.setattr("jupyter_mldeploy.core.nocode.read_model", lambda *_: facts)
    text = made(workspace, write(tmp_path / "m.onnx", b"")).source.text
    assert "if len(x) != 1:" in text
    assert "The model takes 1 row at a time" in text


def test_rows_without_names_and_missing_columns(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {"names": ["a", "b c"], "width": 2, "versions": {}}
    monkeypatch.setattr("jupyter_mldeploy.core.nocode.read_model", lambda *_: facts)
    text = made(workspace, write(tmp_path / "m.ubj", b"")).source.text
    assert "COLUMNS = ['a', 'b c']" in text
    assert "The input lacks the columns" in text


def test_torchscript_that_does_not_tell_its_shapes(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyter_mldeploy.core.nocode.read_model", lambda *_: {"arguments": ["left", "right"]})
    text = made(workspace, torch_zip(tmp_path / "m.pt", "a/constants.pkl")).source.text
    assert "for name in ['left', 'right']]" in text
    assert "as_json(model(*tensors))" in text


def test_skops_files_are_no_pickles(tmp_path: Path) -> None:
    folder = mlmodel(tmp_path / "flow", {"python_function": {}, "sklearn": {"pickled_model": "model.skops"}}, [])
    write(folder / "model.skops", b"")
    assert detect(folder).native is None


def test_mlflows_example_fills_the_sample(tmp_path: Path) -> None:
    columns = [{"name": "age", "type": "double"}, {"name": "job", "type": "string"}]
    folder = tmp_path / "flow"
    text = json.dumps({
        "flavors": {"python_function": {}}, "signature": {"inputs": json.dumps(columns)},
        "saved_input_example_info": {"artifact_path": "example.json", "pandas_orient": "split"},
    })  # fmt: skip
    write(folder / "MLmodel", text)
    write(folder / "example.json", json.dumps({"columns": ["age", "job"], "data": [[3, "nurse"]]}))
    assert [item["example"] for item in detect(folder).signature] == [3, "nurse"]
    write(folder / "example.json", "[]")
    assert detect(folder).signature == tuple(columns)
