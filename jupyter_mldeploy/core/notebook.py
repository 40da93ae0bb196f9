"""Reads ``%%deploy`` cells from a notebook file. The notebook is parsed; it is never executed and never changed.

deployed = read_notebook("analysis.ipynb").deploy_cell("diabetes")
found = deployed.capture()
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError, MldeployError, NotFoundError
from .deployargs import DeployOptions, parse_deploy_line
from .slices.cells import Cell

if TYPE_CHECKING:
    from .capture import Capture

_MAGIC = re.compile(r"%%deploy(?:[ \t]+(?P<line>.*))?$")
_EXPANDED = re.compile(r"\{[A-Za-z_][\w.\[\]'\"]*\}|\$[A-Za-z_]\w*")
_LARGEST = 256 * 1024 * 1024
_ERROR_LINE = re.compile(r"(?:Cell |<ipython-)?In\s?\[\d+\][^\n]*?line (\d+)|-{2,}> (\d+) ")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class DeployCell:
    """A ``%%deploy`` cell of a notebook.

    Attributes:
        cell: with its source as written.
        number: of the cell in the notebook, from 1.
        line: what stands after ``%%deploy``.
        others: the other cells, in the order in which they ran.
        not_run: code cells that never ran.
    """

    cell: Cell
    number: int
    line: str
    others: tuple[Cell, ...]
    not_run: tuple[Cell, ...]

    @property
    def name(self) -> str | None:
        """The service's name, or None when the line cannot be read."""
        try:
            return self.options().name
        except InvalidInputError:
            return None

    def options(self) -> DeployOptions:
        """Return what the line asks for.

        Raises:
            InvalidInputError: as :func:`~.deployargs.parse_deploy_line`, or the line takes a value from the kernel.
        """
        taken = _EXPANDED.search(self.line)
        if taken:
            raise InvalidInputError(
                f"The %%deploy line of cell {self.number} takes {taken.group()} from the kernel, and a file has none.",
                field="line",
                hint="Write the value itself.",
            )
        return parse_deploy_line(self.line)

    def capture(
        self, *, cells: bool | None = None, known_objects: Collection[str] = (), script_name: str = "score.py"
    ) -> Capture:
        """Make the entry script; ``cells`` overrides the line's ``--cells``.

        Raises:
            CaptureError: a name cannot be taken from the other cells.
        """
        from .capture import capture

        follow = self.options().cells if cells is None else cells
        return capture(
            self.cell,
            self.others if follow else None,
            known_objects=known_objects,
            not_run=self.not_run,
            script_name=script_name,
        )


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook file as far as deploying needs it: its path, cells in document order, and deployable cells."""

    path: str
    cells: tuple[Cell, ...]
    deploy_cells: tuple[DeployCell, ...]

    def deploy_cell(self, name: str | None = None, *, cell_id: str | None = None) -> DeployCell:
        """Return the ``%%deploy`` cell of a service, or the only one.

        Raises:
            NotFoundError: there is none; the hint lists those that there are.
            InvalidInputError: several could be meant.
        """
        file = Path(self.path).name
        if not self.deploy_cells:
            raise NotFoundError(
                "%%deploy cell",
                name or file,
                message=f"The notebook {file!r} has no %%deploy cell.",
                hint="Start the cell that holds init() and run() with a line %%deploy NAME.",
            )
        found = [
            item
            for item in self.deploy_cells
            if (name is None or item.name == name) and (cell_id is None or item.cell.id == cell_id)
        ]
        listed = "; ".join(
            f"cell {item.number}{_id(item.cell)}: %%deploy {item.line}".rstrip() for item in self.deploy_cells
        )
        if not found:
            wanted = name if name is not None else f"cell {cell_id}"
            raise NotFoundError(
                "%%deploy cell",
                str(wanted),
                message=f"The notebook {file!r} has no %%deploy cell for {wanted!r}.",
                hint=f"It has: {listed}.",
            )
        if len(found) > 1:
            raise InvalidInputError(
                f"The notebook {file!r} has {len(found)} %%deploy cells that could be meant.",
                field="name" if name is None else "cell",
                hint=f"Choose by {'name' if name is None else 'cell id'}: {listed}.",
            )
        return found[0]

    def any_cell(self, cell_id: str, name: str) -> DeployCell:
        """Return a cell by id: a ``%%deploy`` cell as it is, another code cell as if it began ``%%deploy NAME``.

        Raises:
            NotFoundError: the notebook has no code cell of that id.
        """
        for item in self.deploy_cells:
            if item.cell.id == cell_id:
                return item
        for number, cell in enumerate(self.cells, 1):
            if cell.id == cell_id and cell.kind == "code":
                code = [item for item in self.cells if item.kind == "code" and item.source.strip()]
                ran, not_run = order_of_execution(code)
                others = tuple(item for item in ran if item is not cell)
                return DeployCell(cell, number, name, others, tuple(item for item in not_run if item is not cell))
        raise NotFoundError(
            "code cell",
            cell_id,
            message=f"The notebook {Path(self.path).name!r} has no code cell with the id {cell_id!r}.",
            hint="Save the notebook first when the cell is new.",
        )


def read_notebook(path: str | Path) -> Notebook:
    """Read a notebook file of format 3 or 4.

    Raises:
        InvalidInputError: the file is missing, is no notebook, or has a format that is not known.
    """
    file = Path(path).expanduser()
    raw = _read(file)
    cells: list[Cell] = [_cell(item) for item in raw.get("cells", ())]
    code = [cell for cell in cells if cell.kind == "code" and cell.source.strip()]
    ran, not_run = order_of_execution(code)
    deploy_cells = []
    for number, cell in enumerate(cells, 1):
        line = deploy_line(cell.source) if cell.kind == "code" else None
        if line is None:
            continue
        others = tuple(item for item in ran if item is not cell)
        missed = tuple(item for item in not_run if item is not cell)
        deploy_cells.append(DeployCell(cell, number, line, others, missed))
    return Notebook(str(file), tuple(cells), tuple(deploy_cells))


def deploy_line(source: str) -> str | None:
    """Return what stands after ``%%deploy`` in a cell, or None when it is no ``%%deploy`` cell."""
    first = next((line for line in source.splitlines() if line.strip()), "")
    found = _MAGIC.fullmatch(first.rstrip())
    return None if found is None else (found.group("line") or "").strip()


def order_of_execution(cells: list[Cell]) -> tuple[list[Cell], list[Cell]]:
    """Return code cells in the order in which they ran, and those that did not run.

    A notebook whose outputs were cleared has no numbers at all: then the order is that of the document.
    """
    if all(cell.execution_count is None for cell in cells):
        return list(cells), []
    ran = [cell for cell in cells if cell.execution_count is not None]
    return sorted(ran, key=lambda cell: cell.execution_count or 0), [c for c in cells if c.execution_count is None]


def _read(file: Path) -> Any:
    import warnings

    try:
        if file.stat().st_size > _LARGEST:
            raise InvalidInputError(
                f"The notebook {str(file)!r} is larger than 256 MB.", field="notebook", hint="Clear its outputs."
            )
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidInputError(
            f"The notebook {str(file)!r} cannot be read: {error.strerror}.", field="notebook"
        ) from None
    except UnicodeDecodeError:
        raise InvalidInputError(f"The notebook {str(file)!r} is not UTF-8 text.", field="notebook") from None
    import nbformat

    library: Any = nbformat  # it has no types
    try:
        with warnings.catch_warnings():
            # Missing ids and the like are repaired while reading; the file keeps them as they are.
            warnings.simplefilter("ignore")
            notebook = library.reads(text, as_version=library.NO_CONVERT)
            if notebook.get("nbformat") != 4:
                notebook = library.convert(notebook, 4)
    except MldeployError:
        raise
    except Exception as error:  # nbformat raises a dozen kinds, and KeyError for files that lie about their format
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InvalidInputError(
            f"{str(file)!r} is not a notebook that can be read: {reason}.",
            field="notebook",
            hint="It must be an .ipynb file of format 3 or 4.",
        ) from error
    if not isinstance(notebook.get("cells"), list):
        raise InvalidInputError(f"{str(file)!r} is not a notebook: it has no cells.", field="notebook")
    return notebook


def _cell(raw: Any) -> Cell:
    source = raw.get("source", "")
    source = "".join(source) if isinstance(source, list) else str(source)
    count = raw.get("execution_count")
    cell = Cell(
        id=raw.get("id") or None,
        source=source,
        execution_count=count if isinstance(count, int) else None,
        kind=str(raw.get("cell_type", "code")),
    )
    for output in raw.get("outputs") or ():
        if output.get("output_type") == "error" and cell.kind == "code":
            return replace(cell, failed=True, failed_line=_failed_line(output))
    return cell


def _failed_line(output: Any) -> int | None:
    """Return the line of the cell in a saved traceback: in its first frame, which is the cell's own."""
    text = _ANSI.sub("", "\n".join(output.get("traceback") or ()))
    found = _ERROR_LINE.search(text)
    return int(found.group(1) or found.group(2)) if found else None


def _id(cell: Cell) -> str:
    return f" ({cell.id})" if cell.id else ""
