"""The ``%%deploy`` and ``%deploy`` magics, as IPython sees them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class, no_var_expand
from IPython.core.magic_arguments import argument, kwds, magic_arguments

from ..core.deployoptions import DEPLOY_OPTIONS, NAME_HELP
from .session import Session
from .verbs import manual
from .warming import WarmUp

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from ..core.workspace import Workspace

Magic = Callable[..., Any]


def deploy_arguments(function: Magic) -> Magic:
    """Describe a magic by the options of ``%%deploy``, so that ``%%deploy?`` is their manual."""
    for option in reversed(DEPLOY_OPTIONS):
        settings: dict[str, Any] = {"help": option.help.replace("%", "%%"), "dest": option.field}
        if option.is_switch:
            settings["action"] = "store_true"
        else:
            settings |= {"metavar": option.metavar, "action": "append" if option.repeat else "store"}
        function = argument(option.flag, **settings)(function)  # type: ignore[no-untyped-call]
    function = argument("name", metavar="NAME", help=NAME_HELP)(function)  # type: ignore[no-untyped-call]
    # IPython puts one % before the usage, argparse turns %% into one: together `%%deploy`.
    described: Magic = kwds(usage="%%deploy NAME [options]")(function)  # type: ignore[no-untyped-call]
    return described


@magics_class
class DeployMagics(Magics):
    """Deploy cells and work with what was deployed.

    Args:
        workspace: the workspace to use; None is the default one.
    """

    def __init__(self, shell: InteractiveShell, workspace: Workspace | None = None) -> None:
        super().__init__(shell)
        self.session = Session(shell, workspace)
        self._warm_up = WarmUp(shell)

    @no_var_expand
    @cell_magic("deploy")
    @magic_arguments("deploy")  # type: ignore[no-untyped-call, untyped-decorator]
    @deploy_arguments
    def deploy_cell(self, line: str, cell: str) -> None:
        """Deploy this cell, an entry script with ``init()`` and ``run()``, and show where it answers.

        The cell is read, never run in the kernel. Run it again and a new revision takes over without a lost request;
        if it fails, the one before goes on serving. ``%deploy?`` lists what can be done with deployed services.
        """
        self._warm_up.wait()
        from .deploying import deploy_cell
        from .failures import as_sentences

        with as_sentences():
            if line.strip() in {"-h", "--help"}:
                print(type(self).deploy_cell.__doc__)  # noqa: T201  the manual goes to stdout
                return
            deploy_cell(self.session, line, cell)

    @no_var_expand
    @line_magic("deploy")  # type: ignore[arg-type]  # its annotation asks for a static method
    def deploy_line(self, line: str) -> Any:  # noqa: D102  its manual is made from the table of verbs
        self._warm_up.wait()
        from .commands import run_command

        return run_command(self.session, line)


DeployMagics.deploy_line.__doc__ = manual()  # type: ignore[assignment]  # see above
