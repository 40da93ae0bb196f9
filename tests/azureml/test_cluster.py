"""What the articles do with AKS under v1's names: a cluster that Azure's emulator gives, and which is real."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from jupyter_mldeploy.azureml.exceptions import ComputeTargetException, WebserviceException
from jupyter_mldeploy.targets.k8s.cluster import Cluster
from tests.azure.emulator import Azure
from tests.azureml.conftest import SCORE
from tests.azureml.test_notebook import pytestmark as without_the_sdk
from tests.azureml.test_notebook import run
from tests.real_parts import kubeconfig
from tests.targets.kubernetes.conftest import _images_of_these_tests_go, way  # noqa: F401  a fixture
from tests.targets.kubernetes.node_ports import LONGEST_S

pytestmark = without_the_sdk

Found = TypeVar("Found")


def answer_of(call: Callable[[], Found]) -> Found:
    """Return what a call gives, by a second one where nobody answers the first: see ``node_ports``."""
    try:
        return call()
    except httpx.ReadTimeout:
        return call()
    except WebserviceException as error:
        if "did not answer within" not in str(error):
            raise
        return call()


def called(method: str, uri: str, headers: dict[str, str], content: str | None = None) -> httpx.Response:
    """Send a request as anybody would."""
    return answer_of(lambda: httpx.request(method, uri, content=content, headers=headers, timeout=LONGEST_S))


@pytest.fixture
def folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cluster is found by what was attached alone."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    return folder


ATTACH = """
from azureml.core import Workspace
from azureml.core.compute import AksCompute, ComputeTarget
ws = Workspace.from_config()
attach_config = AksCompute.attach_configuration(resource_group='myresourcegroup', cluster_name='mycluster',
                                                cluster_purpose=AksCompute.ClusterPurpose.DEV_TEST,
                                                azure_endpoint=endpoint)
aks_target = ComputeTarget.attach(ws, 'mycompute', attach_config)
aks_target.wait_for_completion(True)
"""
DEPLOY = """
from azureml.core.model import InferenceConfig, Model
from azureml.core.webservice import AksWebservice, Webservice
model = Model.register(workspace=ws, model_path='weights.pkl', model_name='weights')
inference_config = InferenceConfig(entry_script='score.py')
aks_config = AksWebservice.deploy_configuration(
    autoscale_enabled=False, num_replicas=1, cpu_cores=0.05, memory_gb=0.06, auth_enabled=True,
    replica_max_concurrent_requests=2, max_request_wait_time=5000, scoring_timeout_ms=30000, collect_model_data=True,
    enable_app_insights=True, environment_variables={'OTEL_EXPORTER_OTLP_ENDPOINT': 'http://127.0.0.1:9'},
    tags={'area': 'sums'}, primary_key='0123456789abcdef', description='sums',
    namespace=namespace, access='node-port', **way)
service = Model.deploy(ws, aks_service_name, [model], inference_config, aks_config, deployment_target=aks_target)
state_at_once = service.state
service.wait_for_deployment(show_output=True)
print(service.state)
"""
CONSUME = """
import json
headers = {'Content-Type': 'application/json'}
if service.auth_enabled:
    headers['Authorization'] = 'Bearer '+service.get_keys()[0]
elif service.token_auth_enabled:
    headers['Authorization'] = 'Bearer '+service.get_token()[0]
