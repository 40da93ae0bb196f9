"""Writes a page of documentation for every rule: ``python -m jupyter_mldeploy.core.lint.docs docs/lint``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from jupyter_mldeploy.core.lint.rule import RULES, STAGES, Rule

_LANGUAGES = {
    "script": "python", "environment": "yaml", "endpoint": "yaml", "inferenceconfig": "json",
    "deploymentconfig": "json",
    "file": "python",
}  # fmt: skip
_SECTIONS = {
    "0": "Files", "1": "Shape of the script", "2": "Schemas", "3": "State and names", "4": "Input and answers",
    "5": "Raw HTTP", "6": "Imports, models, secrets", "7": "Batch", "8": "Environment and configuration files",
}  # fmt: skip


def page(rule: Rule) -> str:
    """Return a rule's page as Markdown."""
    lines = [f"# {rule.code} {rule.name}", "", rule.summary, ""]
    certain = " Every finding is certain: the rule keeps silent when it cannot prove the fault." if rule.zero_fp else ""
    lines += [f"**Severity:** {rule.severity}.{certain}", "", f"**It fails** {STAGES[rule.stage]}.", ""]
    if rule.runtime:
        lines += ["**What is seen then:**", "", "```text", rule.runtime, "```", ""]
    if rule.explanation:
        lines += ["## Why, and what to do", "", rule.explanation, ""]
    language = _LANGUAGES.get(rule.family, "text")
    lines += [
        "## Reported",
        "",
        *_example(rule.bad, language),
        "",
        "## Accepted",
        "",
        *_example(rule.good, language),
        "",
    ]
    comment = "" if language == "json" else f"`# noqa: {rule.code}` at the end of the line, or "
    lines += [
        "## Leaving it out",
        "",
        f'Put {comment}`ignore = ["{rule.code}"]` under `[tool.mldeploy.lint]` in pyproject.toml.',
        "",
    ]
    return "\n".join(lines)


def _example(text: str, language: str) -> list[str]:
    """Show an example; its directives become file names."""
    lines: list[str] = []
    block: list[str] = []

    def close() -> None:
        if any(line.strip() for line in block):
            lines.extend([f"```{language}", *"\n".join(block).strip("\n").split("\n"), "```", ""])
        block.clear()

    for line in text.rstrip("\n").split("\n"):
        if not line.startswith("--- "):
            block.append(line)
            continue
        close()
        name = line[4:]
        if name.startswith("cells: "):
            lines += [f"Other cells define `{name[7:]}`.", ""]
        elif name == "kind: batch":
            lines += ["Used by the batch runner:", ""]
        else:
            lines += [f"`{name}`:", ""]
            language = {"py": "python", "yml": "yaml", "json": "json"}.get(name.rpartition(".")[2], language)
    close()
    return lines[:-1]


def index() -> str:
    """Return the list of all rules as Markdown."""
    lines = [
        "# Rules of the linter",
        "",
        "Made from the rule table by `python -m jupyter_mldeploy.core.lint.docs docs/lint`; do not edit by hand.",
        "",
        "*Certain* rules have no false alarms: they keep silent when they cannot prove the fault. An error stops a",
        "deployment; `--force` lets errors of the other rules pass. "
        f"{', '.join(rule.code for rule in RULES if rule.serves)} stops none: callers who know it are answered.",
        "",
        "## Settings",
        "",
        "In pyproject.toml; codes may be shortened to a prefix, and a longer prefix wins over a shorter one.",
        "",
        "```toml",
        "[tool.mldeploy.lint]",
        'select = ["MLD"]',
        'ignore = ["MLD609"]',
        'server = "mldeploy"              # or "azureml": report what only our server accepts',
        'entry-scripts = ["serve_*.py"]   # these are entry scripts, whatever they look like',
        'exclude = ["old/*"]',
        "",
        "[tool.mldeploy.lint.per-file-ignores]",
        '"legacy/*.py" = ["MLD601"]',
        "",
        "[tool.mldeploy.lint.severity]",
        'MLD404 = "warning"',
        "```",
        "",
        "`# noqa: MLD403` at the end of a line leaves that line out, `# mldeploy: noqa` on a line of its own the file.",
    ]
    section = ""
    for rule in RULES:
        title = _SECTIONS[rule.code[3]]
        if title != section:
            lines += [
                "",
                f"## {title}",
                "",
                "| code | name | severity | certain | what is wrong |",
                "|---|---|---|---|---|",
            ]
            section = title
        certain = "yes" if rule.zero_fp else ""
        lines.append(f"| [{rule.code}]({rule.code}.md) | {rule.name} | {rule.severity} | {certain} | {rule.summary} |")
    return "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    """Return all pages by file name."""
    return {"README.md": index(), **{f"{rule.code}.md": page(rule) for rule in RULES}}


def main(arguments: Sequence[str]) -> int:
    """Write the pages into the folder that the one argument names, and delete pages of rules that are gone."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m jupyter_mldeploy.core.lint.docs FOLDER\n")
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    wanted = pages()
    for old in folder.glob("MLD*.md"):
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
