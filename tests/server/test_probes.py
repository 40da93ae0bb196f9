"""Profiles, recorded requests, replays and adoption by REST."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.auth import Authorizer
from jupyter_server.serverapp import ServerApp

from jupyter_mldeploy.core.workspace import Workspace
from tests.patience import FACTOR

from .conftest import Api, script

Deployed = Callable[..., Awaitable[dict[str, Any]]]
WAIT = {"wait_s": 30}
BODY = {"data": [1, 2]}


async def done(api: Api, reply: Any) -> dict[str, Any]:
    """Return an operation that has ended."""
    return dict((await api("GET", f"/operations/{reply.body['id']}", params=WAIT)).body)


async def test_a_service_is_profiled(api: Api, deployed: Deployed, workspace: Workspace, jp_root_dir: Path) -> None:
    await deployed("svc")
    (jp_root_dir / "requests.txt").write_text('{"data": [1]}\n{"data": [1, 2]}\n', encoding="utf-8")
    asked = {"requests_path": "requests.txt", "target": "local", "timeout_s": 60 * FACTOR, "description": "why"}
    ended = await done(api, await api("POST", "/services/svc/profile", asked))
    assert (ended["state"], ended["kind"]) == ("succeeded", "profile"), ended["error"]
    assert ended["result"]["successRate"] == 100.0
    assert ended["result"]["description"] == "why"
    assert ended["card"]["image/svg+xml"].startswith("<svg")
    assert any("█" in step["message"] or "░" in step["message"] for step in ended["steps"]), "a bar"
    assert [item.name for item in workspace.services()] == ["svc"], "the temporary service is gone"


async def test_a_script_is_profiled_and_a_profile_is_given_up(api: Api, workspace: Workspace) -> None:
    body = {"requests": [BODY], "source": {"text": script(2)}, "target": "local", "timeout_s": 120 * FACTOR}
    begun = await api("POST", "/services/new/profile", body)
    assert begun.status == 202
    number = begun.body["id"]

    async def loaded() -> bool:
        steps = (await api("GET", f"/operations/{number}")).body["steps"]
        return any(step["step"] == "load" for step in steps)

    async with asyncio.timeout(60 * FACTOR):
        while not await loaded():
            await asyncio.sleep(0.05)
    await api("POST", f"/operations/{number}/cancel")
    ended = await done(api, begun)
    assert ended["state"] == "cancelled", ended
    assert workspace.services() == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_input"),
        ({"requests": [1], "requests_path": "x"}, "invalid_input"),
        ({"requests": [1], "source": {}}, "invalid_input"),
        ({"requests": [1]}, "not_found"),
        ({"requests": [1], "models": ["nope:1"]}, "not_found"),
        ({"requests_path": "../../x", "source": {"text": "x"}, "target": "local"}, "forbidden"),
    ],
)
async def test_profiles_that_cannot_be_are_refused(api: Api, body: dict[str, Any], code: str) -> None:
    assert (await api("POST", "/services/nosuch/profile", body)).code == code


@pytest.mark.parametrize("mldeploy_config", [{"allowed_targets": ["docker"], "max_ttl": 60}])
async def test_the_policy_counts_for_profiles(api: Api) -> None:
    body = {"requests": [1], "source": {"text": script(2)}, "target": "local", "timeout_s": 10}
    assert "does not deploy to target 'local'" in (await api("POST", "/services/svc/profile", body)).body["message"]
    late = await api("POST", "/services/svc/profile", {**body, "target": "docker", "timeout_s": 61})
    assert late.body["details"] == {"field": "timeout_s", "max": 60}


async def test_requests_are_recorded_and_replayed(api: Api, deployed: Deployed) -> None:
    await deployed("svc", factor=2)
    nothing = await done(api, await api("POST", "/services/svc/replay", {}, params=WAIT))
    assert "no recorded request" in nothing["error"]["message"]
    switched = await api("PUT", "/services/svc/recording", {"rate": 1, "deny": ["name"]}, params=WAIT)
    assert (await done(api, switched))["result"]["name"] == "svc"
    for number in (1, 2, 3):
        payload = {"data": [number], "name": "Ada"}
        assert (await api("POST", "/services/svc/invoke", {"payload": payload})).body["status"] == 200

    async def recorded() -> dict[str, Any]:
        return dict((await api("GET", "/services/svc/recording", params={"limit": 2})).body)

    async with asyncio.timeout(30 * FACTOR):
        while (shown := await recorded())["total"] < 3:
            await asyncio.sleep(0.05)
    assert (shown["rate"], shown["deny"], shown["total"]) == (1.0, ["name"], 3)
    assert [item["body"]["data"] for item in shown["requests"]] == [[2], [3]]
    assert "Ada" not in str(shown)

    await deployed("other", factor=3)
    again = await done(api, await api("POST", "/services/other/replay", {"service": "svc"}, params=WAIT))
    assert (again["state"], again["result"]["requests"], again["result"]["changed"]) == ("succeeded", 3, 3)
    assert again["result"]["largest"]["absolute"] == 3.0
    kept = {"requests": shown["requests"], "tolerance": 0.6}
    again = await done(api, await api("POST", "/services/other/replay", kept, params=WAIT))
    assert (again["result"]["requests"], again["result"]["changed"]) == (2, 0)

    off = await done(api, await api("PUT", "/services/svc/recording", {"rate": 0}, params=WAIT))
    assert off["state"] == "succeeded"
    assert (await api("GET", "/services/svc/recording")).body["rate"] == 0
    for method, path, body in (
        ("PUT", "recording", {"rate": 2}),
        ("PUT", "recording", {}),
        ("POST", "replay", {"service": "svc", "requests": [{"body": 1, "answer": 1}]}),
    ):
        assert (await api(method, f"/services/svc/{path}", body)).code == "invalid_input"
    assert (await api("POST", "/services/svc/replay", {"service": "nosuch"})).code == "not_found"
    assert (await api("GET", "/services/nosuch/recording")).code == "not_found"


class NoLogs(Authorizer):
    """Allows everything but to read logs."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return resource != "jupyter_mldeploy:logs"


