"""What a cluster with Gateway API, KEDA and cert-manager gets: accepted by its schemas, right, and removed again."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.targets.k8s.cluster import Cluster
from jupyter_mldeploy.targets.k8s.kinds import KINDS
from tests.targets.kubernetes.extensions import served
from tests.targets.kubernetes.test_access import write_certificate
from tests.targets.kubernetes.test_interruptions import in_full

pytestmark = [
    pytest.mark.kubernetes, pytest.mark.docker, pytest.mark.whole_node, pytest.mark.slow, pytest.mark.timeout(420)
]  # fmt: skip

ECHO = "def init():\n    pass\n\n\ndef run(data):\n    return {answer!r}\n"
Deploy = Callable[..., Service]
HEADER = "azureml-model-deployment"


def act_as_cert_manager(cluster: Cluster, namespace: str, folder: Path, stop: threading.Event) -> None:
    """Fill the Secret of each Certificate with a certificate."""
    certificate, key, _ = write_certificate(folder)
    done = set[str]()
    while not stop.wait(0.2):
        for item in cluster.list("Certificate", namespace):
            name = item["spec"]["secretName"]
            if name not in done:
                done.add(name)
                data = {
                    "tls.crt": base64.b64encode(Path(certificate).read_bytes()).decode(),
                    "tls.key": base64.b64encode(Path(key).read_bytes()).decode(),
                }
                cluster.create(
                    "Secret", namespace, {"metadata": {"name": name}, "type": "kubernetes.io/tls", "data": data}
                )


def test_keda_cert_manager_and_network_policies_get_their_objects(
    deploy: Deploy, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    stop = threading.Event()
    with served(cluster):
        manager = threading.Thread(target=act_as_cert_manager, args=(cluster, namespace, tmp_path, stop))
        manager.start()
        try:
            service = deploy(
                ECHO.format(answer="one"), num_replicas=None, autoscale_metric="busy", autoscale_max_replicas=4,
                autoscale_refresh_seconds=5, prometheus_address="http://prometheus.monitoring:9090",
                tls_issuer="letsencrypt", tls_secret="from-the-issuer", host="echo.example.invalid",
                network_policy="namespace",
            )  # fmt: skip
        finally:
            stop.set()
            manager.join(30)
        scaled = cluster.get("ScaledObject", namespace, f"{service.name}-r1")
        assert scaled is not None
        spec = scaled["spec"]
        assert spec["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"{service.name}-r1"}
        assert (spec["minReplicaCount"], spec["maxReplicaCount"], spec["pollingInterval"]) == (1, 4, 5)
        (trigger,) = spec["triggers"]
        assert (trigger["type"], trigger["metricType"]) == ("prometheus", "AverageValue")
        assert trigger["metadata"]["serverAddress"] == "http://prometheus.monitoring:9090"
        assert trigger["metadata"]["query"] == (
            f'sum(mldeploy_busy{{namespace="{namespace}",pod=~"{service.name}-r1-.*"}})'
        )
        behaviour = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        assert behaviour["scaleDown"]["stabilizationWindowSeconds"] == 60
        assert cluster.list("HorizontalPodAutoscaler", namespace) == []  # KEDA makes its own

        certificate = cluster.get("Certificate", namespace, service.name)
        assert certificate is not None
        assert certificate["spec"] == {
            "secretName": "from-the-issuer",
            "dnsNames": ["echo.example.invalid"],
            "issuerRef": {"name": "letsencrypt", "kind": "ClusterIssuer", "group": "cert-manager.io"},
        }
        assert service.score("1") == "one"  # over TLS, with what the issuer gave
        assert service.connection().base_uri.startswith("https://")

        policy = cluster.get("NetworkPolicy", namespace, service.name)
        assert policy is not None
        (pod,) = cluster.list("Pod", namespace, labels=f"jupyter-mldeploy/service-uid={service.record.uid}")
        chosen = policy["spec"]["podSelector"]["matchLabels"]
        assert chosen.items() <= pod["metadata"]["labels"].items()
        assert "jupyter-mldeploy/service-uid" in chosen
        assert policy["spec"]["ingress"] == [
            {"from": [{"podSelector": {}}], "ports": [{"protocol": "TCP", "port": 5001}]}
        ]
        service.stop()
        assert cluster.list("ScaledObject", namespace) == []  # it would bring replicas back
        service.start(timeout_s=100)
        assert len(cluster.list("ScaledObject", namespace)) == 1
        service.delete()
        for kind in ("ScaledObject", "Certificate", "NetworkPolicy", "Deployment", "Service"):
            assert cluster.list(kind, namespace) == [], kind
        assert cluster.get("Secret", namespace, "from-the-issuer") is not None  # the issuer's, not ours


def route_of(cluster: Cluster, namespace: str, name: str) -> dict[str, Any]:
    found = cluster.get("HTTPRoute", namespace, name)
    assert found is not None
    spec: dict[str, Any] = found["spec"]
    return spec


def object_to(cluster: Cluster, namespace: str, name: str, stop: threading.Event) -> None:
    """Refuse every route with several rules, as a Gateway does that knows no mirroring."""
    while not stop.wait(0.1):
        found = cluster.get("HTTPRoute", namespace, name)
        if found is None or len(found["spec"]["rules"]) < 2:
            continue
        condition = {
            "type": "Accepted", "status": "False", "reason": "UnsupportedValue", "message": "no mirroring here",
            "observedGeneration": found["metadata"]["generation"], "lastTransitionTime": "2026-01-01T00:00:00Z",
        }  # fmt: skip
        status = {"parents": [{"parentRef": {"name": "public"}, "controllerName": "x", "conditions": [condition]}]}
        cluster.call(
            "PATCH", KINDS["HTTPRoute"].path(namespace, name, "status"), body={"status": status},
            content_type="application/merge-patch+json",
        )  # fmt: skip


def test_a_gateway_divides_the_requests(
    deploy: Deploy, workspace: Workspace, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    with served(cluster):
        service = deploy(
            ECHO.format(answer="one"), access="gateway", gateway="public", host="echo.example.invalid", timeout_s=100
        )
        name = service.name
        assert service.scoring_uri == f"http://echo.example.invalid/api/v1/service/{name}/score"
        plain = route_of(cluster, namespace, name)
        path = {"type": "PathPrefix", "value": f"/api/v1/service/{name}"}
        to_service = {"group": "", "kind": "Service", "name": name, "port": 80, "weight": 100}
        assert [rule["matches"] for rule in plain["rules"]] == [[{"path": path}]]
        assert plain["rules"][0]["backendRefs"][0].items() <= to_service.items()
        endpoint = workspace.endpoint(name)
        second = tmp_path / "two.py"
        second.write_text(ECHO.format(answer="two"))
        told: list[str] = []

        def report(step: str, text: str) -> None:
            if step == "divide":
                told.append(text)

        endpoint.create_version("green", second, traffic=10, mirror=0, timeout_s=200, report=report)
        assert told == [f"the router divides the requests, not the Gateway: there is no Gateway {namespace}/public"]
        assert route_of(cluster, namespace, name) == plain

        listener = {"name": "http", "port": 80, "protocol": "HTTP"}
        spec = {"gatewayClassName": "any", "listeners": [listener]}
        cluster.create("Gateway", namespace, {
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"name": "public"}, "spec": spec,
        })  # fmt: skip
        endpoint.set_traffic({"green": 12.5}, mirror={"green": 20}, report=report)
        assert told[-1] == (
            "the Gateway divides the requests: r1 87.5 %, green 12.5 %; the router is left for other ways in"
        )
        divided = route_of(cluster, namespace, name)
        assert divided["parentRefs"] == plain["parentRefs"]
        by_name = {
            rule["matches"][0]["headers"][0]["value"]: rule
            for rule in divided["rules"]
            if "headers" in rule["matches"][0]
        }
        assert set(by_name) == {"r1", "green"}
        assert by_name["green"]["matches"][0]["headers"][0]["name"] == HEADER
        assert by_name["green"]["backendRefs"][0]["name"] == f"{name}-green"
        rest = divided["rules"][-1]
        assert {item["name"]: item["weight"] for item in rest["backendRefs"]} == {
            f"{name}-r1": 8750,
            f"{name}-green": 1250,
        }
        rewrite, mirror = rest["filters"]
        assert rewrite["urlRewrite"]["path"] == {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
        assert mirror["requestMirror"]["percent"] == 20
        assert mirror["requestMirror"]["backendRef"]["name"] == f"{name}-green"

        # Callers at the Gateway have the endpoint's keys: they open the versions, today's and tomorrow's.
        member = workspace.service(f"{name}-green")

        def opens(key: str) -> bool:
            return member.request("1", headers={"authorization": f"Bearer {key}"}).status == 200

        assert opens(service.keys().primary)
        service.regenerate_key("primary")
        assert opens(service.keys().primary)
        # Whoever comes another way still has the router.
        assert service.request("1", headers={HEADER: "green"}).json() == "two"
        service.start(timeout_s=100)
        assert route_of(cluster, namespace, name) == divided

        stop = threading.Event()
        controller = threading.Thread(target=object_to, args=(cluster, namespace, name, stop))
        controller.start()
        try:
            endpoint.set_traffic({"green": 30}, report=report)
        finally:
            stop.set()
            controller.join(30)
        assert told[-1] == (
            "the router divides the requests, not the Gateway: the Gateway does not take the route "
            "(UnsupportedValue: no mirroring here)"
        )
        assert route_of(cluster, namespace, name) == plain

        # A referee needs figures, which the router alone has.
        told.clear()
        outcome = endpoint.canary("green", steps=[50.0], step_timeout_s=0.1, report=report)
        assert (outcome.decision, told) == ("held", [])
        assert route_of(cluster, namespace, name) == plain
        service.delete()
        assert cluster.list("HTTPRoute", namespace) == []
        assert workspace.services() == []


@in_full
def test_a_gateway_api_that_mirrors_all_or_nothing_is_not_used_for_a_part(
    deploy: Deploy, workspace: Workspace, cluster: Cluster, namespace: str
) -> None:
    from jupyter_mldeploy.core.traffic.shares import Share

    with served(cluster, percentages=False):
        service = deploy(ECHO.format(answer="one"), access="gateway", gateway="old", host="old.example.invalid")
        spec = {"gatewayClassName": "any", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]}
        cluster.create("Gateway", namespace, {
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "old"}, "spec": spec,
        })  # fmt: skip
        plain = route_of(cluster, namespace, service.name)
        target: Any = workspace.targets.get("kubernetes")
        reference = workspace.deployer.reference(service.record)
        division = target.divide(reference, [Share("r1", reference, 100, 0), Share("green", reference, 0, 5)])
        assert not division.done
        assert "requestMirror.percent: field not declared in schema" in division.remark
        assert route_of(cluster, namespace, service.name) == plain
        service.delete()
