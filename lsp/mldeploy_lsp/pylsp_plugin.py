"""Plug-in for python-lsp-server: findings and their fixes in ``.py`` files, by the same rules."""

from __future__ import annotations

from typing import Any

from lsprotocol import types as lsp
from lsprotocol.converters import get_converter
from pylsp import hookimpl

from jupyter_mldeploy.core.script.source import SourceText
from mldeploy_lsp import actions
from mldeploy_lsp.checking import Checked, findings
from mldeploy_lsp.diagnostics import to_lsp
from mldeploy_lsp.document import Document
from mldeploy_lsp.settings import LintSettings

_SETTINGS = LintSettings()
_CONVERTER = get_converter()


def _document(document: Any) -> Document:
    version = document.version if isinstance(document.version, int) else 0
    return Document(document.uri, "python", version, SourceText(document.source))


def _checked(document: Document) -> Checked:
    config = _SETTINGS.of(document.path, None)
    return Checked(document, None, config, 0, tuple(findings(document, None, config)))


@hookimpl
def pylsp_settings() -> dict[str, Any]:
    """Switch the plug-in on by default."""
    return {"plugins": {"mldeploy": {"enabled": True}}}


@hookimpl
def pylsp_lint(document: Any) -> list[dict[str, Any]]:
    """Return the findings of a script."""
    shown = _document(document)
    return [_CONVERTER.unstructure(to_lsp(shown, item)) for item in _checked(shown).found]


@hookimpl
def pylsp_code_actions(config: Any, workspace: Any, document: Any, range: Any, context: Any) -> list[dict[str, Any]]:  # noqa: A002, ARG001 - pylsp calls by these names
    """Return the fixes of the findings in a range, and all safe fixes at once."""
    shown = _document(document)
    place = _CONVERTER.structure(range, lsp.Range)
    found = actions.fixes_and_fix_all(shown, _checked(shown), place, versioned=False)
    return [_CONVERTER.unstructure(item) for item in found]
