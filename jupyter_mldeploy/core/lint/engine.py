"""Runs the rules over a script."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable
from pathlib import PurePath
from typing import Literal

from jupyter_mldeploy.core.entryscript import Analysis, analyse
from jupyter_mldeploy.core.lint.context import Finding, PinnedEnvironment, ScriptContext
from jupyter_mldeploy.core.lint.diagnostics import Diagnostic, Severity
from jupyter_mldeploy.core.lint.rule import RULES, Rule
from jupyter_mldeploy.core.lint.settings import LintConfig, matches
from jupyter_mldeploy.core.lint.suppression import Suppressions
from jupyter_mldeploy.core.script.source import SourceText

ScriptMode = Literal["auto", "script", "cell", "batch"]
MAX_FINDINGS = 1_000

_GATE = re.compile(
    r"azureml|inference_schema|AZUREML_|get_model_path|AMLResponse|mini_?batch|jupyter_mldeploy|rawhttp|request_headers",
    re.IGNORECASE,
)
_SCRIPT_NAME = re.compile(
    r"(?:^|[_-])(?:score|scoring|scorer|entry|entry_script|inference)(?:[_-]|\d|$)", re.IGNORECASE
)
_FRAMEWORK = re.compile(r"\bFlask\(|\bFastAPI\(|@app\.route|import (?:flask|fastapi|tornado|django)\b")
_MAGIC = re.compile(r"[ \t]*%%(\w+)")


def lint_source(
    text: str,
    *,
    path: str | None = None,
    kind: ScriptMode = "auto",
    cell_names: Collection[str] | None = None,
    config: LintConfig | None = None,
    environment: PinnedEnvironment | None = None,
    analysis: Analysis | None = None,
) -> list[Diagnostic]:
    """Check an entry script without running it.

    Args:
        text: the script; it may be incomplete. A first line that is a cell magic (``%%deploy``) is left out, and
            positions still count from it.
        path: the file it comes from, for messages, ``per-file-ignores`` and the rules about names.
        kind: ``"script"`` or ``"cell"`` for a text that is certainly an online (or recognisable batch) entry script,
            ``"batch"`` for one that is certainly run by the batch runner, ``"auto"`` to find out: a text that does not
            look like an entry script then gets no findings.
        cell_names: with ``"cell"``: names that the notebook's other cells bind.
        config: the settings; the defaults report every rule.
        environment: what is known about the packages it will run with.
        analysis: the analysis of the text without its magic line, when there is one already.

    Returns:
        The findings in order of position.
    """
    config = config or LintConfig()
    body, first_line, magic = _without_magic(text)
    analysis = analysis or analyse(body, path=path, batch=kind == "batch")
    source = analysis.source
    if analysis.parsed.too_large:
        return _finished(_unreadable(analysis, "MLD001"), source, config, path)
    explicit = kind != "auto" or bool(path and any(matches(path, glob) for glob in config.entry_scripts))
    confirmed = explicit
    if not explicit:
        looks = looks_like_entry_script(analysis, path)
        if not looks:
            return []
        confirmed = looks == "certainly"
    context = ScriptContext(
        analysis,
        config,
        path=path,
        is_cell=kind == "cell" or first_line > 1,
        cell_names=cell_names,
        confirmed=confirmed,
        named=explicit or bool(path and _SCRIPT_NAME.search(PurePath(path).stem)),
        environment=environment,
        first_line=first_line,
        magic=magic,
    )
    found = _unreadable(analysis, "MLD100")
    for rule in RULES:
        if rule.family == "script" and config.enables(rule.code, path):
            found.extend(_run(rule, context))
    return _finished(found, source, config, path)


def looks_like_entry_script(analysis: Analysis, path: str | None = None) -> Literal["certainly", "probably", ""]:
    """Say whether a text is an entry script, from what it binds, mentions and is called."""
    entry, text = analysis.entry, analysis.source.text
    if entry.kind in {"schema", "rawhttp"}:
        return "certainly"
    init, run = entry.init, entry.run
    if _calls_itself(analysis):
        return ""
    mentions = _GATE.search(text) is not None
    if init is None or run is None:
        if analysis.parsed.has_errors and (init or run) and mentions:
            return "probably"
        # Half an entry script is only believed when its name says so too.
        named = bool(path and _SCRIPT_NAME.search(PurePath(path).stem))
        return "probably" if named and mentions and (init or run) else ""
    if _FRAMEWORK.search(text):
        return ""
    if entry.class_name and not mentions:
        return ""
    if run.how in {"def", "method"} and not run.parameters and not mentions:
        return ""
    if init.parameters and init.parameters[0].required and not entry.model_references:
        return ""
    registered = any(reference.how in {"env", "get_model_path"} for reference in entry.model_references)
    proof = registered or "AMLResponse" in text or (entry.kind == "batch" and entry.kind_is_certain)
    return "certainly" if mentions and proof else "probably"


def _calls_itself(analysis: Analysis) -> bool:
    """Whether a script calls ``run()`` without or ``init()`` with arguments: it is a program of its own then."""
    for call in analysis.facts.calls:
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        given = bool(call.args or call.keywords)
        if (name == "run" and not given) or (name == "init" and given):
            return True
    return False


def _run(rule: Rule, context: ScriptContext) -> Iterable[tuple[Rule, Finding, Severity]]:
    entry = context.entry
    if entry.kind not in rule.kinds or (rule.confirmed and not context.confirmed):
        return []
    if context.analysis.parsed.has_errors and rule.whole:
        return []
    unsure = rule.response and not entry.kind_is_certain
    if unsure and rule.zero_fp:
        return []
    found: list[tuple[Rule, Finding, Severity]] = []
    try:
        for finding in rule.check(context):
            if context.analysis.parsed.has_errors and context.analysis.parsed.is_broken(finding.span.line):
                continue
            severity = finding.severity or rule.severity
            found.append((rule, finding, "hint" if unsure else severity))
            if len(found) >= MAX_FINDINGS:
                break
    except Exception:  # noqa: BLE001 - a faulty rule costs only itself
        report_failure(rule, context.path)
    return found


def report_failure(rule: Rule, path: str | None) -> None:
    """Log the exception that a rule has just raised."""
    import logging

    logging.getLogger(__name__).exception(
        "Rule %s failed on %s; its findings are missing.", rule.code, path or "a text"
    )


def _unreadable(analysis: Analysis, code: str) -> list[tuple[Rule, Finding, Severity]]:
    return [
        (RULES[code], Finding(problem.span, _sentence(problem.message)), "error")
        for problem in analysis.parsed.problems
    ]


def _sentence(message: str) -> str:
    text = message[:1].upper() + message[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _finished(
    found: list[tuple[Rule, Finding, Severity]], source: SourceText, config: LintConfig, path: str | None
) -> list[Diagnostic]:
    suppressions = Suppressions(source)
    diagnostics: list[Diagnostic] = []
    for rule, finding, severity in found:
        diagnostic = diagnostic_of(rule, finding, severity, config, path)
        if config.enables(rule.code, path) and not suppressions.hides(diagnostic):
            diagnostics.append(diagnostic)
    diagnostics.sort(key=lambda item: (item.line, item.column, item.code))
    return diagnostics


def diagnostic_of(rule: Rule, finding: Finding, severity: Severity, config: LintConfig, path: str | None) -> Diagnostic:
    """Give a finding its code, severity and page."""
    span = finding.span
    return Diagnostic(
        code=rule.code,
        severity=config.severity.get(rule.code, severity),
        message=finding.message,
        line=span.line,
        column=span.column,
        end_line=span.end_line,
        end_column=span.end_column,
        path=path,
        fixes=finding.fixes,
        docs_url=rule.docs_url,
    )


def _without_magic(text: str) -> tuple[str, int, str | None]:
    """Blank a cell's magic line, so that every position stays true; return the first line of code and the magic too."""
    match = _MAGIC.match(text)
    if match is None:
        return text, 1, None
    end = min((at for at in (text.find("\n"), text.find("\r")) if at >= 0), default=len(text))
    return text[end:], 2, match[1]
