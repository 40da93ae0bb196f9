"""Somebody else's distribution with targets, as an installer would leave it."""

from __future__ import annotations

import tomllib
from pathlib import Path

from jupyter_mldeploy.core.target import GROUP

PROJECT = Path(__file__).parent / "third_party_target"


def install(place: Path, points: dict[str, str], name: str = "mldeploy-plain") -> None:
    """Write the metadata of a distribution with these targets: name → ``module:class``."""
    info = place / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"[{GROUP}]", *(f"{key} = {value}" for key, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


def install_example(place: Path) -> list[str]:
    """Install the example and return the folders that must be on the module path for it."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    install(place, project["entry-points"][GROUP])
    return [str(place), str(PROJECT)]
