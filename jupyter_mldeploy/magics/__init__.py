"""``%%deploy`` and ``%deploy`` for IPython: parse, call the core, show.

Loading registers the magics, a completer and two callbacks, and imports neither the core's pydantic models nor a
target; that happens when something is deployed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..core.workspace import Workspace
    from .deploy import DeployMagics

__all__ = ["load_ipython_extension", "unload_ipython_extension"]

_LOADED = "_mldeploy_magics"


def load_ipython_extension(ipython: InteractiveShell, *, workspace: Workspace | None = None) -> DeployMagics:
    """Register the magics with a shell; loading them again changes nothing.

    Args:
        workspace: the workspace to use; None is the default one.
    """
    from .completion import add_completion
    from .deploy import DeployMagics

    loaded = getattr(ipython, _LOADED, None)
    if loaded is not None:
        unload_ipython_extension(ipython)
    magics = DeployMagics(ipython, workspace)
    ipython.register_magics(magics)
    ipython.events.register("pre_run_cell", magics.session.before_cell)
    ipython.events.register("post_run_cell", magics.session.after_cell)
    ipython.input_transformers_cleanup.append(keep_empty_body)
    add_completion(ipython, magics.session)
    setattr(ipython, _LOADED, magics)
    return magics


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """Take away what :func:`load_ipython_extension` registered; deployed services go on."""
    from .completion import remove_completion

    magics: Any = getattr(ipython, _LOADED, None)
    if magics is None:
        return
    delattr(ipython, _LOADED)
    remove_completion(ipython)
    ipython.input_transformers_cleanup.remove(keep_empty_body)
    ipython.events.unregister("post_run_cell", magics.session.after_cell)
    ipython.events.unregister("pre_run_cell", magics.session.before_cell)
    for kind in ("line", "cell"):
        ipython.magics_manager.magics[kind].pop("deploy", None)


def keep_empty_body(lines: list[str]) -> list[str]:
    """Give a lone ``%%deploy NAME --from FILE`` a body: IPython refuses cell magics without one."""
    if len(lines) == 1 and lines[0].startswith("%%deploy "):
        return [lines[0].rstrip("\n") + "\n", "\n"]
    return lines


#: A terminal asks these transformers whether a cell is complete, and takes the blank line for the end of the cell;
#: transformers with this mark are not asked.
keep_empty_body.has_side_effects = True  # type: ignore[attr-defined]
