"""Images by REST, with the builder that needs no engine; the stream of a build's log; what is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from jupyter_mldeploy.core.environment import EnvironmentSpec
from jupyter_mldeploy.core.images.packaging import read_bundle
from jupyter_mldeploy.core.workspace import Workspace

from .conftest import Api, script

Deployed = Callable[..., Awaitable[dict[str, Any]]]


def bundle_of(workspace: Workspace) -> str:
    path = workspace.home / "score.py"
    path.write_text(script(2), encoding="utf-8")
    return read_bundle(workspace, [], path, environment=EnvironmentSpec(python="3.11")).digest


async def test_the_life_of_an_image(api: Api, workspace: Workspace) -> None:
    body = {"name": "ridge", "bundle": bundle_of(workspace), "builder": "dockerfile", "tags": {"a": "b"}}
    built = await api("POST", "/images", body, params={"wait_s": 30})
    assert (built.status, built.body["state"], built.body["kind"]) == (200, "succeeded", "build")
    assert built.body["result"]["id"] == "ridge:1"
    (listed,) = (await api("GET", "/images", params={"tag": "a=b"})).body["images"]
    assert (listed["id"], listed["creation_state"]) == ("ridge:1", "Succeeded")
    assert (await api("GET", "/images", params={"kind": "service"})).body["images"] == []
    assert (await api("GET", "/images/ridge/1")).body["used_by"] == []
    log = (await api("GET", "/images/ridge/1/log")).body
    assert "docker build" in log["log"]
    assert (await api("GET", "/images/ridge/1/log", params={"offset": log["offset"]})).body["log"] == ""
    changed = (await api("PATCH", "/images/ridge/1", {"add_tags": {"x": 1}, "remove_tags": ["a"]})).body
    assert changed["tags"] == {"x": 1}
    assert (await api("PATCH", "/images/ridge/1", {})).code == "invalid_input"
    pushed = await api("POST", "/images/ridge/1/push", {"destination": "r.example/x"}, params={"wait_s": 30})
    assert pushed.body["state"] == "failed"
    assert "pushes nothing" in pushed.body["error"]["message"]
    assert (await api("DELETE", "/images/ridge/1")).body == {"deleted": "ridge:1"}
    assert (await api("GET", "/images/ridge/1")).code == "not_found"


async def test_the_image_of_a_service(api: Api, deployed: Deployed) -> None:
    await deployed("svc")
    body = {"service": "svc", "builder": "dockerfile"}
    built = await api("POST", "/images", body, params={"wait_s": 30})
    assert built.body["result"]["id"] == "svc:1"
    assert (await api("POST", "/images", {"service": "nosuch"})).code == "not_found"
    assert (await api("POST", "/images", {})).code == "invalid_input"
    assert (await api("POST", "/images", {"bundle": "0" * 64})).code == "invalid_input"


async def test_an_image_becomes_a_service(api: Api, workspace: Workspace) -> None:
    body = {"name": "ridge", "bundle": bundle_of(workspace), "builder": "dockerfile"}
    await api("POST", "/images", body, params={"wait_s": 30})
    to_local = {"service": "svc", "target": "local", "config": {"workers": 2}}
    made = await api("POST", "/images/ridge/1/deploy", to_local, params={"wait_s": 30})
    assert (made.status, made.body["state"], made.body["kind"]) == (200, "succeeded", "deploy")
    assert made.body["result"]["digest"] == body["bundle"]
    assert (await api("POST", "/services/svc/invoke", {"payload": {"data": [4]}})).body["status"] == 200
    assert (await api("GET", "/images/ridge/1")).body["used_by"] == ["service svc revision 1"]
    assert (await api("DELETE", "/images/ridge/1")).code == "in_use"
    again = await api("POST", "/images/ridge/1/deploy", to_local, params={"wait_s": 30})
    assert (again.body["result"]["revision"], again.body["result"]["replaced"]) == (2, 1)

    assert (await api("POST", "/images/ridge/7/deploy", to_local)).code == "not_found"
    wrong = await api("POST", "/images/ridge/1/deploy", {**to_local, "config": {"worker": 2}})
    assert (wrong.status, "workers" in str(wrong.body)) == (422, True)
    assert (await api("POST", "/images/ridge/1/deploy", {"service": "X"})).code == "invalid_name"


async def test_builders(api: Api) -> None:
    found = {item["name"]: item for item in (await api("GET", "/builders")).body["builders"]}
    assert found["dockerfile"]["ok"] is True
    assert set(found) == {"docker", "dockerfile"}


@pytest.mark.parametrize("mldeploy_config", [{"read_only": True}])
async def test_nothing_is_built_in_read_only_mode(api: Api, workspace: Workspace) -> None:
    body = {"name": "ridge", "bundle": bundle_of(workspace), "builder": "dockerfile"}
    assert (await api("POST", "/images", body)).code == "forbidden"
    assert (await api("GET", "/images")).body == {"images": []}
