"""A target from another distribution: found by its entry point, and judged by the same suite."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_mldeploy.core.config_marks import keys_of
from jupyter_mldeploy.core.documents import target_document
from jupyter_mldeploy.core.target import BrokenTarget, Targets
from jupyter_mldeploy.core.workspace import Workspace
from jupyter_mldeploy.errors import NotFoundError, NotSupportedError, TargetUnavailableError
from jupyter_mldeploy.targets.conformance import TargetConformance
from jupyter_mldeploy.widgets.config_form import ConfigForm
from tests.patience import FACTOR
from tests.third_party import install, install_example


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The example's distribution, as if it had been installed."""
    place = tmp_path / "site"
    for folder in install_example(place):
        monkeypatch.syspath_prepend(folder)
    yield place
    for module in [name for name in sys.modules if name.partition(".")[0] == "mldeploy_plain"]:
        del sys.modules[module]


def test_installed_targets_are_found_side_by_side(installed: Path) -> None:
    targets = Targets()
    assert {"local", "plain"} <= set(targets.names())
    assert targets.get("plain").title == "Plain process"


def test_a_broken_plug_in_is_named_and_costs_only_itself(installed: Path) -> None:
    install(installed, {"half": "mldeploy_plain:PlainConfig", "gone": "mldeploy_gone:Target"}, name="mldeploy-bad")
    targets = Targets()
    gone = targets.find("gone")
    assert isinstance(gone, BrokenTarget)
    assert gone.package == "mldeploy-bad"
    with pytest.raises(TargetUnavailableError, match="of package 'mldeploy-bad' could not be loaded: it lacks name"):
        targets.get("half")
    assert targets.get("plain").name == "plain"
    with pytest.raises(NotFoundError, match=r"installed are: .*gone, half,.* local, plain"):
        targets.get("plane")


def test_a_plug_ins_own_settings_carry_their_marks(installed: Path, tmp_path: Path) -> None:
    """One mark at the field: the schema of REST and forms, the refusal and a router's settings follow it."""
    target = Targets().get("plain")
    fields = target_document(target, in_full=True)["configuration"]["properties"]
    assert fields["accelerators"]["x-mldeploy-capability"] == "gpu"
    assert fields["address"]["x-mldeploy-scope"] == "endpoint"
    assert fields["auth_enabled"]["x-mldeploy-capability"] == "key_auth"  # declared anew, without marks of its own
    assert "x-mldeploy-capability" not in fields["description"]
    assert {"address", "port"} & keys_of(target.config_type, "endpoint") == {"address"}
    assert "accelerators" in keys_of(target.config_type, "script")

    rows = ConfigForm(target)._rows
    assert rows["accelerators"].control.disabled
    assert "Not available: it has no devices." in rows["accelerators"]._note.value
    assert rows["auth_enabled"].control.disabled
    assert not rows["address"].control.disabled

    workspace = Workspace(tmp_path / "home", targets=Targets())
    script = tmp_path / "score.py"
    script.write_text("def init():\n    pass\n\n\ndef run(data):\n    return data\n")
    for asked, reason in (({"accelerators": 2}, "cannot do gpu: it has no devices"),
                          ({"auth_enabled": True}, "cannot do key auth: it is a mere example")):  # fmt: skip
        with pytest.raises(NotSupportedError, match=reason):
            workspace.deploy("asks", script, target="plain", config=asked)
    assert workspace.services() == []
    plan = workspace.deployer.plan(workspace.request("asks", script, target="plain", config={"accelerators": 0}))
    assert plan.steps


def test_a_mark_that_names_no_capability_is_told(installed: Path) -> None:
    (installed / "mldeploy_vague.py").write_text(
        "from typing import Annotated\n"
        "from jupyter_mldeploy.core.config_marks import Needs\n"
        "from mldeploy_plain import PlainConfig, PlainTarget\n\n\n"
        "class VagueConfig(PlainConfig):\n    speed: Annotated[int, Needs('turbo')] = 0\n\n\n"
        "class VagueTarget(PlainTarget):\n    config_type = VagueConfig\n"
    )
    install(installed, {"vague": "mldeploy_vague:VagueTarget"}, name="mldeploy-vague")
    with pytest.raises(TargetUnavailableError, match="its setting speed needs 'turbo', which is no capability"):
        Targets().get("vague")


class TestPlain(TargetConformance):
    target_name = "plain"
    deadline_s = 30.0 * FACTOR

    @pytest.fixture
    def targets(self, installed: Path) -> Targets:
        return Targets()
