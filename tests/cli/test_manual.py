"""``docs/cli.md`` is what the parsers say, and the exit codes are those that commands give."""

from __future__ import annotations

from pathlib import Path

from jupyter_mldeploy.cli.commands import COMMANDS
from jupyter_mldeploy.cli.exit_codes import MEANINGS
from jupyter_mldeploy.cli.manual import manual
from jupyter_mldeploy.cli.parser import command_parser
from jupyter_mldeploy.core.deployoptions import DEPLOY_OPTIONS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == manual(), "run: python -m jupyter_mldeploy.cli.manual docs/cli.md"


def test_the_page_has_every_command_option_and_exit_code() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for command in COMMANDS:
        assert f"### `{command.name}`" in text
        for flag in command_parser(command).option_strings():
            assert flag in text
    for code in MEANINGS:
        assert f"| {code} |" in text


def test_deploy_takes_every_option_of_the_magic() -> None:
    """An option that is added to the table is on the command line too, unless it needs a kernel."""
    flags = command_parser(next(command for command in COMMANDS if command.name == "deploy")).option_strings()
    without_kernel = {option.flag for option in DEPLOY_OPTIONS if option.field not in {"objects", "save", "from_file"}}
    assert without_kernel <= set(flags)
