"""Secrets by reference: ``env:NAME`` or ``file:PATH``, looked up when a service starts and never written down."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import InvalidInputError


def resolve_secrets(references: Mapping[str, str]) -> dict[str, str]:
    """Look up ``env:NAME`` and ``file:PATH`` references.

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
        else:
            raise InvalidInputError(
                f"Secret {name!r} must be a reference, env:NAME or file:PATH, never the value itself.",
                field=f"secrets.{name}",
            )
    return values