"""


@pytest.mark.kubernetes
@pytest.mark.docker
def test_the_article_on_aks(
    azure: Azure,
    folder: Path,
    namespace: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    azure.add("myresourcegroup", "mycluster")
    name = f"s{uuid.uuid4().hex[:6]}-{os.getpid()}"
    names: dict[str, Any] = {"endpoint": azure.url, "namespace": namespace, "way": way(), "aks_service_name": name}
    run(ATTACH + DEPLOY, names)
    shown = capsys.readouterr().out
    assert shown.startswith("mycompute: Succeeded\n")
    assert "check: " in shown
    assert shown.endswith("Healthy\n")
    assert names["state_at_once"] == "Transitioning"
    service, ask = names["service"], json.dumps({"data": [[1, 1]]})
    assert type(service).__name__ == "AksWebservice"
    assert answer_of(lambda: service.run(input_data=ask)) == [3]

    # What it is.
    found = service.serialize()
    assert (found["computeType"], found["computeName"], found["namespace"]) == ("AKS", "mycompute", namespace)
    assert (found["numReplicas"], found["autoScaler"]["autoscaleEnabled"]) == (1, False)
    assert found["containerResourceRequirements"]["memoryInGB"] == 0.06
    assert found["maxConcurrentRequestsPerContainer"] == service.max_concurrent_requests_per_container == 2
    assert (found["maxQueueWaitMs"], found["scoringTimeoutMs"]) == (5000, 30000)
    assert (found["dataCollection"], found["appInsightsEnabled"]) == ({"storageEnabled": True}, True)
    assert (found["kvTags"], found["description"], found["authEnabled"]) == ({"area": "sums"}, "sums", True)
    json.dumps(found)
    assert [item.name for item in names["Webservice"].list(names["ws"], compute_type="AKS")] == [name]
    assert names["Webservice"].list(names["ws"], compute_type="ACI") == []

    # Called by anybody, with keys that change.
    run(CONSUME, names)
    answer = called("POST", service.scoring_uri, names["headers"], ask)
    assert (answer.status_code, answer.json()) == (200, [3])
    assert called("GET", service.swagger_uri, names["headers"]).json()["info"]["title"] == name
    primary, secondary = service.get_keys()
    assert primary == "0123456789abcdef"
    service.regen_key("Primary")
    service.regen_key("Secondary", set_key="fedcba9876543210")
    assert primary != service.get_keys()[0]
    assert service.get_keys()[1] == "fedcba9876543210" != secondary
    assert answer_of(lambda: service.run(ask)) == [3]
    with pytest.raises(WebserviceException, match="token_auth_enabled"):
        service.get_token()

    # Another script, replicas, and tokens in place of keys.
    (folder / "score.py").write_text(SCORE.replace("a * b", "10 * a * b"))
    run("service.update(inference_config=InferenceConfig('score.py'), tags={'area': 'more'})\n"
        "service.wait_for_deployment(show_output=True)", names)  # fmt: skip
    assert (answer_of(lambda: service.run(ask)), service.tags, service.num_replicas) == ([30], {"area": "more"}, 1)
    run("service.update(num_replicas=2, token_auth_enabled=True)", names)
    assert (service.num_replicas, service.auth_enabled, service.token_auth_enabled) == (2, False, True)
    run(CONSUME, names)
    assert called("POST", service.scoring_uri, names["headers"], ask).json() == [30]
    token = service.get_access_token()
    assert datetime.now(UTC) < token.refresh_after < token.expiry_on
    key = {"Authorization": f"Bearer {service.get_keys()[0]}"}
    assert called("POST", service.scoring_uri, key, ask).status_code == 401
    assert answer_of(lambda: service.run(ask)) == [30]
    assert "POST /score 200" in service.get_logs()

    # The cluster chooses the number, and no longer.
    service.update(autoscale_enabled=True, autoscale_min_replicas=2, autoscale_max_replicas=3)
    assert (service.num_replicas, service.autoscaler.autoscale_enabled, service.autoscaler.max_replicas) == (
        None,
        True,
        3,
    )
    service.update(autoscale_enabled=False, num_replicas=1)
    assert (service.num_replicas, service.autoscaler.autoscale_enabled) == (1, False)

    # The cluster is forgotten; the service goes on, and is deleted.
    names["aks_target"].detach()
    assert names["ws"].compute_targets == {}
    again = names["Webservice"](names["ws"], name)
    assert answer_of(lambda: again.run(ask)) == [30]
    again.delete()
    assert names["ws"].webservices == {}
    path = kubeconfig()
    assert Cluster(str(path)).list("Deployment", namespace) == []


@pytest.mark.kubernetes
@pytest.mark.docker
def test_an_image_on_aks(azure: Azure, folder: Path, namespace: str) -> None:
    """As the first articles had it: the image is made first, and deployed to a cluster then."""
    azure.add("myresourcegroup", "mycluster")
    name = f"s{uuid.uuid4().hex[:6]}-{os.getpid()}"
    names: dict[str, Any] = {"endpoint": azure.url, "namespace": namespace, "way": way(), "name": name}
    run(ATTACH + """
from azureml.core import Image, Model
from azureml.core.image import ContainerImage
from azureml.core.webservice import AksWebservice, Webservice
model = Model.register(workspace=ws, model_path='weights.pkl', model_name='weights')
image_config = ContainerImage.image_configuration('score.py', 'python')
image = ContainerImage.create(workspace=ws, name=name, models=[model], image_config=image_config)
aks_config = AksWebservice.deploy_configuration(num_replicas=1, cpu_cores=0.05, memory_gb=0.06,
                                                primary_key='0123456789abcdef', namespace=namespace, **way)
