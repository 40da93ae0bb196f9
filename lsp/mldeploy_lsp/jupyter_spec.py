"""Registration with jupyter-lsp, under a language of its own.

jupyterlab-lsp asks one server per language. With a language id for the bodies of ``%%deploy`` cells this server answers
for those and takes no Python cell from the server that the user has.
"""

from __future__ import annotations

import sys
from typing import Any

from mldeploy_lsp import LANGUAGE_ID

MIME_TYPE = f"text/x-{LANGUAGE_ID}"


def spec(manager: Any) -> dict[str, Any]:  # noqa: ARG001 - jupyter-lsp gives its manager
    """Return the server's specification for jupyter-lsp (version 2)."""
    return {
        "mldeploy-lsp": {
            # The JupyterLab extension shows the findings of cells itself, with their fixes and with what it knows of
            # the notebook's other cells; jupyterlab-lsp would show them a second time, and guess about those names.
            "argv": [sys.executable, "-m", "mldeploy_lsp", "--stdio", "--no-diagnostics"],
            "languages": [LANGUAGE_ID],
            "mime_types": [MIME_TYPE],
            "version": 2,
            "display_name": "mldeploy-lsp",
            "install": {"pip": "pip install 'jupyter_mldeploy[lsp]'"},
        }
    }
