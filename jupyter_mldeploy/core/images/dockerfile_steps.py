"""A user's own lines of a Dockerfile, fitted into ours: what they copy comes from the files beside the entry script."""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence

from ...errors import InvalidInputError
from .context import ContextFile

_WORD = re.compile(r"\s*([A-Za-z]+)\s+(.*)", re.DOTALL)
#: Folder of a context that holds what a user's steps copy.
FOLDER = "extra"


def logical_lines(text: str) -> list[str]:
    """Return the instructions of a Dockerfile with their continuation lines; comments and blank lines stand alone."""
    found: list[str] = []
    going_on = False
    for line in text.splitlines():
        if going_on:
            found[-1] += f"\n{line}"
        else:
            found.append(line)
        bare = line.strip()
        if going_on and bare.startswith("#"):
            continue
        going_on = bare.endswith("\\") and not (bare.startswith("#") and not going_on)
    return found


def place_copies(lines: Sequence[str], source: Mapping[str, ContextFile]) -> tuple[list[str], list[ContextFile]]:
    """Let ``COPY`` and ``ADD`` take files from the context's ``extra/`` folder; return the lines and those files.

    Raises:
        InvalidInputError: a line copies something that does not go with the entry script, or cannot be built here.
    """
    placed: list[str] = []
    files: dict[str, ContextFile] = {}
    for line in lines:
        found = _WORD.match(line)
        word = found.group(1).upper() if found else ""
        if line.lstrip().lower().startswith("# syntax") or (
            re.search(r"<<-?\s*['\"]?\w", line) and word in {"RUN", "COPY"}
        ):
            raise InvalidInputError(
                f"A Dockerfile step cannot be built everywhere: {line.strip().splitlines()[0]!r}.",
                field="dockerfile_steps",
                hint="Here-documents and `# syntax=` need BuildKit; write the file beside the script and COPY it.",
            )
        if word in {"COPY", "ADD"} and found and "--from=" not in line:
            placed.append(_place(word, found.group(2), source, files))
        else:
            placed.append(line)
    return placed, list(files.values())


def _place(word: str, rest: str, source: Mapping[str, ContextFile], files: dict[str, ContextFile]) -> str:
    flags, items = _split(rest)
    if len(items) < 2:
        raise InvalidInputError(f"{word} {rest}: a source and a destination are needed.", field="dockerfile_steps")
    *sources, destination = items
    renamed = []
    for item in sources:
        if word == "ADD" and "://" in item:
            renamed.append(item)
            continue
        path = item.removeprefix("./").rstrip("/")
        matches = [
            name
            for name in source
            if path in {"", "."} or name == path or name.startswith(f"{path}/") or fnmatch.fnmatchcase(name, path)
        ]
        if not matches:
            raise InvalidInputError(
                f"The step `{word} {rest.strip()}` copies {item!r}, which does not go with the entry script.",
                field="dockerfile_steps",
                hint="Put it into the source directory (or include it), and write its path relative to that.",
            )
        for name in matches:
            entry = source[name]
            files[name] = ContextFile(
                f"{FOLDER}/{name}", entry.digest, entry.size, entry.executable, entry.data, entry.source
            )
        renamed.append(f"{FOLDER}/{'' if path == '.' else path}")
    arguments = [*renamed, destination]
    text = json.dumps(arguments) if any(" " in item for item in arguments) else " ".join(arguments)
    return " ".join([word, *flags, text])


def _split(rest: str) -> tuple[list[str], list[str]]:
    joined = re.sub(r"\\\s*\n", " ", rest).strip()
    flags = []
    while joined.startswith("--"):
        flag, _, joined = joined.partition(" ")
        flags.append(flag)
        joined = joined.strip()
    if joined.startswith("["):
        try:
            return flags, [str(item) for item in json.loads(joined)]
        except ValueError:
            pass
    return flags, shlex.split(joined)


def as_lines(steps: Iterable[str]) -> list[str]:
    """Return steps, each one or more lines of text, as instructions."""
    return [line for step in steps for line in logical_lines(step)]
