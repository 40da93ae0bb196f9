"""A target from another distribution: found by its entry point, and judged by the same suite."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_mldeploy.core.target import GROUP, BrokenTarget, Targets
from jupyter_mldeploy.errors import NotFoundError, TargetUnavailableError
from jupyter_mldeploy.targets.conformance import TargetConformance

PROJECT = Path(__file__).parent.parent / "third_party_target"


def install(place: Path, points: dict[str, str], name: str = "mldeploy-plain") -> None:
    """Write the metadata that an installer would leave."""
    info = place / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"[{GROUP}]", *(f"{key} = {value}" for key, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The example's distribution, as if it had been installed."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    place = tmp_path / "site"
    install(place, project["entry-points"][GROUP])
    monkeypatch.syspath_prepend(str(PROJECT))
    monkeypatch.syspath_prepend(str(place))
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
    with pytest.raises(NotFoundError, match="installed are: gone, half, local, plain"):
        targets.get("plane")


class TestPlain(TargetConformance):
    target_name = "plain"
    deadline_s = 30.0

    @pytest.fixture
    def targets(self, installed: Path) -> Targets:
        return Targets()
