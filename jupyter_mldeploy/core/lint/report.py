"""Findings as text, JSON, SARIF 2.1.0 and GitHub annotations."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from jupyter_mldeploy._version import __version__
from jupyter_mldeploy.core.lint.diagnostics import SEVERITIES, Diagnostic
from jupyter_mldeploy.core.lint.files import FileReport
from jupyter_mldeploy.core.lint.rule import RULES
from jupyter_mldeploy.core.script.source import SourceText

ReportFormat = Literal["text", "json", "sarif", "github"]
FORMATS: tuple[ReportFormat, ...] = ("text", "json", "sarif", "github")

_SARIF_LEVELS = {"error": "error", "warning": "warning", "info": "note", "hint": "note"}
_GITHUB_LEVELS = {"error": "error", "warning": "warning", "info": "notice", "hint": "notice"}
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(reports: Sequence[FileReport], output: ReportFormat = "text") -> str:
    """Return the reports in one of :data:`FORMATS`, ending with a line end unless there is nothing to say."""
    renderers = {"text": as_text, "json": as_json, "sarif": as_sarif, "github": as_github}
    return renderers[output](reports)


def _all(reports: Iterable[FileReport]) -> list[Diagnostic]:
    return [item for report in reports for item in report.diagnostics]


def _place(item: Diagnostic) -> str:
    cell = f":{item.cell_id}" if item.cell_id else ""
    return f"{item.path or '<text>'}{cell}:{item.line}:{item.column + 1}"


def as_text(reports: Sequence[FileReport]) -> str:
    """One line for each finding, as compilers write them, and a summary."""
    found = _all(reports)
    lines = [
        f"{_place(item)}: {item.severity}: {item.code} {'[*] ' if item.fixes else ''}{item.message}" for item in found
    ]
    files = f"{len(reports)} file{'' if len(reports) == 1 else 's'}"
    if not found:
        return f"No findings in {files}.\n"
    counts = Counter(item.severity for item in found)
    parts = [
        f"{counts[name]} {name}{'' if counts[name] == 1 or name == 'info' else 's'}"
        for name in SEVERITIES
        if counts[name]
    ]
    fixable = sum(any(fix.safe for fix in item.fixes) for item in found)
    hint = f" {fixable} can be fixed with --fix." if fixable else ""
    return "\n".join([*lines, f"{', '.join(parts)} in {files}.{hint}"]) + "\n"


def as_json(reports: Sequence[FileReport]) -> str:
    """A list of findings, each as :meth:`Diagnostic.to_dict` gives it."""
    return json.dumps([item.to_dict() for item in _all(reports)], indent=2, ensure_ascii=False) + "\n"


def as_github(reports: Sequence[FileReport]) -> str:
    """Workflow commands that GitHub shows as annotations."""
    lines = []
    for item in _all(reports):
        title = f"{item.code} {RULES[item.code].name}"
        place = f"file={_property(item.path or '')},line={item.line},col={item.column + 1}"
        place += f",endLine={item.end_line},endColumn={item.end_column + 1},title={_property(title)}"
        where = f"(cell {item.cell_id}) " if item.cell_id else ""
        lines.append(f"::{_GITHUB_LEVELS[item.severity]} {place}::{_data(where + item.message)}")
    return "".join(f"{line}\n" for line in lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def as_sarif(reports: Sequence[FileReport]) -> str:
    """A SARIF 2.1.0 log with the rules that spoke, and fixes as replacements."""
    found = _all(reports)
    codes = sorted({item.code for item in found})
    texts = {report.path: report.text for report in reports}
    run = {
        "tool": {
            "driver": {
                "name": "mldeploy",
                "version": __version__,
                "rules": [_sarif_rule(code) for code in codes],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(item, codes.index(item.code), texts.get(item.path or "", "")) for item in found],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _sarif_rule(code: str) -> dict[str, Any]:
    rule = RULES[code]
    return {
        "id": code,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.explanation or rule.summary},
        "helpUri": rule.docs_url,
        "defaultConfiguration": {"level": _SARIF_LEVELS[rule.severity]},
    }


def _sarif_result(item: Diagnostic, index: int, text: str) -> dict[str, Any]:
    uri = Path(item.path).as_posix() if item.path else ""
    region = _region(item.line, item.column, item.end_line, item.end_column)
    location: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": region}}
    if item.cell_id:
        location["logicalLocations"] = [{"name": item.cell_id, "kind": "cell"}]
    result: dict[str, Any] = {
        "ruleId": item.code,
        "ruleIndex": index,
        "level": _SARIF_LEVELS[item.severity],
        "message": {"text": item.message},
        "locations": [location],
    }
    if item.fixes and not item.cell_id:
        result["fixes"] = [
            {
                "description": {"text": fix.title},
                "artifactChanges": [
                    {
                        "artifactLocation": {"uri": uri},
                        "replacements": [
                            {
                                "deletedRegion": _region(edit.line, edit.column, edit.end_line, edit.end_column),
                                "insertedContent": {"text": edit.new_text},
                            }
                            for edit in fix.edits
                        ],
                    }
                ],
            }
            for fix in item.fixes
        ]
    snippet = SourceText(text).line(item.line) if text and not item.cell_id and len(text) < 100_000 else ""
    if snippet:
        location["physicalLocation"]["contextRegion"] = {"startLine": item.line, "snippet": {"text": snippet}}
    return result


def _region(line: int, column: int, end_line: int, end_column: int) -> dict[str, int]:
    return {"startLine": line, "startColumn": column + 1, "endLine": end_line, "endColumn": end_column + 1}
