"""Ways to a service: by the kubeconfig alone, by a node's port, over TLS; and what keys and tokens do on the way."""

from __future__ import annotations

import base64
import contextlib
import datetime
import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jupyter_mldeploy.core.records import State
from jupyter_mldeploy.core.service import Service
from jupyter_mldeploy.core.tokens import SigningKey, TokenKeyFile
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import NotSupportedError, TargetUnavailableError
from jupyter_mldeploy.targets.k8s.certificates import warning
from jupyter_mldeploy.targets.k8s.cluster import Cluster
from jupyter_mldeploy.targets.k8s.deploying import remove_all
from jupyter_mldeploy.targets.k8s.names import REFRESHED, REVISION, UID
from tests.patience import FACTOR
from tests.targets.kubernetes.node_ports import Caller, request

pytestmark = [pytest.mark.kubernetes, pytest.mark.docker]

ECHO = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"
Deploy = Callable[..., Service]


def write_certificate(folder: Path, days: int = 90) -> tuple[str, str, int]:
    """Write a self-signed certificate for localhost; return the paths and its serial number."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    paths = folder / "tls.crt", folder / "tls.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(paths[0]), str(paths[1]), certificate.serial_number


def served_serial(port: int) -> int | None:
    """Return the number of the certificate that is served, None when there is no answer."""
    try:
        pem = ssl.get_server_certificate(("127.0.0.1", port), timeout=30)
    except OSError:
        return None
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


def wait_until_served(port: int, serial: int) -> None:
    deadline = time.monotonic() + 90 * FACTOR
    while served_serial(port) != serial:
        assert time.monotonic() < deadline, "the pods serve another certificate"
        time.sleep(0.3)


def says_healthy(port: int, context: ssl.SSLContext) -> bool:
    """Ask once over TLS."""
    with contextlib.closing(Caller(f"localhost:{port}", context=context)) as caller:
        return caller.ask("GET", "/")[1] == b"Healthy"


def test_tls_is_switched_on_for_a_running_service_and_renewed_without_a_restart(
    deploy: Deploy, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    service = deploy(ECHO, access="node-port")
    assert str(service.scoring_uri).startswith("http://")
    certificate, key, serial = write_certificate(tmp_path)
    # Node ports of this cluster are on 127.0.0.1 too, which is what the certificate's name leads to.
    service.update(
        config={"tls_certificate_file": certificate, "tls_key_file": key, "host": "localhost"}, timeout_s=100 * FACTOR
    )
    uri = str(service.scoring_uri)
    assert uri.startswith("https://localhost:")
    port = int(uri.rpartition(":")[2].partition("/")[0])
    context = ssl.create_default_context(cafile=certificate)
    assert says_healthy(port, context)  # the node leads to the new port when the update returns
    assert request(service).result() == "1"
    wait_until_served(port, serial)
    pods = [pod["name"] for pod in service.workspace.deployer.look(service.name)[1].facts["pods"]]
    _, _, renewed = write_certificate(tmp_path, days=10)
    service.start(timeout_s=100 * FACTOR)
    (pod,) = cluster.list("Pod", namespace, labels=f"{UID}={service.record.uid},{REVISION}=2")
    assert REFRESHED in pod["metadata"]["annotations"]  # kubelet is told, and does not wait for its next round
    wait_until_served(port, renewed)
    seen = service.workspace.deployer.look(service.name)[1]
    assert [pod["name"] for pod in seen.facts["pods"]] == pods
    assert "The certificate ends on" in str(seen.reason)
    assert request(service).result() == "1"


def test_a_service_whose_cluster_is_gone_can_be_forgotten(
    deploy: Deploy, cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    kubeconfig = tmp_path / "gone.conf"
    kubeconfig.write_text(Path(str(cluster.kubeconfig)).read_text())
    service = deploy(ECHO, kubeconfig=str(kubeconfig))
    uid = service.record.uid
    kubeconfig.write_text(kubeconfig.read_text().replace(cluster.server, "https://127.0.0.1:9"))
    later = Workspace(service.workspace.home)  # a process that has not talked to the cluster yet
    with pytest.raises(TargetUnavailableError, match=r"does not answer.*delete --force"):
        later.service(service.name).delete()
    told = str(later.service(service.name).delete(force=True))
    assert f"objects labelled jupyter-mldeploy/service-uid={uid} in namespace {namespace} of k8s-test" in told
    assert later.services() == []
    # What was said to remain is what remains.
    assert len(cluster.list("Deployment", namespace, labels=f"jupyter-mldeploy/service-uid={uid}")) == 1
    assert remove_all(cluster, namespace, uid) > 3


def test_a_certificate_that_ends_is_warned_about_in_time(tmp_path: Path) -> None:
    certificate, _, _ = write_certificate(tmp_path, days=90)
    now = datetime.datetime.now(datetime.UTC)
    assert warning(certificate, now=now) is None
    assert "in 20 days" in str(warning(certificate, now=now + datetime.timedelta(days=70)))
    assert "ended on" in str(warning(certificate, now=now + datetime.timedelta(days=91)))


def test_nothing_but_the_kubeconfig_is_needed(deploy: Deploy) -> None:
    service = deploy(ECHO, num_replicas=2)
    connection = service.connection()
    assert connection.base_uri.startswith("http://127.0.0.1:")  # through the API server
    assert str(service.scoring_uri).endswith(".svc/score")
    big = "x" * 2_000_000
    assert service.score(f'"{big}"') == f'"{big}"'
    answers: list[object] = []
    threads = [threading.Thread(target=lambda: answers.append(service.score("1"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == ["1"] * 8


class Callers:
    """Four threads that call a service as fast as they can; each call is sent with what ``secret`` returns then."""

    def __init__(self, service: Service, secret: Callable[[], str]) -> None:
        self.answers = 0
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._service, self._secret = service, secret
        self._threads = [threading.Thread(target=self._call) for _ in range(4)]

    def _call(self) -> None:
        base = str(self._service.scoring_uri).removesuffix("/score").removeprefix("http://")
        with contextlib.closing(Caller(base, self._headers)) as caller:
            while not self._stop.is_set():
                try:
                    status, text = caller.ask("POST", "/score", b"1")
                except (OSError, http.client.HTTPException) as error:
                    self.failures.append(repr(error))
                else:
                    self.answers += 1
                    if status != 200:
                        self.failures.append(f"{status} {text!r}")

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._secret()}", "content-type": "application/json"}

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60 * FACTOR)


def test_keys_are_changed_under_load_without_a_failed_request(deploy: Deploy) -> None:
    service = deploy(ECHO, num_replicas=2, access="node-port")
    before = service.keys()
    used = [before.primary]
    with Callers(service, lambda: used[0]) as callers:
        service.regenerate_key("secondary")
        used[0] = service.keys().secondary  # callers change over, as v1's documentation tells them to
        service.regenerate_key("primary")
        used[0] = service.keys().primary
        after = callers.answers
        eventually_more(callers, after)
    assert callers.failures == []
    for old in before:
        assert request(service, headers={"authorization": f"Bearer {old}"}).status == 401


def eventually_more(callers: Callers, than: int) -> None:
    deadline = time.monotonic() + 60 * FACTOR
    while callers.answers < than + 50:
        assert time.monotonic() < deadline, "nobody is answered any more"
        time.sleep(0.05)


def test_tokens_in_a_pod(deploy: Deploy) -> None:
    service = deploy(ECHO, num_replicas=2, access="node-port", auth_enabled=False, token_auth_enabled=True)
    key = TokenKeyFile(service.workspace.token_keys_path(service.record.uid)).read()[0]
    good = service.get_access_token().access_token
    now = time.time()
    head, claims, signature = good.split(".")
    content = json.loads(base64.urlsafe_b64decode(claims + "=="))

    def encoded(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    bad = {
        "expired": key.sign(service.name, life_s=600, now=now - 3600),
        "not valid yet": key.sign(service.name, now=now + 3600),
        "for another service": key.sign("another"),
        "signed by another key": SigningKey(key.kid, "k" * 64).sign(service.name),
        "of an unknown key": SigningKey("unknown", key.key).sign(service.name),
        "tampered with": f"{head}.{encoded({**content, 'exp': content['exp'] + 3600})}.{signature}",
        "alg none": f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{claims}.",
        "alg none with a signature": f"{encoded({'alg': 'none', 'kid': key.kid})}.{claims}.{signature}",
        "cut off": good[:-4],
        "no token": "",
    }
    for _ in range(3):  # both pods
        for what, token in bad.items():
            answer = request(service, headers={"authorization": f"Bearer {token}"})
            assert answer.status == 401, what
        assert request(service, headers={"authorization": f"Bearer {good}"}).status == 200

    # Half of the callers keep their token, half get a new one for each call: the signing key changes under both.
    calls = iter(range(10**9))

    def secret() -> str:
        return good if next(calls) % 2 else service.get_access_token().access_token

    with Callers(service, secret) as callers:
        service.rotate_token_key()
        eventually_more(callers, callers.answers)
    assert callers.failures == []
    fresh = service.get_access_token().access_token
    service.rotate_token_key(revoke=True)
    for _ in range(3):
        for old in (good, fresh):
            assert request(service, headers={"authorization": f"Bearer {old}"}).status == 401
    assert request(service).result() == "1"


def test_keys_can_be_given_by_reference(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIVEN_KEY", "a-key-of-our-own-12345")
    service = deploy(ECHO, primary_key="env:GIVEN_KEY")
    assert service.request("1", headers={"authorization": "Bearer a-key-of-our-own-12345"}).ok
    assert "a-key-of-our-own-12345" not in str(service.revisions()[0].config)


def test_a_prefix_before_the_service_works_in_the_pod(deploy: Deploy, cluster: Cluster, namespace: str) -> None:
    service = deploy(ECHO, access="ingress", host="echo.example.invalid")
    assert service.scoring_uri == f"http://echo.example.invalid/api/v1/service/{service.name}/score"
    ingress = cluster.get("Ingress", namespace, service.name)
    assert ingress is not None
    (path,) = ingress["spec"]["rules"][0]["http"]["paths"]
    assert (path["path"], path["pathType"]) == (f"/api/v1/service/{service.name}", "Prefix")
    assert service.score("1") == "1"
    from jupyter_mldeploy.core.probe import exchange

    prefixed = exchange(
        service.connection(), "POST", f"{path['path']}/score", b"1", {"content-type": "application/json"}, 10
    )
    assert prefixed.result() == "1"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            {"access": "gateway", "gateway": "infra/public", "host": "a.b"},
            r"does not serve gateway\.networking\.k8s\.io",
        ),
        ({"tls_issuer": "letsencrypt", "host": "a.b"}, r"does not serve cert-manager\.io"),
        ({"num_replicas": None, "autoscale_metric": "busy"}, r"does not serve keda\.sh"),
    ],
)
def test_what_needs_an_extension_is_refused_where_it_is_missing(
    deploy: Deploy, config: dict[str, object], words: str
) -> None:
    with pytest.raises(NotSupportedError, match=words):
        deploy(ECHO, **config)


def test_the_cluster_s_autoscaler_takes_the_deployment(deploy: Deploy, cluster: Cluster, namespace: str) -> None:
    # However busy they are, there are two.
    service = deploy(ECHO, num_replicas=None, autoscale_min_replicas=2, autoscale_max_replicas=2)
    deadline = time.monotonic() + 60 * FACTOR
    while True:
        found = cluster.get("HorizontalPodAutoscaler", namespace, f"{service.name}-r1")
        assert found is not None
        conditions = {item["type"]: item["status"] for item in found.get("status", {}).get("conditions") or ()}
        if conditions.get("ScalingActive") == "True":
            break
        assert time.monotonic() < deadline, conditions
        time.sleep(0.5)
    assert found["spec"]["minReplicas"] == 2
    assert service.workspace.deployer.look(service.name)[1].facts["replicas"]["wanted"] == 2
    assert service.state is State.HEALTHY
