"""Finds the Python that an environment asks for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ...errors import EnvironmentBuildError, InvalidInputError
from .runtime_requirements import RUNTIME_PYTHON

_ASK = "import platform, sys; print(platform.python_version(), sys.implementation.name)"


@dataclass(frozen=True, slots=True)
class FoundPython:
    """An interpreter to build on.

    Attributes:
        path: of the executable, or a version for ``uv`` to fetch.
        version: full, or as asked for when it is still to be fetched.
        note: what differs from what was asked for, to be shown.
    """

    path: str
    version: str
    note: str | None = None
    fetch: bool = False


def find_python(wanted: str | None, base_python: str | Path | None, *, uv: str | None, what: str) -> FoundPython:
    """Return an interpreter for ``wanted`` (a version, a range or None for any).

    Without ``base_python`` the running interpreter is taken when it fits, then those on the search path. A version
    that differs only in its last number does, with a note. With ``uv`` a missing one can be fetched.

    Args:
        what: how messages call the environment.

    Raises:
        InvalidInputError: ``base_python`` cannot be run or does not fit.
        EnvironmentBuildError: there is none, or it is older than what the scoring server runs on.
    """
    _refuse_old(wanted, what)
    if base_python is not None:
        version = python_version(base_python)
        if version is None:
            raise InvalidInputError(
                f"The interpreter {str(base_python)!r} cannot be run.",
                field="python",
                hint="Give the path of a Python.",
            )
        _refuse_old(version, what)
        if not fits(version, wanted) and not _nearly(version, wanted):
            raise InvalidInputError(
                f"{what} asks for Python {wanted}, but {str(base_python)!r} is {version}.",
                field="python",
                hint="Give another interpreter, or change the version in the environment.",
            )
        return FoundPython(str(base_python), version, _difference(version, wanted))
    near: FoundPython | None = None
    seen: list[str] = []
    for path in _candidates(wanted):
        version = python_version(path)
        if version is None or _numbers(version) < RUNTIME_PYTHON:
            continue
        seen.append(version)
        if fits(version, wanted):
            return FoundPython(path, version)
        if near is None and _nearly(version, wanted):
            near = FoundPython(path, version, _difference(version, wanted))
    if near is not None:
        return near
    if uv is not None and wanted is not None:
        return FoundPython(wanted, wanted, f"fetching Python {wanted} with uv", fetch=True)
    here = ", ".join(dict.fromkeys(seen)) or "none"
    raise EnvironmentBuildError(
        f"{what} asks for Python {wanted}, which is not on this machine (there is {here}).",
        hint="Install it, install uv (which fetches it), or change the version in the environment.",
        details={"python": wanted, "found": seen},
    )


def fits(version: str, wanted: str | None) -> bool:
    """Whether a full version is one that ``wanted`` (``"3.11"``, ``"3.11.4"``, ``">=3.11"``, None) allows."""
    from packaging.specifiers import SpecifierSet

    if wanted is None:
        return True
    if wanted[0].isdigit():
        return version == wanted or version.startswith(f"{wanted}.")
    return SpecifierSet(wanted).contains(version, prereleases=True)


def python_version(path: str | Path) -> str | None:
    """Return an interpreter's full version, or None when it cannot be run."""
    if Path(path).absolute() == Path(sys.executable).absolute():
        return ".".join(str(part) for part in sys.version_info[:3])
    try:
        changed = Path(path).stat().st_mtime_ns
    except OSError:
        return None
    try:
        return _ask_version(str(path), changed)
    except (OSError, subprocess.TimeoutExpired):
        return None  # on a machine that is too busy now; it is asked again


@cache
def _ask_version(path: str, _changed: int) -> str | None:
    """Return what an interpreter says; raise OSError or TimeoutExpired when it could not say anything."""
    done = subprocess.run([path, "-I", "-c", _ASK], capture_output=True, text=True, check=False, timeout=30)
    if done.returncode < 0:
        raise ChildProcessError(f"{path} was ended by signal {-done.returncode}")
    words = done.stdout.split()
    return words[0] if done.returncode == 0 and words else None


def find_uv() -> str | None:
    """Return the path of ``uv`` when it is installed: beside this interpreter or on the search path."""
    beside = Path(sys.executable).with_name("uv")
    return str(beside) if beside.is_file() and os.access(beside, os.X_OK) else shutil.which("uv")


def _candidates(wanted: str | None) -> Iterator[str]:
    yield sys.executable
    minors = re.findall(r"3\.(\d+)", wanted or "")
    names = [f"python3.{minor}" for minor in dict.fromkeys([*minors, *(str(item) for item in range(11, 16))])]
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    for name in [*names, "python3"]:
        for folder in folders:
            path = Path(folder) / name
            if path.is_file() and os.access(path, os.X_OK):
                yield str(path)


def _refuse_old(wanted: str | None, what: str) -> None:
    if wanted and wanted[0].isdigit() and "." in wanted and _numbers(wanted) < RUNTIME_PYTHON:
        oldest = ".".join(map(str, RUNTIME_PYTHON))
        raise EnvironmentBuildError(
            f"{what} asks for Python {wanted}, but the scoring server runs on Python {oldest} or newer.",
            hint=f"Change python to {oldest} or leave it out, and let the packages follow.",
            details={"python": wanted, "oldest": oldest},
        )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _nearly(version: str, wanted: str | None) -> bool:
    return bool(wanted and wanted.count(".") == 2 and wanted[0].isdigit() and _numbers(version) == _numbers(wanted))


def _difference(version: str, wanted: str | None) -> str | None:
    return f"Python {wanted} was asked for, {version} is used" if not fits(version, wanted) else None
