"""Every address × {no token, no permission, bad XSRF, wrong method, read-only}; none is forgotten: they are counted."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_server.auth import Authorizer
from jupyter_server.serverapp import ServerApp
from jupyter_server.utils import JupyterServerAuthWarning
from tornado.httpclient import HTTPClientError
from tornado.web import RequestHandler

from jupyter_mldeploy.server.openapi import VERBS, openapi, permission, verbs
from jupyter_mldeploy.server.proxy import ProxyHandler
from jupyter_mldeploy.server.routes import API, ROUTES, handlers

PROXY = "/mldeploy/proxy/svc/score"
PROXY_VERBS = ("get", "head", "post", "put", "patch", "delete")
RESOURCES = {f"jupyter_mldeploy:{name}" for name in ("services", "logs", "invoke", "secrets", "lint")}


def concrete(address: str) -> str:
    """Return an address with its parameters filled in."""
    return API + re.sub(r"\{(\w+)\}", lambda found: "1" if found[1] in {"number", "version"} else "svc", address)


def every_verb() -> Iterator[tuple[str, str]]:
    """Yield (verb, address) of the whole extension, the proxy too."""
    for address, handler in ROUTES:
        for verb, _, _ in verbs(handler):
            yield verb.upper(), concrete(address)
    for verb in PROXY_VERBS:
        yield verb.upper(), PROXY
    yield "GET", f"{API}/no/such/address"


class Recorder(Authorizer):
    """Denies everything and remembers what it was asked."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.asked: list[tuple[str, str]] = []

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        self.asked.append((action, resource))
        return False


@pytest.fixture
def recorder(mldeploy_app: Any, jp_serverapp: ServerApp) -> Recorder:
    found = Recorder(parent=jp_serverapp, identity_provider=jp_serverapp.identity_provider)
    jp_serverapp.web_app.settings["authorizer"] = found
    return found


@pytest.fixture
def ask(mldeploy_app: Any, http_server_client: Any, jp_base_url: str) -> Any:
    """Return ``await ask(verb, path, headers)``: a request with these headers and no others."""

    async def fetch(verb: str, path: str, headers: dict[str, str] | None = None) -> Any:
        body = None if verb in {"GET", "HEAD", "DELETE"} else "{}"
        return await http_server_client.fetch(
            jp_base_url.rstrip("/") + path, method=verb, headers=headers or {}, body=body,
            allow_nonstandard_methods=True, raise_error=False, follow_redirects=False,
        )  # fmt: skip

    return fetch


def is_refusal(reply: Any, status: int, code: str) -> bool:
    if reply.code != status:
        return False
    return reply.request.method == "HEAD" or json.loads(reply.body)["code"] == code


def test_the_table_of_handlers_is_what_is_walked_here() -> None:
    walked = [handler for _, handler in ROUTES]
    others = [handler.__name__ for _, handler in handlers() if handler not in walked]
    assert others == ["StreamHandler", "UnknownHandler", "ProxyHandler"]


async def test_without_a_token_nothing_is_given(ask: Any) -> None:
    for verb, path in every_verb():
        reply = await ask(verb, path)
        assert is_refusal(reply, 403, "forbidden"), (verb, path, reply.code, reply.body)


async def test_a_wrong_token_is_no_token(ask: Any) -> None:
    for verb, path in every_verb():
        reply = await ask(verb, path, {"Authorization": "token wrong"})
        assert is_refusal(reply, 403, "forbidden"), (verb, path, reply.code)


async def test_without_the_permission_nothing_is_given_and_the_right_one_is_asked_for(
    ask: Any, recorder: Recorder, jp_auth_header: dict[str, str]
) -> None:
    document = openapi(ROUTES, "/")
    for address, handler in ROUTES:
        for verb, method, _ in verbs(handler):
            recorder.asked.clear()
            reply = await ask(verb.upper(), concrete(address), jp_auth_header)
            assert is_refusal(reply, 403, "forbidden"), (verb, address, reply.code, reply.body)
            assert recorder.asked == [permission(method)], (verb, address)
            documented = document["paths"][address][verb]["x-permission"]
            assert recorder.asked == [(documented["action"], documented["resource"])]
            assert recorder.asked[0][1] in RESOURCES
    for verb in PROXY_VERBS:
        recorder.asked.clear()
        reply = await ask(verb.upper(), PROXY, jp_auth_header)
        assert is_refusal(reply, 403, "forbidden"), (verb, reply.code)
        assert recorder.asked == [("execute", "jupyter_mldeploy:invoke")]


