"""The options of ``%%deploy``, as data: one table for the magic, the CLI, notebook files, completion and lint.

    >>> parse_deploy_line("diabetes --model ridge.pkl --workers 2").models
    ('ridge.pkl',)

:data:`DEPLOY_OPTIONS` says of each option what it is called, what it takes and what completes it;
:func:`parse_deploy_line` reads a line; :func:`add_deploy_arguments` gives the same options to an
:class:`argparse.ArgumentParser`, and :func:`read_deploy_values` reads what that returned.
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..errors import InvalidInputError
from .deployoptions import DEPLOY_OPTIONS, NAME_HELP, Completion, DeployOption

if TYPE_CHECKING:
    import argparse

__all__ = [
    "DEPLOY_OPTIONS",
    "Completion",
    "DeployOption",
    "DeployOptions",
    "add_deploy_arguments",
    "deploy_manual",
    "parse_deploy_line",
    "parse_deploy_words",
    "read_deploy_values",
]


@dataclass(frozen=True, slots=True)
class DeployOptions:
    """What a ``%%deploy`` line asks for; None means that nothing was said.

    ``ttl`` and ``timeout`` are in seconds, ``scoring_timeout_ms`` in milliseconds, ``memory_gb`` in GB.
    """

    name: str
    models: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    target: str | None = None
    environment: str | None = None
    pip: tuple[str, ...] = ()
    cells: bool = False
    isolated: bool = False
    python: str | None = None
    workers: int | Literal["auto"] | None = None
    port: int | None = None
    no_auth: bool = False
    ttl: float | None = None
    memory_gb: float | None = None
    timeout: float | None = None
    scoring_timeout_ms: int | None = None
    max_concurrent: int | None = None
    batch: int | None = None
    source_directory: str | None = None
    include: tuple[str, ...] = ()
    save: str | None = None
    from_file: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    config_file: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str | None = None
    force: bool = False
    dry_run: bool = False
    quiet: bool = False

    def configuration(self) -> dict[str, Any]:
        """Return the keys of the deployment configuration that the line sets, ``--set`` included.

        Raises:
            InvalidInputError: an option and ``--set`` give the same key.
        """
        values: dict[str, Any] = {}
        for option in DEPLOY_OPTIONS:
            value = getattr(self, option.field)
            if option.setting is None or value in (None, False, {}):
                continue
            if option.setting in self.settings:
                raise InvalidInputError(
                    f"--set {option.setting} contradicts {option.flag}: both set {option.setting!r}.",
                    field="--set",
                    hint="Keep one of the two.",
                )
            values[option.setting] = False if option.field == "no_auth" else value
        return {**values, **self.settings}


_BY_FLAG = {option.flag: option for option in DEPLOY_OPTIONS}
_BY_FIELD = {option.field: option for option in DEPLOY_OPTIONS}
_PAIRED = {"settings", "tags"}
_EXCLUDE_FROM = ("cells", "save")


def parse_deploy_line(line: str) -> DeployOptions:
    """Read the line after ``%%deploy``.

    Raises:
        InvalidInputError: an unknown option (names the nearest), a missing or wrong value, no name, two names, or
            options that exclude each other; ``field`` names the option.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise InvalidInputError(
            f"The %%deploy line cannot be read: {str(error).lower()}.", field="line", hint="Close the quotation mark."
        ) from None
    return parse_deploy_words(words)


def parse_deploy_words(words: Sequence[str]) -> DeployOptions:
    """Read the words of a ``%%deploy`` line; raises as :func:`parse_deploy_line` does."""
    values: dict[str, list[str]] = {}
    names: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            names.append(word)
            continue
        flag, equals, value = word.partition("=")
        option = _BY_FLAG.get(flag)
        if option is None:
            raise _unknown_option(flag)
        if option.is_switch:
            if equals:
                raise InvalidInputError(f"{flag} is a switch and takes no value (got {value!r}).", field=flag)
            value = "1"
        elif not equals:
            if not rest or rest[0] in _BY_FLAG:
                raise _missing_value(option, rest[0] if rest else None)
            value = rest.pop(0)
        values.setdefault(option.field, []).append(value)
    if len(names) != 1:
        raise _name_error(names, values)
    return read_deploy_values(names[0], values)


