"""DeployForm: from fields to a plan and a service, with what is wrong beside its field."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import ipywidgets as w
import pytest

from jupyter_mldeploy.core.records import ServiceRecord
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.targets.local_config import LocalConfig
from jupyter_mldeploy.widgets import DeployForm
from jupyter_mldeploy.widgets.fields import fields_of
from tests.core.memory_target import memory_targets
from tests.patience import FACTOR
from tests.widgets.conftest import RAW_SCRIPT, done, eventually


@pytest.fixture
def script(tmp_path: Path) -> str:
    path = tmp_path / "score.py"
    path.write_text(RAW_SCRIPT)
    return str(path)


def row(form: DeployForm, label: str) -> w.HBox:
    """Return the row of a field, from either part of the form."""
    found: list[w.HBox] = []

    def walk(widget: w.Widget) -> None:
        children = getattr(widget, "children", ())
        if isinstance(widget, w.HBox) and isinstance(children[0], w.HTML) and f">{label}<" in children[0].value:
            found.append(widget)
        for child in children:
            walk(child)

    walk(form)
    assert len(found) == 1, (label, found)
    return found[0]


def test_every_key_of_the_configuration_is_a_field_with_its_default() -> None:
    fields = {field.key: field for field in fields_of(LocalConfig.model_json_schema())}
    assert set(fields) == set(LocalConfig.model_fields)
    defaults = LocalConfig().model_dump()
    assert {key: field.default for key, field in fields.items()} == defaults
    for key, field in fields.items():
        if field.kind not in {"boolean", "choice"}:
            assert field.from_text(field.to_text(field.default)) == defaults[key], key
    assert (fields["workers"].choices, fields["start_method"].choices) == (("auto",), ("auto", "fork", "spawn"))
    assert (fields["memory_gb"].label, fields["memory_gb"].unit) == ("Memory", "GiB")


def test_plan_then_deploy(workspace: Workspace, script: str) -> None:
    stages: list[str] = []
    with closing(DeployForm(workspace, name="formed", entry_script=script)) as form:
        form.observe(lambda change: stages.append(change["new"]), "stage")
        row(form, "Workers").children[1].value = "2"
        row(form, "Environment variables").children[1].value = "A=1\nB=x=y"
        assert form.value["config"] == {"workers": 2, "environment_variables": {"A": "1", "B": "x=y"}}
        form.make_plan()
        assert done(form)
        assert form.plan.service == "formed"
        assert "Nothing was created" in form.children[-1].value
        assert not [item for item in workspace.catalogue.services() if item.name == "formed"]
        form.deploy()
        assert done(form)
        assert form.error == ""
        assert form.service.score({"a": 1}) == '{"a": 1}'
        assert stages == ["planning", "planned", "deploying", "done"]
    assert form.service.revisions()[0].config == {"workers": 2, "environment_variables": {"A": "1", "B": "x=y"}}
    form.service.delete()


def test_what_is_wrong_stands_beside_its_field(workspace: Workspace) -> None:
    with closing(DeployForm(workspace, name="X", entry_script="missing.py")) as form:
        row(form, "Port").children[1].value = "123456"
        row(form, "Memory").children[1].value = "much"
        row(form, "Secrets").children[1].value = "no equals sign"
        assert not form.check()
        assert set(form.problems) == {"name", "entry_script", "secrets"}
        row(form, "Secrets").children[1].value = ""
        assert not form.check()
        assert {"port", "memory_gb", "name", "entry_script"} == set(form.problems)
        assert "65535" in row(form, "Port").children[2].value
        assert "missing.py" in row(form, "Entry script").children[2].value
        form.deploy()
        assert form.stage == "idle"


def test_a_script_that_fails_shows_its_cause_and_leaves_nothing(workspace: Workspace, tmp_path: Path) -> None:
    script = tmp_path / "score.py"
    script.write_text("def init():\n    raise RuntimeError('no model today')\n\n\ndef run(data):\n    return data\n")
    with closing(DeployForm(workspace, name="broken", entry_script=str(script))) as form:
        form.deploy()
        assert done(form)
        assert form.stage == "failed"
        assert "no model today" in form.children[-1].value
        assert "no model today" in form.error
    workspace.service("broken").delete()


def test_a_deployment_can_be_given_up(tmp_path: Path, script: str) -> None:
    workspace = Workspace(tmp_path / "home", targets=memory_targets())
    with closing(
        DeployForm(workspace, name="slow", entry_script=script, target="memory", config={"hang": True})
    ) as form:
        form.deploy()
        eventually(lambda: form.stage == "deploying" and not form.children[-3].children[2].disabled, "it is under way")
        form.cancel()
        assert done(form)
        assert form.stage == "failed"
        assert "cancelled" in form.error


def test_what_is_typed_while_it_works_is_not_of_what_it_does(
    tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path / "home", targets=memory_targets())
    prepare, reading, go_on = workspace.prepare, threading.Event(), threading.Event()
    look_up = workspace.catalogue.service

    def slowly(name: str) -> ServiceRecord:
        reading.set()
        assert go_on.wait(60 * FACTOR)
        return look_up(name)

    named: list[str] = []

    def note(name: str, *args: Any, **options: Any) -> Any:
        named.append(name)
        return prepare(name, *args, **options)

    with closing(DeployForm(workspace, name="first", entry_script=script, target="memory")) as form:
        monkeypatch.setattr(workspace.catalogue, "service", slowly)
        monkeypatch.setattr(workspace, "prepare", note)
        form.deploy()
        assert reading.wait(60 * FACTOR)
        row(form, "Name").children[1].value = "second"
        assert form.value["name"] == "second"
        go_on.set()
        assert done(form)
        assert form.error == ""
        assert (named, form.service.name) == (["first"], "first")


def test_what_a_target_cannot_do_is_greyed_out_with_the_reason(tmp_path: Path, script: str) -> None:
    workspace = Workspace(tmp_path / "home", targets=memory_targets())
    with closing(DeployForm(workspace, name="grey", entry_script=script, target="memory")) as form:
        tokens = row(form, "Token auth")
        assert tokens.children[1].disabled
        assert "Not available: " in tokens.children[2].value
        assert not row(form, "Auth").children[1].disabled


def test_the_form_says_how_many_replicas_a_load_needs(workspace: Workspace) -> None:
    """20 requests a second of 10 s at 70 % utilisation are 286 replicas, as v1's documentation has it."""
    with closing(DeployForm(workspace, target="kubernetes")) as form:
        sizing = form._config.sizing
        assert sizing is not None
        assert form._config.value == {}  # nothing that was not given
        sizing.rps.value, sizing.latency_ms.value = 20.0, 10_000.0
        sizing.ask.click()
        assert "286 replicas at 70% utilisation" in sizing.said.value
        sizing.take.click()
        assert form._config.value["num_replicas"] == 286
        sizing.rps.value = 0.0
        sizing.ask.click()
        assert "rps must be above 0" in sizing.said.value
        assert sizing.take.disabled
    with closing(DeployForm(workspace, target="local")) as form:
        assert form._config.sizing is None
