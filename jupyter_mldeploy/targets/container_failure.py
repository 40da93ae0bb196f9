"""From the last log lines of a container to what went wrong in the entry script."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ..core.postmortem import Evidence, Frame

#: How the scoring server says that it cannot start: stage, sentence, traceback, and the model directory's tree.
_CANNOT_START = re.compile(
    r"The service cannot start \((?P<stage>[a-z]+)\): (?P<sentence>[^\n]*)\n?(?P<rest>.*)", re.DOTALL
)
_FRAME = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<function>.+)$')
_TREE = "Model directory:"
_ROOT = re.compile(r'(?<=")/var/azureml-app/')
_TAIL = 60
#: Exit code of a container whose first process, or whose only worker, got SIGKILL.
KILLED = 137


def says_out_of_memory(lines: Sequence[str]) -> bool:
    """Whether the scoring server says, at the end of its log, that a worker was killed at the memory limit."""
    return any('"oom": true' in line for line in lines[-20:])


def messages(lines: Sequence[str]) -> list[str]:
    """Return the texts of log lines, JSON or plain, each physical line on its own."""
    found: list[str] = []
    for line in lines:
        found += message_of(line).splitlines() or [""]
    return found


def message_of(line: str) -> str:
    """Return the text of one log line: the message with its traceback where it is JSON, else the line itself."""
    try:
        value = json.loads(line) if line.startswith("{") else None
    except ValueError:
        value = None
    if not isinstance(value, dict) or not isinstance(value.get("message"), str):
        return line
    text = str(value["message"])
    for key in ("traceback", "exception"):
        if isinstance(value.get(key), str) and value[key] not in text:
            text += "\n" + value[key]
    return text


def evidence(
    lines: Sequence[str],
    *,
    exit_code: int | None = None,
    out_of_memory: bool = False,
    memory_limit_gb: float | None = None,
) -> Evidence:
    """Return what a container's last log lines tell about its end."""
    tail = messages(lines)[-_TAIL:]
    stage, exception, frames, tree = "start", None, [], []
    for line in reversed(lines):
        match = _CANNOT_START.search(_ROOT.sub("", message_of(line)))
        if match is None:
            continue
        stage = match["stage"]
        traceback, _, listing = match["rest"].partition(_TREE)
        frames = _frames(traceback)
        exception = _exception(traceback) or match["sentence"]
        tree = [item.strip() for item in listing.splitlines() if item.strip()]
        break
    else:
        text = "\n".join(tail)
        if "Traceback (most recent call last)" in text:
            traceback = text[text.rindex("Traceback (most recent call last)") :]
            frames, exception = _frames(traceback), _exception(traceback)
    return Evidence(
        stage=stage,
        exception=exception,
        traceback=frames,
        exit_code=exit_code,
        out_of_memory=out_of_memory,
        log_tail=tail,
        model_tree=tree,
        memory_limit_gb=memory_limit_gb,
    )


def _frames(traceback: str) -> list[Frame]:
    found: list[Frame] = []
    lines = traceback.splitlines()
    for index, line in enumerate(lines):
        match = _FRAME.match(line)
        if match:
            following = lines[index + 1].strip() if index + 1 < len(lines) else ""
            text = "" if _FRAME.match(following) else following
            found.append(Frame(match["file"], int(match["line"]), match["function"], text))
    return found


def _exception(traceback: str) -> str | None:
    """Return the line ``Type: message`` that ends a traceback."""
    for line in reversed(traceback.strip().splitlines()):
        if line and not line.startswith((" ", "\t", "Traceback")):
            return line.strip()
    return None
