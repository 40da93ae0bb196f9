"""What the parent of the workers says itself: lines for people, and in JSON logs the facts for the program that reads.

A target that starts a container follows its log: ``"event": {"event": "ready", "init_ms": …}`` and
``{"event": "failed", "stage": …, "traceback": …}`` are what it waits for.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress

from .secret_values import blot

TYPE_CHECKING = False  # what typing.TYPE_CHECKING means to type checkers, without the import of typing
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

#: Engines cut longer lines in pieces.
_LONGEST_EVENT = 12_000


class ParentLog:
    """Writes to standard error, as the workers do.

    Args:
        structured: whether lines are JSON.
        revision: label of the revision, for JSON lines.
    """

    def __init__(self, *, structured: bool, revision: str) -> None:
        self._structured = structured
        self._revision = revision

    def say(self, text: str, *, level: str = "info", event: Mapping[str, Any] | None = None) -> None:
        """Write one line; in text logs only what went wrong is worth one."""
        if not self._structured:
            if level != "info":
                sys.stderr.write(f"mldeploy: {text}\n")
                sys.stderr.flush()
            return
        line: dict[str, Any] = {"time": round(time.time(), 6), "level": level, "message": f"mldeploy: {text}"}
        line["logger"] = "mldeploy.parent"
        if self._revision:
            line["revision"] = self._revision
        if event is not None:
            line["event"] = event
        with suppress(OSError):
            os.write(2, blot(json.dumps(line, default=str).encode()) + b"\n")

    def ready(self, message: Mapping[str, Any]) -> None:
        """Tell that the first worker is ready, with its times."""
        facts = {key: message.get(key) for key in ("event", "import_ms", "init_ms", "self_test_ms")}
        self.say("the first worker is ready", event=facts)

    def failed(self, message: Mapping[str, Any]) -> None:
        """Tell why the first worker could not start."""
        facts = dict(message)
        for key in ("model_tree", "traceback"):  # the least needed goes first when it is too much
            if len(json.dumps(facts, default=str)) > _LONGEST_EVENT:
                facts[key] = list(facts.get(key) or ())[-5:]
        for key in ("traceback_text", "message"):
            if len(json.dumps(facts, default=str)) > _LONGEST_EVENT:
                facts[key] = "…" + str(facts.get(key) or "")[-3000:]
        self.say(f"it cannot start: {facts.get('message')}"[:2000], level="error", event=facts)
