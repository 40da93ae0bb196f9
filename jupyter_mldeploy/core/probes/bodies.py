"""Request bodies as people have them: a text file with one a line, a list, a DataFrame of strings."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ...errors import InvalidInputError
from ..probe import encode

#: So many bodies are enough to say how a service behaves; more would only take memory.
MOST = 100_000

Body = tuple[bytes, str]
"""A body and its content type."""


def read_bodies(source: Any) -> list[Body]:
    """Return the request bodies that ``source`` holds, each with its content type.

    Args:
        source: the path of a text file with one body a line; a list of texts (sent as JSON), ``bytes`` (sent as they
            are) or JSON-ready values; or a DataFrame with one column of texts, as v1's ``Model.profile`` took it.

    Raises:
        InvalidInputError: there is none, or the DataFrame has another number of columns.
    """
    if isinstance(source, str | Path):
        values: Iterable[Any] = _lines(Path(source).expanduser())
    elif hasattr(source, "columns") and hasattr(source, "iloc"):
        if len(source.columns) != 1:
            raise InvalidInputError(
                f"The DataFrame has {len(source.columns)} columns; each cell of one column is a request body.",
                field="requests",
                hint="Pass frame[['column']].",
            )
        values = source.iloc[:, 0].tolist()
    else:
        values = source
    bodies = [encode(value) for value, _ in zip(values, range(MOST), strict=False)]
    if not bodies:
        raise InvalidInputError(
            "There is no request body.", field="requests", hint="Give a file with one JSON body a line, or a list."
        )
    return bodies


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} cannot be read as text: {error}.", field="requests") from error
    return [line for line in text.splitlines() if line.strip()]
