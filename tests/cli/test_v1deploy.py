"""``mldeploy model deploy`` with v1's files, on the local target."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import ROW, SCRIPT, Run

ENVIRONMENT = {
    "name": "diabetes-env",
    "environmentVariables": {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE", "SCALE": "3"},
    "python": {
        "userManagedDependencies": False,
        "condaDependencies": {
            "name": "project_environment",
            "dependencies": ["python=3.6.2", "scikit-learn", {"pip": ["azureml-defaults>=1.0.45"]}],
        },
    },
    "docker": {"enabled": True, "baseImage": "example.azurecr.io/base:1"},
}


@pytest.fixture
def project(folder: Path) -> Path:
    """A project as v1's documents had it: the files in a folder, the script below it, called from above."""
    (folder / "project" / "src").mkdir(parents=True)
    (folder / "score.py").rename(folder / "project" / "src" / "score.py")
    (folder / "project" / "src" / "helper.py").write_text("FACTOR = 2\n")
    return folder


def write(project: Path, name: str, values: Any) -> str:
    path = project / "project" / name
    path.write_text(json.dumps(values))
    return str(path.relative_to(project))


def test_the_two_files_and_a_registered_model(mldeploy: Run, project: Path, prediction: float) -> None:
    assert mldeploy("model", "register", "-p", "ridge.pkl", "-n", "v1-ridge").code == 0
    inference = write(
        project,
        "inferenceconfig.json",
        {"entryScript": "score.py", "sourceDirectory": "src", "environment": ENVIRONMENT},
    )
    deployment = write(
        project,
        "deploymentconfig.json",
        {
            "computeType": "LOCAL",
            "authEnabled": True,
            "scoringTimeoutMs": 5000,
            "numReplicas": 2,
            "appInsightsEnabled": True,
            "keys": {"primaryKey": "a-primary-key-of-v1", "secondaryKey": "a-secondary-key-v1"},
        },
    )
    words = ("model", "deploy", "-n", "v1-svc", "-m", "v1-ridge:1", "--ic", inference, "--dc", deployment)
    done = mldeploy(*words, "--tag", "a=b", "--property", "c=d", "--json")
    assert done.code == 0, done.err
    document = done.json
    assert document["tags"] == {"a": "b"}
    assert document["properties"] == {"c": "d"}
    assert [model["id"] for model in document["models"]] == ["v1-ridge:1"]
    notes = " ".join(document["notes"])
    for idle in ("numReplicas", "environment.docker", "--isolated builds it"):
        assert idle in notes
    assert json.loads(mldeploy("score", "v1-svc", "-d", json.dumps({"data": [ROW]})).out) == pytest.approx([prediction])
    assert mldeploy("keys", "v1-svc", "--json").json == {
        "primary": "a-primary-key-of-v1",
        "secondary": "a-secondary-key-v1",
    }
    (revision,) = mldeploy("revisions", "v1-svc", "--json").json["revisions"]
    assert revision["config"]["scoring_timeout_ms"] == 5000
    assert "a-primary-key" not in json.dumps(revision), "keys are not part of a configuration"
    shown = mldeploy("bundle", "show", revision["digest"], "--json").json
    assert shown["entry_script"] == "score.py"
    assert "helper.py" in json.dumps(shown["source"])
    assert shown["environment"]["variables"] == {"SCALE": "3"}, "v1's example variable is left out"

    again = mldeploy(*words)
    assert again.code == 4
    assert "--overwrite" in again.err
    over = mldeploy(*words, "--overwrite", "--json")
    assert over.code == 0, over.err
    assert over.json["revision"] == 2
    assert mldeploy("delete", "v1-svc").code == 0


def test_an_environments_variables_reach_the_script(mldeploy: Run, project: Path, prediction: float) -> None:
    (project / "project" / "src" / "score.py").write_text(
        SCRIPT.replace(".tolist()", ".tolist() + [os.environ['SCALE']]")
    )
    inference = write(project, "ic.json", {"entryScript": "src/score.py", "environment": ENVIRONMENT})
    deployment = write(project, "dc.json", {"computeType": "local"})
    done = mldeploy("model", "deploy", "-n", "v1-var", "-m", "ridge.pkl", "--ic", inference, "--dc", deployment)
    assert done.code == 0, done.err
    scored = mldeploy("score", "v1-var", "-d", json.dumps({"data": [ROW]}))
    assert json.loads(scored.out)[1] == "3"
    assert mldeploy("delete", "v1-var").code == 0


