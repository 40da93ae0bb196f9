"""The first steps of a worker process, between its fork (or start) and ``run_worker``."""

from __future__ import annotations

import contextlib
import importlib
import os
import socket
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .preload import loaded_distribution_modules
from .spec import WorkerSpec
from .status import StatusChannel

DEFAULT_WORKER = "jupyter_mldeploy.scoring.worker:run_worker"

#: Seconds that exit handlers and threads of the script may take when all requests are answered.
_LONGEST_EXIT_S = 1.0


class TellingChannel(StatusChannel):
    """The worker's status channel; adds to ``ready`` which installed modules the script has pulled in.

    A warm parent loads those in advance for the next revision: a model that is unpickled in ``init()`` imports
    packages that no line of the script names.
    """

    def __init__(self, end: int) -> None:
        super().__init__(end)
        self._last = next(reversed(sys.modules))

    def send(self, message: Mapping[str, Any], timeout_s: float = 5.0) -> None:
        """Send one message (see the base class)."""
        if message.get("event") == "ready":
            message = {**message, "modules": loaded_distribution_modules(self._last)}
        super().send(message, timeout_s)


def settle() -> None:
    """Do what becoming a worker takes and no revision has a say in."""
    _prefer_as_victim()
    _forget_shared_randomness()


def run(launch: Mapping[str, Any], descriptors: list[int], *, settled: bool = False) -> int:
    """Become a worker.

    Args:
        launch: ``spec`` (path of worker.json), ``worker_id``, ``environment`` (variables to set, secrets among them),
            and optionally ``worker`` (``module:function`` in place of ``run_worker``).
        descriptors: status channel, log file, and the listening sockets.
        settled: whether ``settle`` has been called in this process.

    Returns:
        The process's exit code.
    """
    status, log, *listening = descriptors
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    os.environ.update(launch["environment"])
    if not settled:
        settle()
    module, _, function = str(launch.get("worker") or DEFAULT_WORKER).partition(":")
    run_worker = getattr(importlib.import_module(module), function)
    spec = replace(WorkerSpec.read(Path(launch["spec"])), worker_id=int(launch["worker_id"]))
    sockets = [socket.socket(fileno=descriptor) for descriptor in listening]
    code = int(run_worker(spec, sockets, TellingChannel(status)))
    _end_in_time(code)
    return code


def _end_in_time(code: int) -> None:
    """Let exit handlers run, but do not wait for threads that the script has started and that never end."""
    timer = threading.Timer(_LONGEST_EXIT_S, os._exit, (code,))
    timer.daemon = True
    timer.start()


def _prefer_as_victim() -> None:
    """When memory runs out, let Linux end the worker rather than the notebook: the worker is replaced."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")


def _forget_shared_randomness() -> None:
    """Seed global generators anew: forked workers would otherwise all draw the same numbers (``random`` sees to it)."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "seed"):
        torch.seed()
