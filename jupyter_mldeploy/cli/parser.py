"""Parsers whose complaints are errors of ours: one sentence, the option's name, and the closest match."""

from __future__ import annotations

import argparse
import difflib
import re
from typing import Any, NoReturn

from ..errors import InvalidInputError
from .commands import Command


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises InvalidInputError and takes no abbreviated options."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_Formatter, **options)

    def error(self, message: str) -> NoReturn:
        """Raise InvalidInputError for what argparse found wrong."""
        text, hint, field = self._explain(message)
        raise InvalidInputError(text, field=field, hint=hint or f"`{self.prog} --help` shows how it is called.")

    def option_strings(self) -> list[str]:
        """Return every option that the parser knows."""
        return [flag for action in self._actions for flag in action.option_strings]

    def _explain(self, message: str) -> tuple[str, str | None, str | None]:
        command = f"`{self.prog}`"
        if match := re.match(r"unrecognized arguments: (.*)", message, re.DOTALL):
            extra = match.group(1).split()
            first = extra[0].partition("=")[0]
            if first.startswith("-"):
                close = difflib.get_close_matches(first, self.option_strings(), n=1, cutoff=0.6)
                return f"{command} has no option {first}.", f"Did you mean {close[0]}?" if close else None, first
            return f"{command} takes no further argument {first!r}.", None, None
        if match := re.match(r"the following arguments are required: (.*)", message, re.DOTALL):
            return f"{command} needs {match.group(1)}.", None, match.group(1).split(",")[0].lower()
        if match := re.match(r"argument ([^:]+): (.*)", message, re.DOTALL):
            names, problem = match.groups()
            flag = names.split("/")[-1]
            if problem.startswith("expected"):
                return f"{flag} needs a value.", None, flag
            if choice := re.match(r"invalid choice: (.*?) \(choose from (.*)\)", problem, re.DOTALL):
                given, known = choice.groups()
                words = [word.strip(" '\"") for word in known.split(",")]
                return f"{flag} cannot be {given}; it is one of: {', '.join(words)}.", None, flag
            if value := re.match(r"invalid \S+ value: (.*)", problem, re.DOTALL):
                return f"{flag} {value.group(1)} cannot be used: a number is expected.", None, flag
            return f"{flag}: {problem}.", None, flag
        return f"{command}: {message}.", None, None


class _Formatter(argparse.HelpFormatter):
    """Help with room for our longest options."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, max_help_position=34, **options)


def add_global_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every command takes, in any place."""
    group = parser.add_argument_group("everywhere")
    group.add_argument(
        "--workspace",
        metavar="PATH",
        default=None,
        help="the workspace's folder (default: $MLDEPLOY_HOME, or Jupyter's)",
    )
    group.add_argument("--json", action="store_true", help="print one JSON document")
    group.add_argument("-q", "--quiet", action="store_true", help="print no progress and no notes")


def command_parser(command: Command, prog: str = "mldeploy") -> Parser:
    """Return the whole parser of one command."""
    add_arguments, _ = command.load()
    summary = command.summary[0].upper() + command.summary[1:] + "."
    parser = Parser(prog=f"{prog} {command.name}", description=summary)
    add_arguments(parser)
    parser.usage = _usage(parser)
    add_global_options(parser)
    return parser


def _usage(parser: Parser) -> str:
    """Return the usage in one line: what must be given; the options have a list of their own."""
    words = [parser.prog]
    for action in parser._actions:
        name = str(action.metavar or action.dest)
        if not action.option_strings:
            shape = {"?": f"[{name}]", "*": f"[{name} ...]", "+": f"{name} [{name} ...]"}
            words.append(shape.get(str(action.nargs), name))
        elif action.required:
            words.append(f"{action.option_strings[0]} {name}")
    return " ".join([*words, "[options]"])


def integer(low: int, high: int = 2**31 - 1) -> Any:
    """Return an argparse type for whole numbers from ``low`` to ``high``."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[+-]?\d+", text) or not low <= int(text) <= high:
            upper = f" to {high}" if high < 2**31 - 1 else " up"
            raise argparse.ArgumentTypeError(f"{text!r} cannot be used: expected a whole number from {low}{upper}")
        return int(text)

    return read


def option_type(field: str) -> Any:
    """Return an argparse type that reads a value as the option of ``%%deploy`` with this field does."""
    from ..core.deployoptions import DEPLOY_OPTIONS

    option = next(option for option in DEPLOY_OPTIONS if option.field == field)

    def read(text: str) -> Any:
        try:
            return option.read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} cannot be used: expected {error}") from None

    return read
