"""Which headers and paths the proxy passes on, as functions of values."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable, Mapping

from tornado import web
from tornado.httputil import HTTPHeaders, HTTPServerRequest

#: They concern one connection, or are set anew.
HOP_BY_HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    }
)  # fmt: skip

#: What says who the user is to Jupyter, or where Jupyter is. Forwarding headers are set anew, not believed.
_NOT_OUT = frozenset(
    {
        "host", "cookie", "authorization", "x-xsrftoken", "x-csrftoken", "origin", "referer", "expect", "forwarded",
        "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix", "x-forwarded-port",
        "x-real-ip", "x-scheme",
    }
)  # fmt: skip

#: What could act on Jupyter's own origin, or in Jupyter's name.
_NOT_BACK = frozenset(
    {
        "set-cookie", "set-cookie2", "clear-site-data", "content-security-policy", "date", "server",
        "content-security-policy-report-only", "strict-transport-security", "public-key-pins", "permissions-policy",
        "service-worker-allowed", "sourcemap", "refresh", "report-to", "reporting-endpoints", "nel", "alt-svc",
        "www-authenticate", "x-frame-options", "x-content-type-options", "cross-origin-opener-policy",
        "cross-origin-embedder-policy", "cross-origin-resource-policy", "origin-agent-cluster",
    }
)  # fmt: skip

#: Query parameters by which Jupyter knows its users.
_NOT_IN_QUERY = frozenset({"token", "_xsrf"})

SANDBOX = "sandbox allow-forms allow-scripts; frame-ancestors 'self'"
"""Pages of a service run without Jupyter's origin: they see neither its cookies nor its API."""


def outgoing(request: HTTPServerRequest, service: Mapping[str, str], prefix: str) -> HTTPHeaders:
    """Return the headers for the service: the client's without Jupyter's, the service's own (its key), who asks."""
    headers = HTTPHeaders()
    dropped = _NOT_OUT | HOP_BY_HOP | _named_by_connection(request.headers.get_list("Connection"))
    for name, value in request.headers.get_all():
        if name.lower() not in dropped:
            headers.add(name, value)
    for name, value in service.items():
        headers[name] = value
    headers["X-Forwarded-For"] = request.remote_ip or ""
    headers["X-Forwarded-Host"] = request.host
    headers["X-Forwarded-Proto"] = request.protocol
    headers["X-Forwarded-Prefix"] = prefix
    return headers


def returning(headers: Iterable[tuple[str, str]], base_uri: str, prefix: str) -> list[tuple[str, str]]:
    """Return the headers for the client: the service's without what could act as Jupyter, and the sandbox."""
    given = list(headers)
    dropped = _NOT_BACK | HOP_BY_HOP
    dropped |= _named_by_connection([value for name, value in given if name.lower() == "connection"])
    kept = []
    for name, value in given:
        lower = name.lower()
        if lower in dropped or lower.startswith("access-control-"):
            continue
        kept.append((name, _location(value, base_uri, prefix) if lower == "location" else value))
    return [*kept, ("Content-Security-Policy", SANDBOX), ("X-Content-Type-Options", "nosniff")]


def target_path(uri: str, base_uri: str) -> str:
    """Return path and query to ask the service for, from the address that the client asked Jupyter for.

    Raises:
        tornado.web.HTTPError: the path climbs with ``..``; on a shared host it would reach another service.
    """
    path, _, query = uri.partition("?")
    _, _, inside = path.partition("/mldeploy/proxy/")
    _, _, rest = inside.partition("/")
    if {".", ".."} & set(urllib.parse.unquote(rest).replace("\\", "/").split("/")):
        raise web.HTTPError(404, "A path through the proxy cannot climb.")
    pairs = [pair for pair in query.split("&") if pair and pair.partition("=")[0].lower() not in _NOT_IN_QUERY]
    base = urllib.parse.urlsplit(base_uri).path.rstrip("/")
    return f"{base}/{rest}" + (f"?{'&'.join(pairs)}" if pairs else "")


def _location(value: str, base_uri: str, prefix: str) -> str:
    """Keep redirects within the service on this side of the proxy; others stay as they are."""
    base = base_uri.rstrip("/")
    if value == base or value.startswith(base + "/"):
        return prefix + value[len(base) :]
    path = urllib.parse.urlsplit(base).path
    if value.startswith("/") and not value.startswith("//") and value.startswith(path):
        return prefix + value[len(path) :]
    return value


def _named_by_connection(values: Iterable[str]) -> set[str]:
    return {name.strip().lower() for value in values for name in value.split(",") if name.strip()}
