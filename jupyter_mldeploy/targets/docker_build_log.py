"""What an engine says while it builds: followed line by line, and explained when it fails."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from ..core.environments.build_failures import explain_failure
from ..core.images.builder import Log
from ..core.images.context import Stage
from ..core.progress import Progress
from ..errors import EnvironmentBuildError, StoreFullError

_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)", re.DOTALL)
_LAYER = re.compile(r"\s*---> ([0-9a-f]{12,64})\s*")
_RUNNING = re.compile(r"\s*---> (Running in|Using cache)|Removing intermediate container|Successfully ")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_TAIL = 60


class BuildLog:
    """Follows one build.

    Attributes:
        step: the instruction that is being worked on.
        layers: ids of the layers that were made or found, the first one (the base image) left out.
        tail: the last lines that the step has said.
        error: what the engine says of a build that failed.
        ended: whether the engine has said that the image is built.
    """

    def __init__(self, log: Log, progress: Progress) -> None:
        self._log = log
        self._progress = progress
        self.step = ""
        self.layers: list[str] = []
        self.tail: deque[str] = deque(maxlen=_TAIL)
        self.error: str | None = None
        self.ended = False

    def follow(self, stream: Iterable[Mapping[str, Any]]) -> None:
        """Read to the end; raises what cancels the progress."""
        for message in stream:
            self._progress.check()
            text = str(message.get("stream") or message.get("status") or "")
            for line in _COLOUR.sub("", text).rstrip("\n").splitlines():
                self._take(line.rstrip())
            if "error" in message:
                self.error = str(message["error"]).strip()
                self._log(self.error)

    def _take(self, line: str) -> None:
        self._log(line)
        step, layer = _STEP.match(line), _LAYER.fullmatch(line)
        if step:
            self.step = step.group(3)
            self.tail.clear()
            words = " ".join(self.step.split())
            self._progress.note(f"step {step.group(1)} of {step.group(2)}: {words[:160]}")
        elif layer:
            if not self.step.upper().startswith("FROM"):
                self.layers.append(layer.group(1))
        elif line.startswith("Successfully built "):
            self.ended = True
        elif line.strip() and not _RUNNING.match(line):
            self.tail.append(line)
            self._progress.note(line.strip())


def failed_step(stage: Stage, said: BuildLog) -> EnvironmentBuildError | StoreFullError:
    """Return the error for a build that failed: which step, why, and the last lines of its log."""
    lines = list(said.tail)
    error = said.error or "it ended without an image"
    instruction = " ".join(said.step.split())
    details: dict[str, Any] = {
        "stage": stage.name,
        "step": instruction,
        "log_tail": [line[:500] for line in lines[-15:]],
    }
    if "no space left on device" in error or any("No space left on device" in line for line in lines):
        return StoreFullError("The image could not be built: the engine's disk is full.", details=details)
    if "pip install" in instruction:
        failure = explain_failure(lines)
        details["requirement"] = failure.requirement
        return EnvironmentBuildError(
            f"The image's packages could not be installed: {failure.reason}.", hint=failure.hint, details=details
        )
    code = re.search(r"returned a non-zero code: (\d+)", error)
    if code:
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
        return EnvironmentBuildError(
            f"The image could not be built: {last.rstrip('.')} (exit code {code.group(1)} of `{instruction[:120]}`).",
            details=details,
        )
    return EnvironmentBuildError(f"The image could not be built: {error.rstrip('.')}.", details=details)
