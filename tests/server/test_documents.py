"""The OpenAPI document, its page, and what is installed: they say what is there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from jupyter_events import EventLogger

import jupyter_mldeploy
from jupyter_mldeploy.core.events import Event
from jupyter_mldeploy.server import announcer
from jupyter_mldeploy.server.app import MldeployApp
from jupyter_mldeploy.server.manual import page
from jupyter_mldeploy.server.openapi import openapi, verbs
from jupyter_mldeploy.server.routes import ROUTES

from .conftest import Api

ROOT = Path(__file__).parents[2]


def test_every_verb_is_documented_and_every_documented_one_exists() -> None:
    document = openapi(ROUTES, "/")
    there = {(address, verb) for address, handler in ROUTES for verb, _, _ in verbs(handler)}
    documented = {(address, verb) for address, item in document["paths"].items() for verb in item}
    assert there == documented
    ids = [about["operationId"] for item in document["paths"].values() for about in item.values()]
    assert len(set(ids)) == len(ids)


def test_the_document_is_complete_in_itself() -> None:
    document = openapi(ROUTES, "/")
    schemas = document["components"]["schemas"]
    text = json.dumps(document)
    for part in text.split('"$ref": "')[1:]:
        assert part.partition('"')[0].removeprefix("#/components/schemas/") in schemas
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema.get("description"), schema.get("title")


async def test_the_document_is_served_under_the_servers_prefix(api: Api) -> None:
    document = (await api("GET", "/openapi.json")).body
    assert document["openapi"] == "3.1.0"
    assert document["servers"] == [{"url": "/a%40b/mldeploy/api/v1"}]
    assert document["paths"].keys() == dict(ROUTES).keys()


def test_the_page_in_docs_is_the_document() -> None:
    assert (ROOT / "docs" / "rest-api.md").read_text(encoding="utf-8") == page(), (
        "python -m jupyter_mldeploy.server.manual > docs/rest-api.md"
    )


def test_every_setting_has_help_and_a_default_that_is_allowed() -> None:
    own = {name: trait for name, trait in MldeployApp.class_own_traits().items() if trait.metadata.get("config")}
    assert len(own) >= 13
    for name, trait in own.items():
        assert len(trait.help) > 20, name


def test_installing_enables_the_extension() -> None:
    config = json.loads((ROOT / "etc/jupyter/jupyter_server_config.d/jupyter_mldeploy.json").read_text())
    assert config["ServerApp"]["jpserver_extensions"] == {"jupyter_mldeploy": True}
    assert '"etc/jupyter" = "etc/jupyter"' in (ROOT / "pyproject.toml").read_text()
    (point,) = jupyter_mldeploy._jupyter_server_extension_points()
    assert point["app"] is MldeployApp


def test_the_package_loads_no_tornado_until_the_server_asks() -> None:
    code = "import sys, jupyter_mldeploy, jupyter_mldeploy.core.workspace; print('tornado' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("kind", "data", "schema", "action"),
    [
        ("service_created", {}, announcer.SERVICE, "created"),
        ("service_state", {"to": "Healthy", "reason": None}, announcer.SERVICE, "state"),
        ("service_deleted", {}, announcer.SERVICE, "deleted"),
        ("revision_created", {}, announcer.REVISION, "created"),
        ("revision_live", {}, announcer.REVISION, "live"),
        ("revision_failed", {}, announcer.REVISION, "failed"),
    ],
)
def test_events_fit_their_schemas(kind: str, data: dict[str, Any], schema: str, action: str) -> None:
    logger = EventLogger()
    announcer.register_schemas(logger)
    found = announcer.document(Event(7, 1.0, kind, "u", "svc", 2, "a message", data))
    assert found is not None
    assert (found[0], found[1]["action"]) == (schema, action)
    logger.schemas.validate_event(found[0], found[1])


def test_other_events_stay_in_the_workspace() -> None:
    assert announcer.document(Event(7, 1.0, "worker", "u", "svc", 2, "a message", {})) is None


async def test_changes_are_events_of_jupyter(mldeploy_app: Any, jp_serverapp: Any, workspace: Any, until: Any) -> None:
    heard: list[dict[str, Any]] = []

    async def listen(logger: Any, schema_id: str, data: dict[str, Any]) -> None:
        heard.append({"schema": schema_id, **data})

    jp_serverapp.event_logger.add_listener(schema_id=announcer.SERVICE, listener=listen)
    await mldeploy_app.backend.quick(lambda: mldeploy_app.backend.workspace)
    workspace.events.append("service_created", "svc was created", service="svc", service_uid="u")
    await until(lambda: heard)
    assert (heard[0]["action"], heard[0]["service"], heard[0]["uid"]) == ("created", "svc", "u")
