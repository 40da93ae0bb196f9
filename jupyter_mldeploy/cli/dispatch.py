"""Which command a line means, decided before any parser is made."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InvalidInputError
from .commands import COMMANDS, FAMILIES, GROUPS, Command, find, first_words

_GLOBAL_SWITCHES = ("--json", "-q", "--quiet")


def split(words: Sequence[str], prog: str) -> tuple[Command, list[str]] | str:
    """Return the command and the words for its parser, or a text to print (help, version).

    Options that stand before the command's words go on to the command's parser.

    Raises:
        InvalidInputError: there is no such command (the closest one is named), or an option before it is unknown.
    """
    early, path, rest = _leading(words)
    if rest is None:
        if "--version" in early:
            from .._version import __version__

            return f"{prog} {__version__}\n"
        if path and not _asks_for_help(early):
            names = ", ".join(command.path[1] for command in COMMANDS if command.path[0] == path[0])
            raise InvalidInputError(f"`{prog} {path[0]}` needs one of: {names}.", field="command")
        if not early and not path:
            raise InvalidInputError("Which command?", field="command", hint=f"`{prog} --help` lists them.")
        return group_help(path[0], prog) if path else top_help(prog)
    command = find(path)
    if command is None:
        raise _unknown(path, prog)
    return command, [*early, *rest]


def top_help(prog: str = "mldeploy") -> str:
    """Return the text of ``mldeploy --help``."""
    width = max(len(command.name) for command in COMMANDS) + 2
    lines = [f"usage: {prog} COMMAND [options]", "", "From a notebook cell or a script to a live model endpoint.", ""]
    for title, family in FAMILIES.items():
        lines.append(f"{title}:")
        lines += [f"  {command.name:<{width}}{command.summary}" for command in family]
        lines.append("")
    lines += [
        f"`{prog} COMMAND --help` shows a command's options. Everywhere: --workspace PATH, --json, -q/--quiet.",
        "Exit codes: 0 done, 1 failed, 2 bad input, 3 not found, 4 conflict or busy, 5 unavailable, 130 interrupted.",
        "",
    ]
    return "\n".join(lines)


def group_help(group: str, prog: str = "mldeploy") -> str:
    """Return the text of ``mldeploy model --help``."""
    members = [command for command in COMMANDS if command.path[0] == group]
    width = max(len(command.path[1]) for command in members) + 2
    rows = [f"  {command.path[1]:<{width}}{command.summary}" for command in members]
    return "\n".join([f"usage: {prog} {group} COMMAND [options]", "", *rows, ""])


def _leading(words: Sequence[str]) -> tuple[list[str], tuple[str, ...], list[str] | None]:
    """Return the options before the command is complete, its words, and the rest (None when it is not complete)."""
    early: list[str] = []
    path: tuple[str, ...] = ()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            path = (*path, word)
            if path[0] not in GROUPS or len(path) == 2:
                return early, path, rest
        elif word == "--workspace":
            early += [word, *rest[:1]]
            rest = rest[1:]
        elif word in (*_GLOBAL_SWITCHES, "-h", "--help", "--version") or word.startswith("--workspace="):
            early.append(word)
        else:
            raise InvalidInputError(
                f"There is no option {word.partition('=')[0]} before the command.",
                field=word.partition("=")[0],
                hint="Options of a command stand after it.",
            )
    return early, path, None


def _asks_for_help(early: Sequence[str]) -> bool:
    return "-h" in early or "--help" in early


def _unknown(path: tuple[str, ...], prog: str) -> InvalidInputError:
    import difflib

    if len(path) == 2:
        known = [command.path[1] for command in COMMANDS if command.path[0] == path[0]]
        word, text = path[1], f"`{prog} {path[0]}` has no command {path[1]!r}."
    else:
        known, word, text = first_words(), path[0], f"There is no command {path[0]!r}."
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    hint = f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(known)}."
    return InvalidInputError(text, field="command", hint=hint)
