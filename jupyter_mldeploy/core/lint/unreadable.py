"""MLD001: files that are not checked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jupyter_mldeploy.core.lint.rule import rule


@rule("MLD001", "file-not-checked", "error", stage="read", zero_fp=True, family="file")
def file_not_checked(_: Any) -> Iterator[Any]:
    """A file cannot be read, is too large, or is nested too deeply.

    Files are read whole and parsed, so there are limits: 1,048,576 characters for a script, and less than 20,000 nodes
    and no more than 100 levels for YAML, whose aliases can make a small file huge. Links that lead back to themselves
    are reported once and not followed. Keep data in files of their own.

    Bad::

        TABLE = [0.12, 0.57, 0.33]  # … and two million numbers more

    Good::

        import json

        def init():
            global TABLE
            with open("table.json") as file:
                TABLE = json.load(file)
    """
    return iter(())  # the engine reports it
