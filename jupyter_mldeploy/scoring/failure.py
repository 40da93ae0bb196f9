"""What is told about a failure of the user's code: tracebacks from the script on, and a worker's start failure."""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import StartError
from .model_dir import model_tree

_OUR_DIRECTORY = str(Path(__file__).parent) + "/"
_MOST_FRAMES = 60


def user_frames(error: BaseException) -> list[traceback.FrameSummary]:
    """Return the frames of an exception from the first one outside this server on, the innermost last."""
    frames = list(traceback.extract_tb(error.__traceback__))
    while frames and (frames[0].filename.startswith(_OUR_DIRECTORY) or "importlib" in frames[0].filename):
        frames.pop(0)
    return frames[-_MOST_FRAMES:]


def describe(error: BaseException) -> str:
    """Return the exception in one line, as Python ends a traceback."""
    lines = traceback.format_exception_only(error)
    return lines[-1].strip() if lines else type(error).__name__


def format_traceback(error: BaseException) -> str:
    """Return an exception as Python prints it, without this server's own frames, causes included."""
    told = traceback.TracebackException.from_exception(error)
    part: traceback.TracebackException | None = told
    seen: set[int] = set()
    while part is not None and id(part) not in seen:
        seen.add(id(part))
        part.stack[:] = [frame for frame in part.stack if not frame.filename.startswith(_OUR_DIRECTORY)]
        part = part.__cause__ or part.__context__
    return "".join(told.format()).rstrip()


def frames_as_dicts(error: BaseException) -> list[dict[str, Any]]:
    """Return ``user_frames`` JSON-serialisable: ``{file, line, function, text}`` each.

    A syntax error has no frame in the file it is about; the place it names is added as the last one.
    """
    frames: list[dict[str, Any]] = [
        {"file": item.filename, "line": item.lineno, "function": item.name, "text": item.line or ""}
        for item in user_frames(error)
    ]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append(
            {"file": error.filename, "line": error.lineno, "function": "<module>", "text": (error.text or "").rstrip()}
        )
    return frames


def failed_event(error: StartError, environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the event a worker sends before it exits with code 3."""
    environ = os.environ if environ is None else environ
    cause = error.cause
    return {
        "event": "failed",
        "stage": error.stage,
        "message": str(error),
        "error_type": type(cause).__name__ if cause is not None else None,
        "traceback": frames_as_dicts(cause) if cause is not None else [],
        "traceback_text": format_traceback(cause) if cause is not None else "",
        "model_tree": model_tree(environ.get("AZUREML_MODEL_DIR")),
    }
