"""Several versions in a cluster: a router of ours divides the requests, and only while there are several."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.targets.k8s.cluster import Cluster
from jupyter_mldeploy.targets.k8s.config import MARGIN_S, PRE_STOP_S, KubernetesConfig
from jupyter_mldeploy.targets.k8s.snapshot import read_parts, revision_of
from tests.core.traffic.test_endpoint import is_share
from tests.patience import FACTOR

pytestmark = [pytest.mark.kubernetes, pytest.mark.docker, pytest.mark.timeout(600), pytest.mark.slow]

#: Seconds that pods have to drain where nothing else is configured.
DRAIN_S = KubernetesConfig().drain_seconds

SCRIPT = "def init():\n    pass\n\n\ndef run(data):\n    return {answer!r}\n"


def test_two_versions_share_the_requests_and_one_is_left(
    deploy: Callable[..., Service], cluster: Cluster, namespace: str, base: dict[str, Any], tmp_path: Path
) -> None:
    service = deploy(SCRIPT.format(answer="one"), timeout_s=300)
    assert service.score({}) == "one"
    address = service.scoring_uri
    endpoint = service.workspace.endpoint(service.name)
    second = tmp_path / "two.py"
    second.write_text(SCRIPT.format(answer="two"))
    endpoint.create_version("green", second, traffic=40, timeout_s=500)
    found = Counter(service.score({}) for _ in range(150))
    assert is_share(found["two"], 150, 40), found
    assert service.request({}, headers={"azureml-model-deployment": "green"}).json() == "two"
    assert endpoint.figures()["green"].requests >= found["two"]
    assert service.scoring_uri == address

    begun = time.monotonic()
    endpoint.finish("green", timeout_s=300 * FACTOR)
    parts = read_parts(cluster, namespace, service.record.uid)
    router_went_first = {revision_of(pod) for pod in parts.pods} == {parts.live_revision}
    # A node with much to do leaves its pods listed for longer than they have to drain, and than they are waited for.
    assert router_went_first or time.monotonic() - begun > PRE_STOP_S + DRAIN_S + MARGIN_S
    assert {service.score({}) for _ in range(10)} == {"two"}
    left = {item["metadata"]["name"] for item in cluster.list("Service", namespace)}
    assert left == {service.name}
    service.delete()
