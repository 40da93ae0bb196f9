"""``mldeploy gc`` and ``mldeploy version``."""

from __future__ import annotations

import argparse
import platform
import sys

from .context import Context
from .output import fields
from .parser import option_type


def version_arguments(parser: argparse.ArgumentParser) -> None:
    """``version`` has no arguments of its own."""


def run_version(context: Context, args: argparse.Namespace) -> int | None:
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
