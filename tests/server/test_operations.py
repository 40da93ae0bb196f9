"""Long work: cancelled, limited, failing in ways that nobody foresaw, and ended with the server."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import TargetUnavailableError
from jupyter_mldeploy.server import backend as backend_module
from jupyter_mldeploy.server import operation as operation_module
from jupyter_mldeploy.server.operation import Operation
from tests.core.memory_target import MemoryTarget, memory_targets

from .conftest import Api

SLOW = "import time\n\n\ndef init():\n    time.sleep(60)\n\n\ndef run(data):\n    return data\n"
QUICK = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the server see the target that keeps services in a file."""
    monkeypatch.setattr(backend_module, "Workspace", lambda home: Workspace(home, targets=memory_targets()))


def body(name: str, **config: Any) -> dict[str, Any]:
    return {"name": name, "target": "memory", "source": {"text": QUICK}, "config": config}


async def test_an_operation_is_cancelled(api: Api, until: Any, workspace: Workspace) -> None:
    started = await api("POST", "/services", {"name": "slow-one", "source": {"text": SLOW}})
    operation = f"/operations/{started.body['id']}"

    async def waits() -> bool:
        steps = [step["step"] for step in (await api("GET", operation)).body["steps"]]
        return "place" in steps

    await until(waits)
    cancelled = await api("POST", operation + "/cancel")
    assert (cancelled.status, cancelled.body["cancelling"]) == (202, True)
    ended = await api("GET", operation, params={"wait_s": 20}, request_timeout=30)
    assert ended.body["state"] == "cancelled"
    assert ended.body["error"]["message"] == "The deployment was cancelled."
    assert ended.body["card"]["application/vnd.mldeploy+json"]["kind"] == "failure"
    revision = workspace.service("slow-one").revisions()[0]
    assert (revision.state, revision.reason) == ("failed", "The deployment was cancelled.")
    again = await api("POST", operation + "/cancel")
    assert (again.body["state"], again.body["cancelling"]) == ("cancelled", False)


def test_whoever_watches_is_told_that_an_operation_is_being_cancelled() -> None:
    told: list[dict[str, Any]] = []
    operation = Operation("replay", "svc", lambda: told.append(operation.document()), lambda _: None)
    assert operation.begin()
    before = operation.version
    operation.cancel()
    assert [(item["state"], item["cancelling"]) for item in told] == [("running", True)]
    assert told[0]["version"] > before, "the stream sends what has a new version"


@pytest.mark.parametrize("mldeploy_config", [{"max_operations": 2}])
async def test_more_than_may_run_at_once_waits_for_its_turn(memory: None, api: Api, workspace: Workspace) -> None:
    async def ended(operation: str) -> Any:
        return (await api("GET", f"/operations/{operation}", params={"wait_s": 20}, request_timeout=30)).body

    names = [f"service-{number}" for number in range(6)]
    for name in names:
        assert (await api("POST", "/services", body(name), params={"wait_s": 20})).body["state"] == "succeeded"
    hanging = [(await api("POST", "/services", body(f"hang-{number}", hang=True))).body["id"] for number in (1, 2)]
    stops = [(await api("POST", f"/services/{name}/stop")).body for name in names]
    given_up = await api("POST", "/services", body("never"))
    for stop in stops:
        assert (stop["state"], [step["step"] for step in stop["steps"]]) == ("running", ["wait"])
    reply = await api("POST", f"/operations/{given_up.body['id']}/cancel")
    assert (reply.body["state"], reply.body["error"]["message"]) == (
        "cancelled",
        "It was cancelled before it began; nothing was changed.",
    )
    for operation in hanging:
        await api("POST", f"/operations/{operation}/cancel")
        assert (await ended(operation))["state"] == "cancelled"
    assert [(await ended(stop["id"]))["state"] for stop in stops] == ["succeeded"] * 6
    assert {str(workspace.service(name).record.state) for name in names} == {"Stopped"}
    assert (await api("GET", "/services/never")).status == 404


@pytest.mark.parametrize("mldeploy_config", [{"max_operations": 1}])
async def test_only_so_many_wait(memory: None, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation_module, "WAITING", 1)
    started = [(await api("POST", "/services", body(f"hang-{number}", hang=True))).body["id"] for number in (1, 2)]
    third = await api("POST", "/services", body("hang-3", hang=True))
    assert (third.status, third.code) == (409, "busy")
    assert third.body["details"]["operations"] == started
    for operation in reversed(started):
        await api("POST", f"/operations/{operation}/cancel")


