"""``mldeploy gc`` and ``mldeploy version``."""

from __future__ import annotations

import argparse
import platform
import sys

from .context import Context
from .output import fields


def gc_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``gc``."""
    parser.add_argument(
        "--all", action="store_true", help="also what is less than an hour old; only while nothing is being deployed"
    )


def run_gc(context: Context, args: argparse.Namespace) -> int | None:
    """Remove what nothing uses."""
    from ..core.bundle import GRACE_S
    from ..core.garbage import collect_garbage
    from ..core.storage.failures import human_size

    done = collect_garbage(context.workspace, grace_s=0.0 if args.all else GRACE_S)
    context.output.result(
        done.to_dict(),
        lambda: (
            f"removed {done.bundles} bundles, {done.images} images and {done.files} stored files"
            f" ({human_size(done.bytes)})"
        ),
    )
    return None


def version_arguments(parser: argparse.ArgumentParser) -> None:
    """``version`` has no arguments of its own."""


def run_version(context: Context, _: argparse.Namespace) -> int | None:
    """Show versions and places, without opening the workspace."""
    from .._version import __version__
    from ..core.workspace import default_home

    document = {
        "version": __version__,
        "python": platform.python_version(),
        "interpreter": sys.executable,
        "platform": platform.platform(),
        "workspace": str(context.home or default_home()),
    }
    context.output.result(document, lambda: fields(document.items()))
    return None
