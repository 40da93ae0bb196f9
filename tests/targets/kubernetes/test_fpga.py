"""The accelerator target: a device that the real node advertises, and none for the next one."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import DeploymentError, InvalidConfigurationError
from jupyter_mldeploy.targets.fpga import FpgaConfig, FpgaTarget
from jupyter_mldeploy.targets.k8s.cluster import Cluster
from tests.patience import FACTOR

SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"


def test_the_device_is_asked_for_as_kubernetes_wants_it() -> None:
    config = FpgaConfig.model_validate(
        {"resource_name": "xilinx.com/fpga-u250", "resource_count": 2, "grpc_port": 9000}
    )
    assert config.extended_resources == {"xilinx.com/fpga-u250": 2}
    assert config.extra_ports == {"grpc": 9000}
    assert (config.replicas, config.autoscales) == (1, False)
    with pytest.raises(ValueError, match="resource_name must be a domain and a name"):
        FpgaConfig.model_validate({"resource_name": "u250"})
    assert not FpgaTarget.capabilities.traffic_split


@pytest.fixture
def device(cluster: Cluster) -> Iterator[str]:
    """A device of which the node advertises one."""
    name = f"xilinx.com/fpga-{uuid.uuid4().hex[:8]}"
    key = name.replace("/", "~1")
    node = cluster.list("Node", None)[0]["metadata"]["name"]

    def patch(operation: dict[str, Any]) -> None:
        cluster.call(
            "PATCH", f"/api/v1/nodes/{node}/status", body=[operation], content_type="application/json-patch+json"
        )

    patch({"op": "add", "path": f"/status/capacity/{key}", "value": "1"})
    yield name
    patch({"op": "remove", "path": f"/status/capacity/{key}"})


@pytest.mark.kubernetes
@pytest.mark.docker
@pytest.mark.timeout(300)
def test_one_service_gets_the_device_and_the_next_is_told_why_not(
    deploy: Callable[..., Service], cluster: Cluster, device: str, namespace: str
) -> None:
    from tests.widgets.conftest import eventually

    eventually(
        lambda: device in cluster.list("Node", None, cached=True)[0]["status"]["allocatable"],  # as the target reads it
        "the kubelet takes the device over",
        60 * FACTOR,
    )
    first = deploy(SCRIPT, target="fpga", resource_name=device, grpc_port=9000)
    assert first.score({"a": 1}) == '{"a": 1}'
    pod = cluster.list("Pod", namespace, labels=f"mldeploy.dev/service={first.name}")
    pods = pod or [item for item in cluster.list("Pod", namespace) if first.name in item["metadata"]["name"]]
    assert pods[0]["spec"]["containers"][0]["resources"]["limits"][device] == "1"
    offered = cluster.get("Service", namespace, first.name)
    assert offered is not None
    assert {item["name"]: item["port"] for item in offered["spec"]["ports"]} == {"http": 80, "grpc": 9000}
    with pytest.raises(DeploymentError, match="no room for 1 replica"):
        deploy(SCRIPT, target="fpga", resource_name=device)
    with pytest.raises(DeploymentError, match=f"advertises 'amd.com/none'; they advertise .*{device}"):
        deploy(SCRIPT, target="fpga", resource_name="amd.com/none")
    first.delete()


def test_without_a_device_the_form_says_what_is_missing(workspace: Workspace, tmp_path: Any) -> None:
    (tmp_path / "score.py").write_text(SCRIPT)
    with pytest.raises(InvalidConfigurationError, match="resource_name"):
        workspace.deploy("none", tmp_path / "score.py", target="fpga")
