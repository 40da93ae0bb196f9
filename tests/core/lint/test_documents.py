# ruff: noqa: E501 - files in one line
"""Environment and configuration files."""

from __future__ import annotations

import json
import time

import pytest

from jupyter_mldeploy.core.azure_files.v1keys import BY_PATH
from jupyter_mldeploy.core.lint import LintConfig, apply_fixes, lint_document
from jupyter_mldeploy.core.lint import deployment_config as deployment

ENVIRONMENT = """\
name: scoring
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip=24.0
  - pip:
      - azureml-defaults==1.57.0
      - scikit-learn==1.4.2
"""


def codes(text: str, path: str, **options: object) -> list[str]:
    return [item.code for item in lint_document(text, path=path, **options)]  # type: ignore[arg-type]


def test_good_files_get_no_findings() -> None:
    assert codes(ENVIRONMENT, "environment.yml") == []
    assert (
        codes(
            "numpy==1.26.4\n# comment\n-r other.txt\nhttps://example.com/x.whl\n./local\nscipy>=1,<2 ; python_version > '3'\n",
            "requirements.txt",
        )
        == []
    )
    assert codes('{"entryScript": "score.py", "environment": {"name": "x"}}', "inferenceconfig.json") == []
    assert (
        codes(
            '{"computeType": "ACI", "containerResourceRequirements": {"cpu": 0.5, "memoryInGB": 1}}',
            "deploymentconfig.json",
        )
        == []
    )
    assert codes("computeType: aks\nnumReplicas: 2\ntags: {a: b}\n", "deploymentconfig.yml") == []


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("services:\n  web:\n    image: x\n", "docker-compose.yml"),
        ("name: ci\non: push\njobs: {}\n", ".github/workflows/ci.yml"),
        ('{"name": "x", "dependencies": {"a": "1"}}', "package.json"),
        ("apiVersion: v2\nname: chart\ndependencies:\n  - name: redis\n", "Chart.yaml"),
        ("apiVersion: v1\nkind: Pod\n", "deployment.yaml"),
        (
            "$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json\nname: x\nimage: y\n",
            "environment.yml",
        ),
        ("$schema: https://azuremlschemas.azureedge.net/latest/pipelineJob.schema.json\njobs: {}\n", "pipeline.yml"),
        ("just text", "notes.yml"),
        ("", "empty.yml"),
        ("{", "broken.json"),
        ("a: [", "values.yaml"),
    ],
)
def test_other_files_get_no_findings(text: str, path: str) -> None:
    assert codes(text, path) == []


@pytest.mark.parametrize(
    ("text", "path", "code", "place"),
    [
        ('{\n  "entryScript": "score.py",\n}', "inferenceconfig.json", "MLD821", (2, 27)),
        ('{\n  "entryScript" "score.py"\n}', "inferenceconfig.json", "MLD821", (2, 16)),
        ("{\n  'entryScript': 1\n}", "inferenceconfig.json", "MLD821", (2, 2)),
        ('{"entryScript": "score.py"', "inferenceconfig.json", "MLD821", (1, 26)),
        ('{"entryScript": "sco\n', "inferenceconfig.json", "MLD821", (1, 16)),
        ('{"a": tru}', "inferenceconfig.json", "MLD821", (1, 6)),
        ("{} {}", "inferenceconfig.json", "MLD821", (1, 3)),
        ("[]", "inferenceconfig.json", "MLD821", (1, 0)),
        ("{,}", "deploymentconfig.json", "MLD841", (1, 1)),
        ("dependencies:\n - a\n  b: c\n", "conda.yml", "MLD801", (3, 3)),
        ("dependencies:\n\t- a\n", "environment.yml", "MLD801", (2, 0)),
        ("dependencies: python\n", "environment.yml", "MLD801", (1, 14)),
        ("endpoint_name: a\nmodel: [\n", "endpoint.yml", "MLD861", (3, 0)),
    ],
)
def test_what_cannot_be_read_says_where(text: str, path: str, code: str, place: tuple[int, int]) -> None:
    found = lint_document(text, path=path)
    if code == "MLD861":  # its name alone does not tell what it is
        assert found == []
        return
    assert [item.code for item in found] == [code]
    assert (found[0].line, found[0].column) == place


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5_000,
        '{"a":' * 5_000,
        '{"entryScript": ' + "[" * 200 + "]" * 200 + "}",
        json.dumps({"entryScript": list(range(30_000))}),
        " " * 300_000 + "{}",
    ],
    ids=["arrays", "objects", "deep", "many", "long"],
)
def test_hostile_json_is_bounded(text: str) -> None:
    start = time.process_time()
    (found,) = lint_document(text, path="inferenceconfig.json")
    assert time.process_time() - start < 5
    assert found.code == "MLD001"


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9))
        + "dependencies: *j\n",
        "dependencies: " + "[" * 3_000,
        "dependencies:\n" + "".join("  " * depth + "- \n" for depth in range(1, 400)),
        "dependencies:\n" + "  - a\n" * 60_000,
        "dependencies: &x\n  - *x\n",
    ],
    ids=["bomb", "flow", "block", "long", "loop"],
)
def test_hostile_yaml_is_bounded(text: str) -> None:
    start = time.process_time()
    found = lint_document(text, path="environment.yml")
    assert time.process_time() - start < 10
    assert found
    assert found[0].code in {"MLD001", "MLD801"}


