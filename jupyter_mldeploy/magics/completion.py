"""Completion of ``%%deploy`` and ``%deploy`` lines: options, verbs, and the names that exist where a value is expected.

Nothing here waits for a network: names come from the catalogue, files from the disk, keys from a target's schema.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.deployoptions import DEPLOY_OPTIONS, DeployOption
from ..errors import MldeployError
from .verbs import VERBS, Argument

if TYPE_CHECKING:
    from IPython.core.completer import CompletionContext, SimpleMatcherResult
    from IPython.core.interactiveshell import InteractiveShell

    from .session import Session

_IDENTIFIER = "jupyter_mldeploy.completion"
_CELL_LINE = re.compile(r"%%deploy[ \t]+")
_LINE = re.compile(r"(?:^|.*?[=(]|\s*)\s*%deploy[ \t]+")
_QUOTES = "\"'"
_OPTIONS = {option.flag: option for option in DEPLOY_OPTIONS}


@dataclass(frozen=True, slots=True)
class Word:
    """The word under the cursor.

    Attributes:
        before: the finished words of the line before it.
        text: as it was typed, an opening quotation mark included.
    """

    before: list[str]
    text: str


def add_completion(shell: InteractiveShell, session: Session) -> None:
    """Add the matcher to a shell that takes matchers (IPython 8.6 and later); others go without."""
    try:
        from IPython.core.completer import context_matcher
    except ImportError:
        return
    matchers = getattr(getattr(shell, "Completer", None), "custom_matchers", None)
    if matchers is None:
        return

    @context_matcher(identifier=_IDENTIFIER, priority=100)  # type: ignore[untyped-decorator]
    def complete_deploy(context: CompletionContext) -> SimpleMatcherResult:
        return _match(session, context)

    matchers.append(complete_deploy)


def remove_completion(shell: InteractiveShell) -> None:
    """Take the matcher away again."""
    matchers = getattr(getattr(shell, "Completer", None), "custom_matchers", [])
    matchers[:] = [item for item in matchers if getattr(item, "matcher_identifier", None) != _IDENTIFIER]


def _match(session: Session, context: CompletionContext) -> SimpleMatcherResult:
    from IPython.core.completer import SimpleCompletion

    found = find_word(context.text_until_cursor, first_line=context.cursor_line == 0)
    if found is None:
        return {"completions": [], "suppress": False}
    is_cell, word = found
    try:
        texts = sorted(set(_cell_values(session, word) if is_cell else _line_values(session, word)))
    except (MldeployError, OSError):  # no workspace, a broken plug-in: there is nothing to offer
        texts = []
    typed = word.text.lstrip(_QUOTES)
    matching = [text for text in texts if text.lstrip(_QUOTES).startswith(typed)]
    return {
        "completions": [SimpleCompletion(text=text, type=_kind(text)) for text in matching],
        "matched_fragment": word.text,
        "suppress": True,
        "ordered": True,
    }


def find_word(line: str, *, first_line: bool) -> tuple[bool, Word] | None:
    """Return whether it is a ``%%deploy`` line, and the word at its end; None when it is neither magic's line."""
    match = _CELL_LINE.match(line) if first_line else None
    is_cell = match is not None
    match = match or _LINE.match(line)
    if match is None:
        return None
    rest = line[match.end() :]
    text = re.search(r"(?:\"[^\"]*|'[^']*|[^\s\"'])*$", rest)
    typed = text.group() if text else ""
    try:
        before = shlex.split(rest[: len(rest) - len(typed)])
    except ValueError:
        return None
    return is_cell, Word(before, typed)


def _cell_values(session: Session, word: Word) -> Iterator[str]:
    """Offer what may stand at the cursor of a ``%%deploy`` line."""
    flag, equals, _ = word.text.partition("=")
    if equals and flag in _OPTIONS:
        yield from (f"{flag}={value}" for value in _values(session, _OPTIONS[flag], word, word.text[len(flag) + 1 :]))
        return
    option = _OPTIONS.get(word.before[-1]) if word.before else None
    if option is not None and not option.is_switch:
        yield from _values(session, option, word, word.text)
        return
    given = {_flag(item) for item in word.before}
    yield from (flag for flag, item in _OPTIONS.items() if item.repeat or flag not in given)
    if not _names(word.before):
        yield from _services(session)


