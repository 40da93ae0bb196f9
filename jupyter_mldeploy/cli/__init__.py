"""``mldeploy``: the command line. Every command is a few lines: parse, call the core, show.

``mldeploy``, ``jupyter mldeploy`` and ``python -m jupyter_mldeploy`` are the same. Results go to stdout, everything
else to stderr (see ``output``); exit codes are in ``exit_codes``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..errors import MldeployError

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: the words after the program's name; None is ``sys.argv[1:]``.
    """
    from . import exit_codes

    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(words)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        return exit_codes.INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has enough; anything written to stdout from now on must not raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exit_codes.OK
    return code


def program() -> str:
    """Return how the program was called, for manuals."""
    return "jupyter mldeploy" if PurePath(sys.argv[0]).name.startswith("jupyter-") else "mldeploy"


def _run(words: list[str]) -> int:
    from ..errors import MldeployError
    from . import exit_codes
    from .dispatch import split
    from .output import Output

    output = Output(as_json="--json" in words, quiet=False)
    try:
        choice = split(words, program())
        if isinstance(choice, str):
            sys.stdout.write(choice)
            return exit_codes.OK
        command, rest = choice
        from .parser import command_parser

        args = command_parser(command, program()).parse_args(rest)
        output = Output(as_json=args.json, quiet=args.quiet)
        from .context import Context

        _, run = command.load()
        return run(Context(args, output), args) or exit_codes.OK
    except MldeployError as error:
        output.error(error)
        return exit_codes.exit_code(error)
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except Exception as error:
        if os.environ.get("MLDEPLOY_TRACEBACK"):
            raise
        output.error(_internal(error))
        return exit_codes.FAILED


def _internal(error: Exception) -> MldeployError:
    """Return a fault of ours as an error that can be reported: nobody should have to read a traceback."""
    import traceback

    from ..errors import MldeployError

    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{PurePath(frame.filename).name} line {frame.lineno}"
    return MldeployError(
        f"This is a fault in mldeploy: {type(error).__name__}: {error} ({where}).",
        hint="Please report it with the traceback that MLDEPLOY_TRACEBACK=1 shows.",
    )
