"""An old notebook of Azure ML's SDK v1, unchanged but for ``%load_ext jupyter_mldeploy.azureml`` at its top."""

from __future__ import annotations

import importlib
import importlib.util
import json
import pickle
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy import azureml as facade
from jupyter_mldeploy.azureml.exceptions import WebserviceException
from tests.azureml.conftest import SCORE

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("azureml") is not None, reason="Azure's own packages are installed and come first"
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "azureml.md"


def run(text: str, names: dict[str, Any]) -> None:
    exec(compile(text, "cell", "exec"), names)


def documented() -> list[str]:
    """The page's blocks."""
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


REGISTER = """
from azureml.core import Workspace
from azureml.core.model import Model
ws = Workspace.from_config()
model = Model.register(workspace=ws, model_path="weights.pkl", model_name="weights", tags={"area": "sums"},
                       model_framework=Model.Framework.CUSTOM)
print(model.name, model.id, model.version, sep='\\t')
"""
CONFIGURE = """
from azureml.core.environment import Environment
from azureml.core.model import InferenceConfig
Environment.from_conda_specification(name='myenv', file_path='myenv.yml').register(workspace=ws)
myenv = Environment.get(workspace=ws, name='myenv', version='1')
inference_config = InferenceConfig(entry_script='score.py', environment=myenv)
"""


@pytest.mark.filterwarnings("ignore:InferenceConfig")
def test_the_notebook_of_the_documentation_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, notebook, *_ = documented()
    (folder / "ridge.pkl").write_bytes(pickle.dumps(list(range(1, 11))))
    (folder / "score.py").write_text(SCORE.replace("weights.pkl", "ridge.pkl"))
    names: dict[str, Any] = {}
    run(notebook, names)
    shown = capsys.readouterr().out
    assert shown.startswith("check: ")
    assert shown.endswith("Healthy\n[385]\n")
    service = names["service"]
    assert type(service).__name__ == "LocalWebservice"
    assert service.scoring_uri == f"http://127.0.0.1:{service.port}/score"
    assert service.swagger_uri == f"http://127.0.0.1:{service.port}/swagger.json"
    assert isinstance(service.get_keys()[0], str)
    run("from azureml.core.webservice import Webservice\nfound = Webservice(workspace=ws, name='myservice')", names)
    assert names["found"].run(json.dumps({"data": [[1, 1]]})) == [3]
    assert [item.name for item in names["Webservice"].list(names["ws"], model_name="ridge")] == ["myservice"]
    assert list(names["ws"].webservices) == ["myservice"]
    assert list(names["ws"].models) == ["ridge"]
    with pytest.raises(WebserviceException, match="overwrite=True"):
        run("Model.deploy(ws, 'myservice', [model], inference_config)", names)

    # Updated, reloaded with an edited script, deleted.
    edited = (folder / "score.py").read_text()
    (folder / "score.py").write_text(edited.replace("a * b", "10 * a * b"))
    run("service.update(inference_config=inference_config, tags={'x': 'y'})", names)
    assert service.run(json.dumps({"data": [[1, 1]]})) == [30]
    assert service.tags == {"x": "y"}
    (folder / "score.py").write_text(edited.replace("a * b", "100 * a * b"))
    service.reload()
    assert service.run(json.dumps({"data": [[1, 1]]})) == [300]
    assert "POST /score 200" in service.get_logs()
    service.delete()
    assert names["ws"].webservices == {}


def test_what_fails_is_told_as_v1_told_it(folder: Path) -> None:
    names: dict[str, Any] = {}
    run(REGISTER, names)
    exceptions = importlib.import_module("azureml.exceptions")
    assert exceptions.WebserviceException is WebserviceException
    with pytest.raises(exceptions.ModelPathNotFoundException):
        run("Model.register(ws, 'nowhere.pkl', 'weights')", names)
    with pytest.raises(WebserviceException, match="other"):
        run("Model(ws, 'other')", names)
    with pytest.raises(WebserviceException, match="not both"):
        run("from azureml.core import Environment\nfrom azureml.core.model import InferenceConfig\n"
            "InferenceConfig('score.py', conda_file='myenv.yml', environment=Environment('e'))", names)  # fmt: skip
    with pytest.raises(WebserviceException, match=r"score2\.py"):
        run("InferenceConfig('score2.py')", names)
    with pytest.raises(exceptions.UserErrorException, match="no workspace configuration"):
        run("Workspace.from_config(path='nowhere.json')", names)
    (folder / "score.py").write_text("def init():\n    raise OSError('no luck')\n\n\ndef run(data):\n    return 1\n")
    run("service = Model.deploy(ws, 'unlucky', [model], InferenceConfig('score.py'))", names)
    with pytest.raises(WebserviceException, match="no luck"):
        names["service"].wait_for_deployment(True)
    assert names["service"].state == "Failed"
    with pytest.raises(WebserviceException, match="aci"):
        run("from azureml.core.webservice import AciWebservice\n"
            "Model.deploy(ws, 'cloudy', [model], InferenceConfig('score.py'), AciWebservice.deploy_configuration())",
            names)  # fmt: skip