async def test_what_a_target_refuses(memory: None, api: Api) -> None:
    reply = await api("POST", "/services", body("refused", refuse=True), params={"wait_s": 20})
    assert (reply.body["state"], reply.body["error"]["code"]) == ("failed", "not_supported")
    plan = await api("POST", "/plan", body("refused", refuse=True))
    assert (plan.status, plan.code) == (422, "not_supported")


async def test_an_error_that_nobody_foresaw_has_a_reference(
    memory: None, api: Api, mldeploy_app: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    workspace = await mldeploy_app.backend.quick(lambda: mldeploy_app.backend.workspace)

    def explode(*_: Any, **__: Any) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr(workspace.deployer, "deploy", explode)
    reply = await api("POST", "/services", body("boom"), params={"wait_s": 20})
    assert (reply.body["state"], reply.body["error"]["code"]) == ("failed", "internal_error")
    monkeypatch.setattr(workspace.catalogue, "services", explode)
    listed = await api("GET", "/services")
    assert (listed.status, listed.code) == (500, "internal_error")
    for error in (reply.body["error"], listed.body):
        assert "hunter2" not in str(error)
        assert error["details"]["reference"] in error["message"]
        assert error["details"]["reference"] in caplog.text
    assert "hunter2" in caplog.text


async def test_a_service_whose_target_cannot_be_asked_is_forgotten(
    memory: None, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any) -> None:
        raise TargetUnavailableError("The place does not answer.", hint="Check the network.")

    await api("POST", "/services", body("lost"), params={"wait_s": 20})
    monkeypatch.setattr(MemoryTarget, "delete", gone)
    refused = await api("DELETE", "/services/lost", params={"wait_s": 20})
    assert (refused.body["state"], refused.body["error"]["code"]) == ("failed", "target_unavailable")
    way = refused.body["error"]["details"]["forget"]
    assert (way["name"], way["hint"]) == ("lost", "Check the network.")
    assert way["remains"].startswith("Should its target come back, there may still be ")
    assert (await api("GET", "/services/lost")).body["state"] == "Healthy"
    forgotten = await api("DELETE", "/services/lost", params={"wait_s": 20, "force": "true"})
    assert forgotten.body["state"] == "succeeded"
    (told,) = [step["message"] for step in forgotten.body["steps"] if step["step"] == "forget"]
    assert told.startswith("lost is only forgotten: The place does not answer. ")
    assert told.endswith(way["remains"])
    assert (await api("GET", "/services")).body["services"] == []


async def test_operations_that_are_not_known(api: Api) -> None:
    for verb, path in (("GET", "/operations/nope"), ("POST", "/operations/nope/cancel")):
        assert (await api(verb, path)).code == "not_found"


async def test_activity_is_what_goes_on(memory: None, api: Api, mldeploy_app: Any) -> None:
    assert mldeploy_app.current_activity() is None
    started = await api("POST", "/services", body("busy-one", hang=True))
    assert mldeploy_app.current_activity()["operations"] == [started.body["id"]]
    await api("POST", f"/operations/{started.body['id']}/cancel")
    await api("GET", f"/operations/{started.body['id']}", params={"wait_s": 20}, request_timeout=30)
    assert mldeploy_app.current_activity() is None
    await api("POST", "/services", body("busy-one"), params={"wait_s": 20})
    await api("POST", "/services/busy-one/invoke", {"payload": 1})
    assert mldeploy_app.current_activity()["services"] == ["busy-one"]


async def test_stopping_the_server_cancels_what_runs(memory: None, api: Api, mldeploy_app: Any, until: Any) -> None:
    started = await api("POST", "/services", body("ended", hang=True))
    operation = mldeploy_app.backend.operations.find(started.body["id"])
    await mldeploy_app.stop_extension()
    await until(operation.done.is_set)
    assert operation.state == "cancelled"


async def test_services_of_other_processes_are_compared_with_the_truth(
    memory: None, api: Api, workspace: Workspace, home: Any, until: Any
) -> None:
    await api("POST", "/services", body("watched"), params={"wait_s": 20})
    (record,) = workspace.catalogue.services()
    state = workspace.deployer.reference(record).directory / "state.json"
    state.unlink()  # whatever ran is gone

    async def noticed() -> bool:
        (service,) = (await api("GET", "/services")).body["services"]
        return bool(service["state"] == "Failed" and service["observed"])

    await until(noticed)


async def test_a_plan_says_how_many_replicas_a_load_needs(memory: None, api: Api) -> None:
    plain = await api("POST", "/plan", body("svc"))
    assert plain.body["sizing"] is None
    loaded = await api("POST", "/plan", {**body("svc"), "rps": 20, "latency_s": 10})
    assert loaded.body["sizing"]["replicas"] == 286
    assert any("286 replicas" in note for note in loaded.body["notes"])
