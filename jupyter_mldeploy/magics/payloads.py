"""What ``%deploy test`` sends: JSON on the line, a file, or a variable of the kernel."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InvalidInputError

_NAME = re.compile(r"\s*(?P<name>[A-Za-z][A-Za-z0-9-]*)(?=\s|$)")


def split_name(line: str) -> tuple[str | None, str]:
    """Return the service's name, or None, and the rest of the line as it was typed (JSON keeps its quotes)."""
    match = _NAME.match(line)
    if match is None or match["name"] in {"true", "false", "null", "NaN", "Infinity"}:
        return None, line.strip()
    return match["name"], line[match.end() :].strip()


def read_payload(text: str, variables: Mapping[str, Any]) -> Any:
    """Return what to send: None (the service's sample) for an empty text, else an object, JSON text or bytes.

    Raises:
        InvalidInputError: the JSON is broken, the file cannot be read, or there is no such variable.
    """
    if not text:
        return None
    if text.startswith("$"):
        return read_variable(text[1:].strip(), variables)
    if text.startswith("@"):
        return _file(text[1:].strip().strip("\"'"))
    try:
        json.loads(text)
    except ValueError as error:
        hint = (
            "Strings in JSON stand in double quotes." if "'" in text else "Or send a variable ($x) or a file (@x.json)."
        )
        raise InvalidInputError(f"The payload is not JSON: {error}.", field="payload", hint=hint) from None
    return text


def read_variable(name: str, variables: Mapping[str, Any]) -> Any:
    """Return a variable of the kernel; InvalidInputError when there is none of that name."""
    if name in variables:
        return variables[name]
    from ..core.names import did_you_mean

    raise InvalidInputError(
        f"There is no variable {name!r} in this kernel.",
        field="payload",
        hint=did_you_mean(name, [key for key in variables if not key.startswith("_")]),
    )


def _file(name: str) -> str | bytes:
    path = Path(name).expanduser()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"The file {name!r} cannot be read: {error.strerror}.", field="payload") from None
    if path.suffix == ".json":
        try:
            text = content.decode("utf-8-sig")
            json.loads(text)
        except ValueError as error:
            raise InvalidInputError(f"The file {name!r} is not JSON: {error}.", field="payload") from None
        return text
    return content