def test_a_model_with_its_labels(folder: Path) -> None:
    names: dict[str, Any] = {}
    run(REGISTER, names)
    model = names["model"]
    model.add_tags({"b": "1"})
    model.remove_tags(["area"])
    model.add_properties({"fixed": "yes"})
    model.update(description="sums")
    assert (model.tags, model.properties, model.description) == ({"b": "1"}, {"fixed": "yes"}, "sums")
    again = names["Model"](names["ws"], id="weights:1")
    assert again.serialize()["tags"] == {"b": "1"}
    assert Path(again.download("copy")).read_bytes() == (folder / "weights.pkl").read_bytes()
    assert [item.id for item in names["Model"].list(names["ws"], tags=[["b", "1"]])] == ["weights:1"]
    again.delete()
    assert names["ws"].models == {}


def test_an_environment_is_changed_in_place_and_kept(folder: Path) -> None:
    names: dict[str, Any] = {}
    run(
        """
from azureml.core import Environment, Workspace
from azureml.core.conda_dependencies import CondaDependencies
ws = Workspace.create("mine")
env = Environment("env")
env.docker.enabled = True
env.docker.base_image = "python:3.11"
env.environment_variables = {"A": "1"}
env.python.conda_dependencies = CondaDependencies.create(conda_packages=['scikit-learn'],
                                                         pip_packages=['azureml-defaults', 'joblib'])
env.python.conda_dependencies.add_pip_package("numpy==2.0.0")
env.python.conda_dependencies.set_python_version("3.11")
env.register(ws)
found = Environment.get(ws, "env")
""",
        names,
    )
    spec = names["found"].to_spec()
    assert (spec.version, spec.python, spec.base_image, dict(spec.variables)) == (
        "1",
        "3.11",
        "python:3.11",
        {"A": "1"},
    )
    assert spec.conda == ("scikit-learn",)
    assert spec.pip == ("azureml-defaults", "joblib", "numpy==2.0.0")
    assert list(names["ws"].environments) == ["env"]
    names["found"].save_to_directory("saved")
    assert names["Environment"].load_from_directory("saved").to_spec().digest == spec.digest
    names["found"].python.conda_dependencies.remove_pip_package("joblib")
    assert names["found"].register(names["ws"]).version == "2"


@pytest.mark.filterwarnings("ignore:InferenceConfig")
def test_a_profile_with_the_article_s_dataset(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {}
    run(REGISTER + CONFIGURE, names)
    run(
        """
import json
from azureml.core import Datastore
from azureml.core.dataset import Dataset
from azureml.data import dataset_type_definitions

serialized_input_json = json.dumps({'data': [[1, 2], [10, 9]]})
dataset_content = '\\n'.join([serialized_input_json] * 20)
file_name = 'sample_request_data.txt'
f = open(file_name, 'w')
f.write(dataset_content)
f.close()
data_store = Datastore.get_default(ws)
data_store.upload_files(['./' + file_name], target_path='sample_request_data')
datastore_path = [(data_store, 'sample_request_data' +'/' + file_name)]
sample_request_data = Dataset.Tabular.from_delimited_files(
    datastore_path, separator='\\n',
    infer_column_types=True,
    header=dataset_type_definitions.PromoteHeadersBehavior.NO_HEADERS)
sample_request_data = sample_request_data.register(workspace=ws,
                                                   name='sample_request_data',
                                                   create_new_version=True)
input_dataset = Dataset.get_by_name(workspace=ws, name='sample_request_data')
""",
        names,
    )
    assert (len(names["input_dataset"]), names["input_dataset"].version) == (20, 1)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")  # measured on this machine then
    run(
        "profile = Model.profile(ws, 'unique-name', [model], inference_config, input_dataset=input_dataset)\n"
        "profile.wait_for_completion(True)\ndetails = profile.get_details()",
        names,
    )
    assert names["details"]["state"] == "Succeeded"
    assert names["details"]["successRate"] == 100.0
    assert names["ws"].webservices == {}


def test_the_finder_comes_last_and_goes_again(folder: Path) -> None:
    assert importlib.util.find_spec("azureml.core.webservice") is not None
    assert importlib.util.find_spec("azureml.core.experiment") is None
    importlib.import_module("azureml.core")
    facade.uninstall()
    assert "azureml.core" not in sys.modules
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("azureml.core")
