"""What stands beside a file: entry scripts beside an environment, the environment beside an entry script."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from jupyter_mldeploy.core.entryscript import EntryScript, analyse
from jupyter_mldeploy.core.lint.context import PinnedEnvironment
from jupyter_mldeploy.core.lint.document import UnreadableDocument, read_document
from jupyter_mldeploy.core.lint.document_context import family_of
from jupyter_mldeploy.core.lint.engine import looks_like_entry_script
from jupyter_mldeploy.core.lint.packages import conda_packages, pins, requirements
from jupyter_mldeploy.core.script.source import SourceText

_MAX_FILES = 200
_MAX_BYTES = 200_000
_SCORING = re.compile(r"scor|infer|deploy|serv|prod|conda|myenv|^env|requirements", re.IGNORECASE)


def _text(path: Path) -> str | None:
    try:
        if not path.is_file() or path.stat().st_size > _MAX_BYTES:
            return None
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _names(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())[:_MAX_FILES]
    except OSError:
        return []


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=256)
def _entry_script(path: Path, stamp: tuple[int, int]) -> tuple[EntryScript, str] | None:
    del stamp
    text = _text(path)
    if text is None or "run" not in text:
        return None
    analysis = analyse(text, path=str(path))
    return (analysis.entry, text) if looks_like_entry_script(analysis, str(path)) == "certainly" else None


def scripts_beside(environment: Path) -> tuple[tuple[EntryScript, str], ...]:
    """Return the entry scripts that an environment file certainly is for: those beside it, if it is the only one."""
    if not environment.is_file():
        return ()
    others = [path for path in environments_in(environment.parent) if path != environment]
    if others and not _SCORING.search(environment.name):
        return ()
    if any(_SCORING.search(path.name) for path in others):
        return ()
    found = (_entry_script(path, _stamp(path)) for path in _names(environment.parent) if path.suffix == ".py")
    return tuple(script for script in found if script is not None)


def environments_in(folder: Path) -> list[Path]:
    """Return the environment and requirements files of a folder."""
    return [path for path in _names(folder) if _packages(path, _stamp(path)) is not None]


def environment_beside(script: Path) -> PinnedEnvironment | None:
    """Return what the only environment file beside a script pins, or None."""
    found = environments_in(script.parent)
    return _packages(found[0], _stamp(found[0])) if len(found) == 1 else None


@lru_cache(maxsize=256)
def _packages(path: Path, stamp: tuple[int, int]) -> PinnedEnvironment | None:
    del stamp
    if path.suffix.lower() not in {".yml", ".yaml", ".txt"}:
        return None
    if path.suffix == ".txt" and "requirements" not in path.name:
        return None
    text = _text(path)
    if text is None:
        return None
    source = SourceText(text)
    if path.suffix == ".txt":
        return pins(str(path), requirements(source))
    if "dependencies" not in text:
        return None
    try:
        root = read_document(source, "yaml")
    except UnreadableDocument:
        return None
    return pins(str(path), conda_packages(root)) if root and family_of(str(path), root) == "environment" else None


def modules_in(folder: Path) -> frozenset[str]:
    """Return the names of the modules and packages that a script in this folder can import from beside it."""
    return frozenset(path.stem for path in _names(folder) if path.suffix == ".py" or path.is_dir())
