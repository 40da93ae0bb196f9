"""Reads the examples of the rule table: their directives say how they are linted."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from jupyter_mldeploy.core.lint import RULES, Diagnostic, Rule, lint_source

_NAMES = {
    "environment": "environment.yml",
    "inferenceconfig": "inferenceconfig.json",
    "deploymentconfig": "deploymentconfig.json",
    "endpoint": "deployment.yml",
}


@dataclass(frozen=True)
class Example:
    """The files of an example (the first one is linted) and how."""

    files: dict[str, str]
    cells: frozenset[str] | None = None
    batch: bool = False

    @property
    def name(self) -> str:
        return next(iter(self.files))

    @property
    def text(self) -> str:
        return self.files[self.name]


def read_example(rule: Rule, text: str) -> Example:
    """Split an example at its ``--- name`` lines."""
    files: dict[str, str] = {}
    cells: frozenset[str] | None = None
    batch = False
    name = _NAMES.get(rule.family, "score.py")
    for line in text.splitlines(keepends=True):
        match = re.match(r"--- (.+)", line)
        if match is None:
            files[name] = files.get(name, "") + line
        elif match[1].startswith("cells: "):
            cells = frozenset(match[1].removeprefix("cells: ").split(", "))
        elif match[1] == "kind: batch":
            batch = True
        else:
            name = match[1]
            files[name] = ""
    return Example(files, cells, batch)


def lint_example(rule: Rule, example: Example, folder: Path) -> list[Diagnostic]:
    """Lint an example as the text of a script, or as a file among its companions."""
    if rule.family == "script" and len(example.files) == 1:
        path = None if example.name == "score.py" else example.name
        kind = "batch" if example.batch else "script"
        return lint_source(example.text, kind=kind, path=path, cell_names=example.cells)
    for name, text in example.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    from jupyter_mldeploy.core.lint import lint_file

    return lint_file(folder / example.name)


EXAMPLE_RULES = [rule for rule in RULES if rule.family != "file"]
