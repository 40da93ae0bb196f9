"""Models, environments, keys, schemas, code and lint by REST."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Api, script

Deployed = Callable[..., Awaitable[dict[str, Any]]]

WITH_SCHEMA = """\
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema


def init():
    pass


@input_schema("data", StandardPythonParameterType([1, 2]))
@output_schema(StandardPythonParameterType([2]))
def run(data):
    return [value * 2 for value in data]
"""
RAW = """\
from azureml.contrib.services.aml_request import rawhttp
from azureml.contrib.services.aml_response import AMLResponse


def init():
    pass


@rawhttp
def run(request):
    if request.method == "GET":
        return AMLResponse("x" * 5000, 200)
    return AMLResponse(bytes(reversed(request.get_data())), 200)
"""


async def test_models(api: Api, jp_root_dir: Path, deployed: Deployed) -> None:
    (jp_root_dir / "ridge.pkl").write_bytes(b"weights")
    registered = await api(
        "POST", "/models", {"name": "ridge", "path": "ridge.pkl", "tags": {"a": "b"}}, params={"wait_s": 20}
    )
    assert (registered.body["kind"], registered.body["result"]["id"]) == ("register", "ridge:1")
    (listed,) = (await api("GET", "/models", params={"tag": "a=b"})).body["models"]
    assert (listed["id"], listed["size"]) == ("ridge:1", 7)
    assert (await api("GET", "/models", params={"tag": "a=c"})).body["models"] == []
    changes = {"add_tags": {"x": "y"}, "remove_tags": ["a"], "description": "d", "add_properties": {"p": "q"}}
    changed = (await api("PATCH", "/models/ridge/1", changes)).body
    assert (changed["tags"], changed["description"], changed["properties"]) == ({"x": "y"}, "d", {"p": "q"})
    assert (await api("PATCH", "/models/ridge/1", {})).code == "invalid_input"
    assert (await api("PATCH", "/models/ridge/1", {"add_properties": {"p": "z"}})).code == "already_exists"

    await deployed("user", models=["ridge:1"])
    shown = (await api("GET", "/models/ridge/1")).body
    assert shown["used_by"] == ["service user revision 1"]
    assert shown["content"][0]["path"] == "ridge.pkl"
    used = await api("DELETE", "/models/ridge/1")
    assert (used.status, used.code) == (409, "in_use")
    ambiguous = await api("POST", "/plan", {"name": "svc", "source": {"text": script()}, "models": ["ridge.pkl"]})
    assert ambiguous.status == 200
    await api("DELETE", "/services/user", params={"wait_s": 20})
    assert (await api("DELETE", "/models/ridge/1")).body == {"deleted": "ridge:1"}
    assert (await api("GET", "/models/ridge/1")).code == "not_found"


async def test_environments(api: Api, jp_root_dir: Path) -> None:
    conda = "name: x\ndependencies:\n- python=3.11\n- pip:\n  - numpy==1.26.4\n"
    first = await api("POST", "/environments", {"name": "env", "conda": conda})
    assert (first.status, first.body["version"]) == (201, "1")
    (jp_root_dir / "req.txt").write_text("pandas>=2\n")
    second = await api("POST", "/environments", {"name": "env", "path": "req.txt", "pip": ["scipy"]})
    assert second.body["version"] == "2"
    assert {"pandas>=2", "scipy"} <= set(second.body["pip"])
    assert (await api("POST", "/environments", {"name": "env", "requirements": "six"})).body["version"] == "3"
    assert [item["version"] for item in (await api("GET", "/environments")).body["environments"]] == ["3", "2", "1"]
    assert (await api("GET", "/environments/env/1")).body["digest"] == first.body["digest"]
    assert (await api("DELETE", "/environments/env/1")).body == {"deleted": "env:1"}
    assert (await api("GET", "/environments/env/1")).code == "not_found"
    for body in ({"name": "env"}, {"name": "env", "requirements": "-r /etc/passwd"}, {"name": "e", "conda": "[: bad"}):
        assert (await api("POST", "/environments", body)).status == 422


async def test_keys(api: Api, deployed: Deployed) -> None:
    await deployed("keyed")
    before = await api("GET", "/services/keyed/keys")
    assert before.headers["Cache-Control"] == "no-store"
    after = await api("POST", "/services/keyed/keys", {"key": "primary"})
    assert after.body["primary"] != before.body["primary"]
    assert after.body["secondary"] == before.body["secondary"]
    wrong = {"authorization": "Bearer " + before.body["primary"]}
    answer = await api("POST", "/services/keyed/invoke", {"payload": {"data": [1]}, "headers": wrong})
    assert answer.body["status"] == 401
    answer = await api("POST", "/services/keyed/invoke", {"payload": {"data": [1]}})
    assert answer.body["body"]["json"] == [2]
    assert (await api("POST", "/services/keyed/keys", {"key": "third"})).code == "invalid_input"
    assert (await api("GET", "/services/nobody/keys")).code == "not_found"
    shown = json.dumps([(await api("GET", path)).body for path in ("/services/keyed", "/services/keyed/card")])
    assert after.body["primary"] not in shown


async def test_tokens(api: Api, deployed: Deployed) -> None:
    await deployed("tokened", config={"token_auth_enabled": True, "auth_enabled": False})
    reply = await api("POST", "/services/tokened/token", {"life_s": 60})
    assert reply.headers["Cache-Control"] == "no-store"
    for token, status in ((reply.body["access_token"], 200), (reply.body["access_token"][:-4] + "AAAA", 401)):
        headers = {"authorization": f"Bearer {token}"}
        answer = await api("POST", "/services/tokened/invoke", {"payload": {"data": [1]}, "headers": headers})
        assert answer.body["status"] == status
    await deployed("no-tokens")
    refused = await api("POST", "/services/no-tokens/token", {})
    assert (refused.status, refused.code) == (409, "conflict")


async def test_schema_sample_card_and_code(api: Api, deployed: Deployed) -> None:
    await deployed("formed", source={"text": WITH_SCHEMA})
    document = (await api("GET", "/services/formed/schema", params={"version": "2"})).body
    assert document["definitions"]["ServiceInput"]["example"] == {"data": [1, 2]}
    assert (await api("GET", "/services/formed/schema", params={"version": "9"})).code == "invalid_input"
    sampled = await api("POST", "/services/formed/invoke", {})
    assert (sampled.body["status"], sampled.body["body"]["json"]) == (200, [2, 4])
    code = (await api("GET", "/services/formed/code")).body["code"]
    assert [item["label"] for item in code] == ["Python", "curl"]
    assert "[1, 2]" in code[0]["text"]
    plain = (await api("GET", "/services/formed/revisions/1")).body
    read = (await api("GET", "/services/formed/revisions/1", params={"schema": 1}, request_timeout=60)).body
    assert plain["schema"] is None
    assert read["schema"]["ServiceInput"]["example"] == {"data": [1, 2]}
    card = (await api("GET", "/services/formed/card")).body
    assert card["application/vnd.mldeploy+json"]["service"]["name"] == "formed"


@pytest.mark.parametrize("mldeploy_config", [{"invoke_max_body_mb": 0.001}])
async def test_test_requests_send_and_show_whatever_there_is(api: Api, deployed: Deployed) -> None:
    await deployed("raw-one", source={"text": RAW})

    async def invoke(**body: Any) -> Any:
        return (await api("POST", "/services/raw-one/invoke", body)).body

    sent = base64.b64encode(bytes([1, 2, 255])).decode()
    answer = await invoke(base64=sent)
    assert base64.b64decode(answer["body"]["base64"]) == bytes([255, 2, 1])
    answer = await invoke(text="abc", content_type="text/plain")
    assert (answer["body"]["text"], answer["size"], answer["truncated"]) == ("cba", 3, False)
    answer = await invoke(text="y" * 2000, content_type="text/plain")
    assert (answer["size"], answer["truncated"]) == (1048, True)
    assert (await invoke(base64="!"))["code"] == "invalid_input"
    assert (await invoke(text="a", headers={"bad name": "x"}))["code"] == "invalid_input"
    assert (await invoke(text="a", headers={"X-A": "b\r\nc: d"}))["code"] == "invalid_input"


async def test_a_failing_request_is_explained(api: Api, deployed: Deployed) -> None:
    await deployed("fails", source={"text": "def init():\n    pass\n\n\ndef run(data):\n    return {}['missing']\n"})
    answer = (await api("POST", "/services/fails/invoke", {"payload": {"data": 1}})).body
    assert answer["status"] == 500
    assert any("missing" in line for line in answer["explanation"])


async def test_lint_finds_what_the_linter_finds(api: Api, jp_root_dir: Path) -> None:
    text = "def run(data):\n    return data\n"
    found = (await api("POST", "/lint", {"text": text, "kind": "script"})).body["diagnostics"]
    assert any(item["severity"] == "error" and "init" in item["message"] for item in found)
    assert any(item["fixes"] for item in found)
    (jp_root_dir / "score.py").write_text(text)
    by_path = (await api("POST", "/lint", {"path": "score.py", "kind": "script"})).body["diagnostics"]
    assert [item["code"] for item in by_path] == [item["code"] for item in found]
    (jp_root_dir / "pyproject.toml").write_text("[tool.mldeploy.lint]\nselect = []\n")
    assert (await api("POST", "/lint", {"text": text, "path": "score.py", "kind": "script"})).body["diagnostics"] == []
    conda = {"text": "dependencies:\n- pip:\n  - azureml-defaults\n  - numpy\n - bad", "path": "conda.yml"}
    assert (await api("POST", "/lint", conda)).body["diagnostics"]
    assert (await api("POST", "/lint", {})).code == "invalid_input"
    assert (await api("POST", "/lint", {"text": "x" * 1_000_001})).code == "invalid_input"


async def test_notebooks_are_deployed_as_saved(api: Api, deployed: Deployed, jp_root_dir: Path, tmp_path: Path) -> None:
    (jp_root_dir / "work").mkdir()
    (jp_root_dir / "work" / "m.bin").write_bytes(b"weights")

    def save(*cells: str) -> None:
        document = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {},
            "cells": [
                {"id": f"cell-{number}", "cell_type": "code", "metadata": {}, "outputs": [], "execution_count": number,
                 "source": text}
                for number, text in enumerate(cells, 1)
            ],
        }  # fmt: skip
        (jp_root_dir / "work" / "book.ipynb").write_text(json.dumps(document))

    save("x = 1", "%%deploy from-book --model m.bin\n" + script(4), script(5))
    done = await deployed("from-book", source={"notebook": "work/book.ipynb"})
    assert done["result"]["models"][0]["id"] == "m.bin:0"
    answer = await api("POST", "/services/from-book/invoke", {"payload": {"data": [1]}})
    assert answer.body["body"]["json"] == [4]
    live = (await api("GET", "/services/from-book")).body["live"]
    assert live["origin"]["cell_id"] == "cell-2"
    assert live["origin"]["notebook"].endswith("work/book.ipynb")

    await deployed("by-cell", source={"notebook": "work/book.ipynb", "cell_id": "cell-3"})
    answer = await api("POST", "/services/by-cell/invoke", {"payload": {"data": [1]}})
    assert answer.body["body"]["json"] == [5]

    missing = await api("POST", "/services", {"name": "no-cell", "source": {"notebook": "work/book.ipynb"}})
    assert (missing.status, missing.code) == (404, "not_found")
    (tmp_path / "stolen.py").write_text(script())
    save(f"%%deploy thief --from {tmp_path / 'stolen.py'}\n")
    stolen = await api("POST", "/services", {"name": "thief", "source": {"notebook": "work/book.ipynb"}})
    assert (stolen.status, stolen.code) == (403, "forbidden")
    save(f"%%deploy thief --include {tmp_path / 'stolen.py'}\n" + script())
    stolen = await api("POST", "/services", {"name": "thief", "source": {"notebook": "work/book.ipynb"}})
    assert (stolen.status, stolen.code) == (403, "forbidden")


async def test_cells_are_checked_with_the_names_of_the_others(api: Api) -> None:
    cell = "%%deploy doubles\ndef init():\n    pass\n\ndef run(data):\n    return np.array(factor * scale)\n"
    cells = ["import numpy as np", "factor = 2", "%%writefile score.py\nscale = 1", "%matplotlib inline\nx = 1"]
    answer = (await api("POST", "/lint", {"text": cell, "kind": "cell", "path": "a.ipynb", "cells": cells})).body
    assert answer["cell_names"] == ["factor", "np", "x"]
    found = {item["message"].split()[0]: item["code"] for item in answer["diagnostics"]}
    assert found["factor"] == "MLD307"
    assert found["scale"] == "MLD306"
    again = {"text": cell, "kind": "cell", "cell_names": answer["cell_names"]}
    assert (await api("POST", "/lint", again)).body["diagnostics"] == answer["diagnostics"]
    assert (await api("POST", "/lint", {**again, "cells": []})).status == 422
    assert (await api("POST", "/lint", {"text": "%%time\nnp", "kind": "cell"})).body["diagnostics"] == []


async def test_a_rule_has_a_page(api: Api) -> None:
    rule = (await api("GET", "/lint/rules/MLD301")).body
    assert rule["severity"] == "error"
    assert "NameError" in rule["page"]
    missing = await api("GET", "/lint/rules/MLD000")
    assert missing.status == 404
    assert "MLD000" in missing.body["message"]
