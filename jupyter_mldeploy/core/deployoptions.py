"""The table of ``%%deploy``'s options: what each is called, what it takes, what completes it and what it sets."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Completion = Literal["service", "model", "object", "target", "env", "file", "directory", "setting", "none"]
"""What completes a value: a name that exists (service, model, environment, target), a variable of the kernel
(``object``), a path, a configuration key of the target (``setting``), or nothing."""


@dataclass(frozen=True, slots=True)
class DeployOption:
    """One option of ``%%deploy``.

    Attributes:
        flag: how it is written, for example ``"--model"``.
        field: the attribute of :class:`DeployOptions` that holds it.
        help: one line for manuals.
        metavar: what the value is called in manuals; None for a switch.
        repeat: it may be given several times; the values are collected in order.
        completes: what completes the value.
        read: turns the text into the value; raises ValueError with the end of "expected …".
        setting: the key of the deployment configuration that it sets, if it sets one.
    """

    flag: str
    field: str
    help: str
    metavar: str | None = None
    repeat: bool = False
    completes: Completion = "none"
    read: Callable[[str], Any] = str
    setting: str | None = None

    @property
    def is_switch(self) -> bool:
        """The option takes no value."""
        return self.metavar is None


def _integer(low: int, high: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"[+-]?\d+", text) or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return read


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise ValueError("a number above 0")
    return value


_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.IGNORECASE)


def _seconds(text: str) -> float:
    match = _DURATION.fullmatch(text)
    if match and any(match.groups()):
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return _positive(str(((days * 24 + hours) * 60 + minutes) * 60 + seconds))
    try:
        return _positive(text)
    except ValueError:
        raise ValueError("a time such as 8h, 90s or 1h30m, or a number of seconds") from None


def _workers(text: str) -> int | str:
    if text == "auto":
        return text
    try:
        return _integer(1, 256)(text)
    except ValueError as error:
        raise ValueError(f"{error}, or auto") from None


def _object_name(text: str) -> str:
    if not text.isidentifier():
        raise ValueError("the name of a variable")
    return text


def _setting(text: str) -> tuple[str, Any]:
    key, value = _pair(text)
    try:
        return key, json.loads(value)
    except ValueError:
        return key, {"True": True, "False": False, "None": None}.get(value, value)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ValueError("KEY=VALUE")
    return key.strip(), value


NAME_HELP = "the service: 3 to 32 lower-case letters, digits and dashes, starting with a letter"

DEPLOY_OPTIONS: tuple[DeployOption, ...] = (
    DeployOption(
        "--model",
        "models",
        "a model for the script: a file, a folder, or a registered NAME[:VERSION]",
        "REF",
        True,
        "model",
    ),
    DeployOption(
        "--object",
        "objects",
        "a variable of the kernel to store as a model artifact, for example a fitted model",
        "NAME",
        True,
        "object",
        _object_name,
    ),
    DeployOption("--target", "target", "where the service runs (default: local)", "TARGET", completes="target"),
    DeployOption(
        "--env",
        "environment",
        "the environment: a conda or requirements file, or a registered NAME[:VERSION]",
        "FILE|NAME[:V]",
        completes="env",
    ),
    DeployOption("--pip", "pip", "a requirement to add to the environment, for example xgboost>=2", "REQ", True),
    DeployOption("--cells", "cells", "take the names that the cell needs from the other cells that were run"),
    DeployOption(
        "--isolated", "isolated", "run in a virtual environment built for the environment, not in the kernel's"
    ),
    DeployOption("--python", "python", "the Python interpreter to run with", "PATH", completes="file"),
    DeployOption("--workers", "workers", "worker processes", "N|auto", read=_workers, setting="workers"),
    DeployOption(
        "--port", "port", "the port to listen on (default: a free one)", "P", read=_integer(1, 65535), setting="port"
    ),
    DeployOption("--no-auth", "no_auth", "callers need no key", setting="auth_enabled"),
    DeployOption(
        "--ttl", "ttl", "stop the service after this time, for example 8h", "TIME", read=_seconds, setting="ttl"
    ),
    DeployOption(
        "--memory-gb",
        "memory_gb",
        "the most memory that the service may take, in GB",
        "GB",
        read=_positive,
        setting="memory_gb",
    ),
    DeployOption(
        "--timeout", "timeout", "give up when the service is not healthy after this time", "SECONDS", read=_seconds
    ),
    DeployOption(
        "--scoring-timeout-ms",
        "scoring_timeout_ms",
        "the longest time for one call of run(), in milliseconds",
        "MS",
        read=_integer(1, 86_400_000),
        setting="scoring_timeout_ms",
    ),
    DeployOption(
        "--max-concurrent",
        "max_concurrent",
        "how many calls of run() one worker executes at once",
        "N",
        read=_integer(1, 1_000),
        setting="replica_max_concurrent_requests",
    ),
    DeployOption(
        "--batch",
        "batch",
        "rows of waiting requests that run() may get in one call",
        "N",
        read=_integer(1, 100_000),
        setting="max_batch_size",
    ),
    DeployOption(
        "--source-directory", "source_directory", "a folder to ship with the script", "DIR", completes="directory"
    ),
    DeployOption("--include", "include", "a further file or folder to ship with the script", "FILE", True, "file"),
    DeployOption("--save", "save", "also write the script to this file", "FILE", completes="file"),
    DeployOption("--from", "from_file", "deploy this file in place of the cell", "FILE", completes="file"),
    DeployOption(
        "--set",
        "settings",
        "any key of the target's configuration; the value is read as JSON, or else as text",
        "KEY=VALUE",
        True,
        "setting",
        _setting,
    ),
    DeployOption(
        "--config", "config_file", "a deployment configuration (deploymentconfig.json)", "FILE", completes="file"
    ),
    DeployOption("--tag", "tags", "a label for the service", "KEY=VALUE", True, read=_pair, setting="tags"),
    DeployOption("--description", "description", "what the service is for", "TEXT", setting="description"),
    DeployOption("--force", "force", "deploy although checks that can be overruled say no"),
    DeployOption("--dry-run", "dry_run", "show the plan and create nothing"),
    DeployOption("--quiet", "quiet", "print only the result"),
)
