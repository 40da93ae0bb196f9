"""Azure on this machine, as far as AKS goes: Entra ID's tokens and the management API, over HTTPS with a CA of its own.

Each request is checked against Microsoft's descriptions: address, api-version, body (the SDK's models and the official
ARM schema); what is wrong with it is an answer of 400 and is kept in ``complaints``. Answers are checked as well.
"""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.azure.specifications import arm_validator, check_body, operation_of, operations

SPEC = "containerservice-managedclusters-2026-08-01.json"
ARM = ("2026-05-01/Microsoft.ContainerService.Aks.json", "managedClusters")
TENANT, CLIENT, SECRET = (
    "11111111-1111-1111-1111-111111111111",
    "22222222-2222-2222-2222-222222222222",
    "s3cret-of-tests",
)
TOKEN = "a-token-of-the-emulator"
#: Looks at an asynchronous operation until it is over.
LOOKS = 2


class Azure:
    """A running emulator.

    Args:
        kubeconfig: what ``listClusterUserCredential`` gives.
    """

    def __init__(self, folder: Path, kubeconfig: str = "") -> None:
        self.kubeconfig = kubeconfig
        self.clusters: dict[str, dict[str, Any]] = {}
        self.complaints: list[str] = []
        self.requests: list[tuple[str, str]] = []
        self._looks: dict[str, int] = {}
        self.ca, certificate = _certificate(folder)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return the variables with which Azure's SDK comes here."""
        return {
            "AZURE_AUTHORITY_HOST": self.url, "AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT,
            "AZURE_CLIENT_SECRET": SECRET, "AZURE_SUBSCRIPTION_ID": "sub-1", "REQUESTS_CA_BUNDLE": str(self.ca),
        }  # fmt: skip

    def add(self, group: str, name: str) -> str:
        """Add a cluster that exists already and return its id."""
        path = (
            f"/subscriptions/sub-1/resourceGroups/{group}/providers/Microsoft.ContainerService/managedClusters/{name}"
        )
        self.clusters[path.lower()] = _cluster(path, {"location": "westeurope", "properties": {}}, "Succeeded")
        return path

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    # Answers: (status, body, headers).

    def answer(self, method: str, target: str, headers: Any, raw: bytes) -> tuple[int, Any, dict[str, str]]:
        parts = urlsplit(target)
        path, query = parts.path, parse_qs(parts.query)
        self.requests.append((method, path))
        if not path.startswith("/subscriptions/"):
            return self._entra(path, raw)
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, _error("AuthenticationFailed", "Authentication failed."), {}
        if "/operations/" in path:
            return self._operation(path)
        document = operations(SPEC)
        operation = operation_of(document, method, path)
        version = query.get("api-version", [""])[0]
        if operation is None or version != document["info"]["version"]:
            return self._complain(f"{method} {path} with api-version {version!r} is no operation")
        body = json.loads(raw) if raw else None
        if problems := self._wrong(document, operation, path, body):
            return self._complain(f"{method} {path}: {problems}")
        status, answer, more = self._act(operation["operationId"], path, body)
        schema = operation["responses"].get(str(status), {}).get("schema")
        if schema is not None and (problems := check_body(document, schema, answer)):
            self.complaints.append(f"the emulator's own answer to {method} {path}: {problems}")
        return status, answer, more

    def _wrong(self, document: dict[str, Any], operation: dict[str, Any], path: str, body: Any) -> list[str]:
        [schema] = [item["schema"] for item in operation["parameters"] if item["in"] == "body"] or [None]
        if schema is None:
            return []
        problems = check_body(document, schema, body)
        if operation["operationId"] == "ManagedClusters_create_or_update":
            whole = {"name": path.rpartition("/")[2], "type": "Microsoft.ContainerService/managedClusters",
                     "apiVersion": "2026-05-01", **body}  # fmt: skip
            problems += [item.message for item in arm_validator(*ARM).iter_errors(whole)]
        return problems

    def _act(self, operation: str, path: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        key = path.lower().removesuffix("/listclusterusercredential")
        there = self.clusters.get(key)
        match operation:
            case "ManagedClusters_create_or_update":
                self.clusters[key] = _cluster(path, body, "Creating")
                return 201, self.clusters[key], {"Azure-AsyncOperation": self._begin(key, "Creating")}
            case "ManagedClusters_delete":
                if there is None:
                    return 204, None, {}
                there["properties"]["provisioningState"] = "Deleting"
                return 202, None, {"Azure-AsyncOperation": self._begin(key, "Deleting")}
        if there is None:
            name = path.split("/")[8]
            return 404, _error("ResourceNotFound", f"The Resource 'managedClusters/{name}' was not found."), {}
        if operation == "ManagedClusters_list_cluster_user_credentials":
            value = base64.b64encode(self.kubeconfig.encode()).decode()
            return 200, {"kubeconfigs": [{"name": "clusterUser", "value": value}]}, {}
        return 200, there, {}

    def _begin(self, key: str, state: str) -> str:
        name = f"{len(self._looks)}-{state}"
        self._looks[f"{name}:{key}"] = 0
        return f"{self.url}/subscriptions/sub-1/operations/{name}?api-version=2026-08-01"

    def _operation(self, path: str) -> tuple[int, Any, dict[str, str]]:
        name = path.rpartition("/")[2]
        [(full, looks)] = [(key, value) for key, value in self._looks.items() if key.startswith(f"{name}:")]
        self._looks[full] = looks + 1
        cluster = full.partition(":")[2]
        if looks < LOOKS:
            return 200, {"status": "InProgress", "name": name}, {}
        if name.endswith("Deleting"):
            self.clusters.pop(cluster, None)
        else:
            self.clusters[cluster]["properties"]["provisioningState"] = "Succeeded"
        return 200, {"status": "Succeeded", "name": name}, {}

    def _entra(self, path: str, raw: bytes) -> tuple[int, Any, dict[str, str]]:
        """Entra ID's OpenID configuration and tokens."""
        if path.endswith("/.well-known/openid-configuration"):
            base = f"{self.url}/{TENANT}"
            return 200, {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "issuer": f"{base}/v2.0", "jwks_uri": f"{base}/keys",
            }, {}  # fmt: skip
        form = parse_qs(raw.decode())
        if path.endswith("/oauth2/v2.0/token") and form.get("client_secret") == [SECRET]:
            return 200, {"token_type": "Bearer", "expires_in": 3600, "access_token": TOKEN}, {}
        return 401, {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret."}, {}

    def _complain(self, what: str) -> tuple[int, Any, dict[str, str]]:
        self.complaints.append(what)
        return 400, _error("BadRequest", what), {}


def _cluster(path: str, body: dict[str, Any], state: str) -> dict[str, Any]:
    properties = {**body.get("properties", {}), "provisioningState": state, "currentKubernetesVersion": "1.33.2",
                  "fqdn": "c.example", "powerState": {"code": "Running"}}  # fmt: skip
    properties.setdefault("agentPoolProfiles", [{"name": "nodepool1", "count": 3}])
    return {**body, "id": path, "name": path.rpartition("/")[2], "properties": properties,
            "type": "Microsoft.ContainerService/ManagedClusters"}  # fmt: skip


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def _handler(azure: Azure) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            status, body, more = azure.answer(self.command, self.path, self.headers, raw)
            content = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(content)),
                **more,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = _do

        log_message: Callable[..., None] = lambda *_: None

    return Handler


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Return the file of a CA, which is its own server's certificate, and the file with key and certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    public = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "ca.pem").write_bytes(public)
    (folder / "server.pem").write_bytes(private + public)
    return folder / "ca.pem", folder / "server.pem"