service = Webservice.deploy_from_image(ws, name, image, aks_config, aks_target)
service.wait_for_deployment(show_output=True)
answer = service.run('{"data": [[1, 1]]}')
""", names)  # fmt: skip
    service = names["service"]
    assert (names["answer"], service.state, service.get_keys()[0]) == ([3], "Healthy", "0123456789abcdef")
    assert [item.name for item in names["Webservice"].list(names["ws"], image_name=name)] == [name]
    (folder / "score.py").write_text(SCORE.replace("a * b", "10 * a * b"))
    run("new = ContainerImage.create(ws, name, [model], image_config)\n"
        "service.update(image=new, tags={'area': 'more'})\n"
        "answer = service.run('{\"data\": [[1, 1]]}')", names)  # fmt: skip
    assert (names["new"].id, names["answer"], service.tags) == (f"{name}:2", [30], {"area": "more"})
    service.delete()
    run("image.delete()\nnew.delete()", names)
    assert names["ws"].images == {}


def test_a_cluster_is_attached_looked_at_and_forgotten(azure: Azure, folder: Path) -> None:
    resource_id = azure.add("myresourcegroup", "mycluster")
    names: dict[str, Any] = {"endpoint": azure.url}
    run(ATTACH, names)
    run("found = ComputeTarget(workspace=ws, name='mycompute')", names)
    found = names["found"]
    assert (type(found).__name__, found.type, found.provisioning_state) == ("AksCompute", "AKS", "Succeeded")
    assert (found.cluster_resource_id, found.provisioning_errors) == (resource_id, [])
    assert found.serialize()["properties"]["clusterPurpose"] == "DevTest"
    assert found.get_credentials() == {"userKubeConfig": azure.kubeconfig}
    assert list(names["ws"].compute_targets) == ["mycompute"]
    with pytest.raises(ComputeTargetException, match="tls_certificate_file"):
        names["attach_config"].enable_ssl(leaf_domain_label="contoso")
    with pytest.raises(ComputeTargetException, match="attached, not created here"):
        found.delete()
    found.detach()
    with pytest.raises(ComputeTargetException, match="mycompute"):
        run("AksCompute(ws, 'mycompute')", names)

    # The article's creation: what a configuration without arguments means is the workspace's.
    (folder / ".azureml").mkdir()
    kept = {"subscription_id": "sub-1", "resource_group": "rg", "workspace_name": "w"}
    (folder / ".azureml" / "config.json").write_text(json.dumps(kept))
    run("ws = Workspace.from_config()\n"
        "prov_config = AksCompute.provisioning_configuration(location='westeurope', azure_endpoint=endpoint)\n"
        "aks_target = ComputeTarget.create(workspace=ws, name='aml-aks-1', provisioning_configuration=prov_config)\n"
        "aks_target.wait_for_completion(show_output=True)", names)  # fmt: skip
    assert names["aks_target"].get_status() == "Succeeded"
    assert "/resourceGroups/rg/" in names["aks_target"].cluster_resource_id
    names["aks_target"].delete()
    assert names["ws"].compute_targets == {}


def test_what_v1_took_and_has_no_place_here_is_said(folder: Path) -> None:
    names: dict[str, Any] = {}
    run("from azureml.core import Workspace, Model\nfrom azureml.core.model import InferenceConfig\n"
        "from azureml.core.compute import AksCompute\nfrom azureml.core.webservice import AksWebservice, Webservice\n"
        "ws = Workspace.from_config()", names)  # fmt: skip
    with pytest.raises(ComputeTargetException, match="subnet_id="):
        run("AksCompute.provisioning_configuration(vnet_name='v')", names)
    with pytest.raises(ComputeTargetException, match="azure-load-balancer-internal"):
        run("AksCompute.attach_configuration('rg', 'c', load_balancer_type='InternalLoadBalancer')", names)
    with pytest.raises(WebserviceException, match="create_version"):
        run(
            "from azureml.core.webservice import AksEndpoint\nAksEndpoint.deploy_configuration(version_name='v')", names
        )
    deploy = (
        "Model.deploy(ws, 'x', ['weights.pkl'], InferenceConfig('score.py'), AksWebservice.deploy_configuration({}))"
    )
    with pytest.raises(WebserviceException, match=r"numreplicas: unknown key, did you mean 'num_replicas'"):
        run(deploy.format("numreplicas=1"), names)
    with pytest.raises(WebserviceException, match="cannot both be true"):
        run(deploy.format("auth_enabled=True, token_auth_enabled=True"), names)
    with pytest.raises(WebserviceException, match="num_replicas must say how many"):
        run(deploy.format("autoscale_enabled=False"), names)
