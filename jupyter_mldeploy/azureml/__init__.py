"""The names of Azure ML's SDK v1 (``azureml.core`` …) over the deployment core: old notebooks run without an account.

    %load_ext jupyter_mldeploy.azureml

Then ``from azureml.core import Workspace, Model`` and the like work where the SDK is not installed. What is really
installed is found first. Code that is written today uses :mod:`jupyter_mldeploy` itself; these names have v1's
defaults, states and exceptions. ``docs/azureml.md`` lists what there is and what is deliberately different.
"""

from __future__ import annotations

from typing import Any

from .finder import install, uninstall

__all__ = ["install", "load_ipython_extension", "uninstall", "unload_ipython_extension"]


def load_ipython_extension(ipython: Any) -> None:
    """Make ``azureml`` importable in the kernel (``%load_ext jupyter_mldeploy.azureml``)."""
    install()


def unload_ipython_extension(ipython: Any) -> None:
    """Undo :func:`load_ipython_extension` for modules that are imported from now on."""
    uninstall()