def test_positions_ignore_what_only_yaml_calls_a_line_end() -> None:
    text = 'name: "a\u2028b\x85c"\nchannels: [x]\ndependencies:\n  - python=3.6\n'
    (found,) = lint_document(text, path="environment.yml")
    assert (found.code, found.line, found.column) == ("MLD809", 4, 4)


def test_noqa_works_in_yaml() -> None:
    text = "channels: [x]\ndependencies:\n  - python=3.6  # noqa: MLD809\n"
    assert codes(text, "environment.yml") == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("numpy=1.26", "MLD806"), ("sklearn==1.0", "MLD805"), ("PIL", "MLD805"), ("cv2==4", "MLD805"), ("numpy", "MLD808"),
    ],
)  # fmt: skip
def test_requirements(line: str, code: str) -> None:
    assert code in codes(f"scipy==1.11\n{line}\n", "requirements.txt")


def test_requirement_twice() -> None:
    assert codes("numpy==1\nNumPy==2\nscikit_learn==1\nscikit-learn==1\n", "requirements.txt") == ["MLD807", "MLD807"]


def test_pip_section_fix() -> None:
    text = "channels: [x]\ndependencies:\n  - python=3.11\n  - pip:\n    - numpy=1.26\n"
    found = lint_document(text, path="environment.yml")
    assert [item.code for item in found] == ["MLD802", "MLD806"]
    fixed = apply_fixes(text, found)
    assert fixed == "channels: [x]\ndependencies:\n  - python=3.11\n  - pip\n  - pip:\n    - numpy==1.26\n"
    assert codes(fixed, "environment.yml") == []


