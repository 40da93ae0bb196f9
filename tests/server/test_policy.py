"""What an administrator sets, and which files a client may name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.errors import ForbiddenError, InvalidInputError
from jupyter_mldeploy.server.rootpaths import RootPaths

from .conftest import Api, script


@pytest.fixture
def root(jp_root_dir: Path) -> Path:
    """Return the file browser's folder, with a script, a model, a link that leads out and a hidden file."""
    (jp_root_dir / "score.py").write_text(script())
    (jp_root_dir / "model.bin").write_bytes(b"weights")
    (jp_root_dir / ".secret.py").write_text(script())
    outside = jp_root_dir.parent / "outside"
    outside.mkdir()
    (outside / "score.py").write_text(script())
    (jp_root_dir / "link").symlink_to(outside)
    return jp_root_dir


@pytest.mark.parametrize(
    "path", ["../outside/score.py", "link/score.py", "/etc/passwd", "a/../../outside/score.py", ".secret.py", "~/x"]
)
async def test_files_outside_are_not_deployed(api: Api, root: Path, path: str) -> None:
    for body in (
        {"source": {"path": path}},
        {"source": {"path": "score.py"}, "models": ["./" + path if not path.startswith("/") else path]},
        {"source": {"notebook": path}},
        {"source": {"path": "score.py", "source_directory": path}},
        {"source": {"path": "score.py"}, "environment": path + "/../x.yml"},
    ):
        reply = await api("POST", "/plan", {"name": "svc", **body})
        assert reply.status in {403, 422}, body
        assert reply.code in {"forbidden", "invalid_input"}
    reply = await api("POST", "/models", {"name": "m", "path": path})
    assert reply.status in {403, 422}
    assert (await api("POST", "/lint", {"path": path})).status in {403, 422}


async def test_nobody_learns_what_lies_outside(api: Api, root: Path) -> None:
    there = await api("POST", "/lint", {"path": "../outside/score.py"})
    not_there = await api("POST", "/lint", {"path": "../outside/nothing.py"})
    assert there.status == not_there.status == 403
    assert there.body["message"].replace("score", "nothing") == not_there.body["message"]


async def test_a_path_below_the_root_is_planned_and_nothing_is_created(api: Api, root: Path) -> None:
    reply = await api("POST", "/plan", {"name": "svc", "source": {"path": "score.py"}, "models": ["model.bin"]})
    assert reply.status == 200, reply.body
    assert (reply.body["service"], reply.body["revision"]) == ("svc", 1)
    assert "application/vnd.mldeploy+json" in reply.body["card"]
    assert (await api("GET", "/services")).body["services"] == []


@pytest.mark.parametrize("mldeploy_config", [{"allow_paths_outside_root": True}])
async def test_the_administrator_can_allow_paths_outside(api: Api, root: Path) -> None:
    reply = await api("POST", "/plan", {"name": "svc", "source": {"path": str(root.parent / "outside" / "score.py")}})
    assert reply.status == 200, reply.body


def test_paths_with_nul_and_missing_ones(tmp_path: Path) -> None:
    paths = RootPaths(tmp_path.resolve())
    with pytest.raises(InvalidInputError, match="NUL"):
        paths.resolve("a\0b", field="path")
    with pytest.raises(InvalidInputError, match="There is no file"):
        paths.resolve("nothing", field="path")
    with pytest.raises(ForbiddenError):
        paths.resolve("..", field="path")
    assert paths.resolve("", field="path") == tmp_path.resolve()


@pytest.mark.parametrize("mldeploy_config", [{"allowed_targets": ["kubernetes"]}])
async def test_a_target_that_is_not_allowed(api: Api) -> None:
    body = {"name": "svc", "source": {"text": script()}}
    for path in ("/plan", "/services"):
        reply = await api("POST", path, body)
        assert (reply.status, reply.code) == (403, "forbidden")
        assert "allowed are: kubernetes" in reply.body["message"]
    listed = {item["name"]: item["allowed"] for item in (await api("GET", "/targets")).body["targets"]}
    assert listed["local"] is False


@pytest.mark.parametrize("mldeploy_config", [{"max_ttl": 3600}])
async def test_lives_are_limited(api: Api, mldeploy_app: Any) -> None:
    longer = await api("POST", "/plan", {"name": "svc", "source": {"text": script()}, "config": {"ttl": "2h"}})
    assert (longer.status, longer.body["details"]["max"]) == (403, 3600)
    backend = mldeploy_app.backend
    local = backend.workspace.targets.get("local")
    assert backend.policy.within_ttl(local, {"workers": 2}) == {"workers": 2, "ttl": 3600}
    assert backend.policy.within_ttl(local, {"ttl": "30m"}) == {"ttl": "30m"}


async def test_targets_carry_their_form(api: Api) -> None:
    (local,) = [item for item in (await api("GET", "/targets")).body["targets"] if item["name"] == "local"]
    assert local["available"] is True
    assert local["capabilities"]["zero_downtime_update"] is True
    assert local["configuration"]["properties"]["workers"]["description"]
    assert local["profiles"] == {"cpu": False, "memory_gb": True}
    assert (await api("GET", "/targets/local")).body == local
    assert (await api("GET", "/targets/moon")).code == "not_found"


async def test_replicas_for_a_load(api: Api) -> None:
    """The formula that v1 documents: 20 requests a second of 10 s at 70 % utilisation are 286 replicas."""
    body = {"rps": 20, "latency_s": 10, "config": {"autoscale_target_utilization": 70}}
    reply = await api("POST", "/targets/kubernetes/sizing", body)
    assert (reply.status, reply.body["replicas"]) == (200, 286), reply.body
    assert "286 replicas at 70% utilisation" in reply.body["text"]
    assert (await api("POST", "/targets/kubernetes/sizing", {**body, "rps": 0})).status == 422
    wrong = await api("POST", "/targets/kubernetes/sizing", {**body, "config": {"cpu_cores": -1}})
    assert (wrong.status, wrong.code) == (422, "invalid_configuration")
    assert (await api("POST", "/targets/moon/sizing", body)).status == 404


async def test_bodies_that_are_no_json(api: Api) -> None:
    for text in ("{", "[]", "\xff"):
        reply = await api("POST", "/services", text)
        assert (reply.status, reply.code) == (422, "invalid_input")
    assert "problems" in reply.body["details"]
    assert json.dumps(reply.body)
