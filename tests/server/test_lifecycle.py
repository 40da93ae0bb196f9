"""The whole life of a service by REST, on this machine: deploy, call, update, roll back, stop, start, delete."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_mldeploy.server.rootpaths import RootPaths

from .conftest import Api, script


async def test_the_whole_life_of_a_service(
    api: Api, deployed: Callable[..., Awaitable[dict[str, Any]]], jp_fetch: Any
) -> None:
    operation = await deployed("life", factor=2)
    assert operation["result"]["revision"] == 1
    assert "application/vnd.mldeploy+json" in operation["card"]
    assert [step["step"] for step in operation["steps"]][:1] == ["check"]

    async def score() -> Any:
        reply = await api("POST", "/services/life/invoke", {"payload": {"data": [1, 2]}})
        assert reply.body["status"] == 200, reply.body
        return reply.body["body"]["json"]

    assert await score() == [2, 4]
    proxied = await jp_fetch("mldeploy/proxy/life/score", method="POST", body='{"data": [5]}')
    assert proxied.body == b"[10]"

    shown = await api("GET", "/services/life")
    assert (shown.body["state"], shown.body["revision"]) == ("Healthy", 1)
    assert shown.body["proxy_uri"] == "/a%40b/mldeploy/proxy/life/"
    assert shown.body["facts"]["workers"]

    updated = await api("POST", "/services/life/update", {"source": {"text": script(3)}}, params={"wait_s": 30})
    assert (updated.body["state"], updated.body["result"]["replaced"]) == ("succeeded", 1)
    assert await score() == [3, 6]

    difference = await api("GET", "/services/life/diff", params={"from": 1})
    assert (difference.body["from"], difference.body["to"]) == (1, 2)
    assert "+    factor = 3" in difference.body["files"][0]["text"]
    revision = await api("GET", "/services/life/revisions/1")
    assert revision.body["source"] == script(2)

    back = await api("POST", "/services/life/rollback", {}, params={"wait_s": 30})
    assert back.body["state"] == "succeeded"
    assert await score() == [2, 4]
    revisions = await api("GET", "/services/life/revisions")
    assert [(item["revision"], item["state"]) for item in revisions.body["revisions"]] == [
        (3, "live"),
        (2, "superseded"),
        (1, "superseded"),
    ]

    stopped = await api("POST", "/services/life/stop", params={"wait_s": 30})
    assert stopped.body["result"]["state"] == "Stopped"
    gone = await api("POST", "/services/life/invoke", {"payload": {"data": [1]}})
    assert (gone.status, gone.code) == (503, "target_unavailable")
    started = await api("POST", "/services/life/start", {}, params={"wait_s": 30})
    assert started.body["result"]["state"] == "Healthy"
    assert await score() == [2, 4]

    deleted = await api("DELETE", "/services/life", params={"wait_s": 30})
    assert deleted.body["state"] == "succeeded"
    assert (await api("GET", "/services")).body["services"] == []
    assert (await api("GET", "/services/life")).body["state"] == "Deleted"
    log = await api("GET", "/services/life/logs")
    assert log.body["ended"]
    assert any("ready with 3" in line["text"] for line in log.body["lines"])
    again = await api("DELETE", "/services/life", params={"wait_s": 30})
    assert again.body["state"] == "succeeded"


async def test_a_failed_update_leaves_the_old_revision_serving(
    api: Api, deployed: Callable[..., Awaitable[dict[str, Any]]]
) -> None:
    await deployed("keep")
    broken = "def init():\n    import no_such_module_at_all\n\n\ndef run(data):\n    return data\n"
    reply = await api("POST", "/services/keep/update", {"source": {"text": broken}}, params={"wait_s": 30})
    assert reply.body["state"] == "failed"
    assert reply.body["error"]["code"] == "deployment_failed"
    assert "no_such_module_at_all" in reply.body["error"]["message"]
    assert reply.body["card"]["application/vnd.mldeploy+json"]["failed_revision"] == 2
    answer = await api("POST", "/services/keep/invoke", {"payload": {"data": [4]}})
    assert answer.body["body"]["json"] == [8]


async def test_a_script_that_cannot_work_is_told_with_its_findings(api: Api) -> None:
    body = {"name": "bad-one", "source": {"text": "def init():\n    pass\n"}}
    reply = await api("POST", "/services", body, params={"wait_s": 30})
    assert reply.body["state"] == "failed"
    assert reply.body["error"]["code"] == "invalid_entry_script"
    assert reply.body["error"]["details"]["diagnostics"]
    assert (await api("GET", "/services")).body["services"] == []


async def test_without_wait_the_answer_is_202_and_the_operation_can_be_watched(
    api: Api, until: Callable[..., Awaitable[Any]]
) -> None:
    reply = await api("POST", "/services", {"name": "later", "source": {"text": script()}})
    assert reply.status == 202
    assert reply.headers["Location"].endswith("/mldeploy/api/v1/operations/" + reply.body["id"])
    ended = await api("GET", f"/operations/{reply.body['id']}", params={"wait_s": 30})
    assert ended.body["state"] == "succeeded"
    assert [item["id"] for item in (await api("GET", "/operations")).body["operations"]] == [reply.body["id"]]
    listed = (await api("GET", "/services")).body["services"]
    assert [(item["name"], item["operations"]) for item in listed] == [("later", [])]


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"name": "Bad Name", "source": {"text": "x"}}, "invalid_name", None),
        ({"name": "svc"}, "invalid_input", "source"),
        ({"name": "svc", "source": {}}, "invalid_input", "source"),
        ({"name": "svc", "source": {"text": "x"}, "modles": []}, "invalid_input", "modles"),
        ({"name": "svc", "source": {"path": "nope.py"}}, "invalid_input", "source.path"),
        ({"name": "svc", "source": {"text": "x"}, "config": {"workres": 2}}, "invalid_configuration", "workres"),
        ({"name": "svc", "source": {"text": "x"}, "target": "moon"}, "not_found", None),
        ({"name": "svc", "source": {"text": "x"}, "models": ["ridge"]}, "not_found", None),
        ({"name": "svc", "source": {"text": "x"}, "kernel": "cobol"}, "invalid_input", "kernel"),
    ],
)
async def test_what_can_be_refused_at_once_is_the_answer_to_the_request(
    api: Api, body: dict[str, Any], code: str, field: str | None
) -> None:
    reply = await api("POST", "/services", body)
    assert reply.code == code
    assert reply.status in {404, 422}
    assert field is None or reply.body["details"]["field"] == field
    assert (await api("GET", "/operations")).body["operations"] == []


async def test_a_revision_says_where_the_file_browser_has_its_script(
    api: Api, deployed: Callable[..., Awaitable[dict[str, Any]]], jp_root_dir: Path, tmp_path: Path
) -> None:
    (jp_root_dir / "work").mkdir()
    (jp_root_dir / "work" / "score.py").write_text(script())
    await deployed("placed", source={"path": "work/score.py"})
    (revision,) = (await api("GET", "/services/placed/revisions")).body["revisions"]
    assert revision["origin"]["file"] == "work/score.py"
    assert (await api("GET", "/services/placed")).body["live"]["origin"]["file"] == "work/score.py"
    await deployed("typed")
    assert (await api("GET", "/services/typed/revisions/1")).body["origin"]["file"] is None
    shown = RootPaths(jp_root_dir.resolve()).shown
    assert shown(str(jp_root_dir / "a b" / "n.ipynb")) == "a b/n.ipynb"
    for outside in (str(tmp_path / "n.ipynb"), "n.ipynb", str(jp_root_dir / ".hidden" / "n.ipynb"), None):
        assert shown(outside) is None


async def test_files_beside_the_script_are_compared_as_texts(api: Api, jp_root_dir: Path) -> None:
    folder = jp_root_dir / "app"
    folder.mkdir()
    (folder / "score.py").write_text(script())
    source = {"path": "app/score.py", "source_directory": "app"}
    for number in (1, 2):
        (folder / "conf.yml").write_text(f"threshold: {number}\n")
        (folder / "table.bin").write_bytes(bytes([0, 255, number]))
        reply = await api("POST", "/services", {"name": "files", "source": source}, params={"wait_s": 30})
        assert reply.body["state"] == "succeeded", reply.body
    plain = (await api("GET", "/services/files/revisions/2")).body
    assert [item.get("text") for item in plain["files"]] == [None, None, None]
    shown = (await api("GET", "/services/files/revisions/2", params={"texts": 1})).body
    texts = {item["path"]: item["text"] for item in shown["files"]}
    assert texts == {"conf.yml": "threshold: 2\n", "score.py": None, "table.bin": None}
    difference = (await api("GET", "/services/files/diff", params={"from": 1})).body
    text, binary = difference["files"]
    assert "-threshold: 1\n+threshold: 2\n" in text["text"]
    assert (binary["path"], binary["text"], binary["after"]["size"]) == ("table.bin", None, 3)
    assert binary["before"]["digest"] != binary["after"]["digest"]
