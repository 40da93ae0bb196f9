"""Several versions by REST."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from .conftest import Api, script


async def test_versions_come_share_and_go(api: Api, deployed: Callable[..., Awaitable[dict[str, Any]]]) -> None:
    await deployed("shared", factor=2)
    assert (await api("GET", "/services/shared/traffic")).body == {"name": "shared", "versions": []}
    wait = {"params": {"wait_s": 30}}
    body = {"version": "green", "source": {"text": script(3)}, "traffic": 100}
    made = await api("POST", "/services/shared/versions", body, **wait)
    assert made.body["state"] == "succeeded", made.body
    assert [(item["name"], item["weight"]) for item in made.body["result"]["versions"]] == [("r1", 0), ("green", 100)]

    async def score(**headers: str) -> Any:
        reply = await api("POST", "/services/shared/invoke", {"payload": {"data": [1]}, "headers": headers})
        return reply.body["body"]["json"]

    listed = (await api("GET", "/services")).body["services"]
    assert next(item for item in listed if item["name"] == "shared")["facts"]["traffic"] == {"r1": 0, "green": 100}
    assert await score() == [3]
    assert await score(**{"azureml-model-deployment": "r1"}) == [2]
    set_ = await api("PUT", "/services/shared/traffic", {"traffic": {"green": 0}}, **wait)
    assert set_.body["state"] == "succeeded"
    assert await score() == [2]
    shown = (await api("GET", "/services/shared/traffic")).body["versions"]
    assert [item["figures"]["requests"] for item in shown] == [1, 0]

    refused = await api("PUT", "/services/shared/traffic", {"traffic": {"pink": 5}}, **wait)
    assert (refused.body["state"], refused.body["error"]["code"]) == ("failed", "invalid_input")
    assert (await api("PUT", "/services/shared/traffic", {})).status == 422
    assert (await api("POST", "/services/shared/versions", {"version": "red"})).status == 422
    assert (await api("GET", "/services/none/traffic")).status == 404

    held = await api("POST", "/services/shared/versions/green/canary", {"steps": [10], "step_timeout_s": 0.2}, **wait)
    assert held.body["result"]["decision"] == "held"
    done = await api("POST", "/services/shared/versions/green/finish", {}, **wait)
    assert (done.body["state"], done.body["result"]["versions"]) == ("succeeded", [])
    assert await score() == [3]
    gone = await api("DELETE", "/services/shared/versions/green", **wait)
    assert (gone.body["state"], gone.body["error"]["code"]) == ("failed", "conflict")
