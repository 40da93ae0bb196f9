"""Expected errors without a Python traceback: the cell fails, and what it shows is for people.

The exception stays what it is (``except DeploymentError`` works around ``run_cell_magic``; nbclient and papermill see a
failed cell with its name and sentence); only how IPython renders it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from ..errors import MldeployError

Error = TypeVar("Error", bound=BaseException)


def quieten(error: Error, text: str) -> Error:
    """Let IPython show ``text`` in place of the error's traceback, and return the error."""

    def render() -> list[str]:
        return text.split("\n")

    error._render_traceback_ = render  # type: ignore[attr-defined]  # IPython's hook, looked up on the instance
    error.__suppress_context__ = True
    return error


def sentence(error: MldeployError) -> str:
    """Return an error as one line of its kind and its sentence."""
    from ..core.cards.model import clean

    return clean(f"{type(error).__name__}: {error}")


@contextmanager
def as_sentences(text: Callable[[MldeployError], str] = sentence) -> Iterator[None]:
    """Turn expected errors of the block into quiet ones; unexpected ones keep their traceback."""
    try:
        yield
    except MldeployError as error:
        if not hasattr(error, "_render_traceback_"):
            quieten(error, text(error))
        raise
