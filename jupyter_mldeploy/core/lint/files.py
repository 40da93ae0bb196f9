"""Checks files and folders on disk: scripts, notebooks and deployment files."""

from __future__ import annotations

import codecs
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jupyter_mldeploy.core.lint.cells import lint_cell
from jupyter_mldeploy.core.lint.companions import environment_beside, modules_in, scripts_beside
from jupyter_mldeploy.core.lint.diagnostics import Diagnostic, apply_fixes
from jupyter_mldeploy.core.lint.document_context import is_candidate
from jupyter_mldeploy.core.lint.documents import lint_document
from jupyter_mldeploy.core.lint.engine import lint_source
from jupyter_mldeploy.core.lint.notebook import (
    UnreadableNotebookError,
    file_cells,
    names_of_other_cells,
    read_notebook,
)
from jupyter_mldeploy.core.lint.rule import RULES
from jupyter_mldeploy.core.lint.settings import LintConfig, matches
from jupyter_mldeploy.errors import NotFoundError

MAX_BYTES = 4_194_304
MAX_NOTEBOOK_BYTES = 67_108_864
MAX_FILES = 20_000
_SKIPPED = {
    "node_modules", "__pycache__", "venv", "env", "site-packages", "build", "dist", "__pypackages__", "htmlcov",
}  # fmt: skip
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


@dataclass(frozen=True, slots=True)
class FileReport:
    """The findings of one file.

    Attributes:
        path: the file, as it was reached.
        diagnostics: the findings in order of position.
        text: what was linted, so that reports can show lines; empty when it could not be read.
    """

    path: str
    diagnostics: tuple[Diagnostic, ...]
    text: str = ""


def lint_file(path: str | Path, config: LintConfig | None = None) -> list[Diagnostic]:
    """Check one file by what it is: a script, a notebook, an environment or configuration file.

    Raises:
        NotFoundError: there is no such file.
    """
    return list(_report(Path(path), config or LintConfig.from_pyproject(Path(path).parent)).diagnostics)


def lint_paths(paths: Iterable[str | Path], config: LintConfig | None = None) -> list[FileReport]:
    """Check files and folders.

    In folders, hidden folders, virtual environments, ``node_modules`` and the like are left out, as is what
    ``exclude`` names. Links to folders are not followed, so that loops do no harm. Files named directly are always
    checked. Without ``config`` each path's own pyproject.toml applies.

    Returns:
        One report for every file that was looked at, in order of their paths.

    Raises:
        NotFoundError: one of ``paths`` does not exist.
    """
    reports: dict[str, FileReport] = {}
    for given in paths:
        path = Path(given)
        settings = config or LintConfig.from_pyproject(path)
        files: Iterable[Path] = _walk(path, settings) if path.is_dir() else (path,)
        for file in files:
            if str(file) not in reports:
                reports[str(file)] = _report(file, settings)
    return [reports[key] for key in sorted(reports)]


def fix_file(path: str | Path, config: LintConfig | None = None, *, unsafe: bool = False) -> int:
    """Apply the fixes of a file's findings in place, again and again while that brings new ones.

    Returns:
        How many findings went away.
    """
    path = Path(path)
    settings = config or LintConfig.from_pyproject(path.parent)
    before = len(_report(path, settings).diagnostics)
    for _ in range(10):
        report = _report(path, settings)
        fixed = _fixed(path, report, unsafe=unsafe)
        if fixed is None:
            break
        _write(path, fixed)
    return before - len(_report(path, settings).diagnostics)


def _walk(folder: Path, config: LintConfig) -> Iterator[Path]:
    count = 0
    for root, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".")
            and name not in _SKIPPED
            and not (Path(root) / name / "pyvenv.cfg").exists()
            and not _is_excluded(Path(root) / name, folder, config)
        )
        for name in sorted(names):
            if name.endswith((".py", ".ipynb")) or is_candidate(name):
                path = Path(root) / name
                count += 1
                if count > MAX_FILES:
                    return
                if not _is_excluded(path, folder, config):
                    yield path


def _is_excluded(path: Path, folder: Path, config: LintConfig) -> bool:
    relative = path.relative_to(folder).as_posix()
    return any(matches(relative, pattern) or matches(path.as_posix(), pattern) for pattern in config.exclude)


