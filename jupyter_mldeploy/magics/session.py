"""What one kernel remembers between two magics: its workspace, its cells, the service used last.

Nothing of it is needed to go on after a restart: services live in the workspace, not here.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..errors import InvalidInputError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..core.capture import Cell
    from ..core.service import Service
    from ..core.workspace import Workspace


class Session:
    """See the module's docstring.

    Args:
        workspace: the workspace to use; None is the default one of the moment (``MLDEPLOY_HOME`` may change).
    """

    def __init__(self, shell: InteractiveShell, workspace: Workspace | None = None) -> None:
        self.shell = shell
        self.last_service: str | None = None
        #: Service → its last ``%%deploy`` cell (line, body), for `%deploy plan NAME`.
        self.cells: dict[str, tuple[str, str]] = {}
        self._given = workspace
        self._opened: Workspace | None = None
        self._ids: dict[int, str] = {}
        self._failed: dict[int, int | None] = {}
        self._running: tuple[str | None, str] = (None, "")
        self.count: int | None = None
        """Number of the running cell, the one in ``In[…]``; None when it is kept out of the history."""

    @property
    def workspace(self) -> Workspace:
        """The workspace, opened on first use."""
        if self._given is not None:
            return self._given
        from ..core.workspace import Workspace, default_home

        home = default_home()
        if self._opened is None or self._opened.home != home:
            self._opened = Workspace(home)
        return self._opened

    def service(self, name: str | None = None, *, deleted: bool = False) -> Service:
        """Return the named service, else the one used last, else the only one.

        Args:
            deleted: take the service of that name that was deleted last when there is none now.

        Raises:
            InvalidInputError: no name was given and there are several services, or none.
            NotFoundError: there is none of that name.
        """
        from ..core.service import Service

        workspace = self.workspace
        if name is None:
            names = [record.name for record in workspace.catalogue.services()]
            if self.last_service in names:
                name = self.last_service
            elif len(names) == 1:
                name = names[0]
            else:
                known = f"Services are: {', '.join(names)}." if names else "There is no service yet."
                raise InvalidInputError("Name the service.", field="name", hint=known)
        if not deleted:
            workspace.catalogue.service(name)
        service = Service(workspace, name)
        self.last_service = name
        return service

    def forget(self, name: str) -> None:
        """Drop what is remembered of a service that was deleted."""
        if self.last_service == name:
            self.last_service = None

    # Cells.

    def before_cell(self, info: Any) -> None:
        """Remember text and id of the cell that begins to run (IPython's ``pre_run_cell``)."""
        meta = getattr(info, "cell_meta", None)  # IPython >= 9.16
        found = getattr(info, "cell_id", None) or (meta.get("cellId") if isinstance(meta, dict) else None)
        cell_id = str(found) if found else None
        self._running = (cell_id, str(getattr(info, "raw_cell", None) or ""))
        # The history, not shell.execution_count: newer IPython counts up before a cell runs, older ones afterwards.
        self.count = len(self._history()) if getattr(info, "store_history", False) else None
        if cell_id is not None and self.count is not None:
            self._ids[self.count] = cell_id

    def after_cell(self, result: Any) -> None:
        """Remember that a cell failed, and where (IPython's ``post_run_cell``)."""
        count = getattr(result, "execution_count", None)
        if count is not None and not getattr(result, "success", True):
            self._failed[count] = self._line_of(getattr(result, "error_in_exec", None))
        self._running, self.count = (None, ""), None

    def running_cell(self, line: str, cell: str) -> str:
        """Return the whole cell that holds a ``%%deploy``, so that lines count as its user sees them."""
        text = self._running[1]
        return text if cell.rstrip() and text.rstrip().endswith(cell.rstrip()) else f"%%deploy {line}\n{cell}"

    @property
    def cell_id(self) -> str | None:
        """Id of the running cell, where the frontend sends it."""
        if self._running[0] is not None:
            return self._running[0]
        parent = getattr(self.shell, "parent_header", None)
        metadata = parent.get("metadata") if isinstance(parent, dict) else None
        found = metadata.get("cellId") if isinstance(metadata, dict) else None
        return str(found) if found else None

    @property
    def notebook(self) -> str | None:
        """Path of the notebook, where the frontend says it: absolute with a Jupyter server, else perhaps its name."""
        for path in (self.shell.user_ns.get("__vsc_ipynb_file__"), os.environ.get("JPY_SESSION_NAME")):
            if isinstance(path, str) and path.endswith(".ipynb"):
                return path
        return None

    def executed_cells(self) -> list[Cell]:
        """Return the cells that ran in this session, oldest first and as often as they ran, without the running one."""
        from ..core.capture import Cell

        return [
            Cell(
                self._ids.get(count),
                source,
                count,
                failed=count in self._failed,
                failed_line=self._failed.get(count),
            )
            for count, source in enumerate(self._history())
            if source and count != self.count
        ]

    def _history(self) -> list[str]:
        """Return the cells of this session by number, as they were typed."""
        history = self.shell.history_manager
        return list(history.input_hist_raw) if history is not None else [""]

    def _line_of(self, error: BaseException | None) -> int | None:
        """Return the line of the cell at which an exception came up."""
        trace = error.__traceback__ if error is not None else None
        while trace is not None:
            frame = trace.tb_frame
            if frame.f_globals is self.shell.user_ns and frame.f_locals is self.shell.user_ns:
                return trace.tb_lineno
            trace = trace.tb_next
        return None