def _line_values(session: Session, word: Word) -> Iterator[str]:
    """Offer what may stand at the cursor of a ``%deploy`` line."""
    if not word.before:
        yield from VERBS
        return
    verb = VERBS.get(word.before[0])
    rest = Word(word.before[1:], word.text)
    if verb is None or verb.name == "plan":
        yield from _cell_values(session, rest if verb is not None else word)
        return
    options = [item for item in verb.arguments if item.is_option]
    named = next((item for item in options if word.before[-1] in (item.name, *item.also)), None)
    if named is not None and named.metavar is not None:
        yield from named.choices or _revisions(session, rest, named)
        return
    yield from (spelling for item in options for spelling in (item.name, *item.also))
    if verb.name == "test" and rest.before:
        yield from (f"${name}" for name in _variables(session))
        if word.text.startswith("@"):
            yield from (f"@{path}" for path in _paths(word.text[1:]))
    elif not rest.before and (verb.usage or any(not item.is_option for item in verb.arguments)):
        yield from _services(session)


def _values(session: Session, option: DeployOption, word: Word, typed: str) -> Iterable[str]:
    """Offer values of one option."""
    sources: dict[str, Callable[[], Iterable[str]]] = {
        "service": lambda: _services(session),
        "model": lambda: (*_models(session), *_paths(typed)),
        "object": lambda: _variables(session),
        "target": session.workspace.targets.names,
        "env": lambda: (*_environments(session), *_paths(typed)),
        "file": lambda: _paths(typed),
        "directory": lambda: _paths(typed, folders=True),
        "setting": lambda: _settings(session, word),
    }
    return sources.get(option.completes, tuple)()


def _services(session: Session) -> Iterator[str]:
    yield from (record.name for record in session.workspace.catalogue.services())


def _models(session: Session) -> Iterator[str]:
    for model in session.workspace.models.list():
        yield model.id
        yield model.name


def _environments(session: Session) -> Iterator[str]:
    for item in session.workspace.environments.list():
        yield item.name
        yield f"{item.name}:{item.version}"


def _revisions(session: Session, word: Word, option: Argument) -> Iterator[str]:
    if option.name != "--to":
        return
    name = next((item for item in word.before if not item.startswith("-")), None)
    yield from (str(item.number) for item in session.service(name).revisions() if str(item.state) != "failed")


def _variables(session: Session) -> Iterator[str]:
    shell = session.shell
    for name, value in list(shell.user_ns.items()):
        if not name.startswith("_") and name not in shell.user_ns_hidden and type(value).__name__ != "module":
            yield name


def _settings(session: Session, word: Word) -> Iterator[str]:
    """Offer the keys of the line's target, each with ``=``, and after that the values of keys that have only a few."""
    name = next(
        (after for item, after in zip(word.before, word.before[1:], strict=False) if item == "--target"), "local"
    )
    schema: dict[str, Any] = session.workspace.targets.get(name).config_type.model_json_schema()
    for key, facts in schema.get("properties", {}).items():
        choices = _choices(facts)
        typed = word.text.removeprefix("--set=")
        if choices and typed.startswith(f"{key}="):
            yield from (f"{key}={choice}" for choice in choices)
        else:
            yield f"{key}="


def _choices(facts: dict[str, Any]) -> list[str]:
    kinds = [facts, *facts.get("anyOf", [])]
    found = [str(choice) for kind in kinds for choice in kind.get("enum", [])]
    found += [str(kind["const"]) for kind in kinds if "const" in kind]
    return found + (["true", "false"] if any(kind.get("type") == "boolean" for kind in kinds) else [])


def _paths(typed: str, *, folders: bool = False) -> Iterator[str]:
    """Offer files and folders that begin like ``typed``, folders with a slash; hidden ones only when asked for."""
    quote = typed[:1] if typed[:1] in {'"', "'"} else ""
    shown, _, start = typed[len(quote) :].rpartition("/")
    prefix = f"{shown}/" if shown or typed[len(quote) :].startswith("/") else ""
    folder = Path(prefix or ".").expanduser()
    if not folder.is_dir():
        return
    for item in folder.iterdir():
        if not item.name.startswith(start) or (item.name.startswith(".") and not start.startswith(".")):
            continue
        if folders and not item.is_dir():
            continue
        text = f"{prefix}{item.name}{'/' if item.is_dir() else ''}"
        yield f"{quote}{text}" if quote else shlex.quote(text)


def _names(words: list[str]) -> list[str]:
    """Return the words that are neither options nor their values."""
    names = []
    skip = False
    for word in words:
        option = _OPTIONS.get(_flag(word))
        if skip:
            skip = False
        elif option is not None:
            skip = not option.is_switch and "=" not in word
        elif not word.startswith("-"):
            names.append(word)
    return names


def _flag(word: str) -> str:
    return word.partition("=")[0]


def _kind(text: str) -> str:
    if text.startswith("-"):
        return "param"
    return "path" if "/" in text else "value"
