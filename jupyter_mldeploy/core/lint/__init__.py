"""The linter for entry scripts and deployment files: text in, diagnostics with fixes out; user code is never run.

:func:`lint_source` checks a script or a cell, :func:`lint_document` a YAML, JSON or requirements text,
:func:`lint_file` and :func:`lint_paths` what lies on disk. :data:`RULES` is the rule table.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from jupyter_mldeploy.core.lint.diagnostics import Diagnostic, Fix, Severity, TextEdit, apply_fixes
from jupyter_mldeploy.core.lint.rule import RULES, Rule
from jupyter_mldeploy.core.lint.settings import LintConfig

if TYPE_CHECKING:
    from jupyter_mldeploy.core.lint.cells import lint_cell, names_of_cells
    from jupyter_mldeploy.core.lint.context import PinnedEnvironment
    from jupyter_mldeploy.core.lint.documents import lint_document
    from jupyter_mldeploy.core.lint.engine import ScriptMode, lint_source, looks_like_entry_script
    from jupyter_mldeploy.core.lint.files import FileReport, fix_file, lint_file, lint_paths

__all__ = [
    "RULES",
    "Diagnostic",
    "FileReport",
    "Fix",
    "LintConfig",
    "PinnedEnvironment",
    "Rule",
    "ScriptMode",
    "Severity",
    "TextEdit",
    "apply_fixes",
    "fix_file",
    "lint_cell",
    "lint_document",
    "lint_file",
    "lint_paths",
    "lint_source",
    "looks_like_entry_script",
    "names_of_cells",
]

# The engine and the families are imported with the first check: most importers only want the types.
_HOMES = {
    "FileReport": "files",
    "PinnedEnvironment": "context",
    "ScriptMode": "engine",
    "fix_file": "files",
    "lint_cell": "cells",
    "lint_document": "documents",
    "lint_file": "files",
    "lint_paths": "files",
    "lint_source": "engine",
    "looks_like_entry_script": "engine",
    "names_of_cells": "cells",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
