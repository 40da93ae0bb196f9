"""Test requests: send a payload to a service as its users would, and explain what came back.

Only the standard library, so that a test request works wherever the core does.
"""

from __future__ import annotations

import http.client
import json
import ssl
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError, ScoringError, TargetUnavailableError

if TYPE_CHECKING:
    from .service import Service
    from .target import Connection


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered.

    Attributes:
        status: HTTP status.
        headers: header names in lower case.
        body: the bytes.
        seconds: from sending to the last byte.
        explanation: log lines of this request when it failed in the entry script, else empty.
        truncated: the body goes on; only as much was read as the caller wanted.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float
    explanation: tuple[str, ...] = ()
    truncated: bool = False

    @property
    def ok(self) -> bool:
        """The status is 2xx."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as text (invalid UTF-8 is replaced)."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Decode the body as JSON; ValueError when it is not."""
        return json.loads(self.body)

    def result(self) -> Any:
        """Return the decoded body (bytes when it is not JSON); ScoringError when the answer is not a success."""
        if not self.ok:
            message = self.text
            if self.headers.get("content-type", "").startswith("application/json"):
                decoded = self.json()
                if isinstance(decoded, dict) and "message" in decoded:
                    message = str(decoded["message"])
            shown = message if len(message) <= 500 else message[:500] + "…"
            details = "\n" + "\n".join(self.explanation) if self.explanation else ""
            raise ScoringError(
                f"The endpoint answered {self.status}: {shown}{details}",
                status=self.status,
                body=self.text[:65536],
                headers=self.headers,
            )
        if self.headers.get("content-type", "").split(";")[0].strip().endswith("json"):
            return self.json()
        return self.body


def encode(payload: Any) -> tuple[bytes, str]:
    """Return the body and its content type for a payload.

    ``bytes`` go as they are (application/octet-stream), ``str`` as JSON text, anything else is JSON-encoded; arrays,
    DataFrames and scalars of numpy and pandas are converted wherever they stand.
    """
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload), "application/octet-stream"
    if isinstance(payload, str):
        return payload.encode(), "application/json"
    try:
        return json.dumps(payload, default=_plain, allow_nan=True).encode(), "application/json"
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"The payload cannot be sent as JSON: {error}.", field="payload") from error


def _plain(value: Any) -> Any:
    if type(value).__name__ == "DataFrame" and hasattr(value, "to_dict"):
        return json.loads(value.to_json(orient="records", date_format="iso"))
    for method in ("tolist", "to_list", "isoformat"):
        if hasattr(value, method):
            return getattr(value, method)()
    raise TypeError(f"objects of type {type(value).__name__} have no JSON form")


def exchange(
    connection: Connection,
    method: str,
    path: str,
    body: bytes | None,
    headers: Mapping[str, str],
    timeout_s: float,
    max_bytes: int | None = None,
) -> Answer:
    """Send one HTTP request over a fresh connection; of a body longer than ``max_bytes`` only those are read.

    Raises:
        TargetUnavailableError: nothing listens, or the answer did not come within ``timeout_s`` seconds.
    """
    parts = urllib.parse.urlsplit(connection.base_uri)
    host, port = parts.hostname or "localhost", parts.port
    client: http.client.HTTPConnection
    if parts.scheme == "https":
        client = http.client.HTTPSConnection(host, port, timeout=timeout_s, context=tls_context(connection))
    else:
        client = http.client.HTTPConnection(host, port, timeout=timeout_s)
    started = time.perf_counter()
    try:
        client.request(method, parts.path.rstrip("/") + path, body, _merged(connection.headers, headers))
        response = client.getresponse()
        content = response.read() if max_bytes is None else response.read(max_bytes + 1)
    except TimeoutError as error:
        raise TargetUnavailableError(
            f"{connection.base_uri} did not answer within {timeout_s:g} s.", hint="Give it more time with timeout_s."
        ) from error
    except OSError as error:
        raise TargetUnavailableError(f"{connection.base_uri} cannot be reached: {error}.") from error
    except http.client.HTTPException as error:
        raise TargetUnavailableError(
            f"{connection.base_uri} closed the connection without an answer ({type(error).__name__}).",
            hint="The log says what happened to the worker.",
        ) from error
    finally:
        client.close()
    seconds = time.perf_counter() - started
    truncated = max_bytes is not None and len(content) > max_bytes
    received = {key.lower(): value for key, value in response.getheaders()}
    return Answer(response.status, received, content[:max_bytes], seconds, truncated=truncated)


def tls_context(connection: Connection) -> ssl.SSLContext:
    """Return the TLS context with which a connection is checked."""
    context = ssl.create_default_context(cafile=connection.verify if isinstance(connection.verify, str) else None)
    if connection.verify is False:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _merged(first: Mapping[str, str], second: Mapping[str, str]) -> dict[str, str]:
    """Merge headers without regard to case; ``second`` wins, so that nothing is sent twice."""
    return {key.lower(): value for headers in (first, second) for key, value in headers.items()}


def send(
    service: Service,
    payload: Any,
    *,
    timeout_s: float,
    headers: Mapping[str, str] | None,
    max_bytes: int | None = None,
) -> Answer:
    """Send one test request to a service with its key; a failing entry script is explained from the log."""
    connection = service.connection()
    if payload is None:
        payload = sample(service)
    body, content_type = encode(payload)
    given = _merged({"content-type": content_type}, headers or {})
    answer = exchange(connection, "POST", "/score", body, given, timeout_s, max_bytes)
    return replace(answer, explanation=_explain(service, answer)) if answer.status >= 500 else answer


def swagger(service: Service, version: str) -> dict[str, Any]:
    """Fetch the service's Swagger or OpenAPI document."""
    path = "/swagger.json?version=" + urllib.parse.quote(version)
    answer = exchange(service.connection(), "GET", path, None, {}, 10.0)
    found = answer.result()
    return found if isinstance(found, dict) else {}


def sample(service: Service) -> Any:
    """Return the sample request of the service's schema.

    Raises:
        InvalidInputError: the script has no schema, so a payload must be given.
    """
    definition = swagger(service, "2").get("definitions", {}).get("ServiceInput", {})
    if not definition.get("example"):  # without a schema the document says "any object" and shows an empty one
        raise InvalidInputError(
            f"Service {service.name!r} has no sample request.",
            field="payload",
            hint="Pass a payload, or give run() an @input_schema with a sample.",
        )
    return definition["example"]


def _explain(service: Service, answer: Answer) -> tuple[str, ...]:
    """Return the log lines that carry the answer's request id, where the log has them."""
    request_id = answer.headers.get("x-request-id") or answer.headers.get("x-ms-request-id")
    if not request_id:
        return ()
    lines, _ = service.log_lines(limit=400)
    return tuple(line.text for line in lines if request_id in line.text)[-40:]
