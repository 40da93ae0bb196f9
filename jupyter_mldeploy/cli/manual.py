"""The manual as Markdown, made from the parsers: ``docs/cli.md``.

python -m jupyter_mldeploy.cli.manual docs/cli.md
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .commands import FAMILIES, Command
from .exit_codes import MEANINGS
from .parser import Parser, add_global_options, command_parser

_HEAD = """\
# `mldeploy`: the command line

`mldeploy`, `jupyter mldeploy` and `python -m jupyter_mldeploy` are the same. This page is made from the commands
themselves (`python -m jupyter_mldeploy.cli.manual docs/cli.md`); `mldeploy COMMAND --help` says the same.

Every command works in one *workspace*, a folder with models, environments, services and logs: `--workspace PATH`, else
`$MLDEPLOY_HOME`, else `mldeploy` below Jupyter's data directory. Any number of processes may use it at once.

## Output

- Results go to stdout; progress, notes and errors to stderr. `-q` leaves out progress and notes.
- On a terminal a step's line counts its seconds; elsewhere each step is a plain line. Colours only repeat what words
  say, and `NO_COLOR` switches them off.
- With `--json` a command that succeeds writes exactly one JSON document to stdout and nothing to stderr (its notes are
  in `notes`). A command that fails writes nothing to stdout and one document to stderr:
  `{"error": {"code", "message", "hint", "cause", "details", "serving"?, "notes"?}}`. Two exceptions: what is followed
  with `-f` is one document a line, and a command for several services that fails for some of them lists these in
  `errors` beside the others.

## Exit codes

| code | meaning |
|---|---|
"""


def manual() -> str:
    """Return the whole manual."""
    parts = [_HEAD + "".join(f"| {code} | {meaning} |\n" for code, meaning in MEANINGS.items())]
    everywhere = Parser(prog="mldeploy", add_help=False)
    add_global_options(everywhere)
    parts.append("## Options of every command\n\n" + _table(everywhere))
    for title, family in FAMILIES.items():
        parts.append(f"## {title}\n")
        parts += [_section(command) for command in family]
    return "\n".join(parts)


def _section(command: Command) -> str:
    parser = command_parser(command)
    usage = f"```console\n$ {parser.usage}\n```"
    return f"### `{command.name}`\n\n{parser.description}\n\n{usage}\n\n{_table(parser, everywhere=False)}"


def _table(parser: argparse.ArgumentParser, *, everywhere: bool = True) -> str:
    formatter = parser._get_formatter()
    rows = []
    for group in parser._action_groups:
        if group.title == "everywhere" and not everywhere:
            continue
        for action in group._group_actions:
            if isinstance(action, argparse._HelpAction) or action.help is None:
                continue
            names = ", ".join(action.option_strings) or str(action.metavar or action.dest)
            value = "" if not action.option_strings or action.nargs == 0 else f" {action.metavar or _choices(action)}"
            shown = f"{names}{value}".replace("|", "\\|")
            text = formatter._expand_help(action).replace("|", "\\|")
            rows.append(f"| `{shown}` | {text} |")
    return "| | |\n|---|---|\n" + "\n".join(rows) + "\n" if rows else ""


def _choices(action: argparse.Action) -> str:
    return "|".join(map(str, action.choices or ()))


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(manual(), encoding="utf-8")
