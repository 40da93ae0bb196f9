"""One cluster, reached with the official client's configuration; objects come and go as plain dictionaries.

The official client finds kubeconfigs, contexts, in-cluster accounts, client certificates, tokens and credential
plug-ins, and keeps them fresh. Its thousands of model classes are left aside: they drop fields that they do not know,
and take seconds to import.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from ...errors import ForbiddenError, MldeployError, NotFoundError, TargetUnavailableError
from .kinds import KINDS, kind_of
from .names import MANAGER

if TYPE_CHECKING:
    import urllib3

#: Seconds to wait for a connection, and for an answer.
_CONNECT_S = 5.0
_ANSWER_S = 30.0


class ApiError(MldeployError):
    """The API server refused a request.

    Attributes:
        status: HTTP status. ``reason`` is Kubernetes' own word for it, such as ``AlreadyExists`` or ``Conflict``.
    """

    code = "kubernetes_api"
    http_status = 502

    def __init__(self, message: str, *, status: int, reason: str = "") -> None:
        super().__init__(message, details={"status": status, "reason": reason})
        self.status = status
        self.reason = reason


#: What stands for the name of a context inside a cluster.
IN_CLUSTER = "in-cluster"


class Cluster:
    """Reads and changes objects of one cluster. Safe for many threads.

    Args:
        kubeconfig: path of the file; None for the usual places, or the pod's own account inside a cluster.
        context: name of the context; None for the current one.

    Raises:
        TargetUnavailableError: there is no such file or context, or a certificate of it cannot be read.
    """

    def __init__(self, kubeconfig: str | None = None, context: str | None = None) -> None:
        self.kubeconfig = str(Path(kubeconfig).expanduser()) if kubeconfig else None
        self._lock = threading.Lock()
        #: When the API server did not answer last (``time.monotonic``); None when it always has.
        self.away_at: float | None = None
        self.api, self.default_namespace, self.context_name = _connect(self.kubeconfig, context)

    @property
    def server(self) -> str:
        """Address of the API server."""
        return str(self.api.configuration.host)

    # Objects.

    def get(self, kind: str, namespace: str | None, name: str) -> dict[str, Any] | None:
        """Return an object, None when it does not exist."""
        try:
            return self.call("GET", KINDS[kind].path(namespace, name))
        except NotFoundError:
            return None

    def list(
        self,
        kind: str,
        namespace: str | None,
        *,
        labels: str | None = None,
        fields: str | None = None,
        cached: bool = False,
    ) -> list[dict[str, Any]]:
        """Return all objects of a kind; with ``cached`` from the API server's memory, maybe a moment old."""
        query = {"labelSelector": labels, "fieldSelector": fields, "resourceVersion": "0" if cached else None}
        answer = self.call("GET", KINDS[kind].path(namespace), query=query)
        return list(answer.get("items") or ())

    def apply(self, manifest: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Apply a manifest on the server: our fields become as written, other people's stay."""
        metadata = manifest["metadata"]
        path = kind_of(manifest).path(metadata.get("namespace"), metadata["name"])
        query = {"fieldManager": MANAGER, "force": "true", "dryRun": "All" if dry_run else None}
        return self.call("PATCH", path, query=query, body=manifest, content_type="application/apply-patch+yaml")

    def patch(self, kind: str, namespace: str | None, name: str, change: Mapping[str, Any]) -> dict[str, Any]:
        """Merge ``change`` into an object."""
        return self.call(
            "PATCH",
            KINDS[kind].path(namespace, name),
            query={"fieldManager": MANAGER},
            body=change,
            content_type="application/merge-patch+json",
        )

    def create(self, kind: str, namespace: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create an object."""
        return self.call("POST", KINDS[kind].path(namespace), query={"fieldManager": MANAGER}, body=body)

    def delete(self, kind: str, namespace: str | None, name: str, *, grace_s: int | None = None) -> bool:
        """Delete an object with everything that belongs to it; return whether it was there."""
        body: dict[str, Any] = {"propagationPolicy": "Background"}
        if grace_s is not None:
            body["gracePeriodSeconds"] = grace_s
        try:
            self.call("DELETE", KINDS[kind].path(namespace, name), body=body)
        except NotFoundError:
            return False
        return True

    def groups(self) -> frozenset[str]:
        """Return the API groups that the cluster serves."""
        return frozenset(str(item["name"]) for item in self.call("GET", "/apis").get("groups") or ())

    def version(self) -> str:
        """Return the API server's version."""
        return str(self.call("GET", "/version", timeout_s=5).get("gitVersion", ""))

    # Logs.

    def pod_log(
        self, namespace: str, pod: str, container: str, *, since: str | None = None, previous: bool = False,
        lines: int | None = None,
    ) -> bytes:  # fmt: skip
        """Return what a container has written, each line with its time; b"" when there is nothing (any more)."""
        query = {
            "container": container,
            "timestamps": "true",
            "sinceTime": since,
            "previous": "true" if previous else None,
            "tailLines": str(lines) if lines is not None else None,
        }
        path = KINDS["Pod"].path(namespace, pod, "log")
        try:
            return self.raw("GET", path, query=query)
        except (NotFoundError, ApiError):
            return b""

    # Requests.

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | None] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        timeout_s: float = _ANSWER_S,
    ) -> dict[str, Any]:
        """Send a request and return the decoded answer.

        Raises:
            NotFoundError: no such object, or the cluster does not serve that kind.
            ForbiddenError: the account may not do that; the message says which verb on what.
            ApiError: any other refusal, in the server's words.
            TargetUnavailableError: the API server does not answer.
        """
        data = self.raw(method, path, query=query, body=body, content_type=content_type, timeout_s=timeout_s)
        answer = json.loads(data) if data else {}
        return answer if isinstance(answer, dict) else {}

    def raw(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | None] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        timeout_s: float = _ANSWER_S,
    ) -> bytes:
        """Send a request and return the answer's bytes; the same errors as :meth:`call`."""
        with self._answering(method, path, query, body, content_type, timeout_s, preload=True) as answer:
            return bytes(answer.data)

    @contextmanager
    def _answering(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | None] | None,
        body: Mapping[str, Any] | None,
        content_type: str,
        timeout_s: float,
        *,
        preload: bool,
    ) -> Iterator[urllib3.BaseHTTPResponse]:
        import urllib3

        given = {name: value for name, value in (query or {}).items() if value is not None}
        url = f"{self.server}{path}" + (f"?{urlencode(given)}" if given else "")
        headers = {"accept": "application/json, */*", **self.credentials()}
        if body is not None:
            headers["content-type"] = content_type
        try:
            answer = self.api.rest_client.pool_manager.request(
                method,
                url,
                headers=headers,
                body=json.dumps(body).encode() if body is not None else None,
                timeout=urllib3.Timeout(connect=_CONNECT_S, read=timeout_s),
                preload_content=preload,
                retries=urllib3.Retry(connect=0, read=0, redirect=0, status=0, other=0),
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            self.away_at = time.monotonic()
            raise TargetUnavailableError(
                f"The Kubernetes API server at {self.server} does not answer: {_cause(error)}.",
                hint="Check the cluster, the kubeconfig's context and the way there (VPN, proxy).",
            ) from error
        if answer.status >= 400:
            raise _refusal(method, path, answer.status, bytes(answer.data))
        yield answer

    def credentials(self) -> dict[str, str]:
        """Return the headers that identify us; refreshed where they expire."""
        headers: dict[str, str] = {}
        with self._lock:
            self.api.update_params_for_auth(headers, [], ["BearerToken"], "", "", None)
        return headers


def in_cluster() -> bool:
    """Whether this process runs in a pod with an account."""
    return "KUBERNETES_SERVICE_HOST" in os.environ and Path(_ACCOUNT_TOKEN).is_file()


_ACCOUNT_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105  a path


def default_kubeconfigs() -> Sequence[Path]:
    """Return the usual places of a kubeconfig that exist."""
    named = os.environ.get("KUBECONFIG")
    places = named.split(os.pathsep) if named else ["~/.kube/config"]
    return [path for place in places if place and (path := Path(place).expanduser()).is_file()]


def _connect(kubeconfig: str | None, context: str | None) -> tuple[Any, str, str]:
    """Return the official client, the namespace that it would use, and the context's name."""
    from kubernetes import config as configs
    from kubernetes.client import ApiClient, Configuration

    configuration = Configuration()
    if kubeconfig is None and context is None and not default_kubeconfigs() and in_cluster():
        configs.load_incluster_config(client_configuration=configuration)
        namespace = Path(_ACCOUNT_TOKEN).with_name("namespace").read_text(encoding="utf-8").strip()
        return ApiClient(configuration), namespace or "default", IN_CLUSTER
    if kubeconfig is not None and not Path(kubeconfig).is_file():
        raise TargetUnavailableError(f"There is no kubeconfig at {kubeconfig!r}.", hint="Correct `kubeconfig`.")
    if kubeconfig is None and not default_kubeconfigs():
        raise TargetUnavailableError(
            "There is no kubeconfig.", hint="Set KUBECONFIG, or name the file with kubeconfig=….",
        )  # fmt: skip
    try:
        contexts, current = configs.list_kube_config_contexts(config_file=kubeconfig)
        configs.load_kube_config(
            config_file=kubeconfig, context=context, client_configuration=configuration, persist_config=False
        )
    except (configs.ConfigException, OSError, ValueError) as error:
        raise TargetUnavailableError(
            f"The kubeconfig cannot be used: {error}.", hint="`kubectl config get-contexts` lists what it holds."
        ) from error
    chosen = next((item for item in contexts if item["name"] == context), current) or {}
    return (
        ApiClient(configuration),
        str((chosen.get("context") or {}).get("namespace") or "default"),
        str(chosen.get("name") or ""),
    )


def _refusal(method: str, path: str, status: int, data: bytes) -> MldeployError:
    """Return the error for an answer of 400 and more, in the server's words."""
    try:
        body = json.loads(data)
    except ValueError:
        body = {}
    body = body if isinstance(body, dict) else {}
    text = str(body.get("message") or data[:300].decode("utf-8", "replace") or f"{method} {path}").strip()
    text = text.rstrip(".")
    if status == 404:
        return NotFoundError("Kubernetes object", path.rpartition("/")[2], message=f"{text}.")
    if status == 401:
        return ForbiddenError(
            "The Kubernetes API server does not know the credentials of the kubeconfig.", hint="Log in again."
        )
    reason = str(body.get("reason") or "")
    if status == 403 and "exceeded quota" not in text:
        return ForbiddenError(
            f"Kubernetes does not allow it: {text}.",
            hint="Ask for a Role with that verb in the namespace, or use another namespace.",
        )
    return ApiError(f"Kubernetes refused: {text}.", status=status, reason=reason)


def _cause(error: BaseException) -> str:
    """Return the innermost reason in a few words."""
    reason = getattr(error, "reason", None)
    text = str(reason if isinstance(reason, BaseException) else error)
    return text.rpartition(": ")[2].strip("()'\" ") or type(error).__name__