def test_a_registered_environment_and_a_legacy_configuration(mldeploy: Run, project: Path) -> None:
    (project / "project" / "conda.yml").write_text("name: x\ndependencies:\n- pip:\n  - scikit-learn\n")
    assert mldeploy("environment", "create", "-n", "v1-env", "-f", "project/conda.yml").code == 0
    assert mldeploy("environment", "create", "-n", "v1-env", "--pip", "numpy").code == 0
    legacy = write(
        project,
        "legacy.json",
        {"entryScript": "src/score.py", "runtime": "python", "condaFile": "conda.yml", "enableGpu": True},
    )
    bare = write(project, "bare.json", {"entryScript": "src/score.py"})
    deployment = write(project, "dc.json", {"computeType": "local"})
    words = ("model", "deploy", "-n", "v1-env", "-m", "ridge.pkl", "--dc", deployment)
    both = mldeploy(*words, "--ic", legacy, "-e", "v1-env")
    assert both.code == 2
    assert "contradicts" in both.err
    missing = mldeploy(*words, "--ic", bare, "-e", "v1-env", "--ev", "9")
    assert missing.code == 3
    assert "v1-env:9" in missing.err
    done = mldeploy(*words, "--ic", bare, "-e", "v1-env", "--ev", "1", "--json")
    assert done.code == 0, done.err
    shown = mldeploy("bundle", "show", done.json["digest"], "--json").json
    assert shown["environment"]["pip"] == ["scikit-learn"]
    updated = mldeploy(*words, "--ic", legacy, "--overwrite", "--json")
    assert updated.code == 0, updated.err
    assert any("enableGpu has no effect" in note for note in updated.json["notes"])
    assert mldeploy("delete", "v1-env").code == 0


def test_a_compute_type_that_is_not_installed(mldeploy: Run, project: Path) -> None:
    inference = write(project, "ic.json", {"entryScript": "src/score.py"})
    deployment = write(project, "dc.json", {"computeType": "ACI", "containerResourceRequirements": {"cpu": 1}})
    words = ("model", "deploy", "-n", "v1-aci", "-m", "ridge.pkl", "--ic", inference, "--dc", deployment)
    done = mldeploy(*words)
    assert done.code == 3
    assert "computeType 'ACI'" in done.err
    assert "installed are: aks, docker, fpga, kubernetes, local" in done.err
    assert "--ct local" in done.err
    here = mldeploy(*words, "--ct", "local", "--json")
    assert here.code == 0, here.err
    assert "containerResourceRequirements.cpu has no effect on target 'local'" in here.json["notes"][0]
    assert mldeploy("delete", "v1-aci").code == 0


@pytest.mark.parametrize(
    ("inference", "said"),
    [
        ({"entryScript": "src/score.py", "enviroment": {}}, "did you mean 'environment'"),
        ({"sourceDirectory": "src"}, "entryScript: it is missing"),
        ({"entryScript": "src/nothere.py"}, "'src/nothere.py', which is in none of"),
        ({"entryScript": "score.py", "sourceDirectory": "nowhere"}, "sourceDirectory names the folder 'nowhere'"),
        (
            {"entryScript": "src/score.py", "environment": {"name": "x"}, "condaFile": "c.yml"},
            "cannot stand beside environment",
        ),
        ({"entryScript": "src/score.py", "runtime": "ruby"}, "runtime: one of python, spark-py"),
        ({"entryScript": "src/score.py", "enableGpu": "yes"}, "enableGpu: must be true or false"),
        ({"entryScript": "src/score.py", "environment": {"pyhton": {}}}, "environment"),
    ],
)
def test_an_inference_configuration_that_is_wrong(
    mldeploy: Run, project: Path, inference: dict[str, Any], said: str
) -> None:
    deployment = write(project, "dc.json", {"computeType": "local"})
    done = mldeploy("model", "deploy", "-n", "v1-bad", "--ic", write(project, "ic.json", inference), "--dc", deployment)
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1


def test_a_v2_deployment_file_says_it_all(mldeploy: Run, project: Path, prediction: float) -> None:
    (project / "project" / "blue.yml").write_text(
        "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json\n"
        "name: blue\nendpoint_name: v2-svc\nmodel: {path: ../ridge.pkl}\n"
        "code_configuration: {code: src, scoring_script: score.py}\n"
        "environment_variables: {COLOUR: blue}\ninstance_type: Standard_DS3_v2\ninstance_count: 1\n"
    )
    done = mldeploy("deploy", "v2-svc", "--config", "project/blue.yml", "--json")
    assert done.code == 0, done.err
    assert "instance_type, instance_count" in done.json["notes"][0]
    assert json.loads(mldeploy("score", "v2-svc", "-d", json.dumps({"data": [ROW]})).out) == pytest.approx([prediction])
    assert mldeploy("delete", "v2-svc").code == 0