def _report(path: Path, config: LintConfig) -> FileReport:
    text, problem = _read(path)
    shown = str(path)
    if problem is not None:
        kept = (_unread(shown, problem),) if config.enables("MLD001", shown) else ()
        return FileReport(shown, kept)
    if path.suffix == ".ipynb":
        return FileReport(shown, tuple(_lint_notebook(path, text, config)), text)
    if path.suffix == ".py":
        environment = environment_beside(path) if "sklearn.externals" in text else None
        found = lint_source(text, path=shown, config=config, environment=environment)
    else:
        is_environment = "dependencies" in text or path.suffix == ".txt"
        found = lint_document(
            text,
            path=shown,
            config=config,
            scripts=scripts_beside(path) if is_environment else (),
            modules=modules_in(path.parent) if is_environment else (),
        )
    return FileReport(shown, tuple(found), text)


def _unread(path: str, message: str) -> Diagnostic:
    return Diagnostic("MLD001", "error", message, 1, 0, 1, 0, path, docs_url=RULES["MLD001"].docs_url)


def _read(path: Path) -> tuple[str, str | None]:
    """Return a file's text, or why it was not read."""
    limit = MAX_NOTEBOOK_BYTES if path.suffix == ".ipynb" else MAX_BYTES
    try:
        if not path.exists():
            if path.is_symlink():
                return "", "This link leads nowhere, or back to itself; the file is not checked."
            raise NotFoundError("file", str(path), message=f"There is no file {str(path)!r} to check.")
        if not path.is_file():
            return "", "This is no ordinary file; it is not checked."
        size = path.stat().st_size
        if size > limit:
            return "", f"The file has {size:,} bytes; more than {limit:,} are not checked."
        content = path.read_bytes()
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return "", f"The file cannot be read: {reason}."
    encoding = _declared_encoding(content) if path.suffix == ".py" else "utf-8"
    try:
        codecs.lookup(encoding)
        return content.decode(encoding), None
    except (UnicodeDecodeError, LookupError) as error:
        return "", f"The file is not text in {encoding}: {error}."


def _declared_encoding(content: bytes) -> str:
    """Return the encoding that a script's first two lines declare, UTF-8 without one."""
    for line in content.split(b"\n", 2)[:2]:
        match = _COOKIE.match(line)
        if match:
            return match[1].decode("ascii", "replace")
    return "utf-8"


def _lint_notebook(path: Path, text: str, config: LintConfig) -> Iterator[Diagnostic]:
    try:
        document = read_notebook(text)
    except UnreadableNotebookError as error:
        if config.enables("MLD001", str(path)):
            yield _unread(str(path), str(error))
        return
    names: frozenset[str] | None = None
    for cell in file_cells(document):
        if names is None:
            names = names_of_other_cells(document)
        found = lint_cell(cell.text, notebook=str(path), cell_names=names, config=config)
        yield from (replace(item, path=str(path), cell_id=cell.cell_id) for item in found)


def _fixed(path: Path, report: FileReport, *, unsafe: bool) -> str | None:
    """Return a file's text with fixes applied, or None when there is nothing to fix."""
    if path.suffix != ".ipynb":
        fixed = apply_fixes(report.text, report.diagnostics, unsafe=unsafe)
        return fixed if fixed != report.text else None
    document = read_notebook(report.text) if report.text else {"cells": []}
    changed = False
    for cell in list(file_cells(document)):
        found = [item for item in report.diagnostics if item.cell_id == cell.cell_id]
        fixed = apply_fixes(cell.text, found, unsafe=unsafe)
        if fixed != cell.text:
            _set_source(document["cells"][cell.index], fixed)
            changed = True
    if not changed:
        return None
    newline = "\n" if report.text.endswith("\n") else ""
    indent = re.search(r"^( +)\"", report.text, re.MULTILINE)
    return json.dumps(document, indent=len(indent[1]) if indent else 1, ensure_ascii=False) + newline


def _set_source(cell: dict[str, Any], text: str) -> None:
    cell["source"] = text.splitlines(keepends=True) if isinstance(cell.get("source"), list) else text


def _write(path: Path, text: str) -> None:
    encoding = "utf-8"
    if path.suffix == ".py":
        encoding = _declared_encoding(text.encode("utf-8", "replace"))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(text.encode(encoding))
    temporary.chmod(path.stat().st_mode & 0o777)
    temporary.replace(path)
