"""The first process of a container: everything goes to standard output, and orphans are buried."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve as ``python -m jupyter_mldeploy.scoring`` does; settings come from the environment.

    With ``door`` as the first argument the container keeps the door of a service instead (``doorkeeper``).
    """
    sys.stdout.flush()
    sys.stderr.flush()
    # Two streams would reach whoever reads the container's log in an order of chance.
    os.dup2(1, 2)
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["door"]:
        from .doorkeeper import main as keep_door

        return keep_door(given[1:])
    from .standalone_main import main as serve

    return serve(given)
