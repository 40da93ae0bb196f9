"""``mldeploy environment plan``: what becomes of an environment in an image, before anything is built."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from .context import Context
from .environment import find_environment, read_environment_file
from .output import table

if TYPE_CHECKING:
    from ..core.environments.plan import EnvironmentPlan


def plan_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``environment plan``."""
    parser.description = (
        "Show what becomes of an environment in an image: what is mapped to pip, what the scoring runtime stands in"
        " for, what is past its end of life, and what has to be changed. Nothing is built."
    )
    parser.add_argument("environment", metavar="FILE|NAME[:VERSION]", help="a conda or requirements file, or a name")
    parser.add_argument(
        "--suggest", action="store_true", help="print a conda file with the changes made, to be looked at and saved"
    )


def run_plan(context: Context, args: argparse.Namespace) -> int | None:
    """Show a plan; the exit code tells whether the environment can be built as it is."""
    from ..core.environments.plan import plan_environment
    from .exit_codes import FAILED

    path = Path(args.environment).expanduser()
    spec = read_environment_file(path, path.stem) if path.exists() else find_environment(context, args.environment)
    plan = plan_environment(spec)
    if args.suggest:
        changed = plan.suggestion or spec
        context.output.result(changed.to_dict(), changed.to_conda_yaml())
        return None
    context.output.result(plan.to_dict(), lambda: _text(plan))
    return FAILED if plan.problems else None


def _text(plan: EnvironmentPlan) -> str:
    rows = [
        (item.wanted, item.becomes or "-", f"{item.how}{f': {item.note}' if item.note else ''}") for item in plan.items
    ]
    by = "pip" if plan.kind == "pip" else "conda (micromamba) and pip"
    lines = [] if plan.problems else [f"Python {plan.python}, packages by {by}", ""]
    lines.append(table(("WANTED", "INSTALLED", "HOW"), rows, empty="No package is asked for."))
    lines += [f"note: {note}" for note in plan.notes]
    if plan.problems:
        lines += ["", "It cannot be built as it is:"]
        for item in plan.problems:
            lines += [f"  {item.message}", f"    change {item.field}: {item.change}"]
        lines += ["", "`mldeploy environment plan … --suggest` prints a file with these changes."]
    return "\n".join(lines)
