"""A cell of a notebook file as an entry script: read from the file, without a kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInputError

if TYPE_CHECKING:
    from .assemble import Source
    from .deployargs import DeployOptions
    from .notebook import DeployCell

SCRIPT_NAME = "score.py"


@dataclass(frozen=True, slots=True)
class NotebookScript:
    """What a notebook's cell gives.

    Attributes:
        options: those of its line with those of the command line on top; paths are usable from here.
        texts: display name of a cell, as tracebacks have it → its source.
        notes: sentences about what was taken from other cells, and what has no effect without a kernel.
    """

    options: DeployOptions
    source: Source
    texts: Mapping[str, str]
    notes: Sequence[str]


def read_script(
    path: str, given: DeployOptions, cell_id: str | None, *, check: Callable[[DeployOptions], None] | None = None
) -> NotebookScript:
    """Return the entry script of the cell for ``given.name``, or of the cell with ``cell_id`` under that name.

    Args:
        path: the notebook.
        given: options that override those of the cell's line.
        cell_id: the cell; it need not begin with ``%%deploy``.
        check: called with the options before a file that they name is read; may raise.

    Raises:
        NotFoundError: there is no such cell.
        InvalidInputError: the notebook or the cell's line cannot be used, or it needs a kernel.
        CaptureError: the cell needs a name that cannot be taken from the other cells.
    """
    from .deployrequest import below, overlay
    from .notebook import read_notebook

    notebook = read_notebook(path)
    deployed = notebook.deploy_cell(given.name) if cell_id is None else notebook.any_cell(cell_id, given.name)
    folder = Path(path).expanduser().absolute().parent
    options = overlay(below(deployed.options(), folder), given)
    if check is not None:
        check(options)
    if options.objects:
        raise InvalidInputError(
            f"The %%deploy line of cell {deployed.number} hands over {', '.join(options.objects)} with --object, and a"
            " notebook file has no variables.",
            field="--object",
            hint="Save it to a file and name that with --model, or deploy from a running notebook.",
        )
    if options.from_file is not None:
        from .assemble import Source

        source = Source.from_file(options.from_file, source_directory=options.source_directory, include=options.include)
        return NotebookScript(options, source, {source.script: source.text}, ())
    return _captured(notebook.path, deployed, options)


def _captured(path: str, deployed: DeployCell, options: DeployOptions) -> NotebookScript:
    from .assemble import Source, accompanying_files
    from .cell_lines import cell_name
    from .records import Origin

    found = deployed.capture(cells=options.cells, script_name=SCRIPT_NAME)
    files = accompanying_files(options.source_directory, options.include)
    files.pop(SCRIPT_NAME, None)
    source = Source(
        SCRIPT_NAME,
        found.script,
        files,
        line_map=found.line_map,
        origin=Origin(str(Path(path).absolute()), deployed.cell.id, deployed.cell.execution_count),
        kind="script" if options.cells else "cell",
    )
    cells = (deployed.cell, *deployed.others)
    texts = {cell_name(cell.id, cell.execution_count): cell.source for cell in cells}
    notes = [item.message for item in found.warnings]
    if found.included:
        names = dict.fromkeys(name for item in found.included for name in item.names)
        where = dict.fromkeys(item.cell for item in found.included)
        notes.insert(0, f"Taken from {', '.join(where)}: {', '.join(names)}.")
    if options.save is not None:
        notes.append(f"--save {options.save} has no effect here; `mldeploy bundle export` writes what is deployed.")
    return NotebookScript(options, source, texts, notes)
