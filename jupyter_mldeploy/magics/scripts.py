"""The entry script of a ``%%deploy``: the cell, the cell with what it takes from others, or a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInputError

if TYPE_CHECKING:
    from ..core.assemble import Source
    from ..core.capture import Capture
    from ..core.deployargs import DeployOptions
    from ..core.nocode import NoCode
    from .session import Session

#: What a cell's entry script is called in its bundle, unless ``--save`` names it.
SCRIPT_NAME = "score.py"


@dataclass(frozen=True, slots=True)
class Script:
    """An entry script that is ready to be checked.

    Attributes:
        made: what goes with a script that was made for a model; None when the script is the user's own.
        texts: display name, as tracebacks have it → text of the cells and files that the script consists of.
        notes: what its user should know before deploying.
        whole: the script's text where it is more than the cell; for a preview.
    """

    source: Source
    texts: Mapping[str, str]
    notes: Sequence[str] = ()
    whole: str | None = None
    objects: Sequence[str] = field(default_factory=tuple)
    made: NoCode | None = None


def read_script(session: Session, options: DeployOptions, line: str, cell: str) -> Script:
    """Return the entry script that the options ask for. Nothing of it is run.

    Raises:
        InvalidInputError: the cell is empty, or it is not while ``--from`` names a file.
        CaptureError: the cell needs a name that cannot be taken from the other cells.
    """
    if options.from_file is not None:
        return _from_file(options, cell)
    if not cell.strip():
        if options.models and not options.objects:
            return _for_models(session, options)
        raise InvalidInputError(
            "The cell is empty, so there is nothing to deploy.",
            field="cell",
            hint="Put init() and run() below the %%deploy line, deploy a file with --from FILE, or name a model that "
            "needs no script with --model FILE.",
        )
    return _from_cell(session, options, line, cell)


def _for_models(session: Session, options: DeployOptions) -> Script:
    """Return the script that models get which come without one; ``--dry-run`` reads no pickle for it."""
    from ..core.nocode import without_script

    made = without_script(session.workspace, options.models, interpreter=options.python, trusted=not options.dry_run)
    text = made.source.text
    return Script(made.source, {made.source.script: text}, made.notes, whole=text, made=made)


def _from_file(options: DeployOptions, cell: str) -> Script:
    from ..core.assemble import Source

    if cell.strip():
        raise InvalidInputError(
            f"--from {options.from_file} deploys a file, but the cell has code of its own.",
            field="--from",
            hint="Empty the cell, or leave --from out.",
        )
    if options.objects:
        raise InvalidInputError(
            "--object hands a variable over to a cell; a file cannot take it.",
            field="--object",
            hint="Save it and name the file with --model, or deploy a cell.",
        )
    source = Source.from_file(
        str(options.from_file), source_directory=options.source_directory, include=options.include
    )
    return Script(source, {source.script: source.text})


def _from_cell(session: Session, options: DeployOptions, line: str, cell: str) -> Script:
    from ..core.assemble import Source, accompanying_files
    from ..core.capture import Cell, capture
    from ..core.cell_lines import cell_name
    from ..core.names import check_entry_script_name
    from ..core.records import Origin

    count = session.count
    text = session.running_cell(line, cell)
    target = Cell(session.cell_id, text, count)
    name = check_entry_script_name(Path(options.save).name, field="--save") if options.save else SCRIPT_NAME
    variables = {key for key in session.shell.user_ns if not key.startswith("_")}
    others = session.executed_cells() if options.cells else None
    missing = [item for item in options.objects if item not in session.shell.user_ns]
    if missing:
        from ..core.names import did_you_mean

        raise InvalidInputError(
            f"There is no variable {missing[0]!r} in this kernel.",
            field="--object",
            hint=did_you_mean(missing[0], variables) or "Run the cell that makes it first.",
        )
    found = capture(
        target,
        others,
        known_objects=options.objects,
        kernel_names=variables,
        script_name=name,
    )
    texts = {cell_name(item.id, item.execution_count): item.source for item in others or ()}
    texts[cell_name(session.cell_id, count)] = text
    files = accompanying_files(options.source_directory, options.include)
    files.pop(name, None)
    source = Source(
        name,
        found.script,
        files,
        line_map=found.line_map,
        origin=Origin(session.notebook, session.cell_id, count),
        kind="script" if others is not None else "cell",
    )
    whole = found.script if found.included or found.objects else None
    return Script(source, texts, _notes(found), whole, found.objects)


def _notes(found: Capture) -> list[str]:
    notes = [item.message for item in found.warnings]
    if found.included:
        cells = list(dict.fromkeys(item.cell for item in found.included))
        names = dict.fromkeys(name for item in found.included for name in item.names)
        notes.insert(0, f"Taken from {', '.join(cells)}: {', '.join(names)}.")
    return notes
