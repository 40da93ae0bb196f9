"""Virtual environments, built once for each content and kept: ``home/venvs/<key>/`` beside ``<key>.log``.

An environment is whole when ``.complete`` lies in it; that file is written last. A folder without it that nobody is
building is what an interrupted build left, and is removed.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import BusyError, NotFoundError
from ..storage.canonical import canonical_json, digest_of_bytes
from ..storage.failures import storage_errors
from ..store import Store
from .runtime_requirements import RUNTIME_REQUIREMENTS
from .venv_python import FoundPython, find_python, find_uv

if TYPE_CHECKING:
    from ..environment import EnvironmentSpec

_MARKER = ".complete"
_LONGEST_BUILD_S = 3600.0


@dataclass(frozen=True, slots=True)
class BuiltVenv:
    """A virtual environment that is ready: its key, interpreter, what it was built for and when (seconds, UTC)."""

    key: str
    interpreter: Path
    environment: str
    python: str
    built: float


class VenvCache:
    """The virtual environments of one workspace.

    Args:
        runtime: what the scoring server needs beside the user's requirements.
    """

    def __init__(self, store: Store, *, runtime: Sequence[str] = RUNTIME_REQUIREMENTS) -> None:
        self._store = store
        self._root = store.home / "venvs"
        self._runtime = tuple(runtime)

    def ensure(
        self,
        spec: EnvironmentSpec,
        base_python: str | Path | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> Path:
        """Return the interpreter of the environment's virtual environment, building it when there is none.

        Processes that want the same one wait for the first to build it.

        Args:
            base_python: interpreter to build on; None is the running one, or one that the environment asks for.
            progress: called with each line of the build, and before a long wait.

        Raises:
            EnvironmentBuildError: a requirement cannot be had, or the Python is not there; ``details`` hold
                ``requirement``, ``log_tail`` and ``log`` (path). Nothing is left behind but the log.
            InvalidInputError: ``base_python`` cannot be used.
        """
        report = progress or (lambda _line: None)
        uv = find_uv()
        python = find_python(spec.python, base_python, uv=uv, what=f"The environment {spec.name!r}")
        key = self.key(spec, python)
        found = self._ready(key)
        if found is not None:
            return found
        with storage_errors(self._root, "make a virtual environment"):
            self._root.mkdir(mode=0o700, exist_ok=True)
        self.sweep()
        try:
            with self._store.lock(_lock_name(key)):
                return self._build(spec, python, key, report, uv)
        except BusyError:
            report("Another process is building this environment; waiting for it.")
        with self._store.lock(_lock_name(key), timeout_s=_LONGEST_BUILD_S):
            return self._build(spec, python, key, report, uv)

    def key(self, spec: EnvironmentSpec, python: FoundPython) -> str:
        """Return the name of the folder: a digest of the environment, the Python and the runtime."""
        facts: dict[str, Any] = {"environment": spec.digest, "python": python.version, "runtime": list(self._runtime)}
        if not python.fetch:
            # Two interpreters of one version may be built differently, and an environment links to its base.
            facts["base"] = os.path.realpath(python.path)
        return digest_of_bytes(canonical_json(facts)).partition(":")[2][:40]

    def log_path(self, key: str) -> Path:
        """Return the file that holds the log of the last build."""
        return self._root / f"{key}.log"

    def list(self) -> list[BuiltVenv]:
        """Return the environments that are ready, the newest first."""
        found = []
        for marker in self._root.glob(f"*/{_MARKER}"):
            facts = _read_marker(marker)
            if facts is not None:
                interpreter = marker.parent / "bin" / "python"
                found.append(
                    BuiltVenv(marker.parent.name, interpreter, facts["environment"], facts["python"], facts["built"])
                )
        return sorted(found, key=lambda item: item.built, reverse=True)

    def remove(self, key: str) -> None:
        """Remove one environment and its log.

        Raises:
            NotFoundError: there is none of that key.
            BusyError: it is being built.
        """
        folder = self._root / key
        if "/" in key or key.startswith(".") or not (folder.is_dir() or self.log_path(key).exists()):
            raise NotFoundError("virtual environment", key)
        with self._store.lock(_lock_name(key)):
            self._discard(folder)
            self.log_path(key).unlink(missing_ok=True)

    def sweep(self) -> tuple[str, ...]:
        """Remove what interrupted builds left; return their keys. Builds that are going on are left alone."""
        swept = []
        for folder in self._root.iterdir() if self._root.is_dir() else ():
            if not folder.is_dir() or (folder / _MARKER).exists():
                continue
            try:
                with self._store.lock(_lock_name(folder.name)):
                    if not (folder / _MARKER).exists():
                        self._discard(folder)
                        swept.append(folder.name)
            except BusyError:
                continue
        return tuple(swept)

    def _ready(self, key: str) -> Path | None:
        folder = self._root / key
        interpreter = folder / "bin" / "python"
        # The link is followed: an environment whose base Python was removed is built anew.
        return interpreter if (folder / _MARKER).exists() and interpreter.exists() else None

    def _build(
        self, spec: EnvironmentSpec, python: FoundPython, key: str, report: Callable[[str], None], uv: str | None
    ) -> Path:
        from .venv_build import VenvBuilder

        found = self._ready(key)
        if found is not None:
            return found
        folder = self._root / key
        self._discard(folder)
        try:
            interpreter = VenvBuilder(folder, self.log_path(key), report, uv).build(spec, python, self._runtime)
            self._complete(folder, spec, python)
        except BaseException:
            self._discard(folder)
            raise
        return interpreter

    def _complete(self, folder: Path, spec: EnvironmentSpec, python: FoundPython) -> None:
        facts = {"environment": spec.name, "digest": spec.digest, "python": python.version, "built": time.time()}
        with storage_errors(folder, "finish a virtual environment"):
            part = folder / f"{_MARKER}.part"
            with part.open("w", encoding="utf-8") as stream:
                json.dump(facts, stream)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(folder / _MARKER)

    def _discard(self, folder: Path) -> None:
        # Without its marker it counts as unfinished, should this process die half-way through.
        (folder / _MARKER).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def _lock_name(key: str) -> str:
    return f"environment {key}"


def _read_marker(marker: Path) -> dict[str, Any] | None:
    try:
        facts: dict[str, Any] = json.loads(marker.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if {"environment", "python", "built"} <= facts.keys() else None