def test_changing_needs_more_than_reading() -> None:
    for address, handler in ROUTES:
        for verb, method, _ in verbs(handler):
            action, _ = permission(method)
            if verb in {"put", "patch", "delete"}:
                assert action == "write", (verb, address)
            if verb == "get":
                assert action == "read", (verb, address)
    reading_posts = {
        address
        for address, handler in ROUTES
        for verb, method, _ in verbs(handler)
        if verb == "post" and permission(method)[0] == "read"
    }
    assert reading_posts == {"/plan", "/lint", "/services/{name}/code", "/targets/{name}/sizing"}


def test_the_verbs_of_the_proxy_are_decorated() -> None:
    for verb in PROXY_VERBS:
        assert permission(getattr(ProxyHandler, verb)) == ("execute", "jupyter_mldeploy:invoke")


async def login(ask: Any, jp_auth_header: dict[str, str]) -> dict[str, str]:
    """Return the cookies of a user who logged in with the token."""
    reply = await ask("GET", f"{API}/operations", jp_auth_header)
    assert reply.code == 200
    cookies = [text.partition(";")[0] for text in reply.headers.get_list("Set-Cookie")]
    return {"Cookie": "; ".join([*cookies, "_xsrf=right"])}


async def test_a_cookie_alone_changes_nothing(ask: Any, jp_auth_header: dict[str, str]) -> None:
    cookies = await login(ask, jp_auth_header)
    assert (await ask("GET", f"{API}/operations", cookies)).code == 200
    for verb, path in every_verb():
        if verb in {"GET", "HEAD"} and path != PROXY:
            continue  # they change nothing, and another site cannot read the answer
        for headers in ({}, {"X-XSRFToken": "wrong"}):
            reply = await ask(verb, path, {**cookies, **headers})
            assert is_refusal(reply, 403, "forbidden"), (verb, path, headers, reply.code, reply.body)
    right = await ask("POST", f"{API}/lint", {**cookies, "X-XSRFToken": "right"})
    assert right.code == 422  # past the check: the body is empty


async def test_another_site_is_not_answered(ask: Any, jp_auth_header: dict[str, str]) -> None:
    cookies = await login(ask, jp_auth_header)
    for verb, path in every_verb():
        reply = await ask(verb, path, {**cookies, "X-XSRFToken": "right", "Origin": "https://evil.example"})
        assert reply.code == 404, (verb, path, reply.code)


async def test_verbs_that_an_address_does_not_have(ask: Any, jp_auth_header: dict[str, str]) -> None:
    for address, handler in ROUTES:
        own = {verb for verb, _, _ in verbs(handler)}
        for verb in set(VERBS) - own:
            reply = await ask(verb.upper(), concrete(address), jp_auth_header)
            assert is_refusal(reply, 405, "method_not_allowed"), (verb, address, reply.code)


async def test_unknown_addresses_are_told_in_the_usual_form(ask: Any, jp_auth_header: dict[str, str]) -> None:
    for verb in ("GET", "POST", "DELETE"):
        reply = await ask(verb, f"{API}/services/svc/nonsense", jp_auth_header)
        assert is_refusal(reply, 404, "not_found")


@pytest.mark.parametrize("mldeploy_config", [{"read_only": True}])
async def test_a_read_only_server_changes_nothing(ask: Any, jp_auth_header: dict[str, str]) -> None:
    refused = set()
    for address, handler in ROUTES:
        for verb, method, _ in verbs(handler):
            reply = await ask(verb.upper(), concrete(address), jp_auth_header)
            if permission(method)[0] == "write":
                assert is_refusal(reply, 403, "forbidden"), (verb, address, reply.code)
                assert "does not change" in json.loads(reply.body)["message"]
                refused.add(address)
            else:
                assert reply.code != 403, (verb, address)
    assert {"/services", "/services/{name}", "/services/{name}/keys", "/models", "/operations/{id}/cancel"} <= refused


