"""Checks one notebook cell by what its magic makes of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from jupyter_mldeploy.core.lint.diagnostics import Diagnostic
from jupyter_mldeploy.core.lint.documents import lint_document
from jupyter_mldeploy.core.lint.engine import lint_source
from jupyter_mldeploy.core.lint.notebook import bound_names, deployed_python, file_magic
from jupyter_mldeploy.core.lint.settings import LintConfig


def lint_cell(
    text: str,
    *,
    notebook: str | None = None,
    cell_names: Collection[str] | None = None,
    config: LintConfig | None = None,
) -> list[Diagnostic]:
    """Check a cell that becomes a file, without running it.

    Args:
        text: the whole cell. With ``%%deploy`` or without any magic it is an entry script; with ``%%writefile`` it is
            what the file's name says. A cell of another magic gets no findings.
        notebook: the notebook's path, from whose folder the files beside it are looked for.
        cell_names: names that the notebook's other cells bind, or None when they are not known.
        config: the settings; the defaults report every rule.

    Returns:
        The findings in order of position; lines count from the magic line.
    """
    magic = file_magic(text)
    if magic is None:
        if text.lstrip().startswith("%%"):
            return []
        return lint_source(deployed_python(text), kind="cell", cell_names=cell_names, config=config)
    name, target = magic
    if name == "deploy":
        return lint_source(deployed_python(text), kind="cell", cell_names=cell_names, config=config)
    if target.endswith(".py"):
        return lint_source(text, path=target, cell_names=cell_names, config=config)
    body = text[text.find("\n") :] if "\n" in text else ""
    folder = Path(notebook).parent if notebook else Path()
    return lint_document(body, path=str(folder / target), config=config)


def names_of_cells(sources: Iterable[str]) -> frozenset[str]:
    """Return the names that ordinary cells bind at their top level; cells that become files bind none."""
    return frozenset().union(*(bound_names(source) for source in sources))