async def test_who_may_not_read_logs_does_not_read_them_by_a_replay(
    api: Api, deployed: Deployed, jp_serverapp: ServerApp
) -> None:
    await deployed("svc")
    await done(api, await api("PUT", "/services/svc/recording", {"rate": 1}, params=WAIT))
    payload = {"data": [1], "name": "Ada", "id": 2**70}
    assert (await api("POST", "/services/svc/invoke", {"payload": payload})).body["status"] == 200
    async with asyncio.timeout(30 * FACTOR):
        while (shown := await api("GET", "/services/svc/recording")).body["total"] < 1:
            await asyncio.sleep(0.05)
    assert shown.body["requests"][0]["body"]["id"] == 2**70
    await deployed("other", factor=3)
    replayed = await done(api, await api("POST", "/services/other/replay", {"service": "svc"}, params=WAIT))
    assert replayed["result"]["answers"][0]["body"] == payload
    denying = NoLogs(parent=jp_serverapp, identity_provider=jp_serverapp.identity_provider)
    jp_serverapp.web_app.settings["authorizer"] = denying
    refused = await api("POST", "/services/svc/replay", {})
    assert (refused.status, refused.code) == (403, "forbidden")
    assert "read jupyter_mldeploy:logs" in refused.body["message"]
    for method, path in (("GET", ""), ("POST", "/cancel")):
        seen = await api(method, f"/operations/{replayed['id']}{path}")
        assert (seen.body["state"], seen.body["result"]["changed"]) == ("succeeded", 1)
        assert "Ada" not in str(seen.body)
    own = {"requests": [{"body": BODY, "answer": [2, 4]}]}
    assert (await done(api, await api("POST", "/services/svc/replay", own, params=WAIT)))["result"]["changed"] == 0


async def test_targets_that_forget_their_services_have_none_to_adopt(api: Api) -> None:
    assert (await api("GET", "/targets/local/strangers")).code == "not_supported"
    assert (await api("GET", "/targets/nosuch/strangers")).code == "not_found"
    assert (await api("POST", "/targets/nosuch/strangers", {"name": "x"})).code == "not_found"
    failed = await done(api, await api("POST", "/targets/local/strangers", {"name": "x"}, params=WAIT))
    assert failed["error"]["code"] == "not_supported"


@pytest.mark.docker
async def test_a_service_of_a_lost_workspace_is_adopted(
    api: Api, workspace: Workspace, tmp_path: Path, worker_id: str
) -> None:
    name = f"rest-adopted-{worker_id}"
    (tmp_path / "score.py").write_text(script(3))
    lost = Workspace(tmp_path / "lost")
    first = lost.deploy(name, tmp_path / "score.py", target="docker", timeout_s=100)
    try:
        listed = (await api("GET", "/targets/docker/strangers", request_timeout=60)).body["services"]
        (found,) = [item for item in listed if item["name"] == name]
        assert (found["revision"], found["bundle"]) == (1, first.revisions()[-1].bundle)
        assert first.keys().primary not in str(listed)
        ended = await done(api, await api("POST", "/targets/docker/strangers", {"name": name}, params=WAIT))
        assert (ended["state"], ended["result"]["state"]) == ("succeeded", "Healthy")
        answer = await api("POST", f"/services/{name}/invoke", {"payload": BODY})
        assert answer.body["body"]["json"] == [3, 6]
    finally:
        for place in (workspace, lost):
            for service in place.services():
                service.delete()
