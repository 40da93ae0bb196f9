"""The documentation of the scoring server says what the code does."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from jupyter_mldeploy.scoring.command_line import _parser
from jupyter_mldeploy.scoring.settings import Settings

TEXT = (Path(__file__).parents[2] / "docs" / "scoring-server.md").read_text(encoding="utf-8")


def settings_table() -> dict[str, str]:
    """Return the documented default of every variable."""
    section = TEXT.partition("## Settings")[2].partition("## ")[0]
    found: dict[str, str] = {}
    for line in section.splitlines():
        if line.startswith("| `"):
            names, default = line.split("|")[1:3]
            found |= dict.fromkeys(re.findall(r"`(\w+)`", names), default.strip())
    return found


def test_every_setting_is_documented_with_its_default() -> None:
    documented = settings_table()
    expected: dict[str, str] = {}
    for item in dataclasses.fields(Settings):
        value = item.default
        if value in ("", ()):
            shown = ""
        elif isinstance(value, bool):
            shown = str(value).lower()
        else:
            shown = format(value, "g") if isinstance(value, float) else str(value)
        expected[item.metadata["env"]] = shown
    assert documented == expected


def test_every_argument_is_documented() -> None:
    arguments = {option for action in _parser()._actions for option in action.option_strings}
    assert {name for name in arguments if name.startswith("--") and name != "--help"} == set(
        re.findall(r"`(--\w+)", TEXT)
    )