def read_deploy_values(name: str, values: Mapping[str, Any]) -> DeployOptions:
    """Check raw values, by field, and return the options; for argparse: ``vars(namespace)``, other keys are ignored.

    A value is None or False (not given), True, a text, or a list of texts.

    Raises:
        InvalidInputError: as :func:`parse_deploy_line`.
    """
    read: dict[str, Any] = {}
    for option in DEPLOY_OPTIONS:
        raw = values.get(option.field)
        if raw is None or raw is False:
            continue
        if option.is_switch:
            read[option.field] = True
            continue
        texts = [raw] if isinstance(raw, str) else list(raw)
        if len(texts) > 1 and not option.repeat:
            raise InvalidInputError(
                f"{option.flag} was given {len(texts)} times ({', '.join(map(repr, texts))}); it takes one value.",
                field=option.flag,
                hint="Keep one of them.",
            )
        found = [_read_value(option, text) for text in texts]
        if option.field in _PAIRED:
            read[option.field] = dict(found)
        elif option.repeat:
            read[option.field] = tuple(found)
        elif found:
            read[option.field] = found[0]
    for other in _EXCLUDE_FROM:
        if "from_file" in read and other in read:
            flag = _BY_FIELD[other].flag
            raise InvalidInputError(
                f"{flag} is about the cell, but --from {read['from_file']} deploys a file in its place.",
                field=flag,
                hint=f"Leave {flag} or --from out.",
            )
    options = DeployOptions(name=name, **read)
    options.configuration()  # a contradiction of --set is refused now, not when the configuration is read
    return options


def add_deploy_arguments(
    parser: argparse.ArgumentParser | argparse._ArgumentGroup, *, skip: Collection[str] = ()
) -> None:
    """Add every option except the fields in ``skip``; values stay text for :func:`read_deploy_values`."""
    for option in DEPLOY_OPTIONS:
        if option.field in skip:
            continue
        if option.is_switch:
            parser.add_argument(option.flag, dest=option.field, action="store_true", help=option.help)
        else:
            parser.add_argument(
                option.flag,
                dest=option.field,
                metavar=option.metavar,
                action="append" if option.repeat else "store",
                default=None,
                help=(option.help + (" (repeatable)" if option.repeat else "")).replace("%", "%%"),
            )


def deploy_manual() -> str:
    """Return the manual of ``%%deploy`` as plain text."""
    rows = [("NAME", NAME_HELP)]
    for option in DEPLOY_OPTIONS:
        left = option.flag if option.is_switch else f"{option.flag} {option.metavar}"
        rows.append((left, option.help + (" (repeatable)" if option.repeat else "")))
    width = max(len(left) for left, _ in rows) + 2
    body = "\n".join(f"  {left:<{width}}{text}" for left, text in rows)
    return f"%%deploy NAME [options]\n\nDeploys the cell as an entry script with init() and run().\n\n{body}\n"


def _read_value(option: DeployOption, text: str) -> Any:
    try:
        if not text:
            raise ValueError("a value")
        return option.read(text)
    except ValueError as error:
        raise InvalidInputError(
            f"{option.flag} {text!r} cannot be used: expected {error}.", field=option.flag
        ) from None


def _unknown_option(flag: str) -> InvalidInputError:
    close = difflib.get_close_matches(flag, list(_BY_FLAG), n=1, cutoff=0.55)
    hint = f"Did you mean {close[0]}?" if close else f"Options are: {', '.join(_BY_FLAG)}."
    return InvalidInputError(f"%%deploy has no option {flag}.", field=flag, hint=hint)


def _missing_value(option: DeployOption, following: str | None) -> InvalidInputError:
    found = f"but {following} follows" if following else "but the line ends"
    return InvalidInputError(
        f"{option.flag} needs a value ({option.metavar}), {found}.", field=option.flag, hint=f"It is {option.help}."
    )


def _name_error(names: Sequence[str], values: Mapping[str, list[str]]) -> InvalidInputError:
    if not names:
        return InvalidInputError(
            "%%deploy needs the name of the service.", field="name", hint="Write for example: %%deploy diabetes."
        )
    hint = "Quote values that contain spaces."
    repeated = [_BY_FIELD[key].flag for key in values if _BY_FIELD[key].repeat]
    if repeated:
        hint = f"Repeat {repeated[-1]} for each value, and quote values that contain spaces."
    return InvalidInputError(
        f"%%deploy takes one name, but the line has {len(names)}: {', '.join(map(repr, names))}.",
        field="name",
        hint=hint,
    )
