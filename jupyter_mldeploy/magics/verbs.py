"""The verbs of ``%deploy`` as data: what each is called, takes and does; the manual and completion come from here."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NoReturn

from ..errors import InvalidInputError

Completion = Literal["service", "revision", "payload", "none"]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a verb: a position (``NAME``) or an option (``--to``, with further spellings in ``also``)."""

    name: str
    help: str
    metavar: str | None = None
    also: tuple[str, ...] = ()
    read: Callable[[str], object] = str
    required: bool = False
    choices: tuple[str, ...] = ()
    completes: Completion = "none"

    @property
    def is_option(self) -> bool:
        """It starts with a dash."""
        return self.name.startswith("-")


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, not {text!r}")
    return int(text)


def _amount(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number from 0, not {text!r}")
    return value


def _share(text: str) -> float:
    value = _amount(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"expected a share above 0, up to 1, not {text!r}")
    return value


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb.

    Attributes:
        arguments: what it takes, unless it reads its line by itself.
        usage: how it is written, when it reads its line by itself.
        more: further sentences for its manual.
    """

    name: str
    summary: str
    arguments: tuple[Argument, ...] = ()
    usage: str = ""
    more: str = ""

    def synopsis(self) -> str:
        """Return how the verb is written."""
        if self.usage:
            return f"%deploy {self.name} {self.usage}"
        return f"%deploy {' '.join([self.name, *map(_synopsis, self.arguments)])}"

    def manual(self) -> str:
        """Return the verb's manual as plain text."""
        rows = [(", ".join((item.name, *item.also)), item.help) for item in self.arguments]
        width = max((len(left) for left, _ in rows), default=0)
        body = "".join(f"  {left:<{width}}  {text}\n" for left, text in rows)
        body += f"{self.more}\n" if self.more else ""
        return f"{self.synopsis()}\n\n{self.summary[0].upper()}{self.summary[1:]}.\n{chr(10) + body if body else ''}"

    def parse(self, line: str) -> argparse.Namespace:
        """Read the rest of the line.

        Raises:
            InvalidInputError: an unknown option or a wrong value; the message shows how the verb is written.
        """
        parser = _Parser(self)
        for item in self.arguments:
            if item.is_option and item.metavar is None:
                parser.add_argument(item.name, *item.also, action="store_true", help=item.help)
            elif item.is_option:
                parser.add_argument(
                    item.name, *item.also, type=item.read, choices=item.choices or None, default=None, help=item.help
                )
            else:
                parser.add_argument(item.name.lower(), nargs=None if item.required else "?", type=item.read)
        try:
            words = shlex.split(line)
        except ValueError as error:
            raise InvalidInputError(
                f"The line of %deploy {self.name} cannot be read: {str(error).lower()}.",
                field="line",
                hint="Close the quotation mark.",
            ) from None
        return parser.parse_args(words)


class _Parser(argparse.ArgumentParser):
    """An argument parser that raises one sentence instead of ending the process."""

    def __init__(self, verb: Verb) -> None:
        super().__init__(prog=f"%deploy {verb.name}", add_help=False, allow_abbrev=False)
        self._verb = verb

    def error(self, message: str) -> NoReturn:
        raise InvalidInputError(
            f"%deploy {self._verb.name}: {message}.", field=self._verb.name, hint=f"Write: {self._verb.synopsis()}"
        )


def _synopsis(item: Argument) -> str:
    shown = (
        f"{item.also[0] if item.also else item.name} {item.metavar}" if item.metavar else (item.also or (item.name,))[0]
    )
    return shown if item.required else f"[{shown}]"


_NAME = Argument("NAME", "the service (default: the one used last, or the only one)", completes="service")
_LINES = Argument("--lines", "how many", "N", ("-n",), _number)

VERBS: dict[str, Verb] = {
    verb.name: verb
    for verb in (
        Verb("list", "list the services"),
        Verb("status", "show one service", (_NAME,)),
        Verb(
            "logs",
            "print the log, also of a service that was deleted",
            (
                _NAME,
                Argument("--follow", "go on until it is interrupted", None, ("-f",)),
                Argument("--live", "show a view that follows while other cells run"),
                Argument("--lines", "how many of the last lines (default: 100)", "N", ("-n",), _number),
            ),
        ),
        Verb(
            "test",
            "send one request and return the answer",
            usage="[NAME] [JSON | @FILE | $VARIABLE]",
            more="Without data it is the sample of the service's schema. A variable may hold what becomes JSON "
            "(arrays and DataFrames too), or bytes.",
        ),
        Verb(
            "keys",
            "return the keys, masked when they are shown",
            (
                _NAME,
                Argument("--regenerate", "change this key first", "KEY", choices=("primary", "secondary")),
            ),
            more="`primary, secondary = %deploy keys NAME` gives the keys themselves to your code.",
        ),
        Verb(
            "plan",
            "show what a deployment would do; nothing is created",
            usage="[NAME] [--from FILE] [options]",
            more="It is about the file, or about the last %%deploy cell of that name with the options on top.",
        ),
        Verb(
            "rollback",
            "serve an earlier revision again, as a new revision",
            (_NAME, Argument("--to", "the revision (default: the one that was live before)", "N", read=_number)),
        ),
        Verb(
            "diff",
            "compare two revisions: code, models, environment",
            usage="[NAME] [OLD [NEW]]",
            more="By default it compares the revision that was live before with the live one.",
        ),
        Verb("revisions", "list the revisions of a service", (_NAME,)),
        Verb("events", "list what happened to a service", (_NAME, _LINES)),
        Verb(
            "profile",
            "find out how much CPU and memory a service needs, with a temporary one under load",
            (
                _NAME,
                Argument("--requests", "the bodies: a text file with one a line, or $VARIABLE", "FILE", ("-r",)),
                Argument("--target", "where it runs (default: docker, or local without an engine)", "TARGET"),
                Argument("--cpu", "cores to begin with (default: all)", "CORES", read=_amount),
                Argument("--memory-gb", "memory to begin with (default: no limit)", "GB", read=_amount),
                Argument("--timeout", "end after so many seconds (default: 300)", "SECONDS", read=_amount),
            ),
            more="Without bodies it is the sample of the service's schema. The result draws latency over load.",
        ),
        Verb(
            "record",
            "record a sample of the requests and their answers in the log, or no more",
            (
                _NAME,
                Argument("--rate", "share of the requests, from 0 to 1 (default: 1)", "SHARE", read=_share),
                Argument("--off", "record no more"),
                Argument("--deny", "blot out this field's values; several with commas", "FIELDS"),
                Argument("--max-bytes", "leave out what is larger (default: 8192)", "N", read=_number),
            ),
        ),
        Verb(
            "replay",
            "send recorded requests again and return which answers changed",
            (
                _NAME,
                Argument("--from", "whose requests: a service or a file (default: its own)", "NAME", read=str),
                Argument("--tolerance", "relative difference that counts as none", "SHARE", read=_amount),
            ),
        ),
        Verb(
            "adopt",
            "take over a service that this workspace does not know, or list them",
            (
                Argument("NAME", "the service (default: list them)"),
                Argument("--target", "where it runs (default: docker)", "TARGET"),
            ),
        ),
        Verb("stop", "stop serving; keys, logs and revisions stay", (_NAME,)),
        Verb("start", "serve again after a stop, a crash or a restart of the host", (_NAME,)),
        Verb(
            "delete",
            "remove a service; its logs and history stay readable",
            (
                Argument("NAME", "the service", required=True, completes="service"),
                Argument("--force", "only forget it where its target cannot be asked; says what may remain there"),
            ),
        ),
        Verb("open", "show the address of the service's documentation page", (_NAME,)),
        Verb("form", "show a form that deploys"),
        Verb(
            "panel",
            "show a live panel of one service, or of all without a name",
            (Argument("NAME", "the service (default: all of them)", completes="service"),),
        ),
    )
}


def manual() -> str:
    """Return the manual of ``%deploy`` as plain text."""
    width = max(len(verb.synopsis()) for verb in VERBS.values())
    body = "\n".join(f"  {verb.synopsis():<{width}}  {verb.summary}" for verb in VERBS.values())
    return (
        f"Work with deployed services; ``%deploy VERB --help`` says more about a verb.\n\n{body}\n\n"
        "``%deploy NAME --from FILE [options]`` deploys a file; ``%%deploy`` deploys a cell (see ``%%deploy?``).\n"
    )


def find_verb(word: str) -> Verb:
    """Return the verb of that name.

    Raises:
        InvalidInputError: there is none; the message names the closest one.
    """
    if word in VERBS:
        return VERBS[word]
    from ..core.names import did_you_mean

    raise InvalidInputError(
        f"%deploy has no verb {word!r}.",
        field="verb",
        hint=did_you_mean(word, VERBS) or f"Verbs are: {', '.join(VERBS)}.",
    )