@pytest.mark.parametrize(
    ("document", "code", "fixed"),
    [
        ({"computeType": "aci", "enableAppInsights": True}, "MLD842", "appInsightsEnabled"),
        ({"computeType": "aci", "enable_app_insights": True}, "MLD842", "appInsightsEnabled"),
        ({"computeType": "aci", "auth_enabled": True}, "MLD842", "authEnabled"),
        ({"computeType": "aks", "maxQueueWaitsMs": 1}, "MLD842", "maxQueueWaitMs"),
        ({"ComputeTarget": "aks"}, "MLD841", "computeType"),
        ({"computeType": "acii"}, "MLD841", None),
        ({"computeType": 3}, "MLD841", None),
        ({"computeType": "aks", "containerResourceRequirements": {"cpus": 1}}, "MLD842", "cpu"),
        ({"computeType": "aks", "cpu": 1}, "MLD842", None),
        ({"computeType": "aci", "containerResourceRequirements": {"cpu": 0}}, "MLD843", None),
        (
            {"computeType": "aks", "containerResourceRequirements": {"memoryInGB": 2, "memoryInGBLimit": 1}},
            "MLD843",
            None,
        ),
        ({"computeType": "aks", "autoScaler": {"autoscaleEnabled": False}}, "MLD844", None),
        (
            {"computeType": "aks", "autoScaler": {"autoscaleEnabled": True, "minReplicas": 3, "maxReplicas": 1}},
            "MLD844",
            None,
        ),
        (
            {"computeType": "aks", "numReplicas": 1, "autoScaler": {"autoscaleEnabled": False, "minReplicas": 1}},
            "MLD844",
            None,
        ),
        ({"computeType": "aks", "authEnabled": True, "tokenAuthEnabled": True}, "MLD845", None),
        ({"computeType": "aci", "vnetName": "a"}, "MLD846", None),
        ({"computeType": "aci", "vaultBaseUrl": "a", "keyName": "b"}, "MLD846", None),
        ({"computeType": "local", "containerResourceRequirements": {"cpu": 1}}, "MLD847", None),
        ({"computeType": "aks", "dnsNameLabel": "abc"}, "MLD847", None),
        ({"computeType": "aci", "authEnabled": "True"}, "MLD848", "true"),
        ({"computeType": "aksendpoint", "versionName": "V1"}, "MLD849", None),
    ],
)
def test_deployment_configurations(document: dict[str, object], code: str, fixed: str | None) -> None:
    text = json.dumps(document, indent=2)
    found = [item for item in lint_document(text, path="deploymentconfig.json") if item.code == code]
    assert found
    if fixed is not None:
        after = apply_fixes(text, found, unsafe=True)
        assert fixed in after
        assert code not in codes(after, "deploymentconfig.json")


@pytest.mark.parametrize(
    "document",
    [
        {"computeType": "aks", "autoScaler": {"autoscaleEnabled": True, "minReplicas": 1, "maxReplicas": 1}},
        {"computeType": "aks", "numReplicas": 2, "autoScaler": {"autoscaleEnabled": False}},
        {"computeType": "aci", "sslEnabled": False, "cname": "x"},
        {"computeType": "aks", "authEnabled": False, "tokenAuthEnabled": True},
        {"computeType": "Local", "port": 8080, "tags": {"a": "b"}, "description": "x"},
        {"computeType": "AksEndpoint", "versionName": "v-1", "trafficPercentile": 10},
    ],
)
def test_correct_deployment_configurations(document: dict[str, object]) -> None:
    assert codes(json.dumps(document), "deploymentconfig.json") == []


def test_paths_of_the_previews_deployment_files() -> None:
    text = (
        "$schema: https://azuremlschemas.azureedge.net/latest/managedOnlineDeployment.schema.json\n"
        "name: blue\nendpoint_name: scoring\ninstance_type: Standard_DS3_v2\nmodel:\n  local_path: model\n"
        "code_configuration:\n  code:\n    local_path: .\n  scoring_script: score.py\n"
    )
    found = lint_document(text, path="deployment.yml")
    assert [(item.code, item.line) for item in found] == [("MLD862", 6), ("MLD862", 8)]
    assert apply_fixes(text, found[:1], unsafe=True) == text.replace("  local_path: model", "  path: model")


def test_keys_of_the_linter_are_those_of_the_core() -> None:
    assert set(deployment._READ_BY) <= set(BY_PATH)
    assert set(deployment._BOOLEANS) <= set(BY_PATH)


@pytest.mark.parametrize("name", ["extraDockerfileSteps", "extraDockerFileSteps"])
def test_both_spellings_are_known(name: str) -> None:
    assert codes(json.dumps({"entryScript": "score.py", name: "x"}), "inferenceconfig.json") == ["MLD825"]


def test_servers_packages_matter_for_azure() -> None:
    from jupyter_mldeploy.core.entryscript import read_entry_script

    text = "from azureml.core.model import Model\nimport json\ndef init(): Model.get_model_path('m')\ndef run(raw_data): return json.loads(raw_data)\n"
    scripts = [(read_entry_script(text), text)]
    environment = "channels: [x]\ndependencies:\n  - python=3.11\n"
    for server, severity in (("mldeploy", "info"), ("azureml", "warning")):
        found = lint_document(environment, path="environment.yml", scripts=scripts, config=LintConfig(server=server))  # type: ignore[arg-type]
        assert [item.severity for item in found if item.code == "MLD803"] == [severity]
