"""Secrets by reference, looked up when a service starts and never written down.

``env:NAME`` is a variable, ``file:PATH`` a file, ``key:SERVICE`` the primary key of another service of the workspace.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from ..errors import InvalidInputError


def resolve_secrets(references: Mapping[str, str], service_key: Callable[[str], str] | None = None) -> dict[str, str]:
    """Look up references.

    Args:
        service_key: returns the primary key of a service; without it there are no ``key:`` references.

    Raises:
        InvalidInputError: a reference is malformed or leads nowhere; the message names the variable, never a value.
    """
    values: dict[str, str] = {}
    for name, reference in references.items():
        scheme, _, where = reference.partition(":")
        if scheme == "env" and where:
            found = os.environ.get(where)
            if found is None:
                raise InvalidInputError(
                    f"Secret {name!r} refers to the variable {where!r}, which is not set.", field=f"secrets.{name}"
                )
            values[name] = found
        elif scheme == "file" and where:
            try:
                values[name] = Path(where).expanduser().read_text(encoding="utf-8").rstrip("\n")
            except OSError as error:
                raise InvalidInputError(
                    f"Secret {name!r} refers to the file {where!r}, which cannot be read: {error.strerror}.",
                    field=f"secrets.{name}",
                ) from None
        elif scheme == "key" and where and service_key is not None:
            values[name] = service_key(where)
        else:
            raise InvalidInputError(
                f"Secret {name!r} must be a reference, env:NAME or file:PATH, never the value itself.",
                field=f"secrets.{name}",
            )
    return values