async def test_the_stream_is_for_those_who_may_read(
    stream: Any, recorder: Recorder, ask: Any, jp_auth_header: dict[str, str]
) -> None:
    with pytest.raises(HTTPClientError) as refused:
        await stream(headers={"Authorization": "token wrong"})
    assert refused.value.code == 403
    with pytest.raises(HTTPClientError) as refused:
        await stream()
    assert refused.value.code == 403
    assert recorder.asked == [("read", "jupyter_mldeploy:services")]
    with pytest.raises(HTTPClientError) as refused:
        await stream(headers={**jp_auth_header, "Origin": "https://evil.example"})
    assert refused.value.code == 403
    assert (await ask("POST", f"{API}/stream", jp_auth_header)).code == 405


class OnlyServices(Authorizer):
    """Allows reading services and nothing else."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return (action, resource) == ("read", "jupyter_mldeploy:services")


async def test_each_subscription_is_checked(stream: Any, jp_serverapp: ServerApp) -> None:
    jp_serverapp.web_app.settings["authorizer"] = OnlyServices(
        parent=jp_serverapp, identity_provider=jp_serverapp.identity_provider
    )
    socket = await stream()
    assert (await socket.subscribe("events", "e"))["type"] == "subscribed"
    refused = await socket.subscribe("logs", "l", service="svc")
    assert (refused["type"], refused["id"], refused["error"]["code"]) == ("error", "l", "forbidden")


def test_no_verb_is_without_authentication(jp_serverapp: ServerApp) -> None:
    class Open(RequestHandler):
        def get(self) -> None:
            self.finish("anyone")

    with warnings.catch_warnings():
        warnings.simplefilter("error", JupyterServerAuthWarning)
        jp_serverapp.web_app.add_handlers(".*$", handlers())
        with pytest.raises(JupyterServerAuthWarning, match="Open"):
            jp_serverapp.web_app.add_handlers(".*$", [("/open", Open)])


class Allows(Authorizer):
    """Allows what it is told to."""

    allowed: frozenset[tuple[str, str]] = frozenset()

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return (action, resource) in self.allowed


READ = frozenset(("read", f"jupyter_mldeploy:{name}") for name in ("services", "logs", "lint"))
EVERYTHING = READ | {
    ("read", "jupyter_mldeploy:secrets"),
    ("write", "jupyter_mldeploy:secrets"),
    ("write", "jupyter_mldeploy:services"),
    ("execute", "jupyter_mldeploy:invoke"),
}


@pytest.mark.parametrize("granted", [READ, READ | {("execute", "jupyter_mldeploy:invoke")}, EVERYTHING])
@pytest.mark.parametrize("mldeploy_config", [{}, {"read_only": True}], ids=["writable", "read-only"])
async def test_the_permissions_that_are_told_are_those_that_every_verb_keeps(
    ask: Any, mldeploy_app: Any, jp_serverapp: ServerApp, jp_auth_header: dict[str, str],
    granted: frozenset[tuple[str, str]], mldeploy_config: dict[str, Any],
) -> None:  # fmt: skip
    authorizer = Allows(parent=jp_serverapp, identity_provider=jp_serverapp.identity_provider)
    authorizer.allowed = granted
    jp_serverapp.web_app.settings["authorizer"] = authorizer
    document = json.loads((await ask("GET", f"{API}/permissions", jp_auth_header)).body)
    assert document["read_only"] is bool(mldeploy_config)
    told = {(item["action"], item["resource"]): item for item in document["permissions"]}
    assert told.keys() == EVERYTHING
    for item in told.values():
        assert (item["reason"] is None) is item["allowed"]
    walked = [(verb, address, permission(method)) for address, handler in ROUTES for verb, method, _ in verbs(handler)]
    walked += [(verb, PROXY.removeprefix(API), permission(getattr(ProxyHandler, verb))) for verb in PROXY_VERBS]
    for verb, address, asked in walked:
        path = address if address.startswith("/mldeploy") else concrete(address)
        reply = await ask(verb.upper(), path, jp_auth_header)
        assert (reply.code != 403) is told[asked]["allowed"], (verb, address, reply.code, reply.body)  # type: ignore[index]
