"""Checks environment files, inference and deployment configurations, and v2 endpoint files."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from jupyter_mldeploy.core.entryscript import EntryScript
from jupyter_mldeploy.core.lint.context import Finding
from jupyter_mldeploy.core.lint.diagnostics import Diagnostic
from jupyter_mldeploy.core.lint.document import Node, UnreadableDocument, read_document
from jupyter_mldeploy.core.lint.document_context import DocumentContext, DocumentFamily, family_of, is_canonical
from jupyter_mldeploy.core.lint.engine import MAX_FINDINGS, diagnostic_of, report_failure
from jupyter_mldeploy.core.lint.rule import RULES
from jupyter_mldeploy.core.lint.settings import LintConfig
from jupyter_mldeploy.core.lint.suppression import Suppressions
from jupyter_mldeploy.core.script.source import SourceText

_NOT_A_DOCUMENT = {
    "environment": "MLD801",
    "inferenceconfig": "MLD821",
    "deploymentconfig": "MLD841",
    "endpoint": "MLD861",
}
_V1_MARKS = (
    "entryScript", "sourceDirectory", "condaFile", "computeType", "containerResourceRequirements", "autoScaler",
    "authEnabled",
)  # fmt: skip
_MARKS = ("dependencies", "entryScript", "computeType", "endpoint_name", "auth_mode", "azuremlschemas", ".schema.json")


def lint_document(
    text: str,
    *,
    path: str | None = None,
    config: LintConfig | None = None,
    scripts: Iterable[tuple[EntryScript, str]] = (),
    modules: Iterable[str] = (),
) -> list[Diagnostic]:
    """Check a YAML, JSON or requirements file; what is no deployment file gets no findings.

    Args:
        text: the file's text.
        path: where it is; its name and ending help to tell what it is, and relative paths count from it.
        config: the settings.
        scripts: entry scripts beside an environment file, with their texts.
        modules: names of modules beside those scripts.
    """
    config = config or LintConfig()
    source = SourceText(text)
    language = _language(text, path)
    if language != "text" and family_of(path, None) is None and not any(mark in text for mark in _MARKS):
        return []
    try:
        root = read_document(source, language) if language != "text" else None
    except UnreadableDocument as problem:
        family = family_of(path, None)
        code = "MLD001" if problem.limit else _NOT_A_DOCUMENT.get(family or "")
        known = is_canonical(path or "") or any(mark in text for mark in _V1_MARKS)
        if family in {"inferenceconfig", "deploymentconfig"} and not known:
            return []  # another tool's file of a similar name
        if code is None or (problem.limit and family is None):
            return []
        found = [(code, Finding(problem.span, problem.message))]
        return _finished(found, source, config, path)
    family = family_of(path, root)
    if family is None:
        return []
    context = DocumentContext(source, root, language, path, config, tuple(scripts), frozenset(modules))
    return _finished(_run(family, context), source, config, path)


def document_family(text: str, path: str | None) -> DocumentFamily | None:
    """Tell what kind of deployment file a text is, or None."""
    language = _language(text, path)
    try:
        root: Node | None = read_document(SourceText(text), language) if language != "text" else None
    except UnreadableDocument:
        root = None
    return family_of(path, root)


def _language(text: str, path: str | None) -> Literal["yaml", "json", "text"]:
    suffix = Path(path).suffix.lower() if path else ""
    if suffix == ".txt":
        return "text"
    if suffix == ".json" or (not suffix and text.lstrip("\ufeff \t\r\n").startswith("{")):
        return "json"
    return "yaml"


def _run(family: DocumentFamily, context: DocumentContext) -> list[tuple[str, Finding]]:
    found: list[tuple[str, Finding]] = []
    kind = "environment" if family == "requirements" else family
    for rule in RULES:
        if rule.family != kind or not context.config.enables(rule.code, context.path):
            continue
        try:
            for finding in rule.check(context):
                found.append((rule.code, finding))
                if len(found) >= MAX_FINDINGS:
                    return found
        except Exception:  # noqa: BLE001 - a faulty rule costs only itself
            report_failure(rule, context.path)
    return found


def _finished(
    found: list[tuple[str, Finding]], source: SourceText, config: LintConfig, path: str | None
) -> list[Diagnostic]:
    suppressions = Suppressions(source)
    diagnostics = [
        diagnostic_of(RULES[code], finding, finding.severity or RULES[code].severity, config, path)
        for code, finding in found
        if config.enables(code, path)
    ]
    kept = [item for item in diagnostics if not suppressions.hides(item)]
    return sorted(kept, key=lambda item: (item.line, item.column, item.code))
