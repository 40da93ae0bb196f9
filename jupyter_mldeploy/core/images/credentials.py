"""Who may fetch from and push to a registry: by reference, never written down.

Without credentials of their own, builders use the user's Docker configuration: ``docker login``'s, credential helpers'.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ...errors import InvalidInputError
from ..secrets import resolve_secrets

_VARIABLE = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class ContainerRegistry:
    """A registry and who one is to it; the password is shown to those who ask for it, and in no listing.

    Attributes:
        address: host, with the port where it is not 443.
        username, password: None where nothing is asked for, or the Docker configuration knows.
    """

    address: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def resolve_credentials(given: Mapping[str, str] | None, *, field: str) -> dict[str, str] | None:
    """Return ``username`` and ``password`` with the references looked up; None when neither is given.

    Args:
        given: values of ``username`` and ``password``: ``env:NAME``, ``file:PATH`` or ``${NAME}``; the name of the user
            may stand there itself.
        field: how an error calls it.

    Raises:
        InvalidInputError: a password stands there itself, or a reference leads nowhere; no value is in the message.
    """
    if not given or not (given.get("username") or given.get("password")):
        return None
    found: dict[str, str] = {}
    for key in ("username", "password"):
        value = str(given.get(key) or "")
        variable = _VARIABLE.fullmatch(value)
        if variable:
            value = f"env:{variable.group(1)}"
        if key == "username" and not value.startswith(("env:", "file:")):
            found[key] = value
            continue
        try:
            found[key] = resolve_secrets({key: value})[key]
        except InvalidInputError as error:
            raise InvalidInputError(
                f"{field}: {error.message}",
                field=f"{field}.{key}",
                hint=f"Write env:NAME or file:PATH for the {key}, and set NAME where images are built.",
            ) from None
    return found


def build_secrets(names: tuple[str, ...]) -> dict[str, str]:
    """Return the values of the environment variables that a build needs.

    Raises:
        InvalidInputError: one is not set.
    """
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise InvalidInputError(
            f"The environment's package index needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'}"
            " not set here.",
            field="pip_options",
            hint=f"Set {missing[0]} in the process that builds the image; it does not get into the image.",
        )
    return {name: os.environ[name] for name in names}


def blot_out(line: str, secrets: tuple[str, ...]) -> str:
    """Return a line of a log without the secrets."""
    for secret in secrets:
        if len(secret) > 3:
            line = line.replace(secret, "***")
    return line
