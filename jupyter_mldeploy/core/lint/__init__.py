"""The linter for entry scripts and deployment files: text in, diagnostics with fixes out; user code is never run."""

from jupyter_mldeploy.core.lint.diagnostics import Diagnostic, Fix, Severity, TextEdit, apply_fixes
from jupyter_mldeploy.core.lint.engine import lint_source, looks_like_entry_script
from jupyter_mldeploy.core.lint.rule import RULES, Rule
from jupyter_mldeploy.core.lint.settings import LintConfig

__all__ = [
    "RULES",
    "Diagnostic",
    "Fix",
    "LintConfig",
    "Rule",
    "Severity",
    "TextEdit",
    "apply_fixes",
    "lint_source",
    "looks_like_entry_script",
]
