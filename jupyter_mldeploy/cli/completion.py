"""``mldeploy completion``: completion of commands, options and names for bash and zsh.

The script that is printed asks ``mldeploy completion words -- WORDS…`` at each Tab, so it never grows stale and
completes the names of services, models, environments and targets of the workspace at hand.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ..errors import MldeployError
from .commands import COMMANDS, GROUPS, find, first_words
from .context import Context

#: Commands of ``image`` that take one.
_OF_IMAGES = frozenset({"deploy", "show", "logs", "update", "push", "pull", "save", "delete"})

_BASH = """\
# mldeploy: completion for bash. Load it with: eval "$(mldeploy completion bash)"
_mldeploy() {
    local IFS=$'\\n'
    COMPREPLY=($(mldeploy completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
    if [[ ${#COMPREPLY[@]} -eq 0 ]]; then
        compopt -o default 2>/dev/null
    fi
}
complete -F _mldeploy mldeploy
"""

_ZSH = """\
#compdef mldeploy
# mldeploy: completion for zsh. Load it with: eval "$(mldeploy completion zsh)"
_mldeploy() {
    local -a found
    found=("${(@f)$(mldeploy completion words -- "${(@)words[2,$CURRENT]}" 2>/dev/null)}")
    if [[ ${#found[@]} -eq 0 || -z "${found[1]}" ]]; then
        _files
    else
        compadd -- "${found[@]}"
    fi
}
compdef _mldeploy mldeploy
"""

_EVERYWHERE = ("--workspace", "--json", "--quiet", "--help")


def completion_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``completion``."""
    parser.description = 'Print a completion script. Load it with: eval "$(mldeploy completion bash)".'
    parser.add_argument(
        "shell",
        metavar="SHELL",
        choices=["bash", "zsh", "words"],
        help="bash or zsh; `words` answers the script's questions",
    )
    parser.add_argument(
        "words", metavar="WORDS", nargs="*", help="the words of the line so far, the last one incomplete"
    )


def run_completion(context: Context, args: argparse.Namespace) -> int | None:
    """Print the script, or what could stand in place of the last word."""
    if args.shell == "words":
        found = complete(context, args.words or [""])
        context.output.result({"words": found}, "\n".join(found))
    else:
        script = _BASH if args.shell == "bash" else _ZSH
        context.output.result({"script": script}, script)
    return None


def complete(context: Context, words: Sequence[str]) -> list[str]:
    """Return what could stand in place of the last word; nothing means that a path may stand there."""
    *before, last = words
    path = [word for word in before if not word.startswith("-")]
    if not path:
        found: Sequence[str] = first_words()
    elif path[0] in GROUPS and len(path) == 1:
        found = [command.path[1] for command in COMMANDS if command.path[0] == path[0]]
    else:
        found = _for_command(context, path, before, last)
    return sorted({word for word in found if word.startswith(last)})


def _for_command(context: Context, path: list[str], before: list[str], last: str) -> Sequence[str]:
    command = find(tuple(path[:2]) if path[0] in GROUPS else tuple(path[:1]))
    if command is None:
        return []
    if last.startswith("-"):
        from .parser import command_parser

        return [flag for flag in command_parser(command).option_strings() if flag.startswith("--")]
    positionals = len(path) - len(command.path)
    previous = before[-1] if before else ""
    try:
        return _names(context, command.path, previous, positionals)
    except MldeployError:
        return []  # a completion must never be in the way of typing


def _names(context: Context, path: tuple[str, ...], previous: str, positionals: int) -> list[str]:
    workspace = context.workspace
    if previous in {"--model", "-m"} or (path[0] == "model" and path[1] in {"show", "update", "download", "delete"}):
        models = workspace.models.list()
        return [model.id for model in models] + ([model.name for model in models] if path[0] != "model" else [])
    if (
        previous in {"--target", "--ct"}
        or path == ("target", "describe")
        or (path == ("promote",) and positionals == 1)
    ):
        return workspace.targets.names()
    if previous.startswith("-"):
        return []
    takes_name = path[0] in {
        "deploy", "plan", "update", "rollback", "promote", "status", "logs", "revisions", "diff", "score", "keys",
        "token",
    }  # fmt: skip
    if path[0] == "image" and path[-1] in _OF_IMAGES and positionals == 0:
        return [image.id for image in workspace.images.list()]
    if (takes_name and positionals == 0) or path[0] in {"stop", "start", "delete"}:
        return [record.name for record in workspace.catalogue.services()]
    if path[0] == "bundle" and path[1] in {"show", "export", "verify"}:
        return [bundle.digest[7:19] for bundle in workspace.bundles.list()]
    return []
