"""Builds one virtual environment with uv or pip, keeping a log."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ...errors import EnvironmentBuildError, StoreFullError
from .build_failures import explain_failure
from .conda_to_pip import as_pip
from .pip_requirements import join_requirements, normal_requirement, requirement_name
from .runtime_requirements import PROVIDED
from .venv_python import FoundPython

if TYPE_CHECKING:
    from ..environment import EnvironmentSpec

Report = Callable[[str], None]
_TAIL = 40
_UV_OPTIONS = ("--index-url", "--extra-index-url", "--find-links", "--no-index", "--no-binary", "--only-binary")
_PASSWORD = re.compile(r"(://)[^/\s@]+@")


class VenvBuilder:
    """Fills ``folder`` with a virtual environment. What it leaves behind after an error is the caller's to remove.

    Args:
        folder: to be made.
        log_path: written from the start, line by line, without passwords of URLs.
        report: called with each line worth showing.
        uv: path of uv, or None for pip.
    """

    def __init__(self, folder: Path, log_path: Path, report: Report, uv: str | None) -> None:
        self._folder = folder
        self._log_path = log_path
        self._report = report
        self._uv = uv

    def build(self, spec: EnvironmentSpec, python: FoundPython, runtime: Sequence[str]) -> Path:
        """Build, and return the environment's interpreter.

        Raises:
            EnvironmentBuildError: with the requirement to blame, the end of the log and its path.
            StoreFullError: the disk is full.
        """
        what = f"The environment {spec.name!r}"
        wanted, native = as_pip(spec.conda)
        if native:
            raise EnvironmentBuildError(
                f"{what} needs {', '.join(native)} from conda, which a virtual environment cannot have.",
                hint="Use a target that builds images, or run in an interpreter that has them (--python PATH).",
                details={"packages": native},
            )
        conda = [normal_requirement(item, field="conda") for item in wanted]
        requirements = join_requirements(spec.installed_pip, conda)
        uv = self._uv if all(option.split()[0] in _UV_OPTIONS for option in spec.pip_options) else None
        with self._log_path.open("w", encoding="utf-8") as log:
            interpreter = self._create(log, python, uv, what)
            constraints = [
                f"{name}=={version.partition('+')[0]}"
                for name, version in spec.lock.items()
                if name not in PROVIDED and not _has_url(name, requirements)
            ]
            batches: list[tuple[list[str], list[str]]] = []
            if spec.hashes:
                # In pip's hash mode every file needs a digest, and those of the runtime are not the user's to list.
                hashed = [_with_hashes(item, spec) for item in requirements]
                batches = [(hashed, []), (list(runtime), [*requirements, *constraints])]
            else:
                batches = [([*requirements, *runtime], constraints)]
            for number, (lines, limits) in enumerate(batches):
                if lines:
                    self._install(log, interpreter, uv, number, [*spec.pip_options, *lines], limits, what)
        return interpreter

    def _create(self, log: IO[str], python: FoundPython, uv: str | None, what: str) -> Path:
        interpreter = self._folder / "bin" / "python"
        if python.note:
            self._say(log, f"{python.note}.")
        if python.fetch and self._uv is not None:
            command = [self._uv, "venv", "--python", python.path, str(self._folder)]
        elif uv is not None:
            command = [uv, "venv", "--no-python-downloads", "--python", python.path, str(self._folder)]
        else:
            bare = ["--without-pip"] if _pip_here() else []
            command = [python.path, "-m", "venv", *bare, str(self._folder)]
        self._say(log, f"Making a virtual environment with Python {python.version}.")
        lines = self._run(log, command)
        if lines is not None or not interpreter.exists():
            raise self._failed(what, lines or ["no interpreter was made"])
        return interpreter

    def _install(
        self,
        log: IO[str],
        interpreter: Path,
        uv: str | None,
        number: int,
        requirements: Sequence[str],
        constraints: Sequence[str],
        what: str,
    ) -> None:
        asked = self._folder / f"requirements-{number}.txt"
        asked.write_text("".join(f"{line}\n" for line in requirements), encoding="utf-8")
        files = ["-r", str(asked)]
        if constraints:
            limits = self._folder / f"constraints-{number}.txt"
            limits.write_text("".join(f"{line}\n" for line in constraints), encoding="utf-8")
            files += ["-c", str(limits)]
        if uv is not None:
            command = [uv, "pip", "install", "--python", str(interpreter), *files]
        else:
            pip = [sys.executable, "-m", "pip", "--python", str(interpreter)]
            if not _pip_here():
                pip = [str(interpreter), "-m", "pip"]
            command = [*pip, "install", "--disable-pip-version-check", "--no-input", "--progress-bar", "off", *files]
        self._say(log, f"Installing {len(requirements)} requirements with {'uv' if uv else 'pip'}.")
        lines = self._run(log, command)
        if lines is not None:
            raise self._failed(what, lines)

    def _run(self, log: IO[str], command: Sequence[str]) -> list[str] | None:
        """Run a command; return None when it succeeded, or else the end of what it said."""
        environment = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "PYTHONHOME"}}
        environment.pop("VIRTUAL_ENV", None)
        environment.update(PYTHONUNBUFFERED="1", NO_COLOR="1", PIP_NO_COLOR="1")
        log.write(_shown(command))
        log.flush()
        tail: deque[str] = deque(maxlen=_TAIL)
        try:
            # A group of its own, so that an interrupt ends compilers too.
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            return [f"{command[0]} cannot be started: {error.strerror}"]
        try:
            assert process.stdout is not None  # noqa: S101 - asked for above
            for line in process.stdout:
                text = _PASSWORD.sub(r"\1***@", line.rstrip())
                log.write(f"{text}\n")
                log.flush()
                tail.append(text)
                if text.strip():
                    self._report(text.strip())
            code = process.wait()
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        finally:
            if process.stdout is not None:
                process.stdout.close()
        return None if code == 0 else [*tail, f"(exit code {code})"] if not tail else list(tail)

    def _say(self, log: IO[str], text: str) -> None:
        log.write(f"{text}\n")
        log.flush()
        self._report(text)

    def _failed(self, what: str, lines: Sequence[str]) -> EnvironmentBuildError | StoreFullError:
        failure = explain_failure(lines)
        details = {
            "requirement": failure.requirement,
            "log_tail": [line[:500] for line in lines[-15:]],
            "log": str(self._log_path),
        }
        message = f"{what} could not be built: {failure.reason}."
        if failure.reason == "the disk is full":
            return StoreFullError(message, hint=failure.hint, details=details)
        return EnvironmentBuildError(message, hint=failure.hint or f"The log is in {self._log_path}.", details=details)


def _shown(command: Sequence[str]) -> str:
    return "$ " + _PASSWORD.sub(r"\1***@", " ".join(command)) + "\n"


def _pip_here() -> bool:
    # pip can install into another environment (--python); that saves putting one into each.
    return importlib.util.find_spec("pip") is not None


def _has_url(name: str, requirements: Sequence[str]) -> bool:
    return any(requirement_name(item) == name and " @ " in item for item in requirements)


def _with_hashes(requirement: str, spec: EnvironmentSpec) -> str:
    digests = spec.hashes.get(requirement_name(requirement), ())
    return requirement + "".join(f" --hash={digest}" for digest in digests)
